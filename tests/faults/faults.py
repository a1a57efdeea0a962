"""Breaks Orderlog at random, under clients that retry, and checks that nothing was lost, doubled, forked or answered from a stale
state. Each round has a namespace and a plan of faults of its own; plan and histories are kept in .run/faults."""
import argparse
import asyncio
import pathlib
import random
import signal
import sys
import time

from breaking import plan, settings  # settings first: it sets the path
from breaking import mutants, report, rounds
from breaking.proxies import Proxies
from breaking.servers import Servers

LONG_MINUTES, LONG_ROUND_SECONDS = 30.0, 45.0
SHORT_ROUNDS, SHORT_ROUND_SECONDS = 3, 32.0
SETTLING_SECONDS = 25  # about what a round takes beside its faults


def parse():
    parser = argparse.ArgumentParser(prog="tests/faults/run", description=__doc__,
                                     epilog="The last line is 'N passed, N failed'. Exit codes: 0 all passed, 1 something failed, 2 wrong usage.")
    parser.add_argument("--short", action="store_true", help="three short rounds, for CI")
    parser.add_argument("--minutes", type=float, default=LONG_MINUTES, help="how long the long form takes (default %(default)s)")
    parser.add_argument("--rounds", type=int, help="so many rounds, however long they take")
    parser.add_argument("--first-round", type=int, default=0, help="begin with this one, to replay it: the plan is a function of seed and round")
    parser.add_argument("--round-seconds", type=float, help="under faults, in each round")
    parser.add_argument("--seed", type=int, help="of plans and clients (default: a new one, which is printed)")
    parser.add_argument("--plan", type=pathlib.Path, help="one round by this plan (a plan.jsonl)")
    parser.add_argument("--instances", type=int, default=3, choices=range(1, 6), help="command-api processes (default %(default)s)")
    parser.add_argument("--build", type=pathlib.Path, default=settings.REPOSITORY / "build", help="where command-api was built")
    parser.add_argument("--prove", nargs="*", metavar="MUTANT", choices=[*mutants.PROVOCATIONS], help="show that the checkers notice when this safeguard is missing "
                        f"(default: each of {', '.join(mutants.PROVOCATIONS)})")
    parser.add_argument("--no-mounts", action="store_true", help="leave out what needs the right to mount: the full disk")
    return parser.parse_args()


class Suite:
    def __init__(self, arguments):
        self.arguments = arguments
        self.begin = time.monotonic()
        self.servers = Servers(max(arguments.instances, 2))
        self.proxies = Proxies(self.servers.proxied)
        seconds = arguments.round_seconds or (SHORT_ROUND_SECONDS if arguments.short else LONG_ROUND_SECONDS)
        seed = random.SystemRandom().randrange(1, 100_000) if arguments.seed is None else arguments.seed
        self.options = rounds.Options(seed, seconds, arguments.instances, not arguments.no_mounts,
                                      (arguments.build / "command-api" / "command-api").resolve())
        self.results = []

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f} s] {text}", flush=True)

    async def one(self, number, rows=None):
        one = rounds.Round(number, self.servers, self.proxies, self.options, self.say, rows)
        self.say(f"round {number}: {len(one.rows)} faults in {self.options.seconds:.0f} s on {self.options.instances} instance(s)")
        try:
            result = await one.run()
        finally:
            one.close()
        self.results.append(result)
        self.say(report.round_line(result))
        if not result.good:
            print(f"{report.findings_text(result)}\n    kept in {one.folder}; again: tests/faults/run --seed {self.options.seed} --first-round {number} --rounds 1 "
                  f"--round-seconds {self.options.seconds:g} --instances {self.options.instances}", flush=True)

    def numbers(self):
        """Which rounds: as many as were asked for, or as fit into the time."""
        arguments, number = self.arguments, self.arguments.first_round
        count = arguments.rounds or (SHORT_ROUNDS if arguments.short else None)
        while (number - arguments.first_round < count if count else
               time.monotonic() - self.begin + self.options.seconds + SETTLING_SECONDS < arguments.minutes * 60):
            yield number
            number += 1

    def judge_all(self):
        """What only all rounds together can show."""
        total = report.totals(self.results)
        kinds = [kind for kind in plan.KINDS if self.options.mounts or kind != "disk-full"]
        missing = [kind for kind in kinds if not total["faults"].get(kind)]
        checks = {"every kind of fault occurred": not missing}
        if self.options.instances > 1:
            checks["void commits occurred"] = total["log"].get("void commits", 0) > 0
        if total["faults"].get("disk-full"):
            checks["a checkpoint met a full disk"] = total["full disks met"] > 0
        checks["instances went on from checkpoints"] = total["checkpoints"].get("restored", 0) > 0
        if missing:
            self.say(f"kinds that did not occur: {', '.join(missing)}")
        return checks

    async def prove(self, names, control=True):
        """{check: good}: with the safeguard off the checkers speak, with it on they don't."""
        proof, checks = mutants.Proof(self.servers, self.proxies, self.options, self.arguments.build), {}
        for name in names:
            found = await proof.findings(name, name)
            spoken = mutants.of_checkers(found)
            self.say(f"without {name}: " + (f"noticed by {', '.join(spoken)}" if spoken else f"NOT NOTICED {found.get('schedule', '')}"))
            for texts in spoken.values():
                print(f"    {texts[0]}")
            checks[f"without {name}"] = bool(spoken)
            if control:
                found = {check: texts for check, texts in (await proof.findings(name, None)).items() if texts}
                self.say(f"with {name}: " + (f"FINDINGS {found}" if found else "nothing found"))
                checks[f"with {name}"] = not found
        return checks

    async def run(self):
        self.say(f"seed {self.options.seed}; starting Kafka, the registry and toxiproxy")
        await self.servers.up()
        await self.proxies.up()
        if self.arguments.prove is not None:
            return self.sum_up(await self.prove(self.arguments.prove or mutants.PROVOCATIONS))
        if self.arguments.plan:
            header, rows = plan.read(self.arguments.plan)
            self.options.seed, self.options.seconds = header["seed"], header["seconds"]
            await self.one(header["round"], rows)
        else:
            for number in self.numbers():
                await self.one(number)
        print("\n" + report.table(self.results, plan.KINDS))
        checks = {f"round {r.number}": r.good for r in self.results}
        if not self.arguments.plan and len(self.results) > 1:
            checks |= self.judge_all()
        if self.arguments.short:
            self.say("proving the checkers")
            checks |= await self.prove(mutants.SHORT, control=False)
        return self.sum_up(checks)

    def sum_up(self, checks):
        for name, good in checks.items():
            if not good:
                print(f"failed: {name}")
        good = sum(checks.values())
        print(f"{good} passed, {len(checks) - good} failed")
        return 0 if checks and good == len(checks) else 1

    def down(self):
        self.proxies.down()
        self.servers.down()


def main():
    suite = Suite(parse())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return asyncio.run(suite.run())
    except KeyboardInterrupt:
        return 1
    finally:
        suite.down()


if __name__ == "__main__":
    sys.exit(main())
