"""Elasticsearch behind a proxy that doesn't take everything: whole bulks answered with 429, single items with 429 or 503, answers
that get lost, scans that are slow. What it lets through goes to the real server."""
import contextlib
import http.server
import json
import random
import sys
import threading
import time

import requests

SECONDS = 30


class Grudge:
    """What is refused: probabilities, and counts of what was."""

    def __init__(self, seed=1):
        self.random = random.Random(seed)
        self.whole = self.item = self.lost = 0.0
        self.scan_seconds = 0.0  # what the first page of a scan takes longer
        self.certain = {"whole": 0, "item": 0, "lost": 0}  # so many next ones are, whatever the probability
        self.refused = {"whole": 0, "item": 0, "lost": 0}
        self.lock = threading.Lock()

    def strikes(self, kind):
        with self.lock:
            strikes = self.random.random() < getattr(self, kind) or self.certain[kind] > 0
            self.certain[kind] -= strikes and self.certain[kind] > 0
            self.refused[kind] += strikes
            return strikes


def answer_for(action, status):
    return {next(iter(action)): {"status": status, "error": {"type": "es_rejected_execution_exception", "reason": "no room"}}}


def make_handler(server, grudge):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def reply(self, status, body, kind="application/json"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def forward(self, body):
            answer = requests.request(self.command, server + self.path, data=body, timeout=SECONDS,
                                      headers={"Content-Type": self.headers.get("Content-Type", "application/json")})
            return answer.status_code, answer.content, answer.headers.get("Content-Type", "application/json")

        def bulk(self, body):
            """Lets a part of it through; the answer has all items in their order."""
            lines = body.splitlines()
            pairs = [(json.loads(lines[i]), lines[i] + b"\n" + lines[i + 1] + b"\n") for i in range(0, len(lines), 2)]
            refused = [grudge.strikes("item") for _ in pairs]
            kept = b"".join(text for (_, text), no in zip(pairs, refused) if not no)
            items = []
            if kept:
                status, content, _ = self.forward(kept)
                if status != 200:
                    return self.reply(status, content)
                given = json.loads(content)
                taken = iter(given["items"] if "items" in given else [{"index": {"status": 200}}] * refused.count(False))
            items = [answer_for(action, 429) if no else next(taken) for (action, _), no in zip(pairs, refused)]
            errors = any(refused) or any(next(iter(item.values())).get("status", 200) >= 300 for item in items)
            return self.reply(200, json.dumps({"errors": errors, "items": items}).encode())

        def handle_any(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # cut off on its way
                self.close_connection = True
                return None
            if "_search?scroll=" in self.path:
                time.sleep(grudge.scan_seconds)
            if "-write/_bulk" not in self.path:
                return self.reply(*self.forward(body))
            if grudge.strikes("whole"):
                return self.reply(429, json.dumps({"error": {"type": "circuit_breaking_exception", "reason": "too much"}, "status": 429}).encode())
            self.path = self.path.split("?", 1)[0] + "?require_alias=true"
            if grudge.strikes("lost"):
                self.forward(body)
                self.close_connection = True
                return None
            return self.bulk(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815
    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients may go in the middle of an answer; the rest is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def grudging(server, port, grudge):
    """Serves at 127.0.0.1:port until the end of the block; gives the address."""
    proxy = Server(("127.0.0.1", port), make_handler(server, grudge))
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
