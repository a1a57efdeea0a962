"""Stores that are away, slow, cut off or refuse, projectors killed and put to sleep, at random and under load: both stores hold
what the log says afterwards, document by document, and nobody was shown a state before the one that he had a position of.

    ORDERLOG_TEST_DISTURBANCE_SEED=7 …     another plan, and another load; a run prints its seed
    ORDERLOG_TEST_DISTURBANCE_ROUNDS=20 …  more of it (default 3, each 13 seconds)
"""
import json
import os
from urllib.parse import urlsplit

import pymongo
import pytest
from disturbances import KINDS, PROJECTORS, ROUND_SECONDS, STORES, Disturbances, plan, way
from grudging_elasticsearch import Grudge, grudging
from projector_shop import ALL_VIEWS, TOPICS
from shop_load import Load
from store_proxies import StoreProxies

from harness import places, wait

SEED = os.environ.get("ORDERLOG_TEST_DISTURBANCE_SEED", "1")
ROUNDS = int(os.environ.get("ORDERLOG_TEST_DISTURBANCE_ROUNDS", "3"))
CAUGHT_UP_SECONDS, READ_SECONDS = 90, 60
COMMANDS_PER_SECOND_MIN = 5
LOADED = ("CreateCart", "AddCartItem", "ChangeCartItem", "RemoveCartItem", "CheckOutCart", "PlaceOrder", "CancelOrder", "ReturnGoods", "CreateProduct",
          "ChangeProduct", "DiscontinueProduct", "ReceiveStock", "AdjustStock", "ReserveStock", "ConfirmReservation", "ReleaseReservation")


def await_caught_up(shop):
    """Whoever has a partition is at the log's end with it."""
    ends = shop.orderlog.end_offsets()

    def caught_up():
        positions = {}
        for lag in map(shop.lag, PROJECTORS):
            for key, each in lag.items():
                for row in each["partitions"]:
                    place = (*key, row["partition"])
                    positions[place] = max(positions.get(place, 0), row["position"])
        wanted = {(view, sink, partition): end for view, sink in ALL_VIEWS for (topic, partition), end in ends.items() if topic == TOPICS[view]}
        missing = {place: (positions.get(place), end) for place, end in wanted.items() if positions.get(place) != end}
        assert not missing, missing
        return True
    wait.until(caught_up, CAUGHT_UP_SECONDS, "all views have caught up")


def told(shop):
    """What the projectors said of themselves: how often views of each store went into trouble, how often a share changed, what was parked."""
    rows = [json.loads(line) for name in PROJECTORS for line in shop.orderlog.programs[name].log.read_text(encoding="utf-8").splitlines()]
    troubles = [row["projection"] for row in rows if row["message_id"] == "projection.state" and row["state"] == "retrying"]
    assert not [row for row in rows if row["message_id"] == "projection.parked"]
    return {store: sum(name.endswith("/" + store) for name in troubles) for store in STORES}, sum(row["message_id"] == "projection.share" for row in rows)


def stale(orderlog):
    """How many writes found a newer document, by projector, since it was last started."""
    return {name: sum(value for row, value in orderlog.metrics(name).items() if row.startswith("orderlog_projection_stale")) for name in PROJECTORS}


def show_the_last_commands(orderlog):
    """One more of each view's, and what is shown with its position."""
    def last(name, path, command, **fields):
        answer = orderlog.command(command, **fields)
        assert answer.status_code in (200, 201), answer.text

        def shown():
            found = orderlog.get(path, position=answer.headers["Position"], wait_seconds=10, **({"q": "lastword"} if name == "found" else {}))
            assert found.status_code in (200, 503), found.text
            return found.status_code == 200 and found.json()
        return wait.until(shown, READ_SECONDS, f"{path} shows the last command")
    orderlog.command("CreateCart", cart_id="last", currency="GBP").raise_for_status()
    assert last("cart", "/v1/carts/last", "AddCartItem", cart_id="last", sku="RD-1", quantity=7)["units"] == 7
    line = {"sku": "RD-1", "quantity": 11}
    assert last("order", "/v1/orders/last", "PlaceOrder", order_id="last", customer_id="last", country="France", currency="GBP", lines=[line])["units"] == 11
    assert last("product", "/v1/products/RD-1", "ChangeProduct", sku="RD-1", title="At last")["title"] == "At last"
    found = last("found", "/v1/products", "ChangeProduct", sku="RD-2", title="A lastword")
    assert [item["product"]["sku"] for item in found["items"]] == ["RD-2"]


def audit(orderlog):
    done = orderlog.tool("audit", "--json", check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [line for line in lines if "difference" in line], {(line["view"], line["sink"]): line for line in lines if "holds" in line}


def check_stores(orderlog):
    """A fresh fold of the whole log and both stores: the same, and nothing of it is empty."""
    ends = orderlog.end_offsets()
    code, differences, results = audit(orderlog)
    assert code == 0 and not differences, differences[:20]
    assert sorted(results) == sorted(ALL_VIEWS)
    for (view, _), result in results.items():
        assert result["equal"] and result["holds"] and result["parked"] == 0 and result["documents"] == result["expected"] > 0, result
        assert {row["partition"]: row["position"] for row in result["partitions"]} == {p: end for (topic, p), end in ends.items() if topic == TOPICS[view]}
    for view in ("products", "orders"):
        digests = {results[view, store]["digest"] for store in STORES}
        print(f"{view}: {results[view, 'mongodb']['documents']} documents, digest {digests}")
        assert len(digests) == 1


def alter_one(orderlog):
    """What the check above is worth: one amount in one document."""
    orders = pymongo.MongoClient(orderlog.environment["ORDERLOG_MONGODB_URI"]).get_default_database()[f"{orderlog.prefix}_orders_v1"]
    assert orders.update_one({"_id": "order-last"}, {"$inc": {"value": 1}}).modified_count == 1
    code, differences, results = audit(orderlog)
    assert code == 1 and [(each["view"], each["sink"], each["key"]) for each in differences] == [("orders", "mongodb", "order-last")]
    assert results["orders", "mongodb"]["digest"] != results["orders", "elasticsearch"]["digest"]


def disturb(shop, proxies, grudge, load):
    """Rounds under load. Returns what was done."""
    plain, programs = shop.environment, {}
    for name in PROJECTORS:
        to = {store: proxies.listen[way(store, name)] for store in STORES}
        shop.environment = plain | {"ORDERLOG_MONGODB_URI": urlsplit(plain["ORDERLOG_MONGODB_URI"])._replace(netloc=to["mongodb"]).geturl(),
                                    "ORDERLOG_ELASTICSEARCH_URL": f"http://{to['elasticsearch']}"}
        programs[name] = shop.projectors(name, share=True)
    shop.environment = plain
    disturbances = Disturbances(proxies, grudge, programs)
    load.begin()
    try:
        disturbances.carry_out(plan(SEED, ROUNDS), load.broken)
        disturbances.refuse_until_felt()
    finally:
        load.end()
    assert not load.trouble, load.trouble[0]
    return disturbances.done


def check_done(done, load, grudge, shop):
    """It was not for nothing."""
    troubles, shares = told(shop)
    print(f"done: {dict(done)}\ncommands: {load.done()}, refused by their rules: {sum(load.answered.values()) - load.done()}, reads by status: {dict(load.read)}\n"
          f"refused by Elasticsearch: {grudge.refused}, views in trouble: {troubles}, shares: {shares}")
    assert {kind for kind, _ in done} == set(KINDS)
    assert all(done[kind, store] > 0 for kind in ("away", "latency", "bandwidth", "reset") for store in STORES)
    assert min(grudge.refused.values()) > 0 and min(troubles.values()) > 0
    assert shares > 2 * len(PROJECTORS) * len(ALL_VIEWS)  # at the start they change twice at most
    assert load.done() > COMMANDS_PER_SECOND_MIN * ROUNDS * ROUND_SECONDS and all(load.done(command) > 0 for command in LOADED), load.answered
    assert load.read[200] > 0


@pytest.mark.seconds(300 + 2 * int(ROUNDS * ROUND_SECONDS))
def test_stores_and_projectors_are_disturbed_at_random(new_shop):
    print(f"seed {SEED}, {ROUNDS} rounds")
    shop, grudge = new_shop("random"), Grudge(SEED)
    orderlog = shop.orderlog
    orderlog.start("command-api", "query-api")
    load = Load(orderlog, SEED)
    with grudging(shop.environment["ORDERLOG_ELASTICSEARCH_URL"], places.free_port(), grudge) as refusing:
        stores = {"mongodb": urlsplit(shop.environment["ORDERLOG_MONGODB_URI"]).netloc, "elasticsearch": urlsplit(refusing).netloc}
        with StoreProxies(orderlog.folder, {way(store, name): stores[store] for store in STORES for name in PROJECTORS}) as proxies:
            done = disturb(shop, proxies, grudge, load)
            show_the_last_commands(orderlog)
            await_caught_up(shop)
            assert [shop.parked(name) for name in PROJECTORS] == [0, 0]
            print(f"writes that came too late: {stale(orderlog)}")
            orderlog.stop(*PROJECTORS)
    check_done(done, load, grudge, shop)
    check_stores(orderlog)
    alter_one(orderlog)
