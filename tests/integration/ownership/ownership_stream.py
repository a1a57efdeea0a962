"""A small stream of commands over all instances: each is sent under a key of its own, to one instance after the other, until it has a success."""
import random
import threading
import time

from harness import log

CLIENTS, ATTEMPT_SECONDS, PAUSE_SECONDS, JOIN_SECONDS = 6, 2, 0.02, 60


class Stream:
    """Each client fills carts. `done`: {command id: (stream, version)} of every success; `odd`: answers that were neither a success nor "later"."""

    def __init__(self, instances, sku):
        self.instances, self.sku = instances, sku
        self.done, self.odd, self.commands = {}, [], 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._fill_carts, args=(random.Random(number), f"{sku}-{number}"), daemon=True) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(JOIN_SECONDS)
            assert not thread.is_alive()

    def _fill_carts(self, choice, name):
        carts = 0
        while not self.stopping.is_set():
            carts += 1
            cart = f"{name}-{carts}"
            self._until_done(choice, "CreateCart", {"cart_id": cart, "currency": "GBP"}, f"{cart}-0")
            for number in range(1, 6):
                self._until_done(choice, "AddCartItem", {"cart_id": cart, "sku": self.sku, "quantity": 1}, f"{cart}-{number}")

    def _until_done(self, choice, command, fields, key):
        """Ends only with a success: also what was in doubt when the stream was told to stop gets its one true answer."""
        while True:
            answer = self.instances.send(choice.choice(self.instances.names), command, fields, key, ATTEMPT_SECONDS)
            self.commands += 1
            if answer is not None and answer.ok:
                body = answer.json()
                told = self.done.setdefault(body["command_id"], (body["stream"], body["version"]))
                if told != (body["stream"], body["version"]):
                    self.odd.append(body)
                return
            if answer is not None and answer.status_code not in (503, 504):
                self.odd.append((answer.status_code, answer.text))
                return
            time.sleep(PAUSE_SECONDS)  # as a client would

    def wait_for(self, count, until):
        seen = len(self.done)
        until(lambda: len(self.done) >= seen + count, 40, f"{count} commands more are done")

    def check(self, orderlog):
        """Every success is in the log exactly once, at the version that was told; nothing else is; no version is missing or double."""
        assert not self.odd, self.odd[:3]
        found = {}
        for stream, commits in streams(orderlog, "cart").items():
            if not stream.startswith(f"cart-{self.sku}-"):
                continue
            for version, commit in enumerate(commits, 1):
                assert commit["base_version"] == version - 1, (stream, version, commit)
                assert found.setdefault(str(commit["command_id"]), (stream, version)) == (stream, version), f"{commit['command_id']} is in the log twice"
        assert found == self.done
        assert len(found) > CLIENTS


def streams(orderlog, topic):
    """{stream: its valid commits in order}."""
    found = {}
    for commit in log.commits(orderlog, topic):
        found.setdefault(commit["stream_id"], []).append(commit)
    return found
