"""Many buyers at once: each sends one command, by keep-alive connections to one instance or several, until it has a definite answer."""
import asyncio
import itertools
import json
import time
import urllib.parse

RETRIED = (429, 503, 504)  # busy, or in doubt: the same command under the same key, until it is told what became of it
PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 30


class Answer:
    def __init__(self, status, body, attempts):
        self.status, self.body, self.attempts = status, body, attempts

    def __repr__(self):
        return f"{self.status} {self.body}"


class Connection:
    """One HTTP/1.1 connection, opened again when it breaks."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.reader = self.writer = None

    async def post(self, path, key, body):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        data = json.dumps(body).encode()
        self.writer.write(f"POST {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
                          f"Idempotency-Key: {key}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = int(head.split("\r\ncontent-length:", 1)[1].split("\r\n", 1)[0])
        document = json.loads(await self.reader.readexactly(length))
        if "\r\nconnection: close" in head:
            self.close()
        return status, document

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def _buy(connections, first, path, key, body, until):
    """The definite answer to one command. An attempt that failed is sent to another instance."""
    for attempt in itertools.count(1):
        connection = connections[(first + attempt - 1) % len(connections)]
        try:
            status, document = await asyncio.wait_for(connection.post(path, key, body), ANSWER_SECONDS)
            if status not in RETRIED:
                return Answer(status, document, attempt)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            connection.close()
        assert time.monotonic() < until, f"no definite answer for {key} after {attempt} attempts"
        await asyncio.sleep(PAUSE_SECONDS)


async def _send_all(urls, purchases, workers, seconds, answered):
    answers, until = [None] * len(purchases), time.monotonic() + seconds
    queue, count = iter(enumerate(purchases)), itertools.count(1)

    async def worker(number):
        connections = [Connection(url) for url in urls]  # of its own: one request at a time on each
        try:
            for index, (path, key, body) in queue:
                answers[index] = await _buy(connections, number, path, key, body, until)
                answered(next(count))
        finally:
            for connection in connections:
                connection.close()
    await asyncio.gather(*(worker(number) for number in range(workers)))
    return answers


def send_all(urls, purchases, *, workers, seconds, answered=lambda count: None):
    """The Answers to (path, key, body) of each, in order; `workers` of them are under way at any time. `answered` is told at each how many there are by now; nothing is sent meanwhile."""
    return asyncio.run(_send_all(urls, purchases, workers, seconds, answered))
