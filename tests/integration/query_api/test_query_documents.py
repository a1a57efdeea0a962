"""Single documents: how they look, their ETag, what isn't there."""
import datetime
from collections import defaultdict

import requests

from harness.namespace import quoted
from query_data import CUSTOMER_FIGURES, ITEM_FIGURES, money, shown


def time_of(ms):
    text = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00").removesuffix(".000") + "Z"


def test_product(filled):
    stored = next(row for row in filled.products if "price" in row and row["attributes"] and "short_description" in row)
    answer = filled.api.get(f"/v1/products/{stored['sku']}")
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{stored["version"]}"'
    assert body["title"] == stored["title"] and body["available"] == stored["available"]
    assert body["price"] == money(stored["price"]) and body["prices"][0]["price"] == money(stored["price"])
    assert body["created_at"] == time_of(stored["created_at"])
    assert body["released_on"] is None
    assert [{k: v for k, v in a.items() if v is not None} for a in body["attributes"]] == stored["attributes"]


def test_product_etag_does_not_hide_stock(filled):
    """The ETag is the version of the product's stream; the stock's is another, so there is no 304."""
    sku = filled.products[0]["sku"]
    etag = filled.api.get(f"/v1/products/{sku}").headers["ETag"]
    assert filled.api.get(f"/v1/products/{sku}", headers={"If-None-Match": etag}).status_code == 200


def test_cart(filled):
    body = filled.get("/v1/carts/c-1")
    assert body == {
        "cart_id": "c-1", "customer_id": "17850", "currency": "GBP", "status": "OPEN",
        "items": [{"sku": "tea", "title": "Tea", "quantity": 2, "unit_price": "2.55", "value": "5.10"}],
        "units": 2, "total": "5.10", "order_id": None, "created_at": "2010-12-01T00:00:00Z", "updated_at": "2010-12-01T00:00:00.005Z", "version": 4}


def test_not_modified(filled):
    for tag, status in (('"4"', 304), ('W/"4"', 304), ('"3", "4"', 304), ("*", 304), ('"3"', 200), ("4", 200)):
        answer = filled.api.get("/v1/carts/c-1", headers={"If-None-Match": tag})
        assert answer.status_code == status, tag
        assert answer.headers["ETag"] == '"4"'
        assert "Position" in answer.headers
        assert bool(answer.content) == (status == 200)


def test_order_by_any_of_its_names(filled):
    for kind, prefix in (("ORDER", "order-"), ("RETURN", "returns-"), ("BAD_DEBT", "adjustment-")):
        stored = next(row for row, _ in filled.orders.documents if row["kind"] == kind)
        plain = stored["id"].removeprefix(prefix)
        for path in (plain, stored["id"], f"{plain}?kind={kind}"):
            body = filled.get(f"/v1/orders/{path}")
            assert body["id"] == stored["id"] and body["kind"] == kind
            assert body["value"] == money(stored["value"]) and body["amount"] == money(stored["amount"])
            assert [line["value"] for line in body["lines"]] == [money(line["value"]) for line in stored["lines"]]
            assert body["placed_at"] == time_of(stored["placed_at"]) and body["day"] == time_of(stored["day"])[:10]
        other = "RETURN" if kind == "ORDER" else "ORDER"
        filled.get(f"/v1/orders/{plain}?kind={other}", status=404)


def test_customer_is_merged_from_partitions(filled):
    for customer in ("12345", "17850"):
        partials = [row for _, _, row in filled.orders.partials("customers") if row["customer_id"] == customer]
        assert len({row["partition"] for row in partials}) > 1
        totals, items = defaultdict(lambda: defaultdict(int)), defaultdict(lambda: defaultdict(int))
        for row in partials:
            for name in CUSTOMER_FIGURES:
                totals[row["currency"]][name] += row[name]
            for item in row["items"]:
                for name in ITEM_FIGURES:
                    items[row["currency"], item["sku"]][name] += item[name]
        body = filled.get(f"/v1/customers/{customer}", limit=7)
        assert body["totals"] == [{"currency": currency} | shown(totals[currency]) for currency in sorted(totals)]
        expected = sorted(({"sku": sku, "currency": currency} | figures for (currency, sku), figures in items.items()),
                          key=lambda item: (-item["value"], item["sku"], item["currency"]))
        assert body["items"] == [shown(item) for item in expected[:7]]
        assert body["item_count"] == len(expected)
        assert body["last_order_at"] == time_of(max(row["last_order_at"] for row in partials if "last_order_at" in row))
        assert body["first_order_at"] == time_of(min(row["first_order_at"] for row in partials if "first_order_at" in row))


def test_what_is_not_there(filled):
    for path in ("products/none", "carts/none", "orders/none", "orders/order-none", "customers/none"):
        answer = filled.api.get(f"/v1/{path}")
        body = answer.json()
        assert answer.status_code == 404 and answer.headers["Content-Type"] == "application/problem+json"
        assert body["type"] == "urn:orderlog:problem:not-found" and "none" in body["detail"]


def test_a_deleted_document_is_not_there(filled):
    stores = filled.stores
    key = "c-deleted"
    stores.collection("carts_v1").insert_one({"_id": key, "_deleted": True, "_offset": 7, "_partition": 0, "_sequence": 2})
    filled.get(f"/v1/carts/{key}", status=404)


def test_ids_are_data(filled):
    for text in ('{"$ne":null}', "a/b", "ä", "%00", "'\"", "x" * 500):
        answer = filled.api.get(f"/v1/carts/{quoted(text)}")
        assert answer.status_code in (400, 404), text


def test_head_is_get_without_the_body(filled):
    url = filled.api.url("query-api") + "/v1/products?limit=2"
    got, head = requests.get(url, timeout=10), requests.head(url, timeout=10)
    assert got.status_code == head.status_code == 200 and head.content == b""
    for name in ("Content-Length", "Content-Type", "Position"):
        assert head.headers.get(name) == got.headers.get(name)
    assert requests.head(filled.api.url("query-api") + "/v1/products/no-such", timeout=10).status_code == 404
