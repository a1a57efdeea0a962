"""Clients that send commands at once, repeat them under the same Idempotency-Key until they have an answer, and write down every
attempt: when it was sent, when which answer came.

The history is JSON lines, times are nanoseconds of the machine's monotonic clock:
  {"event": "command", "command", "name", "fields", "stream", "key", "expected", "of"}    `of`: the command whose key it has
  {"event": "call", "at", "attempt", "command", "instance"}
  {"event": "answer", "at", "attempt", "status", "body", "position", "etag"}
  {"event": "silence", "at", "attempt", "why"}       no answer: the attempt is open for ever
Every attempt carries the command's name as X-Correlation-Id and its own as X-Causation-Id, so that the log tells which attempt a
commit came from.
"""
import asyncio
import json
import random
import time

from harness.commands import COMMANDS

from breaking.http import Connections, NoAnswer
from breaking.workload import stream_of

CLIENTS = 24
TIMEOUTS_SECONDS = (1.0, 2.0, 5.0)
PAUSE_SECONDS = (0.02, 0.3)  # between two attempts
THINK_SECONDS = (0.0, 0.1)  # between two commands
ABANDON_SHARE = 0.08  # of attempts without an answer: their client gives up
REPEAT_SHARE, REUSE_SHARE = 0.05, 0.02  # of settled commands: sent again; their key sent with another body
RETRIED = {429, 500, 502, 503, 504}
SETTLE_SECONDS = 30
FINAL_REPEATS, FINAL_REUSES = 150, 40


class History:
    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8", buffering=1 << 16)  # pylint: disable=consider-using-with

    def write(self, **row):
        self.file.write(json.dumps(row) + "\n")

    def close(self):
        self.file.close()


class Command:
    """A command of one client and what is known of it."""

    def __init__(self, number, name, fields, expected, of=None):
        self.id = f"c{number}"
        self.name, self.fields, self.expected, self.of = name, fields, expected, of
        self.stream = stream_of(name, fields)
        self.key = of.key if of else f"key {self.id}"
        self.attempts, self.answer = 0, None
        self.wait = None  # Prefer

    def request(self, attempt):
        kind = COMMANDS[self.name]
        headers = {"idempotency-key": self.key, "x-correlation-id": self.id, "x-causation-id": attempt}
        if self.expected is not None:
            headers["if-match"] = f'"{self.expected}"'
        if self.wait:
            headers["prefer"] = self.wait
        fields = kind.body_of(self.fields)
        body = json.dumps(fields).encode() if fields or kind.method != "DELETE" else None
        return kind.method, kind.path_of(self.fields), headers, body


class Clients:
    """`ports` are the instances' listeners, (public, private): private commands go to the private one."""

    def __init__(self, seed, workload, ports, path):
        self.dice = random.Random(f"{seed}/clients")
        self.workload, self.ports = workload, ports
        self.history = History(path)
        self.connections = Connections()
        self.commands, self.settled, self.remembered, self.open = 0, [], [], []
        self.acknowledged = 0
        self.stopping = False

    def new(self, name, fields, expected=None, of=None):
        command = Command(self.commands, name, fields, expected, of)
        self.commands += 1
        self.history.write(event="command", command=command.id, name=name, fields=fields, stream=command.stream, key=command.key,
                           expected=expected, of=of.id if of else None)
        return command

    async def attempt(self, command, instance, seconds):
        """One attempt; its answer, or None."""
        name = f"{command.id}.{command.attempts}"
        command.attempts += 1
        method, path, headers, body = command.request(name)
        self.history.write(event="call", at=time.monotonic_ns(), attempt=name, command=command.id, instance=instance)
        try:
            status, answered, document = await self.connections.request(self.ports[instance][not COMMANDS[command.name].public], method, path, headers, body, seconds)
        except NoAnswer as error:
            self.history.write(event="silence", at=time.monotonic_ns(), attempt=name, why=str(error))
            return None
        self.history.write(event="answer", at=time.monotonic_ns(), attempt=name, status=status, body=document,
                           position=answered.get("position"), etag=answered.get("etag"))
        if status in RETRIED:
            return None
        return status, document

    def settle(self, command, answer):
        command.answer = answer
        status, document = answer
        if status in (200, 201):
            self.acknowledged += 1
            self.workload.versions[command.stream] = document["version"]
            self.settled.append(command)
            if document["outcome"] != "unchanged":  # what changed nothing isn't remembered, so its key is free
                self.remembered.append(command)

    async def carry_out(self, command, give_up=True, deadline=None):
        """Attempts through any instance until there is an answer. False when it was given up."""
        instance = self.dice.randrange(len(self.ports))
        while deadline is None or time.monotonic() < deadline:
            answer = await self.attempt(command, instance, self.dice.choice(TIMEOUTS_SECONDS))
            if answer:
                self.settle(command, answer)
                return True
            if give_up and self.dice.random() < ABANDON_SHARE:
                return False
            if self.stopping and deadline is None:
                self.open.append(command)
                return False
            instance = self.dice.randrange(len(self.ports))
            await asyncio.sleep(self.dice.uniform(*PAUSE_SECONDS))
        return False

    async def _client(self):
        while not self.stopping:
            choice = self.dice.random()
            if self.settled and choice < REPEAT_SHARE:
                await self.repeat(self.dice.choice(self.settled[-300:]))
            elif self.remembered and choice < REPEAT_SHARE + REUSE_SHARE:
                await self.reuse(self.dice.choice(self.remembered[-300:]))
            else:
                await self.carry_out(self.new(*self.workload.next()))
            await asyncio.sleep(self.dice.uniform(*THINK_SECONDS))

    async def repeat(self, command):
        """A settled command once more. Its answer is compared when the history is checked."""
        await self.attempt(command, self.dice.randrange(len(self.ports)), TIMEOUTS_SECONDS[-1])

    async def reuse(self, command):
        """Its key with another body."""
        fields = self.workload.other_body(command.name, command.fields)
        if fields:
            await self.attempt(self.new(command.name, fields, None, of=command), self.dice.randrange(len(self.ports)), TIMEOUTS_SECONDS[-1])

    async def burst(self, instance, count, choose=None):
        """Requests to this instance alone, at once; carried on through others when it doesn't answer. `choose` has their commands instead
        of the workload's next ones."""
        async def one():
            command = self.new(*(choose or self.workload.next)())
            answer = await self.attempt(command, instance, TIMEOUTS_SECONDS[-1])
            if answer:
                self.settle(command, answer)
            else:
                await self.carry_out(command)
        await asyncio.gather(*(one() for _ in range(count)))

    async def setup(self, seconds):
        for name, fields in self.workload.setup():
            if not await self.carry_out(self.new(name, fields), False, time.monotonic() + seconds):
                raise RuntimeError(f"{name} {fields} was not answered within {seconds} s though nothing is broken")

    async def run(self, seconds):
        clients = [asyncio.create_task(self._client()) for _ in range(CLIENTS)]
        try:
            await asyncio.sleep(seconds)
        finally:
            self.stopping = True
        await asyncio.gather(*clients)

    async def settle_all(self):
        """All is healed: what is open gets an answer now, and settled commands, sent again, get the same one."""
        deadline = time.monotonic() + SETTLE_SECONDS
        await asyncio.gather(*(self.carry_out(command, False, deadline) for command in self.open))
        unanswered = [command.id for command in self.open if command.answer is None]
        again = self.dice.sample(self.settled, min(FINAL_REPEATS, len(self.settled)))
        await asyncio.gather(*(self.repeat(command) for command in again))
        again = self.dice.sample(self.remembered, min(FINAL_REUSES, len(self.remembered)))
        await asyncio.gather(*(self.reuse(command) for command in again))
        return unanswered

    def close(self):
        self.connections.close()
        self.history.close()
