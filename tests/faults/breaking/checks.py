"""The clients' histories held against the log. Each check yields what is wrong, in words; nothing is right."""
import base64
import dataclasses
from collections import Counter, defaultdict

from breaking import history, logbook

FINDINGS_SHOWN = 5  # of each check


@dataclasses.dataclass
class Evidence:
    """What there is to look at: `commits` are the valid ones."""
    commands: dict
    partitions: dict
    prefix: str
    commits: list = None
    by_attempt: dict = None

    def __post_init__(self):
        self.commits = logbook.valid(self.partitions)
        self.by_attempt = {record.commit["causation_id"]: record for record in self.commits}


def decode_position(token):
    """[(topic, partition, offset)] of a position token; its checksum is others' matter."""
    text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    version, *places, _checksum = text.split("|")
    if version != "1":
        raise ValueError(f"a token of version {version}")
    rows = (place.split("/") for place in places)
    return [(topic, int(partition), -1 if offset == "-" else int(offset, 16)) for topic, partition, offset in rows]


def versions(evidence):
    """The versions of a stream have no gap and no duplicate, and all of it lies in one partition."""
    streams = defaultdict(list)
    for record in sorted(evidence.commits, key=lambda r: (r.topic, r.partition, r.offset)):
        streams[record.commit["stream_id"]].append(record)
    for stream, rows in streams.items():
        if len({(r.topic, r.partition) for r in rows}) > 1:
            yield f"{stream} lies in several partitions"
        for expected, record in enumerate(rows):
            if record.commit["base_version"] != expected:
                yield f"{stream}: {record.place} continues version {record.commit['base_version']}, not {expected}"
                break


def once(evidence):
    """No command is in the log twice."""
    for what in ("command_id", "correlation_id"):
        places = defaultdict(list)
        for record in evidence.commits:
            places[record.commit[what]].append(record.place)
        for value, found in places.items():
            if len(found) > 1:
                yield f"{what} {value} is in the log {len(found)} times: {', '.join(found)}"


def known(evidence):
    """What is in the log was asked for, by an attempt at that command, and says what was asked."""
    attempts = {attempt.id: command for command in evidence.commands.values() for attempt in command.attempts}
    for record in evidence.commits:
        commit = record.commit
        command = attempts.get(commit["causation_id"])
        if command is None or command.id != commit["correlation_id"] or command.stream != commit["stream_id"]:
            yield f"{record.place}: {commit['stream_id']} by attempt {commit['causation_id']} was never asked for"
            continue
        (_, event), *more = commit["events"] if command.name != "CreateProduct" else commit["events"][:1]
        wrong = [name for name in ("sku", "cart_id", "quantity", "delta", "reference") if name in command.fields and name in event
                 and event[name] != command.fields[name]]
        if more or wrong:
            yield f"{record.place}: command {command.id} {command.name} {command.fields} became {commit['events']}"


def acknowledged(evidence):
    """A command that was acknowledged is in the log, valid, with the version and at the position that the answer names."""
    by_id = {record.commit["command_id"]: record for record in evidence.commits}
    for command in evidence.commands.values():
        for attempt in command.attempts:
            if not attempt.committed:
                continue
            record = by_id.get(attempt.body["command_id"])
            if record is None:
                yield f"attempt {attempt.id} ({command.name} on {command.stream}) was acknowledged with version {attempt.body['version']} and isn't in the log"
                continue
            said = (command.stream, attempt.body["version"], decode_position(attempt.position))
            topic = record.topic.removeprefix(evidence.prefix + ".")
            found = (record.commit["stream_id"], record.commit["base_version"] + 1, [(topic, record.partition, record.offset)])
            if said != found:
                yield f"attempt {attempt.id} was acknowledged as {said}; the log has {found}"
            if record.commit["correlation_id"] != command.id:
                yield f"attempt {attempt.id} of {command.id} was acknowledged by the commit of {record.commit['correlation_id']}"


def refused(evidence):
    """An attempt that was refused, or changed nothing, never appears; nor does a command all of whose attempts were."""
    by_command = {record.commit["correlation_id"]: record for record in evidence.commits}
    for command in evidence.commands.values():
        for attempt in command.attempts:
            nothing = attempt.refused or (attempt.success and attempt.body["outcome"] == "unchanged")
            if nothing and attempt.id in evidence.by_attempt:
                yield f"attempt {attempt.id} was answered {attempt.status} and is in the log at {evidence.by_attempt[attempt.id].place}"
        if command.attempts and all(attempt.refused for attempt in command.attempts) and command.id in by_command:
            yield f"command {command.id} was refused at each attempt and is in the log at {by_command[command.id].place}"


def equal_answers(evidence):
    """A settled command, sent again, is answered as it was."""
    for command in evidence.commands.values():
        answers = {(a.body["command_id"], a.body["stream"], a.body["version"], a.body["position"], a.position) for a in command.attempts if a.committed}
        if len(answers) > 1:
            yield f"command {command.id} was answered in {len(answers)} ways: {sorted(answers)}"
        first = next((a for a in command.attempts if a.committed), None)
        for attempt in command.attempts:
            if first and attempt.settled and not attempt.committed and attempt.call > first.answered:
                yield f"command {command.id} was acknowledged, and later answered {attempt.status} {attempt.body}"


def reused_keys(evidence):
    """The key of a command that was committed, with another body, is refused, and for that reason alone."""
    for command in evidence.commands.values():
        first = evidence.commands.get(command.of) if command.of else None
        if not first or not any(a.committed for a in first.attempts):
            continue
        for attempt in command.attempts:
            if attempt.settled and (attempt.status, attempt.slug) != (422, "idempotency-key-reused"):
                yield f"attempt {attempt.id} used the key of {first.id} with another body and was answered {attempt.status} {attempt.body}"


# What an event moves between the accounts of a SKU: (available, reserved, sold) for each of its units.
MOVES = {"StockReceived": (1, 0, 0), "StockAdjusted": (1, 0, 0), "StockReserved": (-1, 1, 0), "ReservationConfirmed": (0, -1, 1),
         "ReservationReleased": (1, -1, 0), "ReservationExpired": (1, -1, 0), "StockReturned": (1, 0, -1)}


def stock(evidence):
    """No account is ever below nothing; a line is reserved once, and what is sold or released of it is what was reserved."""
    accounts, lines = defaultdict(lambda: [0, 0, 0]), {}
    for record in sorted(evidence.commits, key=lambda r: (r.topic, r.partition, r.offset)):
        for name, event in record.commit["events"]:
            kind = name.rsplit(".", 1)[-1]
            if kind not in MOVES:
                continue
            units, sku = event.get("quantity", event.get("delta")), event["sku"]
            accounts[sku] = [have + units * move for have, move in zip(accounts[sku], MOVES[kind])]
            if min(accounts[sku]) < 0:
                yield f"{record.place}: {sku} has {accounts[sku]} available, reserved and sold"
            if kind == "StockReserved":
                before = lines.get((sku, event["order_id"], event["line"]))
                if before is not None:
                    yield f"{record.place}: line {event['line']} of {event['order_id']} is reserved again"
                lines[sku, event["order_id"], event["line"]] = units
            elif kind in ("ReservationConfirmed", "ReservationReleased"):
                if lines.get((sku, event["order_id"], event["line"])) != units:
                    yield f"{record.place}: {units} of line {event['line']} of {event['order_id']}, which hadn't so many reserved"
                lines[sku, event["order_id"], event["line"]] = 0


CHECKS = {"versions": versions, "once": once, "known": known, "acknowledged": acknowledged, "refused": refused,
          "equal answers": equal_answers, "reused keys": reused_keys, "stock": stock}


def run(evidence):
    """{check: [finding]}, all checks named."""
    return {name: list(check(evidence)) for name, check in CHECKS.items()}


def acknowledged_count(commands):
    return sum(any(a.committed for a in command.attempts) for command in commands.values())


def statuses(commands):
    """How often each answer was given."""
    def name(attempt):
        if attempt.answered == history.NEVER:
            return "none"
        if attempt.success:
            return f"{attempt.status} {attempt.body['outcome']}"
        return f"{attempt.status} {attempt.slug}"
    return Counter(name(attempt) for command in commands.values() for attempt in command.attempts)
