"""What rounds came to, as tables."""
from collections import Counter

from breaking.checks import FINDINGS_SHOWN
from breaking.rounds import CHECKPOINT_EVENTS

LOG_ROWS = ("commits", "void commits", "fences", "void fences", "refences", "restarts", "hand-overs")


def findings_text(result):
    rows = []
    for check, found in result.findings.items():
        for text in found[:FINDINGS_SHOWN]:
            rows.append(f"    {check}: {text}")
        if len(found) > FINDINGS_SHOWN:
            rows.append(f"    {check}: … and {len(found) - FINDINGS_SHOWN} more")
    return "\n".join(rows)


def round_line(result):
    log = ", ".join(f"{result.log.get(name, 0)} {name}" for name in LOG_ROWS)
    checkpoints = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in result.checkpoints.items())
    return (f"round {result.number}: {'ok' if result.good else 'FAILED'} in {result.seconds:.0f} s; {result.acknowledged} commands acknowledged in "
            f"{result.attempts} attempts; {log}; checkpoints: {checkpoints}")


def totals(results):
    return {
        "faults": sum((Counter(r.faults) for r in results), Counter()),
        "log": sum((Counter(r.log) for r in results), Counter()),
        "statuses": sum((Counter(r.statuses) for r in results), Counter()),
        "checkpoints": sum((Counter(r.checkpoints) for r in results), Counter()),
        "full disks met": sum(r.full_disks_met for r in results),
        "acknowledged": sum(r.acknowledged for r in results),
        "attempts": sum(r.attempts for r in results),
    }


def table(results, kinds):
    """Counts over all rounds, in Markdown."""
    total = totals(results)
    rows = [f"| {len(results)} rounds | |", "|---|---|", f"| commands acknowledged | {total['acknowledged']} |", f"| attempts | {total['attempts']} |"]
    rows += [f"| {name} in the log | {total['log'].get(name, 0)} |" for name in LOG_ROWS]
    rows += [f"| checkpoints {what.replace('_', ' ')} | {total['checkpoints'].get(what, 0)} |" for what in CHECKPOINT_EVENTS]
    rows += [f"| full disks that a checkpoint met | {total['full disks met']} |"]
    rows += [f"| fault: {kind} | {total['faults'].get(kind, 0)} |" for kind in kinds]
    rows += [f"| answers: {status} | {count} |" for status, count in sorted(total["statuses"].items(), key=lambda row: str(row[0]))]
    return "\n".join(rows)
