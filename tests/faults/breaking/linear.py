"""From histories to operations for the linearizability checker, and what it says of them.

A command that is in the log took effect once, between the call of the attempt that its commit came from and the first answer that says
so, or at any time after the call when nobody heard. So a repetition that is answered as committed needs no operation of its own: it
bounds the effect's time. What was never answered and isn't in the log did nothing.
"""
import json
import re
import subprocess

from breaking import history
from breaking.settings import LINEARIZABILITY

STREAM_SECONDS = 30
PROCESS_SECONDS = 300
GAVE_UP = "the checker failed"
NAMED = {"stock-insufficient": re.compile(r"(\d+) are available"), "stock-reference-used": re.compile(r"stands for (-?\d+) units"),
         "reservation-differs": re.compile(r"stands for (\d+) units")}
MODELLED = ("stock-", "cart-")
FIELDS = {"sku": "sku", "quantity": "quantity", "delta": "delta", "reference": "reference", "customer_id": "customer", "currency": "currency", "order_id": "order"}


def base(command, attempt, **more):
    fields = {FIELDS[name]: value for name, value in command.fields.items() if name in FIELDS}
    if command.stream.startswith("stock-"):
        fields.pop("sku")
    if "lines" in command.fields:
        first = command.fields["lines"][0]  # the workload names one
        fields |= {"line": first["line"], "quantity": first["quantity"]} if isinstance(first, dict) else {"line": first}
    expected = {} if command.expected is None else {"expected": command.expected}
    return {"stream": command.stream, "id": attempt.id, "command": command.name} | fields | expected | more


def effect(command, record):
    """The one moment at which the command took effect."""
    heard = [a.answered for a in command.attempts if a.committed]
    first = next((a for a in command.attempts if a.id == record.commit["causation_id"]), command.attempts[0])
    return base(command, first, kind="apply", version=record.commit["base_version"] + 1, call=first.call, **{"return": min(heard, default=history.NEVER)})


def answers(command):
    """What else was answered: what the state must have been at some moment between call and answer."""
    for attempt in command.attempts:
        times = {"call": attempt.call, "return": attempt.answered}
        if attempt.success and attempt.body["outcome"] == "unchanged":
            yield base(command, attempt, kind="unchanged", version=attempt.body["version"], **times)
        elif attempt.status == 412:
            yield base(command, attempt, kind="mismatch", version=int(re.search(r"it has version (\d+)", attempt.body["detail"])[1]), **times)
        elif attempt.refused and attempt.slug != "idempotency-key-reused":
            found = NAMED[attempt.slug].search(attempt.body.get("detail", "")) if attempt.slug in NAMED else None
            named = {"named": int(found[1])} if found else {}
            yield base(command, attempt, kind="reject", version=0, slug=attempt.slug, **named, **times)


def operations(evidence):
    by_command = {record.commit["correlation_id"]: record for record in evidence.commits}
    for command in evidence.commands.values():
        if not command.attempts or not command.stream.startswith(MODELLED):
            continue
        record = by_command.get(command.id)
        if record:
            yield effect(command, record)
        yield from answers(command)


def check(evidence, path):
    """[finding]; writes what was checked to `path`."""
    with open(path, "w", encoding="utf-8") as file:
        for operation in operations(evidence):
            file.write(json.dumps(operation) + "\n")
    done = subprocess.run([LINEARIZABILITY, "-timeout", str(STREAM_SECONDS), str(path)], capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 1, 2) or not rows or "streams" not in rows[-1]:
        return [f"{GAVE_UP}: {done.stderr.strip()[-500:]}"]
    return [f"{row['stream']}: {row['result']}; {row['explained']} of {row['operations']} operations could be put into an order, not {row.get('left')}"
            for row in rows[:-1]]
