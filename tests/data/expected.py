#!/usr/bin/env python3
"""Computes the totals of retail CSV files from the CSV alone, with decimal arithmetic.

    expected.py FILE...              JSON: an entry per file, named by the file ("2010-12" for 2010-12.csv.gz)
    expected.py --together FILE...   JSON: one entry "all" for the rows of all files
    expected.py --check EXPECTED FILE...   compares with the entries of EXPECTED; prints each difference, exit code 1 if any

It shares nothing with Orderlog but these definitions. Columns: InvoiceNo, StockCode, Description, Quantity,
InvoiceDate, UnitPrice, CustomerID, Country. An *invoice* is all rows of one InvoiceNo, wherever they stand in the file.

    kind of a row       by its InvoiceNo: cancellation if it starts with C, adjustment if it starts with A, else plain
    sale row            a plain row with Quantity > 0 and UnitPrice > 0
    value of a row      Quantity x UnitPrice, exact, never rounded

    rows                        all rows
    invoices                    distinct InvoiceNo, of every kind
    sale_invoices               distinct InvoiceNo of sale rows
    sale_units, sale_value_gbp  sum of Quantity, of value, over sale rows (of goods and of services: postage counts)
    cancellation_invoices       distinct InvoiceNo of cancellation rows
    cancelled_units, cancelled_value_gbp   sum of Quantity, of value, over cancellation rows: negative
    adjustment_rows             adjustment rows (their value is in no figure)
    other_rows_not_a_sale       plain rows that are no sale row: free lines and stock corrections
    customers                   distinct CustomerID over all rows of every kind; the empty one doesn't count
    guest_invoices              distinct InvoiceNo, of every kind, of rows with an empty CustomerID: guests' orders, guests' cancellations,
                                adjustments and stock corrections
    stock_codes                 distinct StockCode over all rows of every kind, as it stands: 85123a and 85123A are two
    longest_invoice             the InvoiceNo, of any kind, with the most rows, and how many
    top_5_sold_units            the five StockCodes with the most units over sale rows: [StockCode, units]
    sale_value_by_country_top_3 the three countries with the largest value over sale rows: [Country, value]

Ties (the nine months from December 2010 to August 2011 have none that matters): among equals the one whose name is smaller
in byte order comes first, for invoices, StockCodes and countries alike.

A value is written with two decimals, with more only if it has more: 748268.98, 476517.761, 691364.50.
"""
import csv
import gzip
import json
import pathlib
import sys
from collections import Counter
from decimal import Decimal

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
PENNY = Decimal("0.01")


class Row:
    """One row, its numbers exact."""

    def __init__(self, fields):
        self.invoice, self.stock_code, self.customer, self.country = (fields[i] for i in (0, 1, 6, 7))
        self.quantity = int(fields[3])
        self.price = Decimal(fields[5])
        if not self.price.is_finite():
            raise ValueError(f"the price {fields[5]} is no number")
        self.value = self.quantity * self.price
        self.cancels = self.invoice.startswith("C")
        self.adjusts = self.invoice.startswith("A")
        self.plain = not self.cancels and not self.adjusts
        self.sells = self.plain and self.quantity > 0 and self.price > 0


def read_rows(path):
    """Yields the rows of a CSV file, gzip or not. ValueError names the file and the record at fault."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        if next(reader, None) != COLUMNS:
            raise ValueError(f"{path}: the first line must be {','.join(COLUMNS)}")
        for fields in reader:
            try:
                if len(fields) != len(COLUMNS):
                    raise ValueError(f"{len(fields)} fields instead of {len(COLUMNS)}")
                yield Row(fields)
            except (ValueError, ArithmeticError) as error:
                raise ValueError(f"{path}, line {reader.line_num}: {error}") from error


def write_value(value):
    """Two decimals, more only if the value has more."""
    in_pence = value.quantize(PENNY)
    return str(in_pence) if in_pence == value else format(value.normalize(), "f")


def rank(counter, length):
    """The largest counts first; among equals the smaller name in byte order."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0].encode()))[:length]


def add_up(rows):
    """Returns the figures, keys in the order of the definitions above."""
    rows = list(rows)
    sales = [row for row in rows if row.sells]
    cancellations = [row for row in rows if row.cancels]
    sold_units, sold_value = Counter(), Counter()
    for row in sales:
        sold_units[row.stock_code] += row.quantity
        sold_value[row.country] += row.value
    longest = rank(Counter(row.invoice for row in rows), 1)
    return {
        "rows": len(rows),
        "invoices": len({row.invoice for row in rows}),
        "sale_invoices": len({row.invoice for row in sales}),
        "sale_units": sum(row.quantity for row in sales),
        "sale_value_gbp": write_value(sum((row.value for row in sales), Decimal(0))),
        "cancellation_invoices": len({row.invoice for row in cancellations}),
        "cancelled_units": sum(row.quantity for row in cancellations),
        "cancelled_value_gbp": write_value(sum((row.value for row in cancellations), Decimal(0))),
        "adjustment_rows": sum(row.adjusts for row in rows),
        "other_rows_not_a_sale": sum(row.plain and not row.sells for row in rows),
        "customers": len({row.customer for row in rows if row.customer}),
        "guest_invoices": len({row.invoice for row in rows if not row.customer}),
        "stock_codes": len({row.stock_code for row in rows}),
        "longest_invoice": list(longest[0]) if longest else None,
        "top_5_sold_units": [list(item) for item in rank(sold_units, 5)],
        "sale_value_by_country_top_3": [[country, write_value(value)] for country, value in rank(sold_value, 3)],
    }


def name_of(path):
    return pathlib.Path(path).name.split(".")[0]


def figures_of(paths, together=False):
    """Returns {name: figures}, a name per file or "all". ValueError if two files have one name."""
    if together:
        return {"all": add_up(row for path in paths for row in read_rows(path))}
    names = [name_of(path) for path in paths]
    if len(set(names)) != len(names):
        raise ValueError("two files have the same name; give --together, or rename one")
    return {name: add_up(read_rows(path)) for name, path in zip(names, paths)}


def differences(wanted, computed):
    """Yields a line per figure that isn't what is wanted. A month that isn't in `wanted` is a difference too."""
    for name, figures in computed.items():
        if name not in wanted:
            yield f"{name}: nothing is expected for it"
            continue
        for key in sorted(figures.keys() | wanted[name].keys()):
            if key not in wanted[name] or key not in figures or wanted[name][key] != figures[key]:
                yield f"{name} {key}: expected {wanted[name].get(key)}, computed {figures.get(key)}"


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__)
        return 0
    option = arguments[0] if arguments and arguments[0].startswith("-") else None
    rest = arguments[1:] if option else arguments
    expectation = rest.pop(0) if option == "--check" and rest else None
    if option not in (None, "--together", "--check") or not rest:
        print("usage: expected.py [--together | --check EXPECTED] FILE... (see --help)", file=sys.stderr)
        return 2
    try:
        computed = figures_of(rest, option == "--together")
        if not expectation:
            print(json.dumps(computed, indent=1))
            return 0
        wanted = json.loads(pathlib.Path(expectation).read_text(encoding="utf-8"))
    except (OSError, EOFError, ValueError) as error:
        print(f"expected.py: {error}", file=sys.stderr)
        return 1
    faults = list(differences(wanted, computed))
    print("\n".join(faults) if faults else f"{len(computed)} file(s) as expected")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
