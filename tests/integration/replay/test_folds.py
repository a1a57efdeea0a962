"""Folds that are wrong, or changed: what is caught, what is refused, what has to be accepted, what goes live by itself."""
import json
import threading

import pytest

from harness import places, wait
from harness.program import Program

BUILDS = places.BUILD / "tests" / "integration" / "replay"
SINKS = ("mongodb", "elasticsearch")
SECONDS = 40


def projectors_of(shop, build, name):
    """Projectors of another build, beside or after the namespace's own."""
    environment = shop.environment | {"ORDERLOG_DATA_DIR": str(shop.orderlog.folder / "data" / name), "ORDERLOG_ONLY": "orders",
                                      "ORDERLOG_PRIVATE_LISTEN": shop.orderlog.address(name, "private")}
    (shop.orderlog.folder / "data" / name).mkdir(parents=True, exist_ok=True)
    program = Program(name, [BUILDS / build], environment, shop.orderlog.folder, shop.orderlog.url(name, "private") + "/livez")
    shop.orderlog.programs[name] = program
    program.start()
    program.await_ready()
    return program


@pytest.mark.seconds(240)
def test_a_replay_that_folds_wrongly_never_goes_live(new_shop):
    shop = new_shop("wrong")
    shop.feed(1000)
    shop.projectors()
    shop.await_caught_up()
    before = shop.prove()
    code, results, _ = shop.replay("orders", check=False, tool=BUILDS / "orderlog_sabotaged")
    assert code == 1 and [row["outcome"] for row in results] == ["disproved", "disproved"]
    for row in results:
        assert row["proof"]["different"] > 5 and row["proof"]["digest"] != before["orders", row["sink"]]["digest"]
        assert row["proof"]["expected_digest"] == before["orders", row["sink"]]["digest"]
        assert row["proof"]["samples"]
    for sink in SINKS:
        assert shop.states("orders", sink) == {(1, 1): "live"}  # and nothing is left of it
    assert shop.prove()["orders", "mongodb"]["digest"] == before["orders", "mongodb"]["digest"]
    assert all(row["outcome"] == "live" for row in shop.replay("orders"))


@pytest.mark.seconds(240)
def test_a_changed_fold_is_refused_until_it_is_accepted(new_shop):
    shop = new_shop("changed")
    shop.feed(600)
    shop.projectors()
    shop.await_caught_up()
    before = shop.documents("orders_v1")
    shop.orderlog.stop("projectors")

    # At start: another fold doesn't touch the documents.
    program = projectors_of(shop, "projectors_changed", "changed")
    for sink in SINKS:
        error = wait.until(lambda sink=sink: shop.lag("changed")["orders", sink]["state"] == "refused" and shop.lag("changed")["orders", sink]["error"], SECONDS, "it is refused")
        assert "another fold" in error and "new version" in error and "orderlog replay orders" in error
    assert shop.orderlog.ready("changed")[0] == 503
    shop.feed(200, "--seed", 2)
    assert shop.documents("orders_v1") == before

    # By hand: the difference is shown, and nothing is live that nobody accepted.
    tool = BUILDS / "orderlog_changed"
    code, results, _ = shop.replay("orders", "--sink", "mongodb", check=False, tool=tool)
    assert code == 1 and results[0]["outcome"] == "refused"
    change = results[0]["change"]
    assert set(change["fields"]) == {"reason"} and 0 < change["different"] == change["fields"]["reason"] < change["compared"]
    assert change["samples"] and "large" in change["samples"][0]["what"]
    assert shop.states("orders", "mongodb") == {(1, 1): "live"}
    assert shop.documents("orders_v1") == before
    code, results, _ = shop.replay("orders", "--accept", check=False, tool=tool)
    assert code == 0 and [row["outcome"] for row in results] == ["live", "live"]
    after = shop.documents("orders_v1_g2")
    assert len(after) > len(before) and any(row.get("reason") == "large" for row in after.values())

    # The new fold's projectors feed what is theirs, and leave the other one alone.
    for sink in SINKS:
        shop.await_fed("orders", sink, 2, "changed")
    shop.feed(100, "--seed", 3)
    shop.await_caught_up("changed")
    assert shop.documents("orders_v1") == before
    assert len(shop.documents("orders_v1_g2")) > len(after)
    program.stop()


@pytest.mark.seconds(300)
def test_a_new_version_is_built_on_deployment(new_shop):
    shop = new_shop("next")
    orderlog = shop.orderlog
    shop.feed(800)
    shop.projectors()
    shop.await_caught_up()
    orderlog.start("query-api")
    old = shop.documents("orders_v1")
    order_id = max(old, key=lambda key: old[key]["units"])
    orderlog.stop("projectors")
    faults, stopping, answers = [], threading.Event(), []

    def read():
        while not stopping.is_set():
            try:
                found = orderlog.get(f"/v1/orders/{order_id}")
                listed = orderlog.get("/v1/orders", limit=2)
                answers.append((found.status_code, listed.status_code, found.json().get("reason")))
                if answers[-1][:2] != (200, 200):
                    faults.append((found.text, listed.text))
            except Exception as fault:  # pylint: disable=broad-exception-caught
                faults.append(repr(fault))
    reader = threading.Thread(target=read)
    reader.start()
    try:
        program = projectors_of(shop, "projectors_next", "next")
        for sink in SINKS:
            wait.until(lambda sink=sink: shop.live("orders", sink) == (2, 1), SECONDS, f"version 2 is live in {sink}")
        wait.until(lambda: faults or (answers and answers[-1][2] == "large"), SECONDS, "readers have it")
        shop.feed(100, "--seed", 2)
        shop.await_caught_up("next")
    finally:
        stopping.set()
        reader.join(60)
    assert not faults and answers[0][2] is None, (faults, answers[:1])
    new = shop.documents("orders_v2")
    assert shop.documents("orders_v1") == old  # it stayed where it was: nobody has its fold
    assert all({**row, "reason": None} == {**old[key], "reason": None} for key, row in new.items() if key in old and row["_offset"] == old[key]["_offset"])

    # Rolled back, it stays so: the new version's projectors feed theirs, and don't swap again.
    orderlog.tool("rollback", "orders")
    shop.feed(100, "--seed", 3)
    shop.await_caught_up("next")
    program.stop()
    program = projectors_of(shop, "projectors_next", "next")
    shop.await_caught_up("next")
    for sink in SINKS:
        assert shop.states("orders", sink) == {(1, 1): "live", (2, 1): "kept"}, sink
    rows = [json.loads(line) for line in orderlog.tool("views", "orders", "--json").stdout.splitlines()]
    assert {row["fingerprint"] for row in rows if row["version"] == 1}.isdisjoint({row["fingerprint"] for row in rows if row["version"] == 2})
