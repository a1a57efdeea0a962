"""Histories and logs made by hand: a story is what clients did and what the log got, right or wrong."""
import base64

from breaking import settings  # noqa: F401  pylint: disable=unused-import  # it sets the path
from breaking import checks, history, logbook

PREFIX = "p"


def token(partition, offset):
    return base64.urlsafe_b64encode(f"1|product/{partition}/{offset:x}|00000000".encode()).decode().rstrip("=")


class Story:
    """One partition of the product topic, stock commands on it. Times count up by themselves."""

    def __init__(self):
        self.commands, self.records, self.clock = {}, [], 0

    def now(self):
        self.clock += 10
        return self.clock

    # --- the log ---

    def _record(self, commit):
        self.records.append(logbook.Record(f"{PREFIX}.product", 0, len(self.records), commit))
        return self.records[-1]

    def fence(self, epoch, actor="i0", process="process 0"):
        return self._record({"stream_id": "", "base_version": 0, "epoch": epoch, "seq": 0, "command_id": process, "actor": actor, "correlation_id": "",
                             "causation_id": "", "events": []})

    def commit(self, attempt, base, epoch=1, seq=0, **other):
        command = next(c for c in self.commands.values() if attempt in c.attempts)
        if command.name == "ReceiveStock":
            event = ("orderlog.stock.StockReceived", {"reference": None} | command.fields)
        else:
            event = ("orderlog.stock.StockAdjusted", {"reference": None} | command.fields)
        return self._record({"stream_id": command.stream, "base_version": base, "epoch": epoch, "seq": seq, "command_id": f"id of {command.key}", "actor": "a",
                             "correlation_id": command.id, "causation_id": attempt.id, "events": [event]} | other)

    # --- the clients ---

    def command(self, name="ReceiveStock", expected=None, of=None, **fields):
        fields = {"sku": "s"} | fields
        number = f"c{len(self.commands)}"
        key = self.commands[of].key if of else f"key {number}"
        self.commands[number] = history.Command(number, name, fields, f"stock-{fields['sku']}", key, expected, of)
        return self.commands[number]

    def receive(self, quantity, **more):
        return self.command("ReceiveStock", quantity=quantity, **more)

    def take(self, quantity, **more):
        return self.command("AdjustStock", delta=-quantity, **more)

    def stock_events(self, *events):
        """A commit of these events, with an attempt that asked for something."""
        attempt = self.call(self.receive(1))
        record = self.commit(attempt, 0)
        record.commit["events"] = [(f"orderlog.stock.{name}", {"sku": "s"} | fields) for name, fields in events]
        return record

    def call(self, command):
        attempt = history.Attempt(f"{command.id}.{len(command.attempts)}", self.now(), 0)
        command.attempts.append(attempt)
        return attempt

    def answer(self, attempt, version, offset, outcome="committed"):
        command = next(c for c in self.commands.values() if attempt in c.attempts)
        attempt.answered, attempt.status, attempt.position = self.now(), 200, token(0, offset)
        attempt.body = {"stream": command.stream, "version": version, "position": attempt.position, "command_id": f"id of {command.key}", "outcome": outcome}

    def refuse(self, attempt, slug="stock-insufficient", status=409, detail=""):
        attempt.answered, attempt.status, attempt.body = self.now(), status, {"type": f"urn:orderlog:problem:{slug}", "detail": detail}

    def unavailable(self, attempt):
        attempt.answered, attempt.status, attempt.body = self.now(), 503, {"type": "urn:orderlog:problem:not-the-owner"}

    # --- the end ---

    def evidence(self):
        logbook.judge(self.records)
        return checks.Evidence(self.commands, {(f"{PREFIX}.product", 0): self.records}, PREFIX)

    def findings(self):
        return {name for name, found in checks.run(self.evidence()).items() if found}


def sound():
    """A story with nothing wrong: a receipt, a retried one, a refusal, an attempt that nobody heard of."""
    story = Story()
    story.fence(1)
    first = story.call(story.receive(5))
    story.commit(first, 0)
    story.answer(first, 1, 1)
    second = story.receive(3)
    lost = story.call(second)
    story.commit(lost, 1, seq=1)
    story.answer(story.call(second), 2, 2, "duplicate")
    story.refuse(story.call(story.take(9)), detail="9 units can't be taken off: 8 are available.")
    story.call(story.receive(7))
    return story
