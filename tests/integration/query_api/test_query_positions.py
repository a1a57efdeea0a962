"""Waiting for a position, in both stores; what answers carry; what /v1/positions says."""
import threading
import time

import pytest
import requests
from bson.int64 import Int64
from query_filled import NEXT_OFFSET
from query_data import PARTITIONS
from query_stores import TOPICS

from harness.wait import until

# One route per view and store.
ROUTES = [("carts", "mongodb", "/v1/carts/c-1", "GetCart"),
          ("orders", "mongodb", "/v1/orders?limit=1", "ListOrders"),
          ("customers", "mongodb", "/v1/customers/17850", "GetCustomer"),
          ("sales_daily", "mongodb", "/v1/reports/sales?from=2010-12-01&to=2010-12-02&group=day", "ReportSales"),
          ("products", "elasticsearch", "/v1/products?limit=1", "SearchProducts"),
          ("orders", "elasticsearch", "/v1/reports/sales/search?from=2010-12-01&to=2010-12-02&group=day", "SearchSales")]


def positions(filled):
    return {(view["view"], view["store"]): view for view in filled.get("/v1/positions")["views"]}


def set_checkpoint(filled, view, store, partition, next_offset, **more):
    write = filled.stores.checkpoint_mongo if store == "mongodb" else filled.stores.checkpoint_elastic
    write(view, partition, next_offset, **more)


def await_checkpoint(filled, view, store, partition, next_offset):
    until(lambda: positions(filled)[view, store]["partitions"][partition]["next_offset"] == next_offset, 10, "the API has seen the checkpoint")


@pytest.fixture
def token(filled):
    """token(view, store, ahead): a position token that is `ahead` records further than the view's checkpoint of partition 1."""
    changed = []

    def make(view, store, ahead):
        changed.append((view, store))
        set_checkpoint(filled, view, store, 1, NEXT_OFFSET + ahead)
        await_checkpoint(filled, view, store, 1, NEXT_OFFSET + ahead)
        made = positions(filled)[view, store]["position"]
        set_checkpoint(filled, view, store, 1, NEXT_OFFSET)
        await_checkpoint(filled, view, store, 1, NEXT_OFFSET)
        return made
    yield make
    for view, store in changed:
        set_checkpoint(filled, view, store, 1, NEXT_OFFSET)
        await_checkpoint(filled, view, store, 1, NEXT_OFFSET)


def waits(filled, route, store):
    return filled.api.metrics("query-api").get(f'orderlog_query_waits_total{{route="{route}",store="{store}"}}', 0)


@pytest.mark.parametrize("view,store,path,route", ROUTES)
def test_waits_until_the_view_reflects_the_position(filled, token, view, store, path, route):
    ahead = token(view, store, 5)
    before, answers = waits(filled, route, store), []
    reader = threading.Thread(target=lambda: answers.append(filled.api.get(path, position=ahead, wait_seconds=20)))
    reader.start()
    until(lambda: waits(filled, route, store) == before + 1, 10, "the request waits")
    set_checkpoint(filled, view, store, 1, NEXT_OFFSET + 4)  # one short
    await_checkpoint(filled, view, store, 1, NEXT_OFFSET + 4)
    assert not answers
    set_checkpoint(filled, view, store, 1, NEXT_OFFSET + 5)
    reached = time.monotonic()
    reader.join(10)
    assert answers[0].status_code == 200 and time.monotonic() - reached < 1
    # What it reflects is at least what was asked for: presented again it is reflected at once.
    again = filled.api.get(path, position=answers[0].headers["Position"], wait_seconds=0)
    assert again.status_code == 200


@pytest.mark.parametrize("view,store,path,route", ROUTES)
def test_past_the_deadline_the_lag_is_told(filled, token, view, store, path, route):
    ahead = token(view, store, 7)
    started = time.monotonic()
    answer = filled.api.get(path, position=ahead, wait_seconds=1)
    took = time.monotonic() - started
    body = answer.json()
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1 and 1 <= took < 3
    assert body["type"] == "urn:orderlog:problem:view-behind"
    assert (body["view"], body["store"], body["lag_events"]) == (view, store, 7)
    assert filled.api.get(path, position=body["position"], wait_seconds=0).status_code == 200


@pytest.mark.parametrize("view,store,path,route", ROUTES)
def test_a_stale_answer_where_allowed(filled, token, view, store, path, route):
    ahead = token(view, store, 3)
    separator = "&" if "?" in path else "?"
    answer = filled.api.get(f"{path}{separator}stale-ok=true", position=ahead, wait_seconds=0)
    assert answer.status_code == 200 and answer.headers["X-Stale"] == "true" and answer.headers["Warning"].startswith("110 ")
    assert filled.api.get(path, position=ahead, wait_seconds=0).status_code == 503
    fresh = filled.api.get(f"{path}{separator}stale-ok=true", position=answer.headers["Position"], wait_seconds=0)
    assert fresh.status_code == 200 and "X-Stale" not in fresh.headers


def test_after_is_the_same_as_the_header(filled, token):
    ahead = token("carts", "mongodb", 2)
    assert filled.api.get("/v1/carts/c-1", after=ahead, wait_seconds=0).status_code == 503
    set_checkpoint(filled, "carts", "mongodb", 1, NEXT_OFFSET + 2)
    assert filled.api.get("/v1/carts/c-1", after=ahead, wait_seconds=10).status_code == 200


@pytest.mark.parametrize("store,path", [("mongodb", "/v1/orders?limit=1"), ("elasticsearch", ROUTES[5][2])])
def test_a_position_in_a_partition_that_is_read_no_further_says_since_when(filled, token, store, path):
    ahead = token("orders", store, 5)
    park, unpark = {"mongodb": (filled.stores.park_mongo, filled.stores.unpark_mongo), "elasticsearch": (filled.stores.park_elastic, filled.stores.unpark_elastic)}[store]

    def stopped_since():
        return positions(filled)["orders", store]["partitions"][1]["stopped_since"]
    assert filled.api.get(path, position=ahead, wait_seconds=0).json()["stopped_since"] is None
    park("orders", "#partition 1", 1291161600000, partition=1)
    try:
        until(stopped_since, 20, "it is known")
        body = filled.api.get(path, position=ahead, wait_seconds=0).json()
        assert body["type"].endswith("view-behind") and body["stopped_since"] == stopped_since() == "2010-12-01T00:00:00Z"
    finally:
        unpark("orders", "#partition 1")
    until(lambda: not stopped_since(), 20, "it goes on")


def test_positions_of_other_topics_are_ignored(filled, token):
    """A cart's token says nothing of products; joined tokens wait for those that matter."""
    carts, orders = token("carts", "mongodb", 4), token("orders", "mongodb", 4)
    assert filled.api.get("/v1/products?limit=1", position=carts, wait_seconds=0).status_code == 200
    assert filled.api.get("/v1/orders?limit=1", position=carts, wait_seconds=0).status_code == 200
    assert filled.api.get("/v1/orders?limit=1", position=f"{carts},{orders}", wait_seconds=0).status_code == 503
    # The stores are apart: Elasticsearch's orders have not come further than they are.
    assert filled.api.get(ROUTES[5][2], position=orders, wait_seconds=0).status_code == 503


def test_a_document_ahead_of_its_checkpoint_gives_its_own_position(filled):
    """Whoever saw it must not see less elsewhere: the answer's token covers the document."""
    carts = filled.stores.collection("carts_v1")
    carts.insert_one({"_id": "c-ahead", "cart_id": "c-ahead", "currency": "GBP", "status": "OPEN", "items": [], "units": Int64(0),
                      "total": Int64(0), "created_at": Int64(1), "updated_at": Int64(1), "version": Int64(1), "_partition": 2,
                      "_offset": Int64(NEXT_OFFSET + 50), "_sequence": Int64(1)})
    try:
        token_of_it = filled.api.get("/v1/carts/c-ahead").headers["Position"]
        body = filled.get("/v1/carts/c-1", status=503, position=token_of_it, wait_seconds=0)
        assert body["lag_events"] == 51
    finally:
        carts.delete_one({"_id": "c-ahead"})


def test_positions_lists_every_view_in_every_store(filled):
    set_checkpoint(filled, "products", "elasticsearch", 0, NEXT_OFFSET, lag_ms=2500)
    until(lambda: positions(filled)["products", "elasticsearch"]["lag_seconds"] == 2.5, 10, "the lag is seen")
    views = positions(filled)
    assert set(views) == {(view, "mongodb") for view in TOPICS} | {("products", "elasticsearch"), ("orders", "elasticsearch")}
    for (view, _), body in views.items():
        assert body["version"] == 1 and body["topic"] == TOPICS[view]
        assert [p["partition"] for p in body["partitions"]] == list(range(PARTITIONS))
        assert all(p["next_offset"] == NEXT_OFFSET and p["last_offset"] == NEXT_OFFSET - 1 for p in body["partitions"])


def test_another_version_goes_live(filled):
    """Queries move to the live version, with its checkpoints, while the process runs: once it reflects what the one before did."""
    stores = filled.stores
    row = filled.carts[0] | {"cart_id": "c-of-2"}
    stores.fill_mongo("carts", [("c-of-2", 0, row)], version=2)
    filled.get("/v1/carts/c-of-2", status=404)
    partitions = positions(filled)["carts", "mongodb"]["partitions"]
    for each in partitions:
        stores.checkpoint_mongo("carts", each["partition"], each["next_offset"], version=2)
    try:
        stores.go_live("carts", 2)
        until(lambda: positions(filled)["carts", "mongodb"]["version"] == 2, 10, "version 2 is live")
        assert filled.get("/v1/carts/c-of-2")["cart_id"] == "c-of-2"
        filled.get("/v1/carts/c-1", status=404)
        assert [p["next_offset"] for p in positions(filled)["carts", "mongodb"]["partitions"]] == [p["next_offset"] for p in partitions]
    finally:
        stores.go_live("carts", 1)
        until(lambda: positions(filled)["carts", "mongodb"]["version"] == 1, 10, "version 1 is live again")


def test_many_wait_at_once(filled, token):
    """Waiting takes no thread: far more requests than workers wait, and all go on."""
    ahead = token("carts", "mongodb", 1)
    before, answers = waits(filled, "GetCart", "mongodb"), []
    url = filled.api.url("query-api") + "/v1/carts/c-1"
    readers = [threading.Thread(target=lambda: answers.append(requests.get(url, headers={"Position": ahead, "Prefer": "wait=30"}, timeout=40).status_code))
               for _ in range(100)]
    for reader in readers:
        reader.start()
    until(lambda: waits(filled, "GetCart", "mongodb") == before + 100, 20, "all wait")
    assert filled.get("/v1/carts/c-1")["cart_id"] == "c-1"  # others are served meanwhile
    set_checkpoint(filled, "carts", "mongodb", 1, NEXT_OFFSET + 1)
    for reader in readers:
        reader.join(20)
    assert answers == [200] * 100
