"""Replays: views built again from a log of made-up orders, into MongoDB and Elasticsearch, beside the same documents written by the drivers alone in bulks, a
fold in memory, and a projector that loads and writes a document for each event. Each size of the log has a namespace of its own; the comparisons are made
with the largest, a round of each at a time."""
import json
import os
import pathlib
import statistics
import subprocess

import pymongo
import requests
from replay_shop import REPLAY_SECONDS, ReplayShop

from harness import places
from measuring import processes

VIEWS = (("orders", "mongodb"), ("orders", "elasticsearch"), ("customers", "mongodb"), ("sales_daily", "mongodb"))
NAIVE = ("customers", "sales_daily")
LINES_MAX = 5  # of an order; three in the mean
CATCH_UP_SECONDS, WRITER_SECONDS, REQUEST_SECONDS = 180, 120, 60
PROGRESS_MS, SCROLL_SIZE = 50, 1000
BENCH = places.BUILD / "tests" / "bench"


def replay(shop, view, sink):
    """One `orderlog replay`: its own result, with the peak of its memory."""
    argv = ["setpriv", "--pdeathsig", "KILL", str(places.TOOL), "replay", "--json", "--progress-ms", str(PROGRESS_MS), view, "--sink", sink]
    process = subprocess.Popen(argv, env=shop.tool_environment(), cwd=shop.orderlog.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak, told = 0, ""
    try:
        for told in process.stderr:  # until it ends
            peak = max(peak, memory_peak(process.pid))
        out, _ = process.communicate(timeout=REPLAY_SECONDS)
    finally:
        process.kill()
        process.wait()
    result = json.loads(out) if out else {}
    if process.returncode != 0 or result["outcome"] != "live":
        raise RuntimeError(f"replay {view} {sink} ended with {process.returncode}: {out}{told}")
    return result | {"peak_mb": peak}


def memory_peak(pid):
    try:
        return processes.resident_mb(pid)[1]
    except (OSError, KeyError):  # it has just ended
        return 0


def figures(result):
    build, whole = max(result["fold_ms"], 1) / 1e3, max(result["elapsed_ms"], 1) / 1e3
    return {"events": result["events"], "documents": result["proof"]["compared"], "build_seconds": build, "seconds": whole,
            "build_events_per_second": result["events"] / build, "events_per_second": result["events"] / whole,
            "build_documents_per_second": result["proof"]["compared"] / build, "documents_per_second": result["proof"]["compared"] / whole,
            "peak_mb": result["peak_mb"]}


def run_tool(name, *arguments):
    done = subprocess.run([BENCH / name, *map(str, arguments)], env=places.clean_environment(), capture_output=True, text=True, timeout=WRITER_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def bare_mongodb(shop, view, after, threads):
    """The live documents of the view, written into an empty collection."""
    prefix, uri = shop.orderlog.prefix, shop.environment["ORDERLOG_MONGODB_URI"]
    live = f"{prefix}_{view}_v{after['version']}" + (f"_g{after['generation']}" if after["generation"] > 1 else "")
    target = f"{prefix}_bare_{view}"
    with pymongo.MongoClient(uri) as client:
        database = client.get_default_database()
        database.drop_collection(target)
        row = run_tool("bare_writer", "mongodb", uri, live, target, threads)[0]
        if database[target].count_documents({}) != row["documents"]:
            raise RuntimeError(f"{target} hasn't the documents that were written")
        database.drop_collection(target)
    return row


def write_bulk_lines(shop, view, path):
    """The live documents as _bulk takes them."""
    url = shop.environment["ORDERLOG_ELASTICSEARCH_URL"]
    page = requests.post(f"{url}/{shop.orderlog.prefix}-{view}/_search", params={"scroll": "1m"}, json={"size": SCROLL_SIZE, "sort": ["_doc"]}, timeout=REQUEST_SECONDS).json()
    with path.open("w", encoding="utf-8") as file:
        while page["hits"]["hits"]:
            for hit in page["hits"]["hits"]:
                file.write(json.dumps({"index": {"_id": hit["_id"]}}) + "\n" + json.dumps(hit["_source"]) + "\n")
            page = requests.post(f"{url}/_search/scroll", json={"scroll": "1m", "scroll_id": page["_scroll_id"]}, timeout=REQUEST_SECONDS).json()
    requests.delete(f"{url}/_search/scroll", json={"scroll_id": page["_scroll_id"]}, timeout=REQUEST_SECONDS)


def bare_elasticsearch(shop, view, threads):
    """The live documents, written into an empty index of the same definition; like a replay's without refresh and replicas meanwhile."""
    index, path = f"{shop.orderlog.prefix}-bare-{view}", pathlib.Path(shop.orderlog.folder) / f"bare-{view}.ndjson"
    url = f"{shop.environment['ORDERLOG_ELASTICSEARCH_URL']}/{index}"
    definition = json.loads((places.REPOSITORY / "schemas" / "indexes" / f"{view}.json").read_text(encoding="utf-8"))
    definition["settings"] |= {"refresh_interval": "-1", "auto_expand_replicas": False, "number_of_replicas": 0}
    write_bulk_lines(shop, view, path)
    requests.put(url, json=definition, timeout=REQUEST_SECONDS).raise_for_status()
    try:
        row = run_tool("bare_writer", "elasticsearch", shop.environment["ORDERLOG_ELASTICSEARCH_URL"], index, path, threads)[0]
        if requests.get(f"{url}/_count", timeout=REQUEST_SECONDS).json()["count"] != row["documents"]:
            raise RuntimeError(f"{index} hasn't the documents that were written")
    finally:
        requests.delete(url, timeout=REQUEST_SECONDS)
        path.unlink()
    return row


def one_round(shop, compare):
    """{"orders in mongodb": figures}, with the bare writer's rate beside."""
    rows, threads = {}, min(len(os.sched_getaffinity(0)), int(shop.environment["ORDERLOG_PARTITIONS"]))
    for view, sink in VIEWS:
        result = replay(shop, view, sink)
        row = rows[f"{view} in {sink}"] = figures(result)
        if not compare:
            continue
        bare = bare_mongodb(shop, view, result["after"], threads) if sink == "mongodb" else bare_elasticsearch(shop, view, threads)
        if bare["documents"] != row["documents"]:
            raise RuntimeError(f"{view} in {sink}: {bare['documents']} documents were written, the replay made {row['documents']}")
        row["bare_per_second"] = bare["per_second"]
        row["to_bare"] = row["build_documents_per_second"] / bare["per_second"]
    return rows


def medians(rounds):
    return {name: {what: round(statistics.median(each[name][what] for each in rounds), 3) for what in figure} for name, figure in rounds[0].items()}


def in_memory(orderlog, events):
    environment = orderlog.environment
    rows = run_tool("fold_memory", environment["ORDERLOG_KAFKA_BROKERS"], orderlog.prefix, environment["ORDERLOG_SCHEMA_REGISTRY_URL"], events)
    return {row["view"]: row["per_second"] for row in rows}


def naive(orderlog, events):
    environment = orderlog.environment
    return {view: run_tool("naive_projector", environment["ORDERLOG_KAFKA_BROKERS"], orderlog.prefix, environment["ORDERLOG_SCHEMA_REGISTRY_URL"],
                           environment["ORDERLOG_MONGODB_URI"], f"{orderlog.prefix}-naive", view, events)[0]["per_second"] for view in NAIVE}


def run(orderlog, orders, rounds, naive_events, compare, say):
    """One size of the log. `compare`: also with the bare writer, the fold in memory, and the naive projector."""
    shop = ReplayShop(orderlog)
    shop.make_topics()
    shop.feed(orders, "--lines", LINES_MAX)
    shop.projectors(only=",".join(f"{view}/{sink}" for view, sink in VIEWS))
    shop.await_caught_up(seconds=CATCH_UP_SECONDS)
    orderlog.stop("projectors")
    results = []
    for number in range(rounds):
        results.append(one_round(shop, compare))
        say(f"{orders} orders, round {number + 1} of {rounds}: " + ", ".join(f"{name} {row['build_events_per_second']:.0f} events/s" for name, row in results[-1].items()))
    figure = {"orders": orders, "rounds": rounds, "by_view_and_sink": medians(results)}
    if compare:
        events = results[0]["orders in mongodb"]["events"]
        figure |= {"in_memory": in_memory(orderlog, events), "naive": naive(orderlog, min(naive_events, events))}
        say(f"in memory {figure['in_memory']}, one write per event {figure['naive']} events/s")
    orderlog.forget_documents()
    return figure
