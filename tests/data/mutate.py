#!/usr/bin/env python3
"""Changes the quantities and prices of a retail CSV file, the same way for the same seed.

    mutate.py SEED IN.csv.gz OUT.csv.gz

For the test that reconciles a month nobody has seen: figures that were written down or tuned for the real months fail on it.
What a row *is* must stay, so that every invoice maps to the same kind of command:

- the sign of a quantity and of a price stays, and zero stays zero; the order of the rows, all other columns stay;
- a quantity is at most MOST_UNITS either way (or what it was, if that was more);
- a price has at most three decimals, is at least 0.001 and at most HIGHEST_PRICE (or what it was).

A row in eight keeps its quantity, another keeps its price. Stock corrections change too: what the import has to receive as an opening
balance is then another.
"""
import csv
import gzip
import io
import random
import sys
from decimal import Decimal

QUANTITY, PRICE = 3, 5
MOST_UNITS = 20_000
HIGHEST_PRICE = Decimal(20_000)
KEPT = 1 / 8
THREE_DECIMALS = 1 / 10


def change_quantity(text, pick):
    old = int(text)
    if old == 0 or pick() < KEPT:
        return text
    factor = Decimal(int(pick() * 3_000) + 1) / 1_000
    limit = max(MOST_UNITS, abs(old))
    new = min(max(int(abs(old) * factor) + int(pick() * 4), 1), limit)
    return str(new if old > 0 else -new)


def change_price(text, pick):
    old = Decimal(text)
    if old == 0 or pick() < KEPT:
        return text
    factor = Decimal(int(pick() * 3_000) + 1) / 1_000
    step = Decimal("0.001") if pick() < THREE_DECIMALS else Decimal("0.01")
    limit = max(HIGHEST_PRICE, abs(old))
    new = min(max((abs(old) * factor).quantize(step), step), limit)
    return str(new.copy_sign(old))


def mutate(text, seed):
    """Returns the CSV text with other quantities and prices; its first line and the number of its rows stay."""
    # Of Random's methods random() alone is promised to give the same numbers in every version of Python.
    pick = random.Random(seed).random
    source = csv.reader(io.StringIO(text, newline=""))
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(next(source))
    for row in source:
        row[QUANTITY] = change_quantity(row[QUANTITY], pick)
        row[PRICE] = change_price(row[PRICE], pick)
        writer.writerow(row)
    return target.getvalue()


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__)
        return 0
    if len(arguments) != 3 or not arguments[0].isdecimal():
        print("usage: mutate.py SEED IN.csv.gz OUT.csv.gz, SEED a whole number (see --help)", file=sys.stderr)
        return 2
    try:
        with gzip.open(arguments[1], "rt", encoding="utf-8", newline="") as file:
            text = mutate(file.read(), int(arguments[0]))
        with open(arguments[2], "wb") as file:
            # No time and no name in the gzip header: the same seed gives the same file.
            file.write(gzip.compress(text.encode(), 6, mtime=0))
    except (OSError, EOFError, ValueError, ArithmeticError, StopIteration, IndexError) as error:
        print(f"mutate.py: {arguments[1]}: {error or 'not a retail CSV file'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
