"""Clients that place orders all the time and retry what had no answer, and what must hold of the log then."""
import threading
import time

import requests

from command_client import order_of, streams
from harness.wait import until

CLIENTS = 8


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
