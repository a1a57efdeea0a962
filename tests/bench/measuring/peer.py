"""The other way into Elasticsearch: programs write documents to MongoDB, and a process finds there what is new and copies it. By polling, since the
stand-in for MongoDB has no change streams; as fast as it can, in bulks, with an explicit refresh, like Orderlog's own sink.

`peer.py MONGODB-URI ELASTICSEARCH-URL INDEX` is that process."""
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time

import pymongo
import requests

BULK, IDLE_SECONDS = 1000, 0.01
SAMPLE_PAUSE_SECONDS, SEARCH_PAUSE_SECONDS, SEARCH_SECONDS = 0.02, 0.003, 30
BACKLOG = 10_000
FIELDS = ("sku", "title")
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def copy_what_is_new(documents, session, url, index, last):
    """One round. Returns the last number that was copied."""
    found = list(documents.find({"seq": {"$gt": last}}).sort("seq", 1).limit(BULK))
    if not found:
        return last
    lines = []
    for document in found:
        lines += [json.dumps({"index": {"_index": index, "_id": document["_id"]}}), json.dumps({name: document[name] for name in FIELDS})]
    answer = session.post(f"{url}/_bulk?refresh=true", data="\n".join(lines) + "\n", headers={"Content-Type": "application/x-ndjson"}, timeout=SEARCH_SECONDS)
    if answer.status_code != 200 or answer.json()["errors"]:
        raise RuntimeError(answer.text[:500])
    return found[-1]["seq"]


def main():
    uri, url, index = sys.argv[1:]
    documents, session, last = pymongo.MongoClient(uri).get_default_database()["peer"], requests.Session(), 0
    while True:
        now = copy_what_is_new(documents, session, url, index, last)
        if now == last:
            time.sleep(IDLE_SECONDS)
        last = now


class Writer:
    """Writes numbered documents; the numbers are given out and written under a lock, or the copier would pass one by."""

    def __init__(self, uri):
        self.documents = pymongo.MongoClient(uri).get_default_database()["peer"]
        self.documents.create_index("seq", unique=True)
        self.lock, self.seq = threading.Lock(), 0

    def write(self, title):
        with self.lock:
            self.seq += 1
            self.documents.insert_one({"_id": f"P{self.seq}", "seq": self.seq, "sku": f"P{self.seq}", "title": title})

    def write_many(self, count):
        with self.lock:
            rows = [{"_id": f"P{seq}", "seq": seq, "sku": f"P{seq}", "title": f"Product {seq}"} for seq in range(self.seq + 1, self.seq + count + 1)]
            self.documents.insert_many(rows)
            self.seq += count


def searched(session, url, index, word):
    answer = session.get(f"{url}/{index}/_search", params={"q": f"title:{word}", "size": 1}, timeout=SEARCH_SECONDS)
    return answer.status_code == 200 and answer.json()["hits"]["total"]["value"] == 1


def await_search(session, url, index, word):
    until = time.monotonic() + SEARCH_SECONDS
    while not searched(session, url, index, word):
        if time.monotonic() > until:
            raise RuntimeError(f"{word} is not found after {SEARCH_SECONDS} s")
        time.sleep(SEARCH_PAUSE_SECONDS)


def steady(writer, rate, stop):
    begin, number = time.monotonic(), 0
    while not stop.is_set():
        pause = begin + number / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        writer.write("steady")
        number += 1


def run(orderlog, seconds, rate, say):
    """{"searchable by polling MongoDB": …}: from a document's acknowledged write to finding it, beside `rate` other writes a second; and documents a second from a backlog."""
    uri, url, index = orderlog.environment["ORDERLOG_MONGODB_URI"], orderlog.environment["ORDERLOG_ELASTICSEARCH_URL"], f"{orderlog.prefix}-peer"
    session, writer, stop, seen = requests.Session(), Writer(uri), threading.Event(), []
    definition = json.loads((REPOSITORY / "schemas" / "indexes" / "products.json").read_text(encoding="utf-8"))
    session.put(f"{url}/{index}", json=definition, timeout=SEARCH_SECONDS).raise_for_status()
    writer.write_many(BACKLOG)
    writer.write("backlogend")
    begin = time.monotonic()
    copier = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", sys.executable, __file__, uri, url, index])
    others = threading.Thread(target=steady, args=(writer, rate, stop))
    try:
        await_search(session, url, index, "backlogend")
        backlog = BACKLOG / (time.monotonic() - begin)
        others.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            word = f"peer{len(seen):05}"
            writer.write(f"Product {word}")
            written = time.perf_counter()
            await_search(session, url, index, word)
            seen.append((time.perf_counter() - written) * 1e3)
            time.sleep(SAMPLE_PAUSE_SECONDS)
    finally:
        stop.set()
        if others.ident:
            others.join()
        copier.kill()
        copier.wait()
        session.delete(f"{url}/{index}", timeout=SEARCH_SECONDS)
    seen.sort()
    result = {"samples": len(seen), "p50_ms": round(statistics.median(seen), 1), "p99_ms": round(seen[len(seen) * 99 // 100], 1), "command_p50_ms": None,
              "backlog_per_second": round(backlog)}
    say(f"searchable by polling MongoDB: p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms beside {rate} writes/s; {result['backlog_per_second']} documents/s from a backlog")
    return {"searchable by polling MongoDB": result}


if __name__ == "__main__":
    main()
