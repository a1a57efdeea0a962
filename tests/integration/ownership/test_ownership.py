"""Three instances share the partitions. Whatever happens to one of them: acknowledged commands stay, exactly once, and the others take over."""
import itertools
import threading
import time

import pytest

from harness import log
from harness.instances import Instances, key_in, total
from harness.wait import until
from ownership_stream import Stream, streams

SESSION_MS = 2000
COUNT = 3
_numbers = itertools.count(1)

pytestmark = pytest.mark.seconds(180)


@pytest.fixture(scope="module")
def cluster(orderlog):
    """Three instances. A test leaves as many behind."""
    orderlog.environment |= {"ORDERLOG_THREADS": "2", "ORDERLOG_DRAIN_MS": "5000"}
    instances = Instances(orderlog, SESSION_MS)
    instances.start(COUNT)
    yield instances
    for name in list(instances.names):
        instances.stop(name)


@pytest.fixture
def stream(cluster):
    """Commands all the while; in the end the log is compared with what the clients were told."""
    sku = f"S{next(_numbers)}"
    answer = until(lambda: cluster.send_to_all("CreateProduct", {"sku": sku, "title": "Tea", "prices": [{"price": "1.00", "currency": "GBP"}]}, sku),
                   30, "a product can be made")
    assert answer.ok
    with Stream(cluster, sku) as running:
        running.wait_for(30, until)
        yield running
        cluster.await_shared()
        running.wait_for(30, until)
    running.check(cluster.orderlog)


def say(what, seconds, bound):
    print(f"\n{what}: {seconds:.2f} s (bound {bound:.2f} s)")
    return seconds


def test_each_partition_is_served_by_exactly_one(cluster):
    owners = cluster.await_shared()
    assert set(owners.values()) == set(cluster.names)
    for name in cluster.names:
        metrics = cluster.orderlog.metrics(name)
        serving = total(metrics, "orderlog_partitions_serving")
        assert serving == total(metrics, "orderlog_partitions_assigned") == len(owners) / COUNT
        assert total(metrics, "orderlog_partitions_standby") == len(owners) - serving
        assert total(metrics, "orderlog_group_generation") > 0


def test_a_killed_one_is_replaced(cluster, stream):
    victim = "command-api-2"
    seconds = cluster.hand_over(victim, cluster.kill)
    assert say("taken over after SIGKILL", seconds, SESSION_MS / 1000 + 1) < SESSION_MS / 1000 + 3  # the machine may be busy
    stream.wait_for(50, until)
    cluster.add(victim)


def test_a_stopped_one_hands_over(cluster, stream):
    victim = "command-api-3"
    seconds = cluster.hand_over(victim, cluster.begin_stop)
    assert say("handed over after SIGTERM", seconds, 1) < 2
    stream.wait_for(50, until)
    cluster.stop(victim)  # exit code 0, or it fails
    cluster.add(victim)


def test_a_fourth_one_takes_its_share(cluster, stream):
    before = cluster.await_shared()
    cluster.add("command-api-4")
    after = cluster.await_shared()
    moved = [place for place in before if before[place] != after[place]]
    assert all(after[place] == "command-api-4" for place in moved), "more moved than had to"
    assert len(moved) == len(before) // 4
    stream.wait_for(50, until)
    cluster.stop("command-api-4")


def test_a_fence_that_comes_late_does_no_lasting_harm(cluster, stream):
    (topic, partition), owner = next(item for item in cluster.await_shared().items() if item[0][0] == "cart")
    since = time.monotonic()
    log.append_fence(cluster.orderlog, topic, partition, "somebody-late")
    assert cluster.owners()[topic, partition] == "somebody-late"
    cluster.await_shared()  # the group has assigned it anew, to whomever
    say(f"{owner} was fenced off by a late one; served again after", time.monotonic() - since, 5)
    stream.wait_for(50, until)


def test_one_that_wakes_up_late_answers_nothing_from_its_dead_state(cluster, stream):
    victim = next(name for (topic, _), name in cluster.await_shared().items() if topic == "cart")
    owners = cluster.owners()
    partitions = sum(topic == "cart" for topic, _ in owners)
    mine = next(partition for (topic, partition), name in owners.items() if topic == "cart" and name == victim)
    known, unknown = key_in(mine, partitions, "known"), key_in(mine, partitions, "unknown")
    assert cluster.send(victim, "CreateCart", {"cart_id": known, "currency": "GBP"}, f"{known}-1").ok
    connections = [cluster.connection(victim) for _ in range(3)]
    seconds = cluster.hand_over(victim, cluster.pause)
    say("taken over after SIGSTOP", seconds, SESSION_MS / 1000 + 1)
    # What it knows nothing of: the cart is at version 2, and there is another one.
    for command, fields in (("AddCartItem", {"cart_id": known, "sku": stream.sku, "quantity": 1}), ("CreateCart", {"cart_id": unknown, "currency": "GBP"})):
        assert until(lambda: cluster.send_to_all(command, fields, f"{fields['cart_id']}-2"), 30, command)  # pylint: disable=cell-var-from-loop

    # These lie in its sockets when it wakes, before it hears of anything else.
    answers = {}

    def ask(connection, what, command, fields):
        answers[what] = cluster.send(victim, command, fields, f"late-{what}-{fields['cart_id']}", 8, connection)
    asked = [threading.Thread(target=ask, args=(connection, *arguments), daemon=True) for connection, arguments in zip(connections, (
        ("add", "AddCartItem", {"cart_id": unknown, "sku": stream.sku, "quantity": 1}),     # dead: there is no such cart
        ("remove", "RemoveCartItem", {"cart_id": known, "sku": stream.sku}),                # dead: it isn't in the cart
        ("repeat", "CreateCart", {"cart_id": unknown, "currency": "GBP"}),                  # dead: made, version 1, not there before
    ))]
    for thread in asked:
        thread.start()
    cluster.resume(victim)
    for thread in asked:
        thread.join(30)
    for what, answer in answers.items():
        assert answer is not None, what
        assert answer.ok or answer.status_code in (503, 504) or what == "repeat", f"{what}: {answer.status_code} {answer.text}"
    assert not answers["add"].ok or answers["add"].json()["version"] == 2
    assert not answers["remove"].ok or answers["remove"].json()["version"] == 3
    assert answers["repeat"].status_code not in (200, 201) or answers["repeat"].json()["outcome"] != "committed"

    # It comes back into service, and the truth is one.
    cluster.await_shared()
    for what, command, fields, version in (("add", "AddCartItem", {"cart_id": unknown, "sku": stream.sku, "quantity": 1}, 2),
                                           ("remove", "RemoveCartItem", {"cart_id": known, "sku": stream.sku}, 3)):
        answer = until(lambda: cluster.send_to_all(command, fields, f"late-{what}-{fields['cart_id']}"), 30, what)  # pylint: disable=cell-var-from-loop
        assert answer.json()["version"] == version
    carts = streams(cluster.orderlog, "cart")
    assert len(carts[f"cart-{known}"]) == 3 and len(carts[f"cart-{unknown}"]) == 2
