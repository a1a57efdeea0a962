"""Several processes share the partitions of each view: none twice, none left out, whoever dies, sleeps or comes late."""
import signal

import pytest

from harness import wait

SECONDS = 60
VIEWS = "orders,sales_daily/mongodb"
KEYS = [("orders", "mongodb"), ("orders", "elasticsearch"), ("sales_daily", "mongodb")]


def shares(shop, *names):
    """{(view, sink): [partitions of each process]}"""
    lags = [shop.lag(name) for name in names]
    return {key: [sorted(p["partition"] for p in lag[key]["partitions"]) for lag in lags] for key in KEYS}


def await_shared(shop, *names, partitions):
    def shared():
        found = shares(shop, *names)
        assert all(sorted(sum(lists, [])) == list(range(partitions)) and all(lists) for lists in found.values()), found
        return True
    wait.until(shared, SECONDS, "each partition is somebody's, and nobody has none")


def await_caught_up(shop, *names):
    ends = shop.orderlog.end_offsets("order")

    def caught_up():
        for key in KEYS:
            positions = {p["partition"]: p["position"] for name in names for p in shop.lag(name)[key]["partitions"]}
            assert positions == {partition: end for (_, partition), end in ends.items()}, (key, positions)
        return True
    wait.until(caught_up, SECONDS, "every partition has caught up")


@pytest.mark.seconds(420)
def test_projectors_share_partitions(new_shop):
    shop = new_shop("sharing")
    shop.feed(300)
    partitions = len(shop.orderlog.end_offsets("order"))
    first = shop.projectors("first", only=VIEWS, share=True)
    await_caught_up(shop, "first")
    second = shop.projectors("second", only=VIEWS, share=True)
    await_shared(shop, "first", "second", partitions=partitions)
    shop.feed(300, "--seed", 2)
    await_caught_up(shop, "first", "second")
    written = sum(each["documents_written"] for name in ("first", "second") for each in shop.lag(name).values())

    # One sleeps: its partitions go to the other. It wakes late, among documents that have moved on, and changes nothing.
    second.process.send_signal(signal.SIGSTOP)
    shop.feed(300, "--seed", 3)
    await_shared(shop, "first", partitions=partitions)
    await_caught_up(shop, "first")
    second.process.send_signal(signal.SIGCONT)
    await_shared(shop, "first", "second", partitions=partitions)
    shop.prove(KEYS)

    # One is killed, one stops: nothing of it shows.
    first.kill()
    shop.feed(200, "--seed", 4)
    await_shared(shop, "second", partitions=partitions)
    await_caught_up(shop, "second")
    assert sum(each["documents_written"] for each in shop.lag("second").values()) > 0 and written > 0
    assert shop.parked("second") == 0
    second.stop()
    shop.prove(KEYS)
