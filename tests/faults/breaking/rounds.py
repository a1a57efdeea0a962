"""One round: a namespace of its own, instances, clients, faults by plan; then all is healed, everything settles, and the checkers look."""
import asyncio
import dataclasses
import pathlib
import shutil
import signal
import time

from breaking import checks, clients, faults, history, linear, logbook, plan
from breaking.instances import Instance
from breaking.settings import RESULTS, TOPICS
from breaking.workload import Workload

SETUP_SECONDS, HEAL_SECONDS, READ_SECONDS = 40, 60, 120
FAULTS_SECONDS_MORE = 90  # for the last fault to be over
ACKNOWLEDGED_MIN_PER_SECOND = 10
CHECKPOINT_EVENTS = ("restored", "failed", "unusable", "thrown_away")


@dataclasses.dataclass
class Options:
    seed: int
    seconds: float
    instances: int
    mounts: bool
    program: pathlib.Path
    environment: dict = dataclasses.field(default_factory=dict)
    keep: bool = False


@dataclasses.dataclass
class Result:
    number: int
    findings: dict  # check: [text]
    faults: dict = dataclasses.field(default_factory=dict)
    log: dict = dataclasses.field(default_factory=dict)
    acknowledged: int = 0
    attempts: int = 0
    statuses: dict = dataclasses.field(default_factory=dict)
    checkpoints: dict = dataclasses.field(default_factory=dict)
    full_disks_met: int = 0
    seconds: float = 0.0

    @property
    def good(self):
        return not any(self.findings.values())


class Cluster:
    """What a round's faults break."""

    def __init__(self, prefix, servers, proxies, folder, options):
        self.servers, self.proxies = servers, proxies
        self.instances = [Instance(i, prefix, servers, folder, options) for i in range(options.instances)]
        self.clients = None

    async def up(self):
        # The first makes the topics and registers the schemas.
        for instance in self.instances:
            instance.child.start()
            await instance.await_ready()

    async def burst(self, instance, count):
        await self.clients.burst(instance.index, count)

    async def bulk(self, instance, count):
        await self.clients.burst(instance.index, count, self.clients.workload.bulky)

    async def heal(self):
        """Nothing is broken any more, and everybody serves."""
        await self.proxies.heal()
        if not self.servers.children["kafka"].running():
            self.servers.start_kafka()
        await self.servers.await_kafka()
        for instance in self.instances:
            instance.disk.free()
            instance.child.signal(signal.SIGCONT)
            if not instance.child.running():
                instance.child.start()
        await asyncio.gather(*(instance.await_ready(HEAL_SECONDS) for instance in self.instances))

    def checkpoints(self):
        """{what became of them: [what the instances' logs say of each]}"""
        return {what: [row for instance in self.instances for row in instance.told(f"checkpoint.{what}")] for what in CHECKPOINT_EVENTS}

    def finish(self):
        for instance in self.instances:
            instance.finish()


def of_checkpoints(events):
    """Nothing here damages one, and the log loses nothing: none is thrown away."""
    return [f"thrown away: {row}" for row in events["thrown_away"]]


class Round:
    def __init__(self, number, servers, proxies, options, say, rows=None):
        self.number, self.options, self.say = number, options, say
        self.prefix = f"f{options.seed}-{number}-{int(time.time()) % 100000}"
        self.folder = RESULTS / f"round-{number}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.rows = rows if rows is not None else plan.make(options.seed, number, options.seconds, options.instances, options.mounts)
        header = {"seed": options.seed, "round": number, "seconds": options.seconds, "instances": options.instances}
        plan.write(self.folder / "plan.jsonl", header, self.rows)
        self.cluster = Cluster(self.prefix, servers, proxies, self.folder, options)
        seed = f"{options.seed}/{number}"
        self.clients = clients.Clients(seed, Workload(seed), [(i.public, i.private) for i in self.cluster.instances], self.folder / "history.jsonl")
        self.cluster.clients = self.clients
        self.faults = faults.Faults(self.cluster, say)

    async def run(self):
        begin, findings = time.monotonic(), {}
        try:
            await self.cluster.up()
            await self.clients.setup(SETUP_SECONDS)
            await self.under_faults()
            self.say("  healing")
            unanswered = await self.settle()
            findings["settled"] = [f"command {name} has no answer though nothing is broken" for name in unanswered]
        except (RuntimeError, asyncio.TimeoutError) as error:
            findings["settled"] = [f"{type(error).__name__}: {error}"]
        finally:
            self.clients.close()
        findings["processes"] = list(self.faults.troubles)
        result = await asyncio.to_thread(self.judge, findings)
        self.cluster.finish()
        await asyncio.to_thread(self.cluster.servers.forget, self.prefix)
        result.seconds = time.monotonic() - begin
        return result

    async def under_faults(self):
        length = max([self.options.seconds] + [row["at"] + row["for"] for row in self.rows])
        await asyncio.wait_for(asyncio.gather(self.clients.run(length), self.faults.carry_out(self.rows)), length + FAULTS_SECONDS_MORE)

    async def settle(self):
        await self.cluster.heal()
        return await self.clients.settle_all()

    def judge(self, findings):
        commands = history.read(self.folder / "history.jsonl")
        partitions = logbook.read(self.cluster.servers.brokers, self.cluster.servers.registry, self.prefix, TOPICS)
        logbook.write(partitions, self.folder / "log.jsonl")
        evidence = checks.Evidence(commands, partitions, self.prefix)
        findings |= checks.run(evidence)
        findings["linearizability"] = linear.check(evidence, self.folder / "operations.jsonl")
        checkpoints = self.cluster.checkpoints()
        findings["checkpoints"] = of_checkpoints(checkpoints)
        acknowledged = checks.acknowledged_count(commands)
        least = int(self.options.seconds * ACKNOWLEDGED_MIN_PER_SECOND)
        findings["work done"] = [f"{acknowledged} commands were acknowledged; at least {least} were to be"] if acknowledged < least else []
        return Result(self.number, findings, self.faults.done, logbook.count(partitions), acknowledged,
                      sum(len(command.attempts) for command in commands.values()), checks.statuses(commands),
                      {what: len(rows) for what, rows in checkpoints.items()}, self.faults.full_disks_met)

    def close(self):
        self.clients.close()
        self.cluster.finish()
