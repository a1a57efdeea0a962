"""Which fault happens when: a function of the seed, written down before the round begins, and all that a replay needs.

A plan is a list of rows: {"at": seconds after the clients began, "kind", "instance": or -1, "for": seconds it lasts, …}.
"""
import json
import random

from breaking.settings import SESSION_MS

SESSION = SESSION_MS / 1000
CALM_SECONDS = 3.0  # at a round's beginning and between two bursts of faults

# kind: (weight, shortest, longest)
KINDS = {
    "kill": (4, 0.1, 2.5),
    "terminate": (3, 0.1, 1.5),
    "pause": (4, SESSION + 1.0, SESSION + 4.0),  # longer than the session: it wakes up and has lost everything
    "hiccup": (3, 0.05, 0.8),
    "latency": (3, 2.0, 6.0),
    "reset": (3, 0.5, 2.0),
    "cut-off": (3, 0.5, SESSION + 4.0),  # one instance's way to Kafka
    "partition": (2, 0.5, SESSION + 2.0),  # everybody's
    "broker-kill": (2, 0.1, 2.0),
    "disk-full": (3, 2.0, 6.0),
    "late-writes": (4, SESSION + 2.0, SESSION + 3.5),  # held back until the session is over, then let through
    "stale-burst": (4, SESSION + 1.5, SESSION + 3.0),  # paused with requests in its sockets, woken when others have written
}
ON_ALL = ("partition", "broker-kill")


def make(seed, number, seconds, instances, disks=True):
    """The plan of one round. Every round of the same seed deals the kinds anew; see `deal`."""
    dice = random.Random(f"{seed}/{number}")
    rows, at = [], CALM_SECONDS
    for kind in deal(dice, seed, number, disks):
        _, shortest, longest = KINDS[kind]
        length = round(dice.uniform(shortest, longest), 2)
        if at + length > seconds - 1:
            break
        row = {"at": round(at, 2), "kind": kind, "instance": -1 if kind in ON_ALL else dice.randrange(instances), "for": length}
        if kind == "latency":
            row |= {"ms": dice.choice((20, 100, 400, 1500)), "jitter": dice.choice((0, 50, 300))}
        rows.append(row)
        # Most follow one another; some overlap, on another instance or on the same.
        at += length * dice.choice((0.3, 1.0, 1.0, 1.0)) + dice.uniform(0.2, 1.2)
    return rows


def deal(dice, seed, number, disks):
    """First this round's share of all kinds, so that a few rounds have them all; then at random by weight."""
    kinds = [kind for kind in KINDS if disks or kind != "disk-full"]
    order = random.Random(f"{seed}/order").sample(kinds, len(kinds))
    share = (len(order) + 1) // 2
    first = [order[(number * share + i) % len(order)] for i in range(share)]
    dice.shuffle(first)
    yield from first
    while True:
        yield dice.choices(kinds, [KINDS[kind][0] for kind in kinds])[0]


def write(path, header, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in [header, *rows]), encoding="utf-8")


def read(path):
    header, *rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return header, rows
