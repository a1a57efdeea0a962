"""Three instances behind the real proxy: one after the other is restarted under a steady stream of commands, and no request fails."""
import threading
import time
import uuid

import pytest
import requests

from command_client import order_of, product, streams
from harness.wait import until

NAMES = ["command-api", "command-api-2", "command-api-3"]
CLIENTS = 8
PAUSE_SECONDS = 0.02  # between one client's commands: some hundred a second in all


class Stream:
    """Clients that place orders through the gateway without a pause worth the name, until told to stop. Nothing is sent twice."""

    def __init__(self, orderlog):
        self.url = orderlog.url("gateway") + "/v1/orders"
        self.acknowledged, self.failed = [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        session = requests.Session()
        while not self.stopping.wait(PAUSE_SECONDS):
            # Every other client names no key: its commands can't be repeated by anybody, the proxy included.
            headers = {"Idempotency-Key": str(uuid.uuid4())} if number % 2 else {}
            try:
                answer = session.post(self.url, json=order_of("TEA"), headers=headers, timeout=30)
                if answer.status_code == 201:
                    self.acknowledged.append(answer.json())
                else:
                    self.failed.append((time.time(), number, answer.status_code, answer.text))
            except requests.RequestException as error:
                self.failed.append((time.time(), number, 0, repr(error)))

    def more(self, count):
        there = len(self.acknowledged)
        until(lambda: self.failed or len(self.acknowledged) >= there + count, 30, f"{count} more orders")
        assert not self.failed, self.failed[:5]

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(40)
            assert not thread.is_alive()


@pytest.fixture
def shop(new_orderlog):
    orderlog = new_orderlog("rolling", ORDERLOG_STOP_DELAY_MS="1500")
    orderlog.command_apis = NAMES
    orderlog.start(*NAMES, "gateway")
    product(orderlog, "TEA")
    return orderlog


def test_one_after_the_other(shop):
    stream = Stream(shop)
    try:
        stream.more(300)
        for name in NAMES:
            shop.stop(name)  # SIGTERM; exit code 0, or it fails
            stream.more(50)
            shop.start(name)
            stream.more(50)
    finally:
        stream.stop()
    assert not stream.failed, stream.failed[:5]
    found = streams(shop, "order")
    assert all(len(commits) == 1 for commits in found.values())
    assert sorted(found) == sorted(body["stream"] for body in stream.acknowledged)
    assert sum(shop.metrics(name).get("orderlog_forwards_answered_total", 0) for name in NAMES) > 0
