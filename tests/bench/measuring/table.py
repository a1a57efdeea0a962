"""The results as Markdown: what was got, beside what was reached for."""

REACH_BARE, REACH_EXPRESS, REACH_MEMORY_MB, REACH_MONTH_SECONDS, REACH_STREAMS = 0.85, 10, 200, 30, 100_000
REACH_HOT = 0.5
REACH_VISIBLE_MS, REFRESH_MS = 150, 100
REACH_REPLAY_BARE, REACH_REPLAY_NAIVE, REACH_REPLAY_GROWTH = 0.8, 10, 1.25
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def heading(*cells):
    return [row(*cells), row(*("---" for _ in cells))]


def commands(results):
    lines = ["### Commands", "", "PlaceOrder with three lines. Medians over interleaved rounds; CPU in microseconds per answered command.", ""]
    lines += heading("connections", "server", "per second", "p50 ms", "p99 ms", "bad answers", "CPU of server", "of Kafka", "of the load generator")
    for connections, part in results.items():
        for name, figures in part["contenders"].items():
            lines.append(row(connections, name, number(figures["per_second"]), number(figures["p50_ms"]), number(figures["p99_ms"]), figures["bad"],
                             number(figures["server_us"]), number(figures["broker_us"]), number(figures["load_us"])))
    lines += ["", "Command API to the others: ratio of the rates of one round, median over the rounds.", ""]
    others = list(next(iter(results.values()))["command_api_to"])
    others += [name for part in results.values() for name in part["command_api_to"] if name not in others]
    lines += heading("connections", *dict.fromkeys(others), "bare handler to Express + kafkajs", "bare handler to raw librdkafka")
    for connections, part in results.items():
        ratios = [part["command_api_to"].get(name) for name in dict.fromkeys(others)]
        lines.append(row(connections, *(number(ratio) for ratio in ratios), number(part["bare_handler_to_express"]), number(part["bare_handler_to_raw"])))
    return lines + [""]


def hot(results):
    lines = ["### One product, or many", "", "Sales of one unit at 64 connections on one instance: ReserveStock, then ConfirmReservation. Hot: all of one product; spread: of 500 products in turn. "
             f"Medians over {results['rounds']} interleaved rounds; {results['sold_hot']:,} sales of the hot product, command-api with {results['peak_mb']} MB at its peak.", ""]
    lines += heading("", "sales per second", "p50 ms", "p99 ms", "CPU of server, us per command")
    for name, figures in results["figures"].items():
        lines.append(row(name, number(figures["per_second"]), number(figures["p50_ms"]), number(figures["p99_ms"]), number(figures["server_us"])))
    return lines + ["", f"Hot to spread, ratio of one round, median over the rounds: {number(results['ratio'])}.", ""]


def instances(results):
    lines = ["### More instances", "", "PlaceOrder at 64 connections, shared out evenly; the broker, the load generators and all instances on the same machine. CPU in microseconds per "
             "command, of all instances together.", ""]
    lines += heading("instances", "per second", "p50 ms", "p99 ms", "bad answers", "forwarded", "CPU of instances", "of Kafka")
    for count, figures in results["by_count"].items():
        lines.append(row(count, *(number(figures[name]) for name in ("per_second", "p50_ms", "p99_ms")), figures["bad"], f"{figures['forwarded']:.0%}",
                         number(figures["server_us"]), number(figures["broker_us"])))
    lines += ["", f"The longest that a command took while partitions moved, on 24 streams of all partitions, each called one command after the other (session time-out {results['session_ms']} ms).", ""]
    lines += heading("", "longest ms", "commands", "failed")
    for name, figures in results["moves"].items():
        lines.append(row(name, figures["longest_ms"], figures["commands"], figures["failed"]))
    return lines + [""]


def folds(results):
    lines = ["### Folds", "", f"{results['orders']:,} orders in the log. In memory: read from Kafka and folded into a map, one view at a time. In stores: projectors started, all views in "
             "all stores catch up side by side; seconds count from the start.", ""]
    lines += heading("view", "events", "seconds", "events per second")
    for name, figures in sorted(results["by_view_and_sink"].items()):
        lines.append(row(name, number(figures["events"]), number(figures["seconds"]), number(figures["per_second"])))
    return lines + [""]


def visible(results):
    lines = ["### From command to view", "", "From the command's answer to having read its effect with the answer's position, one after the other, beside 500 other commands a second. "
             "By polling MongoDB: documents written to MongoDB and copied by a process that polls it, from the write's answer to being found, beside 500 other writes a second.", ""]
    lines += heading("", "samples", "p50 ms", "p99 ms", "the command itself, p50 ms")
    for name, figures in results.items():
        lines.append(row(name, figures["samples"], number(figures["p50_ms"]), number(figures["p99_ms"]), number(figures["command_p50_ms"])))
        if "store_alone" in figures:
            alone = figures["store_alone"]
            lines.append(row("a document written and read by MongoDB's driver, meanwhile", alone["samples"], number(alone["p50_ms"]), number(alone["p99_ms"]), number(None)))
    return lines + [""]


def replay(results):
    largest = results[-1]
    lines = ["### Building views again", "", f"`orderlog replay` of a log of {largest['orders']:,} orders, most of them of 500 customers, in 30 days, while nothing is added to it; medians of {largest['rounds']} round(s). "
             "Built: from the start of the log until all documents are written; whole: with catching up, proof, comparison and swap. Bare: the same documents, held in memory, written by "
             "the drivers alone in bulks by as many threads.", ""]
    lines += heading("view", "events", "documents", "events/s built", "events/s whole", "documents/s built", "documents/s whole", "documents/s bare", "built to bare", "MB at its peak")
    for name, row_ in largest["by_view_and_sink"].items():
        lines.append(row(name, *(f"{row_[what]:,.0f}" for what in ("events", "documents")),
                         *(number(row_[what]) for what in ("build_events_per_second", "events_per_second", "build_documents_per_second", "documents_per_second", "bare_per_second", "to_bare", "peak_mb"))))
    lines += ["", "Events per second of a fold in memory, by one thread, and of a projector that loads and writes the document for each event.", ""]
    lines += heading("view", "replay, built", "replay, whole", "in memory", "built to in memory", "a write per event", "built to that", "whole to that")
    for view, in_memory in largest["in_memory"].items():
        got, naive = largest["by_view_and_sink"][f"{view} in mongodb"], largest["naive"].get(view)
        built, whole = got["build_events_per_second"], got["events_per_second"]
        lines.append(row(f"{view} in mongodb", *map(number, (built, whole, in_memory, built / in_memory, naive, naive and built / naive, naive and whole / naive))))
    lines += ["", "Microseconds per event as the log grows, built and whole.", ""]
    lines += heading("view", *(f"{size['orders']:,} orders" for size in results))
    for name in largest["by_view_and_sink"]:
        rows = [size["by_view_and_sink"][name] for size in results]
        lines.append(row(name, *(f"{number(1e6 / each['build_events_per_second'])}, {number(1e6 / each['events_per_second'])}" for each in rows)))
    return lines + [""]


def replay_growth(results):
    """The worst view: what an event costs in the largest log, to what it costs in any smaller one."""
    costs = [[1 / size["by_view_and_sink"][name]["events_per_second"] for size in results] for name in results[-1]["by_view_and_sink"]]
    return max(cost[-1] / min(cost[:-1]) for cost in costs)


def replay_reach(results):
    largest = results[-1]
    got = largest["by_view_and_sink"]
    for sink in ("mongodb", "elasticsearch"):
        ratio = got[f"orders in {sink}"]["to_bare"]
        yield f"replay of orders into {sink}, documents/s built to the bare driver's", f"≥ {REACH_REPLAY_BARE}", ratio, ratio >= REACH_REPLAY_BARE
    for view, rate in largest["naive"].items():
        ratio = got[f"{view} in mongodb"]["build_events_per_second"] / rate
        yield f"replay of {view}, events/s built to a write per event", f"≥ {REACH_REPLAY_NAIVE}", ratio, ratio >= REACH_REPLAY_NAIVE
    if len(results) > 1:
        growth, times = replay_growth(results), round(largest["orders"] / results[0]["orders"])
        yield f"cost of an event in a log {times} times as long, whole replay, worst view", f"≤ {REACH_REPLAY_GROWTH}", growth, growth <= REACH_REPLAY_GROWTH


def reach(results):
    rows = []
    if 64 in results.get("commands", {}):
        ratios = results["commands"][64]["command_api_to"]
        rows.append(("rate at 64 connections to the bare handler's", f"≥ {REACH_BARE}", ratios["bare handler"], ratios["bare handler"] >= REACH_BARE))
        p99 = {name: figures["p99_ms"] for name, figures in results["commands"][64]["contenders"].items()}
        rows.append(("p99 at 64 connections to the bare handler's", "≤ 2", p99["command-api"] / p99["bare handler"], p99["command-api"] <= 2 * p99["bare handler"]))
        rows.append(("rate at 64 connections to Express + kafkajs's", f"≥ {REACH_EXPRESS}", ratios["Express + kafkajs"], ratios["Express + kafkajs"] >= REACH_EXPRESS))
    for name, most in (("visible in MongoDB", REACH_VISIBLE_MS), ("searchable in Elasticsearch", REFRESH_MS + 300)):
        if name in results.get("visible", {}):
            got = results["visible"][name]["p99_ms"]
            rows.append((f"{name} beside 500 commands/s, p99 ms", f"≤ {most}", got, got <= most))
    if "memory" in results:
        memory = results["memory"]
        enough = memory["streams"] >= REACH_STREAMS
        rows.append((f"memory of command-api with {memory['streams']:,} streams loaded", f"< {REACH_MEMORY_MB} MB with {REACH_STREAMS:,}", memory["loaded_mb"],
                     memory["loaded_mb"] < REACH_MEMORY_MB if enough else None))
    if "hot" in results:
        ratio = results["hot"]["ratio"]
        rows.append(("sales of one product to sales of many, rate", f"≥ {REACH_HOT}", ratio, ratio >= REACH_HOT))
    if "month" in results:
        seconds = results["month"]["caught_up_seconds"]
        rows.append(("import of the sample month until all views reflect it, seconds", f"< {REACH_MONTH_SECONDS}", seconds, seconds < REACH_MONTH_SECONDS))
    rows += replay_reach(results["replay"]) if "replay" in results else []
    lines = ["### Reached", "", *heading("", "to reach", "got", "")]
    return lines + [row(what, aim, number(got), "not comparable" if good is None else "yes" if good else "**no**") for what, aim, got, good in rows] + [""]


def startup(results):
    lines = ["### Start after kill -9", "", f"{results['commits']:,} events of {results['streams']:,} streams in the log; seconds from the start of command-api to /readyz; the dead instance's session has to end first, and the log is read meanwhile. Checkpoints take {results['checkpoint_mb']} MB.", ""]
    lines += heading("", "seconds", "CPU seconds", "MB resident", "MB at its peak", "records read", "streams in memory")
    for name, text in (("without", "without checkpoint"), ("building", "no checkpoint yet, building one"), ("restored", "from checkpoints")):
        figures = results[name]
        lines.append(row(text, number(figures["seconds"]), number(figures["cpu_seconds"]), number(figures["mb"]), number(figures["peak_mb"]), f"{figures['records_read']:,}", f"{figures['streams']:,}"))
    return lines + [""]


def memory_and_month(results):
    lines = []
    if "memory" in results:
        m = results["memory"]
        lines.append(f"- command-api with {m['streams']:,} streams: {m['loaded_mb']} MB resident after a restart that took {m['load_seconds']} s "
                     f"(peak {m['peak_mb']} MB), {m['grown_mb']} MB in the process that had taken the commands.")
    if "month" in results:
        m = results["month"]
        lines.append(f"- Sample month: {m['commands']:,} commands in {m['import_seconds']} s, all views caught up after {m['caught_up_seconds']} s, figures reconciled.")
    return ["### Memory, and a month", "", *lines, ""] if lines else []


def markdown(results):
    machine = results["machine"]
    lines = [f"`{results['command'].strip()}` on {results['at']}, {results['seconds']} s: {machine['cores']} cores ({machine['cpu']}), "
             f"{machine['memory_gb']} GB, Linux {machine['kernel']}; load generator, servers and all stores on this one machine.", ""]
    lines += reach(results)
    for name, part in (("commands", commands), ("instances", instances), ("hot", hot), ("folds", folds), ("visible", visible), ("startup", startup), ("replay", replay)):
        if name in results:
            lines += part(results[name])
    return "\n".join(lines + memory_and_month(results))


def write_document(path, text):
    """Replaces what is between the two marks; the rest of the page is written by hand."""
    page = path.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise RuntimeError(f"{path} has no place for the figures: {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
