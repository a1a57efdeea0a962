"""The projectors' own audit: what is altered by hand shows in metrics and log within seconds, and what was mended doesn't any more."""
import json
import time

import pytest
import requests
from audit_tool import Index, audit

from harness import wait

SECONDS = 60
STOP_SECONDS = 5  # at 200 records a second an audit of the log below takes longer
KINDS = ("different", "missing", "extra", "unreadable", "behind", "parked")
OPTIONS = {"ORDERLOG_AUDIT_EVERY_S": "1", "ORDERLOG_AUDIT_RECORDS_PER_SECOND": "100000"}


def found(shop, view, sink):
    """{kind: count}, with documents, of the last audit."""
    metrics = shop.orderlog.metrics("projectors")
    return {kind: metrics[f'orderlog_audit_{kind}{{view="{view}",sink="{sink}"}}'] for kind in (*KINDS, "documents", "timestamp_seconds")}


def faults(shop, view, sink):
    return {kind: int(count) for kind, count in found(shop, view, sink).items() if kind in KINDS and count}


def audits(program, view):
    """The log's lines on a view, the newest last."""
    lines = (json.loads(line) for line in program.log.read_text(encoding="utf-8").splitlines() if '"audit.' in line)
    return [line for line in lines if line["view"] == view]


def await_next(shop, program, view, sink):
    """An audit that began after this call."""
    count = len(audits(program, f"{view}/{sink}"))
    wait.until(lambda: len(audits(program, f"{view}/{sink}")) >= count + 2, SECONDS, "it is audited again")
    return found(shop, view, sink)


@pytest.mark.seconds(240)
def test_what_is_altered_is_told_until_it_is_mended(new_shop):
    shop = new_shop("continuous")
    shop.environment.update(OPTIONS)
    shop.feed(300)
    program = shop.projectors()
    shop.await_caught_up()
    for view, sink in (("orders", "mongodb"), ("orders", "elasticsearch"), ("products", "mongodb")):
        told = await_next(shop, program, view, sink)
        assert not faults(shop, view, sink) and abs(told["timestamp_seconds"] - time.time()) < SECONDS
    orders = shop.collection("orders_v1")
    assert found(shop, "orders", "mongodb")["documents"] == orders.count_documents({}) > 0
    assert audits(program, "orders/mongodb")[-1]["level"] == "info"

    index = Index(shop, "orders-v1")
    changed, gone = [each["_id"] for each in orders.find(sort=[("_offset", 1)], limit=2)]
    index_key = index.any_key()
    orders.update_one({"_id": changed}, {"$inc": {"value": 10000}})
    orders.insert_one(dict(orders.find_one({"_id": gone}), _id="order-of-nobody"))
    orders.delete_one({"_id": gone})
    index.change(index_key, units=1000)
    index.refresh()
    wait.until(lambda: faults(shop, "orders", "mongodb") == {"different": 1, "missing": 1, "extra": 1}, SECONDS, "MongoDB's is told")
    wait.until(lambda: faults(shop, "orders", "elasticsearch") == {"different": 1}, SECONDS, "Elasticsearch's is told")
    line = audits(program, "orders/mongodb")[-1]
    assert line["level"] == "error" and line["different"] == line["missing"] == line["extra"] == 1
    assert all(key in line["keys"] for key in (f"{changed} (different)", f"{gone} (missing)", "order-of-nobody (extra)"))
    assert audits(program, "orders/elasticsearch")[-1]["keys"] == f"{index_key} (different)"
    assert not faults(shop, "customers", "mongodb")

    assert audit(shop, "orders", "--fix")[0] == 0
    for sink in ("mongodb", "elasticsearch"):
        wait.until(lambda sink=sink: not faults(shop, "orders", sink), SECONDS, "nothing is wrong any more")
        assert audits(program, f"orders/{sink}")[-1]["level"] == "info"

    # New events while it audits aren't taken for faults.
    before = len(audits(program, "orders/mongodb"))
    for seed in range(2, 6):
        shop.feed(100, "--seed", seed)
    shop.await_caught_up()
    await_next(shop, program, "orders", "mongodb")
    since = audits(program, "orders/mongodb")[before:]
    assert since and all(line["message_id"] == "audit.result" and line["level"] == "info" for line in since), since
    shop.prove()


@pytest.mark.seconds(180)
def test_a_slow_one_ends_at_once_when_told_to(new_shop):
    shop = new_shop("slow")
    shop.environment.update(OPTIONS, ORDERLOG_AUDIT_RECORDS_PER_SECOND="200")
    shop.feed(3000)
    program = shop.projectors(only="orders/mongodb")
    shop.await_caught_up()
    wait.until(lambda: shop.orderlog.metrics("projectors")['orderlog_audit_running{view="orders",sink="mongodb"}'] == 1, SECONDS, "an audit is at work")
    before = time.monotonic()
    program.stop()
    assert time.monotonic() - before < STOP_SECONDS
    assert not [line for line in audits(program, "orders/mongodb") if line["message_id"] == "audit.failed"]


@pytest.mark.seconds(240)
def test_shared_partitions_are_audited_by_one_and_an_index_that_is_away_later(new_shop):
    shop = new_shop("shared")
    shop.feed(300)
    shop.projectors("second", only="orders", share=True)
    shop.environment.update(OPTIONS)
    program = shop.projectors(only="orders", share=True)
    ends = {partition: end for (_, partition), end in shop.orderlog.end_offsets("order").items()}
    for sink in ("mongodb", "elasticsearch"):
        def shared(sink=sink):
            parts = [shop.lag(name)["orders", sink]["partitions"] for name in ("projectors", "second")]
            return all(parts) and {p["partition"]: p["position"] for part in parts for p in part} == ends
        wait.until(shared, SECONDS, "both have partitions, and caught up")
        await_next(shop, program, "orders", sink)
        assert not faults(shop, "orders", sink)

    # Documents of every partition, whoever keeps it.
    orders = shop.collection("orders_v1")
    assert found(shop, "orders", "mongodb")["documents"] == orders.count_documents({}) > 0
    victims = [orders.find_one({"_partition": partition}) for partition in orders.distinct("_partition")]
    assert len(victims) > 1
    for victim in victims:
        orders.update_one({"_id": victim["_id"]}, {"$inc": {"value": 10000}})
    wait.until(lambda: faults(shop, "orders", "mongodb") == {"different": len(victims)}, SECONDS, "all are told")

    before = found(shop, "orders", "elasticsearch")["documents"]
    failures = 'orderlog_audit_failures_total{view="orders",sink="elasticsearch"}'
    assert requests.post(f"{Index(shop, 'orders-v1').url}/_close", timeout=20).status_code == 200
    wait.until(lambda: shop.orderlog.metrics("projectors")[failures] > 1, SECONDS, "audits fail, and are tried again")
    assert found(shop, "orders", "elasticsearch")["documents"] == before > 0
    failed = [line for line in audits(program, "orders/elasticsearch") if line["message_id"] == "audit.failed"]
    assert failed and failed[-1]["level"] in ("warn", "error")
    assert requests.post(f"{Index(shop, 'orders-v1').url}/_open", timeout=20).status_code == 200
    count = len(audits(program, "orders/elasticsearch"))
    wait.until(lambda: [line["level"] for line in audits(program, "orders/elasticsearch")[count:] if line["message_id"] == "audit.result"], SECONDS, "it is audited again")
    assert not faults(shop, "orders", "elasticsearch")
