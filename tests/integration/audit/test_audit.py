"""What is altered by hand in either store is found, told field by field, and mended; what moves on meanwhile doesn't mislead."""
import threading

import pytest
from audit_tool import Index, audit
from projector_shop import ORDER_VIEWS

GROWING_AUDITS_MAX = 30  # each takes a second or two: whether anything is written just then is up to the machine


def found(differences):
    return {(each["view"], each["sink"], each["key"]): each for each in differences}

def alter_mongodb(shop):
    """A field, a removed one, a missing document, one that shouldn't be, one that is no document of the view, one that was turned back."""
    orders = shop.collection("orders_v1")
    keys = [each["_id"] for each in orders.find({"units": {"$gt": 1}}, sort=[("_offset", 1)], limit=5)]
    older = orders.find_one({"_id": keys[4]})
    orders.update_one({"_id": keys[0]}, {"$inc": {"value": 10000}})
    orders.update_one({"_id": keys[1]}, {"$unset": {"country": ""}})
    orders.delete_one({"_id": keys[2]})
    orders.insert_one(dict(orders.find_one({"_id": keys[3]}), _id="order-of-nobody", _offset=3))
    orders.update_one({"_id": keys[3]}, {"$set": {"units": "many"}})
    orders.update_one({"_id": keys[4]}, {"$unset": {"_offset": ""}})
    assert older["_offset"] > 0
    return {("orders", "mongodb", keys[0]): "different", ("orders", "mongodb", keys[1]): "unreadable", ("orders", "mongodb", keys[2]): "missing",
            ("orders", "mongodb", "order-of-nobody"): "extra", ("orders", "mongodb", keys[3]): "unreadable", ("orders", "mongodb", keys[4]): "unreadable"}

def alter_elasticsearch(shop):
    index = Index(shop, "orders-v1")
    keys = [index.any_key(i) for i in range(4)]
    for value in range(3):
        index.change(keys[0], units=1000 + value)  # each takes a version of its own
    index.delete(keys[1])
    index.put("order-of-nobody", index.get(keys[2])["_source"])
    index.change(keys[2], _offset=10**9)
    index.change(keys[3], country=None)
    index.refresh()
    return {("orders", "elasticsearch", keys[0]): "different", ("orders", "elasticsearch", keys[1]): "missing",
            ("orders", "elasticsearch", "order-of-nobody"): "extra", ("orders", "elasticsearch", keys[2]): "different",
            ("orders", "elasticsearch", keys[3]): "unreadable"}

@pytest.mark.seconds(240)
def test_what_was_altered_is_found_and_mended(new_shop):
    shop = new_shop("altered")
    shop.feed(800)
    shop.projectors()
    shop.await_caught_up()
    code, differences, results = audit(shop)
    assert code == 0 and not differences and len(results) == 7
    by_view = {(each["view"], each["sink"]): each for each in results}
    assert by_view["orders", "mongodb"]["digest"] == by_view["orders", "elasticsearch"]["digest"]
    assert all(each["equal"] and each["passes"] == 1 for each in results)

    expected = alter_mongodb(shop) | alter_elasticsearch(shop)
    code, differences, results = audit(shop, "orders", "customers")
    assert code == 1
    assert {key: each["difference"] for key, each in found(differences).items()} == expected
    assert not any(each["holds"] for each in results if each["view"] == "orders")
    value = next(field for each in differences if each["difference"] == "different" and each["sink"] == "mongodb" for field in each["fields"])
    assert value["field"] == "value" and value["stored"] != value["expected"]

    code, differences, results = audit(shop, "--fix")
    assert code == 0, (differences, results)
    assert all(each["mended"] for each in differences) and set(found(differences)) == set(expected)
    code, differences, _ = audit(shop)
    assert code == 0 and not differences

    # Projections go on from what was mended, in Elasticsearch too, where each repair took a version.
    shop.feed(1500, "--seed", 2)
    shop.await_caught_up()
    assert shop.parked() == 0
    shop.prove()

@pytest.mark.seconds(300)
def test_nothing_is_wrong_while_the_log_grows(new_shop):
    shop = new_shop("growing")
    shop.feed(400)
    shop.projectors()
    shop.await_caught_up()
    stop = threading.Event()

    def feed():
        for seed in range(2, 1000):
            shop.feed(20, "--seed", seed)
            if stop.wait(0.2):
                return
    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        moved = audits = 0
        while audits < 2 or (not moved and audits < GROWING_AUDITS_MAX):
            audits += 1
            code, differences, results = audit(shop, "orders", "customers")
            assert code == 0 and not differences, (differences, results)
            moved += sum(each["moved"] for each in results)
        assert moved > 0  # documents were written while the audit was at work
    finally:
        stop.set()
        feeder.join()
    shop.await_caught_up()
    shop.prove()

@pytest.mark.seconds(240)
def test_a_position_and_bounded_memory(new_shop):
    shop = new_shop("position")
    shop.feed(1500, "--lines", 200)
    shop.projectors()
    shop.await_caught_up()
    code, _, results = audit(shop, "orders", "--sink", "mongodb", "--memory-mebibytes", 2)
    assert code == 0
    assert results[0]["passes"] > 2 and results[0]["bytes_peak"] <= 3 * 1024 * 1024
    assert results[0]["digest"] == shop.prove([("orders", "mongodb")])["orders", "mongodb"]["digest"]
    code, differences, results = audit(shop, *{view for view, _ in ORDER_VIEWS}, "--show", 0)
    assert code == 0 and not differences and len(results) == 4
