"""Commands per second, latency and CPU time, in interleaved rounds: A B C, A B C, … so that what slows the machine down slows all of them."""
import statistics

from measuring import contenders, processes

WARM_SECONDS = 2
FIGURES = ("per_second", "p50_ms", "p99_ms", "server_us", "broker_us", "load_us")


def measure(contender, broker_pid, connections, seconds):
    """One run: the load generator's figures, and CPU microseconds per answered command by process."""
    before = processes.cpu_seconds(broker_pid), contender.pid and processes.cpu_seconds(contender.pid)
    answer, load_cpu = contender.run(connections, seconds)
    count = max(1, answer["requests"])
    return {
        "per_second": answer["per_second"], "p50_ms": answer["p50_ms"], "p99_ms": answer["p99_ms"], "bad": answer["bad"],
        "server_us": (processes.cpu_seconds(contender.pid) - before[1]) / count * 1e6 if contender.pid else None,
        "broker_us": (processes.cpu_seconds(broker_pid) - before[0]) / count * 1e6,
        "load_us": load_cpu / count * 1e6,
    }


def run(orderlog, broker_pid, connections, rounds, seconds, with_idempotent, say):
    """{name: [figures of each round]} in the contenders' order."""
    rows = contenders.start_all(orderlog, with_idempotent)
    for row in rows:
        row.run(min(connections, 64), WARM_SECONDS)
    results = {row.name: [] for row in rows}
    for number in range(rounds):
        for row in rows:
            results[row.name].append(measure(row, broker_pid, connections, seconds))
        say(f"{connections} connections, round {number + 1} of {rounds}: "
            + ", ".join(f"{name} {runs[-1]['per_second']:.0f}/s" for name, runs in results.items()))
    return results


def medians(runs):
    row = {name: statistics.median(run[name] for run in runs) if runs[0][name] is not None else None for name in FIGURES}
    return row | {"bad": sum(run["bad"] for run in runs), "per_second_range": [min(r["per_second"] for r in runs), max(r["per_second"] for r in runs)]}


def ratio(results, one, other):
    """Median of the rates' ratios, each of one round: neighbours in time."""
    return statistics.median(a["per_second"] / b["per_second"] for a, b in zip(results[one], results[other]))


def summary(results):
    table = {name: medians(runs) for name, runs in results.items()}
    ratios = {other: ratio(results, "command-api", other) for other in results if other != "command-api"}
    return {"contenders": table, "command_api_to": ratios, "bare_handler_to_raw": ratio(results, "bare handler", "raw librdkafka"),
            "bare_handler_to_express": ratio(results, "bare handler", "Express + kafkajs")}
