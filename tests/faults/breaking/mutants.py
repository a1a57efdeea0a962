"""The safeguards of libevents/log/mutant.h switched off one by one, each with the schedule that makes it matter: the checkers must
report it, and must report nothing when the same schedule runs with every safeguard in place.

The schedules retell the shortest ways that the model finds (docs/reliability.md, "What goes wrong without each rule")."""
import asyncio
import dataclasses
import shutil

from breaking import checks, history, linear, logbook
from breaking.settings import RESULTS
from breaking.stage import Stage

PARTITIONS = "1"
SENT_SECONDS = 0.4  # for a request to have become an append on its way


async def epoch(stage):
    """The owner's first commits are held up; another fences; then they land, with the numbers that are the next ones."""
    first, second = await stage.find_owner()
    records = await stage.records()
    await stage.kill(first)  # so that the second one's fence is fresh: its next number is 0
    await stage.await_fence_of(second, len(records))
    await stage.restart(first)
    owner, other = await stage.find_owner()
    records = await stage.records()
    await stage.hold(owner)
    commands = [stage.receive(f"late-{i}", 5) for i in range(3)]
    waiting = [stage.later(command, owner) for command in commands]
    await asyncio.sleep(SENT_SECONDS)
    stage.pause(owner)  # or it would hand its commands on to the other
    await stage.await_fence_of(other, len(records))
    await stage.let_through(owner)
    await stage.await_log(lambda rows: sum(r.verdict == "void" for r in rows) >= 3, "the late commits have landed")
    await stage.send(stage.take("nothing", 1), other)  # a refusal has it read to the log's end, with nothing of its own on the way
    for command in commands:
        await stage.must(command, other)
    stage.wake(owner)
    await asyncio.gather(*waiting)


async def sequence(stage):
    """A producer loses a record and sends the one after it: a commit of the current epoch behind a hole."""
    owner, _ = await stage.find_owner()
    await stage.must(stage.receive("s", 5), owner)
    last = (await stage.records())[-1].commit
    command = stage.receive("other", 7)
    stage.clients.history.write(event="call", at=0, attempt=f"{command.id}.0", command=command.id, instance=owner.index)
    event = ("orderlog.stock.StockReceived", {"sku": "other", "quantity": 7, "reference": None})
    await stage.inject(*stage.fresh_commit(command, f"{command.id}.0", 0, last["epoch"], last["seq"] + 2, event))
    await stage.send(stage.take("nothing", 1), owner)  # a refusal has it read to the log's end, with nothing of its own on the way
    await stage.must(stage.receive("other", 2), owner)


async def contiguity(stage):
    """The owner's append is on its way when it is paused; another fences; the append lands behind the fence, and the broker says so."""
    owner, other = await stage.find_owner()
    await stage.must(stage.receive("s", 5), owner)
    records = await stage.records()
    await stage.hold(owner)
    waiting = stage.later(stage.receive("s", 7), owner)
    await asyncio.sleep(SENT_SECONDS)
    stage.pause(owner)
    await stage.await_fence_of(other, len(records))
    await stage.let_through(owner)
    await stage.await_log(lambda rows: rows[-1].verdict == "void", "the late commit has landed")
    stage.wake(owner)
    await waiting
    await stage.must(stage.receive("s", 1), other)


async def catch_up(stage):
    """The owner dies; whoever is next has to know what it wrote."""
    owner, other = await stage.find_owner()
    await stage.must(stage.receive("s", 5), owner)
    await stage.kill(owner)
    await stage.must(stage.receive("s", 7), other)
    await stage.must(stage.take("s", 12), other)


async def confirmation(stage):
    """A paused owner is asked for what it hasn't got, and others have by now."""
    owner, other = await stage.find_owner()
    await stage.must(stage.receive("s", 1), owner)
    records = await stage.records()
    stage.pause(owner)
    await stage.await_fence_of(other, len(records))
    await stage.must(stage.receive("s", 100), other)
    waiting = stage.later(stage.take("s", 50), owner)  # into its socket
    await asyncio.sleep(SENT_SECONDS)
    stage.wake(owner)
    await waiting


async def deduplication(stage):
    """A client that has lost its answer repeats the command."""
    owner, _ = await stage.find_owner()
    command = stage.receive("s", 5)
    await stage.must(command, owner)
    await stage.must(command, owner)


async def delivery(stage):
    """The owner dies with appends that never reached the log."""
    owner, other = await stage.find_owner()
    await stage.must(stage.receive("s", 5), owner)
    await stage.lose(owner)
    waiting = [stage.later(stage.receive("s", i + 1), owner) for i in range(3)]
    await asyncio.sleep(SENT_SECONDS)
    await stage.kill(owner)
    await asyncio.gather(*waiting)
    await stage.must(stage.receive("s", 9), other)


async def redecide(stage):
    """A commit turns out void; its owner gets the partition back and goes on."""
    owner, other = await stage.find_owner()
    await stage.must(stage.receive("s", 5), owner)
    records = await stage.records()
    await stage.hold(owner)
    # Its time passes while the owner is paused, or the command would be handed on and committed after all.
    waiting = stage.later(stage.receive("s", 50), owner, wait="wait=1")
    await asyncio.sleep(SENT_SECONDS)
    stage.pause(owner)
    await stage.await_fence_of(other, len(records))
    await stage.let_through(owner)
    await stage.await_log(lambda rows: rows[-1].verdict == "void", "the late commit has landed")
    stage.wake(owner)
    await waiting
    await stage.find_owner()
    await stage.kill(other)
    await stage.must(stage.receive("s", 1), owner)


PROVOCATIONS = {"epoch": epoch, "sequence": sequence, "contiguity": contiguity, "catch-up": catch_up, "confirmation": confirmation,
                "deduplication": deduplication, "delivery": delivery, "redecide": redecide}
SHORT = ("contiguity", "confirmation", "epoch")


class Proof:
    """Runs a schedule with and without its safeguard."""

    def __init__(self, servers, proxies, options, build):
        self.servers, self.proxies = servers, proxies
        program = (build / "tests" / "faults" / "command-api-mutant").resolve()
        self.options = dataclasses.replace(options, instances=2, program=program)

    async def findings(self, name, mutant):
        """{check: [text]} of one run; `mutant` None: every safeguard in place."""
        environment = {"ORDERLOG_PARTITIONS": PARTITIONS} | ({"ORDERLOG_MUTANT": mutant} if mutant else {})
        folder = RESULTS / f"prove-{name}{'' if mutant else '-control'}"
        shutil.rmtree(folder, ignore_errors=True)
        stage = Stage(name, self.servers, self.proxies, folder, dataclasses.replace(self.options, environment=environment))
        found = {}
        try:
            await stage.cluster.up()
            await PROVOCATIONS[name](stage)
        except RuntimeError as error:
            found["schedule"] = [str(error)]
        finally:
            await self.proxies.heal()
            stage.close()
        return found | await asyncio.to_thread(self.judge, stage)

    def judge(self, stage):
        partitions = logbook.read(self.servers.brokers, self.servers.registry, stage.prefix, ["product"])
        logbook.write(partitions, stage.folder / "log.jsonl")
        evidence = checks.Evidence(history.read(stage.folder / "history.jsonl"), partitions, stage.prefix)
        return checks.run(evidence) | {"linearizability": linear.check(evidence, stage.folder / "operations.jsonl")}


def of_checkers(found):
    """What the checkers found; that a schedule couldn't be played to its end, or a checker gave up, is no proof of anything."""
    spoken = {check: [text for text in texts if not text.startswith(linear.GAVE_UP)] for check, texts in found.items() if check != "schedule"}
    return {check: texts for check, texts in spoken.items() if texts}


