"""What it means that a server answers. A probe returns None when all is well, else one line that says what is not.

Probes speak as little of each protocol as they need: a probe that loads a client library is a probe that can't run
before that library is installed.
"""

import http.client
import json
import socket
import struct

PROBE_SECONDS = 2.0  # for one probe, connecting included
ANSWER_BYTES_MAX = 1 << 20


def http_status(address: str, path: str, accept=(200,)) -> str | None:
    """None if the address answers a GET with one of the accepted statuses."""
    status, body = http_get(address, path)
    if status in accept:
        return None
    return body if status == 0 else f"GET {path} answers {status}: {body[:200]}"


def http_get(address: str, path: str) -> tuple:
    """(status, body); status 0 when there was no answer, with the reason as the body."""
    connection = http.client.HTTPConnection(address, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer on {address}: {error}"
    finally:
        connection.close()


def search_engine(address: str) -> str | None:
    """Up when the cluster has a master and its primaries are there (yellow: one node can't place replicas)."""
    status, body = http_get(address, "/_cluster/health")
    if status != 200:
        return body if status == 0 else f"cluster health answers {status}: {body[:200]}"
    colour = json.loads(body)["status"]
    return None if colour in ("yellow", "green") else f"the cluster is {colour}"


def kafka(address: str) -> str | None:
    """Up when the broker names itself in its metadata: it is registered with the controller and not fenced."""
    # Metadata, version 1, correlation id 7, client id "probe", no topics (an empty array, not null).
    request = struct.pack(">hhih5si", 3, 1, 7, 5, b"probe", 0)
    try:
        answer = exchange(address, struct.pack(">i", len(request)) + request, ">i", lambda header: header[0])
    except OSError as error:
        return f"no answer on {address}: {error}"
    correlation, brokers = struct.unpack_from(">ii", answer)
    if correlation != 7:
        return f"{address} does not speak Kafka's protocol"
    return None if brokers > 0 else "the broker is not registered yet"


def mongodb(address: str) -> str | None:
    """Up when it answers {ping: 1} with ok: 1, which MongoDB sends as a double."""
    command = bson_document(b"\x10ping\x00" + struct.pack("<i", 1), b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00")
    body = struct.pack("<i", 0) + b"\x00" + command  # flags, section kind 0
    op_msg = 2013
    message = struct.pack("<iiii", 16 + len(body), 7, 0, op_msg) + body
    try:
        answer = exchange(address, message, "<i", lambda header: header[0] - 4)
    except OSError as error:
        return f"no answer on {address}: {error}"
    well = (b"\x01ok\x00" + struct.pack("<d", 1.0), b"\x10ok\x00" + struct.pack("<i", 1))
    return None if any(field in answer for field in well) else f"{address} answers ping without ok"


def bson_document(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\x00"
    return struct.pack("<i", len(body) + 4) + body


def exchange(address: str, request: bytes, header_format: str, body_length) -> bytes:
    """Sends a request and reads one answer: a header, and as many bytes as the header says."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=PROBE_SECONDS) as connection:
        connection.sendall(request)
        header = receive(connection, struct.calcsize(header_format))
        length = body_length(struct.unpack(header_format, header))
        if not 0 <= length <= ANSWER_BYTES_MAX:
            raise OSError(f"an answer of {length} bytes")
        return receive(connection, length)


def receive(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise OSError("the connection was closed")
        data += part
    return data
