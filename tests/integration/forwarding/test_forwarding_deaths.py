"""The owner dies or is paused with forwarded commands on the way: the next owner answers them, each once."""
import threading
import time
import uuid

import pytest
import requests

from command_client import ok, problem, streams
from harness.instances import Instances, key_in
from harness.wait import until

FIRST, SECOND = "command-api", "command-api-2"
CLIENTS, WAIT_SECONDS = 6, 30


@pytest.fixture
def instances(new_orderlog):
    made = Instances(new_orderlog("deaths"), session_ms=2000)
    made.start(2)
    return made


def carts_of(instances, name):
    """A cart partition that the instance owns, and how many partitions there are."""
    owners = instances.owners()
    partitions = sum(topic == "cart" for topic, _ in owners)
    return next(partition for (topic, partition), owner in owners.items() if topic == "cart" and owner == name), partitions


def create(shop, cart_id, via, key, currency="GBP"):
    return shop.session.post(shop.url(via) + "/v1/carts", json={"cart_id": cart_id, "currency": currency}, timeout=WAIT_SECONDS + 10,
                             headers={"Idempotency-Key": key, "Prefer": f"wait={WAIT_SECONDS}"})


def test_a_paused_owner_is_left_and_its_late_answer_is_nothing(instances):
    shop = instances.orderlog
    partition, partitions = carts_of(instances, SECOND)
    cart_id = key_in(partition, partitions)
    instances.pause(SECOND)
    since = time.monotonic()
    try:
        first = ok(create(shop, cart_id, FIRST, "k"), 201)
        assert time.monotonic() - since < WAIT_SECONDS
    finally:
        instances.resume(SECOND)
    # What the first owner had read before it was paused, it sends to the second, or finds done.
    until(lambda: shop.ready(SECOND)[0] == 200, 30, "it is back")
    for via in (SECOND, FIRST):
        again = ok(create(shop, cart_id, via, "k"), 201)
        assert again.json() == first.json() | {"outcome": "duplicate"}
        problem(create(shop, cart_id, via, "k", "EUR"), 422, "idempotency-key-reused")
    assert len(streams(shop, "cart")[f"cart-{cart_id}"]) == 1


class Clients:
    """Each creates one cart after the other through the first instance, in a partition of the second's."""

    def __init__(self, shop, partition, partitions):
        self.shop, self.place = shop, (partition, partitions)
        self.done, self.failed, self.stopping = {}, [], threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        session = requests.Session()
        while not self.stopping.is_set():
            cart_id, key = key_in(*self.place), str(uuid.uuid4())
            answer = session.post(self.shop.url(FIRST) + "/v1/carts", json={"cart_id": cart_id, "currency": "GBP"}, timeout=WAIT_SECONDS + 10,
                                  headers={"Idempotency-Key": key, "Prefer": f"wait={WAIT_SECONDS}"})
            if answer.status_code == 201:
                self.done[cart_id] = (key, answer.json())
            else:
                self.failed.append((answer.status_code, answer.text))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(WAIT_SECONDS + 15)
            assert not thread.is_alive()


def test_a_killed_owner(instances):
    shop = instances.orderlog
    clients = Clients(shop, *carts_of(instances, SECOND))
    try:
        until(lambda: len(clients.done) > 200, 30, "carts are created")
        instances.kill(SECOND)
        there = len(clients.done)
        until(lambda: clients.failed or len(clients.done) > there + 100, 30, "the other instance goes on")
    finally:
        clients.stop()
    assert not clients.failed, clients.failed[:3]
    found = streams(shop, "cart")
    assert sorted(found) == sorted(f"cart-{cart_id}" for cart_id in clients.done)
    assert all(len(commits) == 1 for commits in found.values())
    assert shop.metrics(FIRST)["orderlog_forwards_repeated_total"] > 0
    for cart_id, (key, body) in list(clients.done.items())[-20:]:
        assert ok(create(shop, cart_id, FIRST, key), 201).json() == body | {"outcome": "duplicate"}
