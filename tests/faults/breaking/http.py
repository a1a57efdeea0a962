"""HTTP/1.1 for the clients: one request at a time on a kept connection; what can't be told is told as such."""
import asyncio
import json

ANSWER_BYTES_MAX = 1 << 20
HEADER_BYTES_MAX = 64 << 10


class NoAnswer(Exception):
    """The connection failed or the time passed: the request may have been carried out, or may still be."""


class Connections:
    """Idle connections by address; each request takes one or opens one."""

    def __init__(self):
        self.idle = {}

    async def request(self, port, method, path, headers, body, seconds):
        """(status, headers, document). NoAnswer says why there is none."""
        try:
            return await asyncio.wait_for(self._request(port, method, path, headers, body), seconds)
        except asyncio.TimeoutError:
            raise NoAnswer("no answer in time") from None
        except (OSError, EOFError, ValueError) as error:  # IncompleteReadError is an EOFError
            raise NoAnswer(f"{type(error).__name__}: {error}") from None

    async def _request(self, port, method, path, headers, body):
        reader, writer = await self._take(port)
        try:
            rows = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers.items())]
            if body is not None:
                rows += ["content-type: application/json", f"content-length: {len(body)}"]
            writer.write("\r\n".join(rows).encode() + b"\r\n\r\n" + (body or b""))
            await writer.drain()
            status, answered = parse_head(await reader.readuntil(b"\r\n\r\n"))
            length = int(answered.get("content-length", "0"))
            if length > ANSWER_BYTES_MAX:
                raise ValueError(f"an answer of {length} bytes")
            text = await reader.readexactly(length)
        except BaseException:
            writer.transport.abort()
            raise
        if answered.get("connection", "").lower() == "close":
            writer.close()
        else:
            self.idle.setdefault(port, []).append((reader, writer))
        return status, answered, json.loads(text) if text else None

    async def _take(self, port):
        kept = self.idle.get(port, [])
        while kept:
            reader, writer = kept.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", port, limit=HEADER_BYTES_MAX)

    def close(self):
        for kept in self.idle.values():
            for _, writer in kept:
                writer.transport.abort()
        self.idle.clear()


def parse_head(head):
    first, *rows = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    if version != "HTTP/1.1":
        raise ValueError(f"not HTTP/1.1: {first[:80]}")
    headers = {}
    for row in rows:
        name, colon, value = row.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return int(status), headers
