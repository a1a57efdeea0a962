"""From sending a command to reading its effect, with all programs up, at a modest rate: in MongoDB's document, in Elasticsearch's search."""
import http.client
import json
import statistics
import time
import urllib.parse

PAUSE_SECONDS = 0.02  # between two samples: what makes the rate modest
TIMEOUT_SECONDS = 30
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
    """Milliseconds to the command's answer, and until a query with its position had the effect."""
    begin = time.perf_counter()
    status, headers, document = command.ask(*request)
    answered = time.perf_counter()
    if status not in (200, 201):
        raise RuntimeError(f"{request}: {status} {document}")
    path, is_there = read(document)
    status, _, found = query.ask("GET", path, headers={"Position": headers["Position"]})
    seen = time.perf_counter()
    if status != 200 or not is_there(found):
        raise RuntimeError(f"{path} does not show the command: {status} {found}")
    return (answered - begin) * 1e3, (seen - begin) * 1e3


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


def run(orderlog, samples, say):
    from measuring.contenders import create_products  # pylint: disable=import-outside-toplevel
    orderlog.start("command-api", "projectors", "query-api")
    create_products(orderlog)
    orderlog.wait_caught_up()
    command, query = Client(orderlog.address("command-api")), Client(orderlog.address("query-api"))
    result = {}
    for name, make in (("visible in MongoDB", order_in_mongodb), ("searchable in Elasticsearch", product_in_elasticsearch)):
        pairs = []
        for number in range(samples + 5):
            pairs.append(sample(command, query, *make(number)))
            time.sleep(PAUSE_SECONDS)
        seen, answered = [pair[1] for pair in pairs[5:]], [pair[0] for pair in pairs[5:]]
        result[name] = {"samples": samples, "p50_ms": round(statistics.median(seen), 1), "p99_ms": round(percentile(seen, 99), 1),
                        "command_p50_ms": round(statistics.median(answered), 2)}
        say(f"{name}: p50 {result[name]['p50_ms']} ms, p99 {result[name]['p99_ms']} ms")
    return result
