"""What goes no further until somebody has looked says so: single documents, items of lists and searches, reports, whole partitions."""
import datetime

import pytest
from query_data import DAY_MS, FIRST_DAY, PARTITIONS, number

from harness import wait

SECONDS = 20
SINCE_MS, SINCE = 1291161600000, "2010-12-01T00:00:00Z"
LATER_MS, LATER = SINCE_MS + DAY_MS, "2010-12-02T00:00:00Z"
SALES, SEARCH = "/v1/reports/sales", "/v1/reports/sales/search"
DAYS = {"from": FIRST_DAY, "to": FIRST_DAY + datetime.timedelta(days=30)}


def get(filled, path, status=200, **parameters):
    """(answer's JSON, since when it says that something goes no further)"""
    answer = filled.api.get(path, **parameters)
    assert answer.status_code == status, answer.text
    if status == 200:
        since = answer.headers.get("X-Parked-Since")
        assert (answer.headers.get("X-Stale") == "true") == (since is not None) == ("Warning" in answer.headers), answer.headers
    return answer.json(), answer.headers.get("X-Parked-Since")


def parked_documents(filled, path, **parameters):
    return int(filled.api.get(path, **parameters).headers.get("X-Parked-Documents", 0))


@pytest.fixture
def parked(filled):
    """parked(store, view, key, at_ms): marks the document as the projectors do; taken back at the end."""
    taken_back = []

    def park(store, view, key, at_ms):
        mark = {"mongodb": filled.stores.mark_mongo, "elasticsearch": filled.stores.mark_elastic}[store]
        mark(view, key, at_ms)
        taken_back.append((mark, view, key))
    yield park
    for mark, view, key in taken_back:
        mark(view, key, None)


def test_a_single_document(filled, parked):
    row = next(row for row, _ in filled.orders.documents if row["kind"] == "ORDER")
    path = f"/v1/orders/{row['id'].removeprefix('order-')}"
    assert get(filled, path)[1] is None
    parked("mongodb", "orders", row["id"], SINCE_MS)
    assert get(filled, path)[1] == SINCE


def test_one_whose_first_event_parked_it_is_none_that_does_not_exist(filled):
    filled.stores.park_mongo("orders", "order-never", SINCE_MS)
    try:
        assert filled.get("/v1/orders/never", status=503)["type"] == "urn:orderlog:problem:parked"
        filled.stores.park_mongo("orders", "order-never", SINCE_MS, skipped=1)
        assert filled.get("/v1/orders/never", status=404)["type"] == "urn:orderlog:problem:not-found"
    finally:
        filled.stores.unpark_mongo("orders", "order-never")


def test_items_of_a_list_say_so_one_by_one(filled, parked):
    shown = {"customer_id": "17850", "kind": "ORDER", "limit": 5}
    body, since = get(filled, "/v1/orders", **shown)
    assert since is None and not any("parked_since" in item for item in body["items"])
    plain = body["items"]
    parked("mongodb", "orders", plain[1]["id"], LATER_MS)
    parked("mongodb", "orders", plain[3]["id"], SINCE_MS)
    body, since = get(filled, "/v1/orders", **shown)
    assert since == SINCE  # the first of them
    assert [item.get("parked_since") for item in body["items"]] == [None, LATER, None, SINCE, None]
    assert [{name: value for name, value in item.items() if name != "parked_since"} for item in body["items"]] == plain
    _, since = get(filled, "/v1/orders", cursor=body["next_cursor"], **shown)
    assert since is None  # the next page shows none
    assert get(filled, "/v1/orders", customer_id="12345", limit=100)[1] is None


def test_items_of_a_search_say_so_one_by_one(filled, parked):
    shown = {"supplier": "HP", "sort": "sku", "limit": 4}
    body, since = get(filled, "/v1/products", **shown)
    assert since is None and not any("parked_since" in item for item in body["items"])
    parked("elasticsearch", "products", body["items"][2]["product"]["sku"], SINCE_MS)
    body, since = get(filled, "/v1/products", **shown)
    assert since == SINCE and [item.get("parked_since") for item in body["items"]] == [None, None, SINCE, None]
    assert get(filled, "/v1/products", cursor=body["next_cursor"], **shown)[1] is None


@pytest.mark.parametrize("group", ["day", "country", "sku"])
def test_reports_say_so_when_they_are_made_of_one(filled, parked, group):
    row = next(row for row, _ in filled.orders.documents if row["kind"] == "ORDER" and row["country"] == "Germany")
    day = datetime.datetime.fromtimestamp(row["day"] / 1000, datetime.timezone.utc).date()
    daily = filled.stores.collection("sales_daily_v1").find_one({"country": "Germany", "day": row["day"]})
    before = [get(filled, path, group=group, **DAYS) for path in (SALES, SEARCH)]
    assert [since for _, since in before] == [None, None]
    parked("mongodb", "sales_daily", daily["_id"], SINCE_MS)
    parked("elasticsearch", "orders", row["id"], LATER_MS)
    assert [get(filled, path, group=group, **DAYS) for path in (SALES, SEARCH)] == [(before[0][0], SINCE), (before[1][0], LATER)]
    for path, first in ((SALES, SINCE), (SEARCH, LATER)):
        assert get(filled, path, group=group, **DAYS, country="Germany")[1] == first
        assert get(filled, path, group=group, **{"from": day, "to": day})[1] == first
        assert get(filled, path, group=group, **DAYS, country="France")[1] is None
        # Also a page that doesn't show the row: its totals are made of it.
        assert get(filled, path, group=group, limit=1, **DAYS)[1] == first


def test_lists_tell_how_many_there_are_as_one_may_be_missing(filled):
    stores = filled.stores
    assert parked_documents(filled, "/v1/orders") == parked_documents(filled, "/v1/products") == 0
    stores.park_mongo("orders", "order-never", SINCE_MS)
    stores.park_mongo("orders", "order-left-out#5", SINCE_MS, skipped=1)
    stores.park_mongo("orders", "order-of-a-kept-one", SINCE_MS, version=7)
    stores.park_elastic("products", "never", SINCE_MS)
    stores.park_elastic("products", "left-out#5", SINCE_MS, skipped=True)
    try:
        wait.until(lambda: parked_documents(filled, "/v1/orders") == 1, SECONDS, "MongoDB's is known")
        wait.until(lambda: parked_documents(filled, "/v1/products") == 1, SECONDS, "Elasticsearch's is known")
        assert parked_documents(filled, SEARCH, group="day", **DAYS) == 0  # another view
        assert get(filled, "/v1/orders")[1] is None
        rows = {(row["view"], row["store"]): row["parked"] for row in filled.get("/v1/positions")["views"]}
        assert rows.pop(("orders", "mongodb")) == rows.pop(("products", "elasticsearch")) == 1 and not any(rows.values())
    finally:
        stores.unpark_mongo("orders", "order-never")
        stores.unpark_mongo("orders", "order-left-out#5")
        stores.unpark_mongo("orders", "order-of-a-kept-one", version=7)
        stores.unpark_elastic("products", "never")
        stores.unpark_elastic("products", "left-out#5")
    wait.until(lambda: parked_documents(filled, "/v1/orders") + parked_documents(filled, "/v1/products") == 0, SECONDS, "they are gone")


def test_a_partition_that_is_read_no_further(filled):
    """All that may lie in it says so; what lies elsewhere doesn't."""
    there = {number(row["id"], PARTITIONS) == 1: row["id"].removeprefix("order-") for row, _ in filled.orders.documents if row["kind"] == "ORDER"}
    filled.stores.park_mongo("orders", "#partition 1", SINCE_MS, partition=1)
    try:
        wait.until(lambda: get(filled, f"/v1/orders/{there[True]}")[1] == SINCE, SECONDS, "it is known")
        assert get(filled, f"/v1/orders/{there[False]}")[1] is None
        assert get(filled, "/v1/orders")[1] == SINCE and parked_documents(filled, "/v1/orders") == 0
        assert get(filled, "/v1/orders/no-such", status=404)[1] == SINCE
        assert get(filled, SALES, group="day", **DAYS)[1] is None  # another view
        partitions = next(row for row in filled.get("/v1/positions")["views"] if (row["view"], row["store"]) == ("orders", "mongodb"))["partitions"]
        assert [each["stopped_since"] for each in partitions] == [None, SINCE, None]
    finally:
        filled.stores.unpark_mongo("orders", "#partition 1")
    wait.until(lambda: get(filled, "/v1/orders")[1] is None, SECONDS, "it goes on")
