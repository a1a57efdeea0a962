"""What happens to the stores and to the projectors, and when: a function of the seed, made before anything begins.

In even rounds what one projector writes is held back on its way, and it sleeps for longer than its group waits, so that the other takes
over and writes; then the old writes arrive, and the sleeper wakes. In odd rounds both are killed. The stores are spoiled in all of them, at
random times that overlap.
"""
import collections
import dataclasses
import random
import signal
import time

from harness import wait

STORES = ("mongodb", "elasticsearch")
PROJECTORS = ("first", "second")
REFUSED_SECONDS = 30
GROUP_SESSION_SECONDS = 6.0  # SHARE_SESSION_MS in projectors/share.h
ROUND_SECONDS = 13.0
HOLD_MS = 60_000  # until it is let go
# Spoiled stores: (shortest, longest).
LENGTHS = {"away": (0.5, 3.0), "latency": (1.5, 4.0), "bandwidth": (1.5, 4.0), "reset": (0.3, 1.5), "refusals": (2.0, 4.0)}
LATENCIES_MS, JITTERS_MS, RATES_KIB_PER_SECOND = (20, 100, 400), (0, 50, 200), (4, 16, 64)
REFUSALS = {"whole": 0.3, "item": 0.3, "lost": 0.15}  # probabilities, see Grudge
SHARE_OF_STORES = 5  # how many of the kinds a round has
KINDS = (*LENGTHS, "late writes", "pause", "hiccup", "kill")


@dataclasses.dataclass
class Row:
    at: float  # seconds after the beginning
    kind: str
    target: str
    seconds: float
    attributes: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        return f"{self.at:5.1f} s: {self.kind} of {self.target} for {self.seconds:.1f} s {self.attributes or ''}"


def plan(seed, rounds):
    dice = random.Random(seed)
    rows, deck = [], []
    for number in range(rounds):
        begin = number * ROUND_SECONDS
        for _ in range(SHARE_OF_STORES):
            if not deck:
                deck = [(kind, store) for kind in LENGTHS for store in STORES if (kind, store) != ("refusals", "mongodb")]
                dice.shuffle(deck)
            rows.append(spoiled(dice, begin, *deck.pop()))
        rows += deaths(dice, begin) if number % 2 else sleep(dice, begin)
    return sorted(rows, key=lambda row: row.at)


def spoiled(dice, begin, kind, store):
    seconds = dice.uniform(*LENGTHS[kind])
    attributes = {"latency": {"latency": dice.choice(LATENCIES_MS), "jitter": dice.choice(JITTERS_MS)},
                  "bandwidth": {"rate": dice.choice(RATES_KIB_PER_SECOND)}, "reset": {"timeout": 0}}.get(kind, {})
    return Row(begin + dice.uniform(0, ROUND_SECONDS - seconds), kind, store, seconds, attributes)


def sleep(dice, begin):
    """The sleeper first nods off, so that it wakes to a batch of many documents. That is held back, and its deep sleep begins.

    Who died in the round before is out of the group by then.
    """
    sleeper, other = dice.sample(PROJECTORS, 2)
    nod = Row(begin + dice.uniform(1.2, 1.6), "hiccup", sleeper, 1.5)
    held = Row(nod.at + nod.seconds - 0.1, "late writes", sleeper, GROUP_SESSION_SECONDS + dice.uniform(2.5, 3.0))
    asleep = held.at + dice.uniform(0.4, 0.7)
    return [nod, held, Row(asleep, "pause", sleeper, held.at + held.seconds + dice.uniform(0.2, 0.6) - asleep),
            Row(begin + dice.uniform(0.5, 6.0), "hiccup", other, dice.uniform(0.1, 1.0))]


def deaths(dice, begin):
    one, other = dice.sample(PROJECTORS, 2)
    # While the dead one's session lasts, the other goes on with its own partitions, until the dead one is back and asks for a share.
    return [Row(begin + dice.uniform(0, 1.0), "kill", one, dice.uniform(0.2, 5.0)),
            Row(begin + dice.uniform(1.0, 7.0), "hiccup", other, dice.uniform(0.1, 1.0)),
            Row(begin + dice.uniform(8.2, 9.0), "kill", other, dice.uniform(0.2, 0.9))]


def way(store, projector):
    """The name of the proxy between the two."""
    return f"{store}-{projector}"


class Disturbances:
    """Carries a plan out, from the main thread. `programs`: the projectors by name."""

    def __init__(self, proxies, grudge, programs):
        self.proxies, self.grudge, self.programs = proxies, grudge, programs
        self.done = collections.Counter()  # (kind, target): how often
        self.refusing = 0
        self.kinds = {"away": (self._away, self._back), "refusals": (self._refuse, self._take), "kill": (self._kill, self._start),
                      "pause": (self._pause, self._wake), "hiccup": (self._pause, self._wake)}
        self.kinds["late writes"] = (self._hold, self._let_go)
        self.kinds |= dict.fromkeys(("latency", "bandwidth", "reset"), (self._spoil, self._mend))

    def carry_out(self, rows, given_up):
        """Until the last one is over, or the event `given_up` is set; whatever was begun is ended."""
        steps = sorted([(row.at, number, True) for number, row in enumerate(rows)] + [(row.at + row.seconds, number, False) for number, row in enumerate(rows)])
        begin, begun = time.monotonic(), set()
        try:
            for at, number, begins in steps:
                if given_up.wait(max(0.0, begin + at - time.monotonic())):
                    break
                row = rows[number]
                if begins:
                    print(row, flush=True)
                    begun.add(number)
                    self.kinds[row.kind][0](f"row{number}", row)
                else:
                    begun.discard(number)
                    self.kinds[row.kind][1](f"row{number}", row)
                    self.done[row.kind, row.target] += 1
        finally:
            for number in begun:
                self.kinds[rows[number].kind][1](f"row{number}", rows[number])

    def _away(self, _name, row):
        for projector in PROJECTORS:
            self.proxies.disable(way(row.target, projector))

    def _back(self, _name, row):
        for projector in PROJECTORS:
            self.proxies.enable(way(row.target, projector))

    def _spoil(self, name, row):
        for projector in PROJECTORS:
            self.proxies.add(way(row.target, projector), name, {"reset": "reset_peer"}.get(row.kind, row.kind), **row.attributes)

    def _mend(self, name, row):
        for projector in PROJECTORS:
            self.proxies.remove(way(row.target, projector), name)

    def _hold(self, name, row):
        for store in STORES:
            self.proxies.add(way(store, row.target), name, "latency", "upstream", latency=HOLD_MS, jitter=0)

    def _let_go(self, name, row):
        for store in STORES:
            self.proxies.remove(way(store, row.target), name)

    def _refuse(self, _name, _row):
        self.refusing += 1
        self._set_grudge()

    def _take(self, _name, _row):
        self.refusing -= 1
        self._set_grudge()

    def refuse_until_felt(self):
        """Perhaps nobody wrote when Elasticsearch refused: then it goes on until somebody was."""
        self._refuse("", None)
        wait.until(lambda: min(self.grudge.refused.values()) > 0, REFUSED_SECONDS, "Elasticsearch has refused in every way")
        self._take("", None)

    def _set_grudge(self):
        for kind, probability in REFUSALS.items():
            setattr(self.grudge, kind, probability if self.refusing else 0.0)

    def _kill(self, _name, row):
        self.programs[row.target].kill()

    def _start(self, _name, row):
        self.programs[row.target].start()  # ready when it may be: its stores can be away

    def _pause(self, _name, row):
        self.programs[row.target].process.send_signal(signal.SIGSTOP)

    def _wake(self, _name, row):
        self.programs[row.target].process.send_signal(signal.SIGCONT)
