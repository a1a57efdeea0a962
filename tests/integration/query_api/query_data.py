"""Documents as the projectors leave them in the stores, made up here: products of the sample catalogue, and seeded orders, returns and
bad debts with the partial documents that follow from them. The sums are added up independently of the C code.

Money is in whole 1/10000, times in ms, as the stores hold them.
"""
import datetime
import gzip
import hashlib
import json
import random
from collections import defaultdict

from harness.places import REPOSITORY

CATALOGUE = REPOSITORY / "sample" / "catalogue" / "products.jsonl.gz"
DAY_MS = 86_400_000
FIRST_DAY = datetime.date(2010, 12, 1)
DAYS, PARTITIONS = 31, 3
COUNTRIES = ["United Kingdom", "Germany", "EIRE", "France"]
SALES_FIGURES = ["orders", "units", "free_units", "value", "cancellations", "cancelled_units", "cancelled_value", "returns",
                 "returned_units", "returned_value", "bad_debts", "bad_debt_value"]
ITEM_FIGURES = ["orders", "units", "free_units", "value", "cancelled_units", "cancelled_value", "returned_units", "returned_value"]
CUSTOMER_FIGURES = SALES_FIGURES[:10]


def number(text, modulo):
    """A number that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") % modulo


def ms(day, offset=0):
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc).timestamp()) * 1000 + offset


def money(amount):
    """A decimal amount as the API shows it."""
    sign, units, rest = "-" if amount < 0 else "", abs(amount) // 10_000, f"{abs(amount) % 10_000:04d}"
    return f"{sign}{units}.{rest[:2]}{rest[2:].rstrip('0')}"


# --- products ---

def attribute(name, value):
    kind = "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else "text"
    return {"name": name.split("_", 2)[2], kind: float(value) if kind == "number" else str(value)}


def product(row):
    sku, created = row["id"], ms(datetime.date(2010, 1, 1), number(row["id"] + "created", 10**9))
    document = {
        "sku": sku, "title": row.get("title") or row["name"],
        "titles": [{"title": row.get("title") or row["name"], "valid_from": created}],
        "short_description": row.get("short_description"), "supplier": row.get("supplier"), "eans": row.get("ean", []), "images": [],
        "attributes": [attribute(key, value) for key, value in row.items() if key.startswith("attr_")][:50],
        "discontinued": number(sku + "gone", 40) == 0, "catalogued": True,
        "received": number(sku + "stock", 20) * 10, "adjusted": 0, "available": number(sku + "stock", 20) * 10,
        "reserved": number(sku + "reserved", 5), "sold": number(sku + "sold", 100),
        "created_at": created, "updated_at": created, "version": 1 + number(sku, 4), "stock_version": 1,
    }
    if number(sku + "priced", 20) > 0:  # the others have no price yet
        document["price"] = (1 + number(sku + "price", 150_000)) * 100
        document["currency"] = "GBP" if number(sku + "currency", 10) else "EUR"
        document["prices"] = [{"price": document["price"], "currency": document["currency"], "valid_from": created}]
    else:
        document["prices"] = []
    return {key: value for key, value in document.items() if value is not None}


def products():
    with gzip.open(CATALOGUE, "rt", encoding="utf-8") as file:
        found = [product(json.loads(line)) for line in file]
    # Only stock is known of these: no search finds them.
    for index in range(5):
        bare = {key: [] for key in ("titles", "eans", "images", "attributes", "prices")}
        found.append(bare | {"sku": f"BARE-{index}", "discontinued": False, "catalogued": False, "received": 3, "adjusted": 0,
                             "available": 3, "reserved": 0, "sold": 0, "created_at": 1, "updated_at": 1, "version": 0, "stock_version": 1})
    return found


# --- carts ---

def carts():
    base = {"currency": "GBP", "created_at": ms(FIRST_DAY), "updated_at": ms(FIRST_DAY, 5)}
    item = {"sku": "tea", "title": "Tea", "quantity": 2, "unit_price": 25_500, "value": 51_000}
    return [base | {"cart_id": "c-1", "customer_id": "17850", "status": "OPEN", "items": [item], "units": 2, "total": 51_000, "version": 4},
            base | {"cart_id": "c-2", "status": "CHECKED_OUT", "items": [], "units": 0, "total": 0, "order_id": "o-9", "version": 1}]


# --- orders ---

class Orders:
    """Orders with their lines, and what sales_daily and customers make of them, partition by partition.

    Cancellations and returns of an order happen on its own day, so that both reports must agree in every row.
    """

    def __init__(self, seed=20101201, count=400):
        self.random = random.Random(seed)
        self.skus = [f"S{i:03d}" for i in range(60)]
        self.prices = {sku: [self.random.randrange(1, 2_000_000), self.random.randrange(1, 200) * 100] for sku in self.skus}
        self.documents, self.sales, self.customers = [], {}, {}
        for index in range(count):
            kind = self.random.choices(["ORDER", "RETURN", "BAD_DEBT"], [85, 13, 2])[0]
            self._add(index, kind)

    def _lines(self):
        lines = []
        for line_no in range(1, self.random.randrange(2, 12)):
            sku = self.random.choice(self.skus)
            price = 0 if self.random.random() < 0.08 else self.random.choice(self.prices[sku])
            quantity = self.random.randrange(1, 300)
            lines.append({"line_no": line_no, "sku": sku, "title": f"Title of {sku}", "kind": "GOODS", "quantity": quantity,
                          "unit_price": price, "value": quantity * price, "cancelled": 0, "returned": 0})
        return lines

    def _add(self, index, kind):
        day = FIRST_DAY + datetime.timedelta(days=self.random.randrange(DAYS))
        # Some share their millisecond: pages must not lose them.
        placed_at = ms(day, self.random.randrange(24) * 3_600_000)
        number_of = f"{536365 + index}"
        stream = {"ORDER": f"order-{number_of}", "RETURN": f"returns-C{number_of}", "BAD_DEBT": f"adjustment-A{number_of}"}[kind]
        customer = self.random.choice([None, "12345", "12346", "17850", "17851"])
        document = {"id": stream, "kind": kind, "status": "PLACED" if kind == "ORDER" else "RECORDED", "country": self.random.choice(COUNTRIES),
                    "currency": self.random.choices(["GBP", "EUR"], [9, 1])[0], "placed_at": placed_at, "day": ms(day), "lines": [],
                    "units": 0, "free_units": 0, "value": 0, "cancelled_units": 0, "cancelled_value": 0, "returned_units": 0,
                    "returned_value": 0, "amount": 0, "updated_at": placed_at, "version": 1}
        if customer and kind != "BAD_DEBT":
            document["customer_id"] = customer
        if kind == "BAD_DEBT":
            document["amount"] = self.random.randrange(-9_000_000, 9_000_000)
            document["reason"] = "written off"
        else:
            document["lines"] = self._lines()
            self._take_back(document, kind)
        self._sum_lines(document)
        self.documents.append((document, number(stream, PARTITIONS)))
        self._book(document, number(stream, PARTITIONS))

    def _take_back(self, document, kind):
        if kind == "RETURN":
            for line in document["lines"]:
                line["returned"] = line["quantity"]
            return
        what = self.random.choices([None, "cancelled", "returned"], [80, 12, 8])[0]
        if what:
            for line in document["lines"][:2]:
                line[what] = self.random.randrange(1, line["quantity"] + 1)
            document["version"] = 2
            document["status"] = {"cancelled": "PARTLY_CANCELLED", "returned": "PARTLY_RETURNED"}[what]

    @staticmethod
    def _sum_lines(document):
        for line in document["lines"]:
            if line["unit_price"] == 0:
                document["free_units"] += line["quantity"]
                continue
            document["units"] += line["quantity"]
            document["value"] += line["value"]
            for what in ("cancelled", "returned"):
                document[f"{what}_units"] += line[what]
                document[f"{what}_value"] += line[what] * line["unit_price"]

    # --- partial documents ---

    @staticmethod
    def _figures(document):
        order = document["kind"] == "ORDER"
        figures = dict.fromkeys(SALES_FIGURES, 0)
        figures |= {name: document[name] for name in ("cancelled_units", "cancelled_value", "returned_units", "returned_value")}
        if order:
            figures |= {name: document[name] for name in ("units", "free_units", "value")}
            figures["orders"] = int(document["units"] > 0)
            figures["cancellations"] = int(any(line["cancelled"] for line in document["lines"]))
        figures["returns"] = int(document["kind"] == "RETURN" or any(line["returned"] for line in document["lines"]))
        if document["kind"] == "BAD_DEBT":
            figures |= {"bad_debts": 1, "bad_debt_value": document["amount"]}
        return figures

    @staticmethod
    def _items(document):
        order, items = document["kind"] == "ORDER", {}
        for line in document["lines"]:
            item = items.setdefault(line["sku"], dict.fromkeys(ITEM_FIGURES, 0))
            if line["unit_price"] == 0:
                item["free_units"] += line["quantity"] if order else 0
                continue
            if order:
                item["orders"] = 1
                item["units"] += line["quantity"]
                item["value"] += line["value"]
            for what in ("cancelled", "returned"):
                item[f"{what}_units"] += line[what]
                item[f"{what}_value"] += line[what] * line["unit_price"]
        return items

    def _book(self, document, partition):
        day = datetime.datetime.fromtimestamp(document["day"] / 1000, datetime.timezone.utc).date().isoformat()
        self._book_into(self.sales, (day, document["country"], document["currency"], partition), document,
                        {"day": document["day"], "country": document["country"], "currency": document["currency"], "partition": partition},
                        SALES_FIGURES)
        if "customer_id" in document:
            place = self._book_into(self.customers, (document["customer_id"], document["currency"], partition), document,
                                    {"customer_id": document["customer_id"], "partition": partition, "currency": document["currency"],
                                     "country": document["country"]}, CUSTOMER_FIGURES)
            if document["kind"] == "ORDER":
                at = document["placed_at"]
                place["first_order_at"] = min(at, place.get("first_order_at", at))
                if at >= place.get("last_order_at", at):
                    place["last_order_at"], place["country"] = at, document["country"]

    def _book_into(self, places, key, document, head, names):
        place = places.setdefault("|".join(map(str, key)), head | dict.fromkeys(names, 0) | {"items": {}})
        figures = self._figures(document)
        for name in names:
            place[name] += figures[name]
        for sku, item in self._items(document).items():
            kept = place["items"].setdefault(sku, dict.fromkeys(ITEM_FIGURES, 0))
            for name in ITEM_FIGURES:
                kept[name] += item[name]
        return place

    def partials(self, which):
        """[(key, partition, document)] of sales_daily or customers."""
        return [(key, place["partition"], place | {"items": [{"sku": sku} | item for sku, item in sorted(place["items"].items())]})
                for key, place in getattr(self, which).items()]

    # --- what a report must say ---

    def report(self, group, first=None, last=None, country=None, currency=None):
        """{(key, currency): figures} of the documents themselves."""
        rows = defaultdict(lambda: defaultdict(int))
        for document, _ in self.documents:
            day = datetime.datetime.fromtimestamp(document["day"] / 1000, datetime.timezone.utc).date()
            if (first and day < first) or (last and day > last) or (country and document["country"] != country) or (
                    currency and document["currency"] != currency):
                continue
            if group == "sku":
                for sku, item in self._items(document).items():
                    self._sum(rows[sku, document["currency"]], item)
            else:
                key = day.isoformat() if group == "day" else document["country"]
                self._sum(rows[key, document["currency"]], self._figures(document))
        return {key: dict(figures) for key, figures in rows.items()}

    @staticmethod
    def _sum(row, figures):
        for name, figure in figures.items():
            row[name] += figure


def shown(figures):
    """Figures as the API shows them."""
    return {name: money(figure) if name.endswith("value") else figure for name, figure in figures.items()}
