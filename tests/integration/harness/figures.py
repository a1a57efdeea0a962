"""A month's figures added up from decoded commits, as docs/retail-import.md says under "The totals, found again in the log".

Independent of the C code and of tests/data/expected.py, which computes the same from the CSV. Money is in whole 1/10000.
"""
from collections import Counter
from decimal import Decimal

TOP_SKUS, TOP_COUNTRIES = 5, 3


class Figures:
    def __init__(self):
        self.rows = self.documents = self.sales = self.sale_units = self.sale_value = 0
        self.returns = self.returned_units = self.returned_value = self.bad_debts = self.others = self.guests = 0
        self.customers, self.stock_codes = set(), set()
        self.units_by_sku, self.value_by_country = Counter(), Counter()
        self.longest = (0, "")  # lines and number

    def add(self, event):
        """One event: its record's name, with or without namespace, and its fields. Others than the import's are passed over."""
        name, fields = event
        kind = {"OrderPlaced": self._order, "ReturnRecorded": self._return, "BadDebtAdjusted": self._bad_debt,
                "StockAdjusted": self._correction}.get(name.rsplit(".", 1)[-1])
        if kind:
            self.documents += 1
            kind(fields)

    def _party(self, fields):
        if fields["customer_id"] is None:
            self.guests += 1
        else:
            self.customers.add(fields["customer_id"])

    def _lines(self, number, lines):
        self.rows += len(lines)
        self.stock_codes.update(line["sku"] for line in lines)
        if (-len(lines), number) < (-self.longest[0], self.longest[1]):
            self.longest = (len(lines), number)

    def _order(self, fields):
        self._party(fields)
        self._lines(fields["order_id"], fields["lines"])
        priced = [line for line in fields["lines"] if line["unit_price"] > 0]
        self.others += len(fields["lines"]) - len(priced)
        self.sales += bool(priced)
        for line in priced:
            value = line["quantity"] * line["unit_price"]
            self.sale_units += line["quantity"]
            self.sale_value += value
            self.units_by_sku[line["sku"]] += line["quantity"]
            self.value_by_country[fields["country"]] += value

    def _return(self, fields):
        self._party(fields)
        self._lines(fields["return_id"], fields["lines"])
        self.returns += 1
        self.returned_units += sum(line["quantity"] for line in fields["lines"])
        self.returned_value += sum(line["quantity"] * line["unit_price"] for line in fields["lines"])

    def _bad_debt(self, _fields):
        self.rows += 1
        self.bad_debts += 1
        self.guests += 1
        self.stock_codes.add("B")

    def _correction(self, fields):
        self.rows += 1
        self.others += 1
        self.guests += 1
        self.stock_codes.add(fields["sku"])

    def result(self):
        """In the form that `comparable` gives to an entry of expected.json."""
        return {
            "rows": self.rows, "invoices": self.documents, "sale_invoices": self.sales, "sale_units": self.sale_units,
            "sale_value_gbp": self.sale_value, "cancellation_invoices": self.returns, "cancelled_units": -self.returned_units,
            "cancelled_value_gbp": -self.returned_value, "adjustment_rows": self.bad_debts, "other_rows_not_a_sale": self.others,
            "customers": len(self.customers), "guest_invoices": self.guests, "stock_codes": len(self.stock_codes),
            "longest_invoice": [self.longest[1], self.longest[0]],
            "top_5_sold_units": top(self.units_by_sku, TOP_SKUS),
            "sale_value_by_country_top_3": top(self.value_by_country, TOP_COUNTRIES),
        }


def top(numbers, count):
    """Most first; among equals the smaller name in byte order."""
    return [[name, number] for name, number in sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0].encode()))[:count]]


def money(text):
    """A decimal amount as whole 1/10000; not a whole number of them is an error."""
    amount = Decimal(text) * 10_000
    assert amount == int(amount), text
    return int(amount)


def comparable(expected):
    """An entry of expected.json with its amounts as whole 1/10000."""
    entry = dict(expected)
    for name in ("sale_value_gbp", "cancelled_value_gbp"):
        entry[name] = money(entry[name])
    entry["sale_value_by_country_top_3"] = [[name, money(value)] for name, value in entry["sale_value_by_country_top_3"]]
    return entry
