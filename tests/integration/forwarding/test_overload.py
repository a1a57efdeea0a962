"""Past its limits the API refuses with Retry-After, keeps its memory bound, and goes on by itself when Kafka does."""
import concurrent.futures
import os
import signal
import threading
import time
import uuid

import pytest
import requests

from conftest import CARTS, REST

from command_client import ok, order_of, product, streams
from harness.wait import until
from stacklib.process import read_pid_file  # on the path after harness.places

CLIENTS, REQUESTS_MAX, GROWTH_MAX = 150, 20, 96 << 20


@pytest.fixture
def shop(new_orderlog):
    orderlog = new_orderlog("overload", ORDERLOG_REQUESTS_MAX=str(REQUESTS_MAX), ORDERLOG_BODIES_MAX_MIB="1", ORDERLOG_DEADLINE_MS="3000")
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


@pytest.fixture
def kafka(stack):
    """pause() and resume() of the broker, which goes on in any case."""
    pid = read_pid_file(stack.folder / "pids" / "kafka.json").pid

    class Broker:
        def pause(self):
            os.kill(pid, signal.SIGSTOP)

        def resume(self):
            os.kill(pid, signal.SIGCONT)
    yield Broker()
    os.kill(pid, signal.SIGCONT)


class Clients:
    """Each places orders as fast as it gets answers, under a new key each; all answers are kept."""

    def __init__(self, shop):
        self.url, self.answers, self.lost = shop.url("command-api") + "/v1/orders", [], []
        self.stopping = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(CLIENTS)
        self.runs = [self.pool.submit(self._run) for _ in range(CLIENTS)]

    def _run(self):
        session = requests.Session()
        while not self.stopping.is_set():
            key = str(uuid.uuid4())
            answer = session.post(self.url, json=order_of("TEA"), headers={"Idempotency-Key": key}, timeout=30)
            self.answers.append((key, answer.status_code, answer.headers, answer.json()))
            if answer.status_code != 201:
                time.sleep(0.1)  # less than Retry-After asks for

    def count(self, status):
        return sum(one[1] == status for one in self.answers)

    def stop(self):
        self.stopping.set()
        for run in self.runs:
            run.result(40)


def memory(shop):
    return shop.metrics("command-api")["process_resident_memory_bytes"]


def test_kafka_stands_still_under_load(shop, kafka):
    clients = Clients(shop)
    try:
        until(lambda: clients.count(201) > 300, 60, "orders are placed")
        before = memory(shop)
        kafka.pause()
        there = len(clients.answers)
        until(lambda: clients.count(503) > 500 and clients.count(504) > 30, 40, "commands are refused, and those that were taken are in doubt")
        pending = sum(value for name, value in shop.metrics("command-api").items() if name.startswith("orderlog_executor_pending"))
        assert 0 < pending <= 3 * (REQUESTS_MAX + 1) and memory(shop) - before < GROWTH_MAX
        kafka.resume()
        placed = clients.count(201)
        until(lambda: clients.count(201) > placed + 300, 60, "orders are placed again")
    finally:
        kafka.resume()
        clients.stop()
    refused = [one for one in clients.answers[there:] if one[1] != 201]
    assert {status for _, status, _, _ in refused} <= {503, 504}
    assert all(int(headers["Retry-After"]) > 0 for _, _, headers, _ in refused)
    assert {body["type"].rsplit(":", 1)[1] for _, _, _, body in refused} <= {"overloaded", "in-doubt", "no-owner", "log-unavailable"}
    assert memory(shop) - before < GROWTH_MAX
    found = streams(shop, "order")
    assert all(len(commits) == 1 for commits in found.values())
    assert {body["stream"] for _, status, _, body in clients.answers if status == 201} <= set(found)
    in_doubt = [key for key, status, _, body in clients.answers if body.get("type", "").endswith("in-doubt")]
    answers = [until(lambda: accepted(shop, key), 30, "the retry is answered") for key in in_doubt[:20]]  # pylint: disable=cell-var-from-loop
    assert all(len(commits) == 1 for commits in streams(shop, "order").values()) and len(answers) > 0


def accepted(shop, key):
    answer = shop.command("PlaceOrder", order_of("TEA"), key=key, via="command-api")
    return answer if answer.status_code == 201 else None


@pytest.fixture
def pair(new_orderlog):
    """The one that owns orders has little room; commands are sent to the other."""
    orderlog = new_orderlog("overload-pair", ORDERLOG_DEADLINE_MS="3000")
    orderlog.environment_of = {CARTS: {"ORDERLOG_ONLY": "cart"},
                               REST: {"ORDERLOG_ONLY": "product,stock,order,returns,adjustment", "ORDERLOG_BODIES_MAX_MIB": "1"}}
    orderlog.start(REST, CARTS)
    return orderlog


@pytest.mark.parametrize("instances", ["shop", "pair"])
def test_the_bodies_that_wait_are_bounded(instances, kafka, request):
    shop = request.getfixturevalue(instances)
    line = {"sku": "TEA", "title": "T" * 200, "quantity": 1, "unit_price": "1", "kind": "GOODS"}
    order = {"placed_at": "2010-12-01T08:26:00Z", "country": "France", "currency": "GBP", "lines": [line] * 300}

    def send(number):
        return shop.command("RecordOrder", order | {"order_id": f"large-{number}"})
    for number in range(40):  # whoever owns the partitions is known
        ok(shop.command("RecordOrder", order | {"order_id": f"small-{number}", "lines": [line]}))
    kafka.pause()
    try:
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(send, range(40)))
    finally:
        kafka.resume()
    kinds = [answer.json()["type"].rsplit(":", 1)[1] for answer in answers]
    assert set(kinds) <= {"overloaded", "in-doubt"} and kinds.count("overloaded") > 20
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    for number in range(40):
        until(lambda: send(number).status_code in (200, 201), 30, "it is taken")  # pylint: disable=cell-var-from-loop
