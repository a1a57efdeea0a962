"""What an operator has left out of a document stays left out: in what a replay builds, whenever it was decided, and after a rollback."""
import json
import os
import signal

import pytest
import requests

from harness import wait

SECONDS, REPLAY_SECONDS = 60, 110
VIEW = ("customers", "mongodb")


def parked(shop, *words, code=0):
    """[row] of `orderlog parked …`."""
    done = shop.orderlog.tool("parked", *words, "--json", check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def audit(shop, *words):
    """(exit code, differences) of an audit."""
    done = shop.orderlog.tool("audit", "--json", *words, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("holds" in row for row in rows), done.stderr
    return done.returncode, [row for row in rows if "difference" in row]


def set_nested_limit(url, limit):
    answer = requests.put(f"{url}/_settings", json={"index.mapping.nested_objects.limit": limit}, timeout=20)
    assert answer.status_code == 200, answer.text


def left_out(shop):
    return sorted((row["view"], row["sink"], row["key"]) for row in parked(shop, "list", "--skipped"))


@pytest.mark.seconds(300)
def test_a_replay_takes_over_what_was_left_out(new_shop):
    shop = new_shop("skipped")
    shop.feed(600)
    shop.projectors()
    shop.await_caught_up()
    key = shop.park_a_customer(2, skip=2)["_id"]
    assert [row["outcome"] for row in parked(shop, "skip", "customers", "--key", key)] == ["done"]
    url = f"{shop.environment['ORDERLOG_ELASTICSEARCH_URL']}/{shop.orderlog.prefix}-orders-v1"
    set_nested_limit(url, 3)
    shop.feed(30, "--seed", 3)
    shop.await_caught_up()
    refused = {row["key"] for row in parked(shop, "list", "orders")}
    assert refused
    while parked(shop, "list", "orders"):  # commit by commit
        shop.orderlog.tool("parked", "skip", "orders", "--all", check=False)
    set_nested_limit(url, 10000)
    before = shop.prove([VIEW, ("orders", "elasticsearch")])
    expected = left_out(shop)
    assert set(expected) == {("customers", "mongodb", key), *(("orders", "elasticsearch", each) for each in refused)}

    rows = {(row["view"], row["sink"]): row for row in shop.replay("customers", "orders")}
    assert rows[VIEW]["skipped"] == 1 and rows["orders", "elasticsearch"]["skipped"] == len(expected) - 1 and rows["orders", "mongodb"]["skipped"] == 0
    for each in (VIEW, ("orders", "elasticsearch")):  # the same documents: without what was left out
        assert rows[each]["outcome"] == "live" and rows[each]["parked"] == 0 and rows[each]["proof"]["digest"] == before[each]["digest"]
    for each in refused:
        found = [requests.get(f"{index}/_doc/{each}", timeout=20).json() for index in (url, f"{url}-g2")]
        assert found[0].get("_source") == found[1].get("_source")
    assert left_out(shop) == expected and audit(shop, "customers", "orders") == (0, [])

    # Something else, decided when there are two generations: it holds in the one that is gone back to.
    other = shop.park_a_customer(4, "customers_v1_g2", skip=4)["_id"]
    assert [row["outcome"] for row in parked(shop, "skip", "customers", "--key", other)] == ["done"]
    shop.orderlog.tool("rollback", "customers")
    assert shop.live(*VIEW) == (1, 1)
    shop.await_fed(*VIEW, 1)
    assert ("customers", "mongodb", other) in left_out(shop) and audit(shop, "customers") == (0, [])
    shop.await_fed(*VIEW, 2)
    assert shop.documents("customers_v1") == shop.documents("customers_v1_g2")

    # Forgotten when that is what is asked for.
    row, = shop.replay("customers", "--forget-skipped")
    assert row["skipped"] == 0 and row["parked"] == 0
    assert {each[0] for each in left_out(shop)} == {"orders"} and audit(shop, "customers") == (0, [])
    shop.prove([VIEW])
    changed = shop.documents("customers_v1_g3")
    assert changed[key]["_sequence"] == shop.documents("customers_v1")[key]["_sequence"] + 1


@pytest.mark.seconds(240)
def test_what_is_left_out_while_a_replay_is_at_work(new_shop):
    shop = new_shop("meanwhile")
    shop.feed(1500)
    shop.projectors()
    shop.await_caught_up()
    key = shop.park_a_customer(2, skip=2)["_id"]
    replay = shop.replay_in_background("customers")
    for line in replay.stderr:
        if line.startswith("{") and json.loads(line)["phase"] == "fold":
            break
    os.kill(replay.pid, signal.SIGSTOP)
    try:
        assert shop.states(*VIEW)[1, 2] == "building"
        skip = shop.orderlog.tool_in_background("parked", "skip", "customers", "--key", key, "--json")
        wait.until(lambda: left_out(shop), SECONDS, "it is decided")
    finally:
        os.kill(replay.pid, signal.SIGCONT)  # before it counts as dead
    out, _ = replay.communicate(timeout=REPLAY_SECONDS)
    assert replay.returncode == 0 and json.loads(out)["outcome"] == "live"
    out, _ = skip.communicate(timeout=REPLAY_SECONDS)
    assert skip.returncode == 0 and json.loads(out)["outcome"] == "done", out
    assert shop.live(*VIEW) == (1, 2)
    for generation in (1, 2):
        shop.await_fed(*VIEW, generation)
    assert left_out(shop) == [("customers", "mongodb", key)] and parked(shop, "list", "customers") == []
    assert audit(shop, "customers") == (0, [])
    assert shop.documents("customers_v1") == shop.documents("customers_v1_g2")
