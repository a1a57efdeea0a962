"""Sales on one product beside the same sales spread over many: how much is lost when everybody wants the same thing. A sale is a reservation and its
confirmation; the rate is that of sales. In interleaved rounds, on one instance; the hot product is the same one in all rounds, so that its stream has tens of
thousands of commits and remembers as many lines as it can by the end."""
import json
import statistics

from harness import places
from measuring import processes

CONNECTIONS, WARM_SECONDS = 64, 2
HOT, SPREAD = ["HOT"], [f"SPREAD{number:03}" for number in range(500)]
UNITS = 100_000_000


def sell(orderlog, skus, seconds):
    argv = ["wrk", "--latency", "-t", 2, "-c", CONNECTIONS, "-d", f"{seconds}s", "--timeout", "10s", "-s", places.REPOSITORY / "tests" / "bench" / "sell_stock.lua",
            orderlog.url("command-api", "private")]
    output, _ = processes.run_measured(argv, places.clean_environment() | {"SKUS": ",".join(skus)}, seconds)
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk printed no result:\n{output}")
    answer = json.loads(line.removeprefix("RESULT "))
    if answer["bad"] or not answer["sold"]:
        raise RuntimeError(f"sales were refused: {answer}")
    return answer


def run(orderlog, rounds, seconds, say):
    orderlog.start("command-api")
    for sku in HOT + SPREAD:
        answer = orderlog.command("ReceiveStock", sku=sku, quantity=UNITS, reference="bench")
        if answer.status_code != 200:
            raise RuntimeError(f"ReceiveStock {sku}: {answer.status_code} {answer.text}")
    pid, results = orderlog.program("command-api").process.pid, {"hot": [], "spread": []}
    for skus in (HOT, SPREAD):
        sell(orderlog, skus, WARM_SECONDS)
    for number in range(rounds):
        for name, skus in (("hot", HOT), ("spread", SPREAD)):
            before = processes.cpu_seconds(pid)
            answer = sell(orderlog, skus, seconds)
            answer["server_us"] = (processes.cpu_seconds(pid) - before) / answer["requests"] * 1e6
            results[name].append(answer)
        say(f"round {number + 1} of {rounds}: hot {results['hot'][-1]['per_second']:.0f} sales/s, spread {results['spread'][-1]['per_second']:.0f} sales/s")
    figures = {name: {what: round(statistics.median(answer[what] for answer in answers), 3) for what in ("per_second", "p50_ms", "p99_ms", "server_us")}
               for name, answers in results.items()}
    ratio = statistics.median(hot["per_second"] / spread["per_second"] for hot, spread in zip(results["hot"], results["spread"]))
    resident, peak = processes.resident_mb(pid)
    return {"rounds": rounds, "figures": figures, "ratio": round(ratio, 3), "sold_hot": sum(answer["sold"] for answer in results["hot"]),
            "resident_mb": round(resident, 1), "peak_mb": round(peak, 1)}
