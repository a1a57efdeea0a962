#!/usr/bin/env python3
"""Makes the project's sample from the full data sets, the same bytes each time.

    make.py DATA [SAMPLE]

DATA holds online-retail/ (CSV files by month, expected.json) and catalogue/ (products.jsonl.gz, judgments.csv).

Retail: December 2010 as it is, with its entry of expected.json.
Catalogue: queries are taken in the order of a hash of their text. A query is taken if its judged products still fit
into JUDGED_PRODUCTS; all its judgments and all its judged products come along, so that relevance figures of that query
are those of complete judgments. Other products, in the order of a hash of their id, fill up to PRODUCTS: a search has to
find the judged ones among products that nobody judged.
"""
import csv
import gzip
import hashlib
import json
import pathlib
import shutil
import sys

PRODUCTS = 1500
JUDGED_PRODUCTS = 1000
MONTH = "2010-12"


def order(text):
    """A fixed order that has nothing to do with what the text means."""
    return hashlib.sha256(text.encode()).digest()


def read_judgments(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def choose_queries(judgments):
    """Returns the chosen queries and the products they were judged on."""
    products_of = {}
    for row in judgments:
        products_of.setdefault(row["query"], set()).add(row["product_id"])
    queries, products = set(), set()
    for query in sorted(products_of, key=order):
        if len(products | products_of[query]) <= JUDGED_PRODUCTS:
            queries.add(query)
            products |= products_of[query]
    return queries, products


def make_catalogue(source, target):
    judgments = read_judgments(source / "judgments.csv")
    queries, chosen = choose_queries(judgments)
    with gzip.open(source / "products.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = {json.loads(line)["id"]: line for line in file}
    judged = len(chosen)
    for product in sorted(lines.keys(), key=order):
        if len(chosen) >= PRODUCTS:
            break
        chosen.add(product)

    target.mkdir(parents=True, exist_ok=True)
    text = "".join(line for product, line in lines.items() if product in chosen)
    # No time and no file name in the gzip header: the same input gives the same bytes.
    (target / "products.jsonl.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    with open(target / "judgments.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["query", "product_id", "grade"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in judgments if row["query"] in queries)
    print(f"catalogue: {len(chosen)} products, {judged} of them judged, for {len(queries)} queries")


def make_retail(source, target):
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / f"{MONTH}.csv.gz", target / f"{MONTH}.csv.gz")
    expected = json.loads((source / "expected.json").read_text(encoding="utf-8"))
    (target / "expected.json").write_text(json.dumps({MONTH: expected[MONTH]}, indent=1) + "\n", encoding="utf-8")
    print(f"online-retail: {MONTH}, {expected[MONTH]['rows']} rows")


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__)
        return 0
    if len(arguments) not in (1, 2):
        print("usage: make.py DATA [SAMPLE] (see --help)", file=sys.stderr)
        return 2
    source = pathlib.Path(arguments[0])
    target = pathlib.Path(arguments[1]) if len(arguments) == 2 else pathlib.Path(__file__).parent
    make_retail(source / "online-retail", target / "online-retail")
    make_catalogue(source / "catalogue", target / "catalogue")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
