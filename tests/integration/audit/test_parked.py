"""Documents that a store refuses, or that can't be folded: they stop, say so, and go on when somebody has seen to it."""
import json

import pytest
import requests
from audit_tool import Index, audit, tool

from harness import wait

SECONDS = 60
MANY = 2500  # more than one answer of Elasticsearch holds
REFUSED = "nested"  # what Elasticsearch says of a document with more nested objects than its index takes


def lines(shop, *words, code=0):
    done, out, err = tool(shop, "parked", *words, "--json")
    assert done == code, (words, done, out, err)
    return [json.loads(line) for line in out.splitlines()]


def set_nested_limit(shop, limit):
    answer = requests.put(f"{Index(shop, 'orders-v1').url}/_settings", json={"index.mapping.nested_objects.limit": limit}, timeout=20)
    assert answer.status_code == 200, answer.text


def parked_of(shop, view, sink):
    return shop.lag()[view, sink]["parked"]


@pytest.mark.seconds(300)
def test_what_a_store_refuses_is_parked_and_brought_on(new_shop):
    shop = new_shop("refuses")
    shop.projectors()
    shop.feed(60)
    shop.await_caught_up()
    set_nested_limit(shop, 3)
    shop.feed(60, "--seed", 2)
    shop.await_caught_up()
    count = parked_of(shop, "orders", "elasticsearch")
    assert count > 3
    code, differences, results = audit(shop, "orders")
    assert code == 0 and all(each["difference"] == "parked" for each in differences)
    assert [each["parked"] for each in results] == [0, count]

    listed = lines(shop, "list")
    assert len(listed) == count and all(REFUSED in each["cause"] and each["view"] == "orders" for each in listed)
    code, out, _ = tool(shop, "parked", "show", "orders", "--key", listed[0]["key"])
    shown = json.loads(out)
    assert code == 0 and shown["commit"]["stream_id"] == listed[0]["key"] and shown["offset"] == listed[0]["offset"]
    assert tool(shop, "parked", "retry", "orders")[0] == 2  # all of them? it wants to be told so

    # As long as the store refuses them, they stay.
    assert {each["outcome"] for each in lines(shop, "retry", "orders", "--all", "--dry-run")} == {"would go on"}
    assert {each["outcome"] for each in lines(shop, "retry", "orders", "--all", code=1)} == {"stays parked"}
    assert parked_of(shop, "orders", "elasticsearch") == count

    # One is left out for good: audits know.
    left_out = listed[0]["key"]
    assert lines(shop, "skip", "orders", "--key", left_out)[0]["outcome"] == "done"
    assert parked_of(shop, "orders", "elasticsearch") == count - 1
    assert [each["key"] for each in lines(shop, "list", "orders", "--skipped")] == [left_out]

    set_nested_limit(shop, 10000)
    assert [each["outcome"] for each in lines(shop, "retry", "orders", "--key", listed[1]["key"])] == ["done"]
    done = lines(shop, "retry", "orders", "--cause", REFUSED)
    assert len(done) == count - 2 and {each["outcome"] for each in done} == {"done"}
    wait.until(lambda: parked_of(shop, "orders", "elasticsearch") == 0, SECONDS, "none is parked")
    shop.feed(60, "--seed", 3)
    shop.await_caught_up()
    code, differences, results = audit(shop, "orders")
    assert code == 0 and not differences
    assert results[0]["documents"] == results[1]["documents"] + 1
    assert requests.get(f"{Index(shop, 'orders-v1').url}/_doc/{left_out}", timeout=20).status_code == 404


@pytest.mark.seconds(240)
def test_a_document_that_cannot_be_read_says_so_and_is_folded_anew(new_shop):
    shop = new_shop("unreadable")
    shop.feed(600)
    shop.projectors()
    shop.await_caught_up()
    victim = shop.park_a_customer(2)
    customers = shop.collection("customers_v1")
    assert parked_of(shop, "customers", "mongodb") == 1
    marked = customers.find_one({"_id": victim["_id"]})
    assert marked["_parked"]["offset"] > victim["_offset"] and "decoded" in marked["_parked"]["cause"]
    assert [each["outcome"] for each in lines(shop, "retry", "customers", "--all")] == ["done"]
    assert parked_of(shop, "customers", "mongodb") == 0
    assert "_parked" not in customers.find_one({"_id": victim["_id"]})
    shop.feed(300, "--seed", 3)
    shop.await_caught_up()
    shop.prove()


@pytest.mark.seconds(180)
@pytest.mark.parametrize("sink", ["mongodb", "elasticsearch"])
def test_any_number_of_skipped_commits_is_known(new_shop, sink):
    shop = new_shop("many")
    shop.feed(20)
    shop.projectors(only=f"orders/{sink}")
    shop.await_caught_up()
    rows = [{"view": "orders_v1", "key": f"order-{number}", "partition": 0, "offset": number // 3, "cause": "refused", "parked_at_ms": 1291161600000, "redriven_to": 0}
            for number in range(MANY)]
    if sink == "mongodb":
        shop.collection("_parked").insert_many([row | {"_id": f"orders_v1/{row['key']}#{row['offset']}", "skipped": 1} for row in rows])
    else:
        uuid = Index(shop, "orders-v1").uuid()
        Index(shop, "parked").bulk([(f"orders_v1/{row['key']}#{row['offset']}", row | {"skipped": True, "index_uuid": uuid}) for row in rows])
    listed = lines(shop, "list", "orders", "--sink", sink, "--skipped")
    assert len(listed) == MANY and {row["key"] for row in listed} == {row["key"] for row in rows}
    assert lines(shop, "list", "orders", "--sink", sink) == []


@pytest.mark.seconds(240)
def test_a_view_is_paused_and_resumed(new_shop):
    shop = new_shop("paused")
    shop.feed(100)
    shop.projectors()
    shop.await_caught_up()
    code, out, err = tool(shop, "pause", "orders", "--sink", "mongodb")
    assert code == 0 and "orders/mongodb is paused" in out, err
    wait.until(lambda: shop.lag()["orders", "mongodb"]["state"] == "paused", SECONDS, "it is paused")
    before = shop.lag()["orders", "mongodb"]["documents_written"]
    shop.feed(100, "--seed", 2)
    ends = sum(shop.orderlog.end_offsets("order").values())
    wait.until(lambda: sum(p["position"] for p in shop.lag()["orders", "elasticsearch"]["partitions"]) == ends, SECONDS, "the other store's goes on")
    shop.orderlog.stop("projectors")
    shop.projectors()
    wait.until(lambda: shop.lag()["orders", "mongodb"]["state"] == "paused", SECONDS, "it is paused after a restart too")
    assert before > 0 and shop.lag()["orders", "mongodb"]["documents_written"] == 0

    def only_that_one():
        status, document = shop.orderlog.ready("projectors")
        return status == 503 and [check["name"] for check in document["checks"] if not check["ok"]] == ["orders/mongodb"]
    wait.until(only_that_one, SECONDS, "readyz names it")
    assert tool(shop, "resume", "orders")[0] == 0
    shop.await_caught_up()
    shop.prove()
