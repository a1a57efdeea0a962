"""From a command's answer to reading its effect, with all programs up and a steady stream of other commands: in MongoDB's document, in Elasticsearch's
search. Beside it, in the same run: what the driver alone takes to write a document to MongoDB and read it, and the usual other way into Elasticsearch, a process
that polls MongoDB (peer.py)."""
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.parse

import pymongo

from harness import places
from measuring import peer

PAUSE_SECONDS = 0.02  # between two samples
TIMEOUT_SECONDS = 30
RATE = 500  # commands a second beside the samples
JSON = {"Content-Type": "application/json"}


class Client:
    """One kept connection; a request costs little beside what is measured."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)

    def ask(self, method, path, document=None, headers=None):
        self.connection.request(method, path, json.dumps(document) if document is not None else None, JSON | (headers or {}))
        answer = self.connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or b"null")


def sample(command, query, request, read):
    """Milliseconds to the command's answer, and from there until a query with its position had the effect."""
    begin = time.perf_counter()
    status, headers, document = command.ask(*request)
    answered = time.perf_counter()
    if status not in (200, 201):
        raise RuntimeError(f"{request}: {status} {document}")
    path, is_there = read(document)
    status, _, found = query.ask("GET", path, headers={"Position": headers["Position"], "Prefer": f"wait={TIMEOUT_SECONDS}"})
    seen = time.perf_counter()
    if status != 200 or not is_there(found):
        raise RuntimeError(f"{path} does not show the command: {status} {found}")
    return (answered - begin) * 1e3, (seen - answered) * 1e3


def order_in_mongodb(number):
    request = ("POST", "/v1/orders", {"country": "France", "currency": "GBP", "lines": [{"sku": "BENCH001", "quantity": number + 1}]})
    return request, lambda answer: (f"/v1/orders/{answer['id']}", lambda found: found["units"] == number + 1)


def product_in_elasticsearch(number):
    word = f"visible{number:05}"
    sku = f"VISIBLE{number:05}"
    request = ("POST", "/v1/products", {"sku": sku, "title": f"Product {word}"})
    return request, lambda answer: (f"/v1/products?q={urllib.parse.quote(word)}", lambda found: [item["product"]["sku"] for item in found["items"]] == [sku])


def percentile(numbers, percent):
    return sorted(numbers)[min(len(numbers) - 1, len(numbers) * percent // 100)]


def figures(seen, **more):
    return {"samples": len(seen), "p50_ms": round(statistics.median(seen), 1), "p99_ms": round(percentile(seen, 99), 1), **more}


class StoreAlone:
    """What the driver takes to write a document and read it, in milliseconds: the least that any view in that store can take."""

    def __init__(self, orderlog):
        self.client = pymongo.MongoClient(orderlog.environment["ORDERLOG_MONGODB_URI"])
        self.documents = self.client.get_default_database()[f"{orderlog.prefix}_bare_visible"]

    def sample(self, number):
        begin = time.perf_counter()
        self.documents.insert_one({"_id": number, "units": number + 1})
        if self.documents.find_one({"_id": number})["units"] != number + 1:
            raise RuntimeError("MongoDB does not show what was written")
        return (time.perf_counter() - begin) * 1e3


class Steady:
    """The stream of other commands, as a process of its own; ends with the `with`."""

    def __init__(self, address, seconds):
        self.argv = [sys.executable, str(pathlib.Path(__file__).with_name("steady.py")), address, str(RATE), str(seconds)]

    def __enter__(self):
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.argv], env=places.clean_environment(), stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def measure(orderlog, make, seconds, alone=None):
    """Samples one after the other for so long, after as long again to warm up, beside the steady stream."""
    command, query = Client(orderlog.address("command-api")), Client(orderlog.address("query-api"))
    warm, pairs, bare, number = time.monotonic() + seconds, [], [], 0
    with Steady(orderlog.address("command-api"), 2 * seconds + TIMEOUT_SECONDS):
        while not pairs or time.monotonic() < warm + seconds:
            begun = time.monotonic()
            pair = sample(command, query, *make(number))
            if begun >= warm:
                pairs.append(pair)
                if alone:
                    bare.append(alone.sample(number))
            number += 1
            time.sleep(PAUSE_SECONDS)
    more = {"store_alone": figures(bare)} if alone else {}
    return figures([pair[1] for pair in pairs], command_p50_ms=round(statistics.median(pair[0] for pair in pairs), 2), **more)


def run(orderlog, seconds, say):
    from measuring.contenders import create_products  # pylint: disable=import-outside-toplevel
    orderlog.start("command-api", "projectors", "query-api")
    create_products(orderlog)
    orderlog.wait_caught_up()
    result = {}
    for name, make, alone in (("visible in MongoDB", order_in_mongodb, StoreAlone(orderlog)), ("searchable in Elasticsearch", product_in_elasticsearch, None)):
        result[name] = measure(orderlog, make, seconds, alone)
        orderlog.wait_caught_up()
        say(f"{name}: p50 {result[name]['p50_ms']} ms, p99 {result[name]['p99_ms']} ms beside {RATE} commands/s")
    orderlog.stop("command-api", "projectors", "query-api")
    result |= peer.run(orderlog, seconds, RATE, say)
    return result
