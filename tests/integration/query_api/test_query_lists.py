"""GET /v1/orders: filters, order, pages."""
import datetime
import itertools

from query_data import FIRST_DAY, money


def expected(filled, customer_id=None, first=None, last=None, kind=None, status=None):
    rows = [row for row, _ in filled.orders.documents
            if (customer_id is None or row.get("customer_id") == customer_id) and (kind is None or row["kind"] == kind)
            and (status is None or row["status"] == status)
            and (first is None or day_of(row) >= first) and (last is None or day_of(row) <= last)]
    return [row["id"] for row in sorted(rows, key=lambda row: (row["placed_at"], row["id"]), reverse=True)]


def day_of(row):
    return datetime.datetime.fromtimestamp(row["placed_at"] / 1000, datetime.timezone.utc).date()


def test_all_pages_have_every_order_once(filled):
    for limit in (1, 7, 100):
        if limit == 1:  # all pages of one would be 400 requests
            parameters = {"customer_id": "17850", "kind": "RETURN", "limit": 1}
            assert [item["id"] for item in filled.pages("/v1/orders", **parameters)] == expected(filled, "17850", kind="RETURN")
        else:
            assert [item["id"] for item in filled.pages("/v1/orders", limit=limit)] == expected(filled)


def test_filters_together(filled):
    days = [None, FIRST_DAY + datetime.timedelta(days=3), FIRST_DAY + datetime.timedelta(days=12)]
    seen = 0
    for customer, first, last, kind in itertools.product((None, "17850"), days, days, (None, "ORDER", "BAD_DEBT")):
        if first and last and last < first:
            continue
        parameters = {"customer_id": customer, "from": first, "to": last, "kind": kind, "limit": 100}
        found = filled.pages("/v1/orders", **{k: v for k, v in parameters.items() if v is not None})
        assert [item["id"] for item in found] == expected(filled, customer, first, last, kind), parameters
        seen += len(found)
    assert seen > 500
    found = filled.pages("/v1/orders", status="PARTLY_CANCELLED", limit=20)
    assert [item["id"] for item in found] == expected(filled, status="PARTLY_CANCELLED") and found


def test_items_have_a_count_of_lines_and_no_lines(filled):
    stored = {row["id"]: row for row, _ in filled.orders.documents}
    for item in filled.get("/v1/orders", limit=100)["items"]:
        row = stored[item["id"]]
        assert "lines" not in item and item["line_count"] == len(row["lines"])
        assert item["value"] == money(row["value"]) and item["units"] == row["units"]


def test_a_page_stays_the_same_when_orders_come_in(filled):
    """A cursor names a place in the order, not a count: what is new at the top moves nothing."""
    first = filled.get("/v1/orders", customer_id="12346", limit=3)
    following = filled.get("/v1/orders", customer_id="12346", limit=3, cursor=first["next_cursor"])
    template, _ = filled.orders.documents[0]
    orders = filled.stores.collection("orders_v1")
    new = template | {"_id": "order-new", "id": "order-new", "customer_id": "12346", "placed_at": 4_000_000_000_000}
    orders.insert_one(new)
    try:
        assert filled.get("/v1/orders", customer_id="12346", limit=3)["items"][0]["id"] == "order-new"
        assert filled.get("/v1/orders", customer_id="12346", limit=3, cursor=first["next_cursor"])["items"] == following["items"]
    finally:
        orders.delete_one({"_id": "order-new"})
