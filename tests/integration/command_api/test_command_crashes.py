"""What was answered with success stays, exactly once, whatever happens to the process or to Kafka; what was not can be sent again."""
import json
import threading
import time

import pytest
import requests

from command_client import cart, ok, order_of, problem, product, streams
from harness.wait import until

CLIENTS = 8


@pytest.fixture
def shop(new_orderlog, request):
    orderlog = new_orderlog(request.node.name[:20], ORDERLOG_THREADS="2")
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


class Clients:
    """Threads that place orders under keys of their own, until told to stop. `done`: {key: answer of the success}; `open`: keys without one."""

    def __init__(self, shop):
        self.shop, self.done, self.open = shop, {}, set()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        session = requests.Session()
        url = self.shop.url("command-api") + "/v1/orders"
        count = 0
        while not self.stopping.is_set():
            key = f"{number}-{count}"
            count += 1
            self.open.add(key)
            try:
                answer = session.post(url, json=order_of("TEA"), headers={"Idempotency-Key": key}, timeout=30)
                if answer.status_code == 201:
                    self.done[key] = answer.json()
                    self.open.discard(key)
                else:
                    assert answer.headers["Content-Type"] == "application/problem+json"
                    time.sleep(0.05)  # as a client would
            except requests.RequestException:
                time.sleep(0.05)

    def wait_for(self, count):
        return until(lambda: len(self.done) >= count, 30, f"{count} orders are placed")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(40)
            assert not thread.is_alive()

    def retry_open(self):
        for key in sorted(self.open):
            answer = until(lambda: accepted(self.shop, key), 30, "the retry is accepted")  # pylint: disable=cell-var-from-loop
            self.done[key] = answer.json()

    def check_log(self):
        """Every success is in the log once, and nothing else is."""
        found = streams(self.shop, "order")
        assert {body["stream"] for body in self.done.values()} == set(found)
        assert all(len(commits) == 1 for commits in found.values())
        assert len(found) == len(self.done)


def accepted(shop, key):
    answer = shop.command("PlaceOrder", order_of("TEA"), key=key, via="command-api")
    return answer if answer.status_code == 201 else None


def test_killed_under_load(shop):
    clients = Clients(shop)
    for round_number in range(1, 4):
        clients.wait_for(len(clients.done) + 150 * round_number)
        shop.kill("command-api")
        shop.start("command-api")
    clients.wait_for(len(clients.done) + 100)
    clients.stop()
    assert clients.open, "no request was cut off"
    clients.retry_open()
    clients.check_log()


def test_a_restart_keeps_states_versions_and_answers(shop):
    cart(shop, "kept", ("TEA", 3))
    first = ok(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=1, key="k"))
    shop.stop("command-api")
    shop.start("command-api")
    again = ok(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=1, key="k"))
    assert again.json() == first.json() | {"outcome": "duplicate"}
    assert ok(shop.command("RemoveCartItem", cart_id="kept", sku="TEA", headers={"If-Match": first.headers["ETag"]})).json()["version"] == 4
    assert ok(shop.command("PlaceOrder", order_of("TEA"))).status_code == 201


def test_sigterm_lets_running_commands_end(shop):
    clients = Clients(shop)
    clients.wait_for(300)
    shop.stop("command-api")  # exit code 0, or it fails
    clients.stopping.set()
    shop.start("command-api")
    clients.stop()
    # Every request that was read was answered: what is open never reached the process, so a retry is the first attempt.
    before = set(streams(shop, "order"))
    assert {body["stream"] for body in clients.done.values()} == before
    clients.retry_open()
    clients.check_log()


def test_kafka_away_and_back(shop, stack):
    clients = Clients(shop)
    try:
        clients.wait_for(200)
        stack.stop("kafka")
        answer = shop.command("PlaceOrder", order_of("TEA"), key="away", headers={"Prefer": "wait=1"}, via="command-api")
        assert answer.status_code in (503, 504) and int(answer.headers["Retry-After"]) > 0, answer.text
        if answer.status_code == 504:
            problem(answer, 504, "in-doubt")
        clients.open.add("away")
        document = until(lambda: unready(shop), 20, "/readyz says so")
        assert "kafka" in json.dumps(document["detail"])
        assert shop.session.get(shop.url("command-api") + "/livez", timeout=5).status_code == 200
    finally:
        stack.start("kafka")
    until(lambda: shop.ready("command-api")[0] == 200, 60, "ready again")
    clients.wait_for(len(clients.done) + 100)
    clients.stop()
    clients.retry_open()
    clients.check_log()


def unready(shop):
    status, document = shop.ready("command-api")
    return document if status == 503 else None


def test_the_registry_is_not_needed_once_its_schemas_are_known(shop, stack):
    stack.stop("registry")
    try:
        ok(shop.command("PlaceOrder", order_of("TEA")))
        shop.kill("command-api")
        shop.start("command-api")
        ok(shop.command("PlaceOrder", order_of("TEA")))
    finally:
        stack.start("registry")
