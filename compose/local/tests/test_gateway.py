"""The gateway before fake back-ends: what passes, what does not, and what is said about it."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from backend import Backend
from conftest import await_true, free_ports

from stacklib import gateway, health
from stacklib.layout import StackError

ROUTES = """
{"method":"POST","path":"/v1/carts","exposure":"public","api":"command","name":"CreateCart"}
{"method":"POST","path":"/v1/carts/{cart_id}/items","exposure":"public","api":"command","name":"AddItem"}
{"method":"DELETE","path":"/v1/carts/{cart_id}/items/{sku}","exposure":"public","api":"command","name":"RemoveItem"}
{"method":"POST","path":"/v1/imports","exposure":"private","api":"command","name":"RecordOrder"}
{"method":"GET","path":"/v1/carts/{cart_id}","exposure":"public","api":"query","name":"GetCart"}
{"method":"GET","path":"/v1/orders/{order_id}","exposure":"public","api":"query","name":"GetOrder"}
{"method":"POST","path":"/v1/orders/search","exposure":"public","api":"query","name":"SearchOrders"}
""".strip().splitlines()


class Running:
    """HAProxy with two command back-ends and one query back-end."""

    def __init__(self, folder):
        ports = free_ports(7)
        self.port, self.folder = ports[0], folder
        self.commands = [Backend("c1", *ports[1:3]), Backend("c2", *ports[3:5])]
        self.query = Backend("q1", *ports[5:7])
        self.process = None

    def write(self, routes):
        gateway.write_configuration(
            gateway.Gateway(f"127.0.0.1:{self.port}", [one.address() for one in self.commands], [self.query.address()],
                            self.folder, self.folder / "admin.sock"),
            gateway.parse_routes(routes, "test"))

    def start(self):
        self.write(ROUTES)
        with open(self.folder / "requests.log", "wb") as out, open(self.folder / "haproxy.log", "wb") as errors:
            self.process = subprocess.Popen([gateway.program(), "-W", "-f", str(self.folder / gateway.FILE_NAME)], stdout=out, stderr=errors)
        await_true(lambda: health.http_status(f"127.0.0.1:{self.port}", gateway.LIVE_PATH) is None, what="the gateway is up")
        self.await_servers("command", 2)
        self.await_servers("query", 1)

    def stop(self):
        self.process.terminate()
        self.process.wait(gateway.HARD_STOP_SECONDS + 5)

    def servers_up(self, backend):
        """How many servers of a back-end HAProxy itself thinks are up."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.folder / "admin.sock"))
            admin.sendall(f"show stat {backend} 4 -1\n".encode())
            text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines() if line.startswith(backend + ",")]
        # An empty or INI check: taken to be up because it was only just started.
        return sum(row[17].startswith("UP") and row[36] not in ("", "INI") for row in rows)

    def await_servers(self, backend, count):
        await_true(lambda: self.servers_up(backend) == count, what=f"{count} servers of {backend} are up")

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, dict((name.lower(), value) for name, value in answer.getheaders()), json.loads(text) if text else None
        finally:
            connection.close()

    def raw(self, data):
        """Status and body of the answer to these very bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            connection.sendall(data)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()

    def seen(self):
        return [request for backend in (*self.commands, self.query) for request in backend.requests]

    def log_line(self, request_id):
        def find():
            for line in (self.folder / "requests.log").read_text(encoding="utf-8").splitlines():
                row = json.loads(line)  # every line is JSON, or this fails
                if row["request_id"] == request_id:
                    return row
            return None
        return await_true(find, what=f"a log line of {request_id}")


@pytest.fixture(name="up", scope="module")
def running_gateway():
    # Not pytest's own folder: closed to the user that HAProxy's workers run as, and too long for a socket's name.
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    folder.chmod(0o755)
    up = Running(folder)
    with up.commands[0], up.commands[1], up.query:
        up.start()
        try:
            yield up
        finally:
            up.stop()
            shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def forget_requests(up):
    for backend in (*up.commands, up.query):
        backend.requests.clear()
        backend.ready, backend.hold, backend.dies = True, None, False
    up.await_servers("command", 2)
    up.await_servers("query", 1)


def assert_problem(answer, status, kind):
    got, headers, body = answer
    assert got == status
    assert headers["content-type"] == "application/problem+json"
    assert (body["type"], body["status"]) == (gateway.PROBLEM_TYPE + kind, status)
    assert body["title"] and body["detail"]


def test_public_routes_reach_their_api(up):
    status, headers, body = up.request("POST", "/v1/carts/c-1/items", body=b'{"sku":"tea"}', headers={"Idempotency-Key": "k"})
    assert (status, body["method"], body["path"], body["body_bytes"]) == (200, "POST", "/v1/carts/c-1/items", 13)
    assert body["backend"] in ("c1", "c2") and ["idempotency-key", "k"] in body["headers"]
    assert headers["x-request-id"]
    status, _, body = up.request("GET", "/v1/carts/c-1?after=x%2Fy")
    assert (status, body["backend"], body["path"]) == (200, "q1", "/v1/carts/c-1?after=x%2Fy")


def test_head_is_known_where_get_is(up):
    assert up.request("HEAD", "/v1/carts/c-1")[0] == 200
    assert [request["method"] for request in up.seen()] == ["HEAD"]


def test_both_command_apis_are_used(up):
    backends = {up.request("POST", "/v1/carts", body=b"{}")[2]["backend"] for _ in range(20)}
    assert backends == {"c1", "c2"}


@pytest.mark.parametrize("path", ["/v1/imports", "/metrics", "/readyz", "/", "/v1/carts/", "/v1/carts/a/b", "/v1/carts/c-1/items/", "/v1//carts",
                                  "/v1/carts/../imports", "/V1/carts", "/xv1/carts", "/v1/cartsx"])
def test_what_is_not_public_is_not_there(up, path):
    assert_problem(up.request("POST", path, body=b"{}"), 404, "no-such-resource")
    assert up.seen() == []


def test_other_methods_are_told_which_are_known(up):
    answer = up.request("PUT", "/v1/carts/c-1")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer[1]["allow"] == "GET,HEAD"
    assert up.request("GET", "/v1/carts")[1]["allow"] == "POST"
    assert up.request("OPTIONS", "/v1/carts")[0] == 405
    assert up.seen() == []


def test_a_literal_path_is_not_a_parameter(up):
    status, _, body = up.request("POST", "/v1/orders/search", body=b"{}")
    assert (status, body["backend"]) == (200, "q1")
    assert up.request("PUT", "/v1/orders/search")[1]["allow"] == "POST"


def test_body_at_the_limit_passes_and_beyond_is_refused(up):
    status, _, body = up.request("POST", "/v1/carts", body=b"x" * gateway.BODY_BYTES_MAX)
    assert (status, body["body_bytes"]) == (200, gateway.BODY_BYTES_MAX)
    assert_problem(up.request("POST", "/v1/carts", body=b"x" * (gateway.BODY_BYTES_MAX + 1)), 413, "body-too-large")
    assert len(up.seen()) == 1


@pytest.mark.parametrize("length", ["262145", "99999999", "4294967297", "9223372036854775807"])
def test_announced_length_is_refused_however_large(up, length):
    status, body = up.raw(f"POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
    assert (status, json.loads(body)["status"]) == (413, 413)
    assert up.seen() == []


def test_chunked_requests_are_refused(up):
    status, body = up.raw(b"POST /v1/carts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert (status, json.loads(body)["type"]) == (411, gateway.PROBLEM_TYPE + "length-required")
    assert up.seen() == []


@pytest.mark.parametrize("head", [
    "Content-Length: 2\r\nContent-Length: 3",
    "Content-Length: 2, 3",
    "Content-Length: +2",
    "Content-Length: -1",
    "Content-Length: 2x",
    "Content-Length : 2",
    "Bad Name: 1",
    "X-Null: a\x00b",
    "Transfer-Encoding: gzip, chunked, chunked",
])
def test_faulty_headers_are_refused(up, head):
    status, _ = up.raw(f"POST /v1/carts HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{{}}".encode())
    assert status == 400
    assert up.seen() == []


def test_length_and_chunks_together_are_refused(up):
    status, _ = up.raw(b"POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert status in (400, 411)
    assert up.seen() == []


def test_equal_lengths_become_one(up):
    status, _ = up.raw(b"POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}")
    assert status in (200, 400)
    for request in up.seen():
        assert [value for name, value in request["headers"] if name == "content-length"] == ["2"]


def test_underscores_in_header_names_are_refused(up):
    answer = up.request("GET", "/v1/carts/c-1", headers={"X_Request_Id": "1"})
    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("data, expected", [
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET /v1/carts/c-1\r\n\r\n", 400),
    (b"nonsense\r\n\r\n", 400),
    (b"GET /v1/carts/c-1 HTTP/1.1\r\nHost: x\r\n" + b"X-A: 1\r\n" * 70 + b"\r\n", 400),
    (b"GET /v1/carts/c-1 HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 40000 + b"\r\n\r\n", 400),
    (b"GET /v1/carts/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
])
def test_what_is_not_bounded_http_is_refused(up, data, expected):
    assert up.raw(data)[0] == expected
    assert up.seen() == []


def test_trace_and_request_id_are_passed_on_and_logged(up):
    trace = "0af7651916cd43dd8448eb211c80319c"
    parent = f"00-{trace}-b7ad6b7169203331-01"
    status, headers, body = up.request("GET", "/v1/carts/c-1?email=a@b.example", headers={"X-Request-Id": "req-1.a", "traceparent": parent})
    assert (status, headers["x-request-id"]) == (200, "req-1.a")
    assert ["traceparent", parent] in body["headers"] and ["x-request-id", "req-1.a"] in body["headers"]
    row = up.log_line("req-1.a")
    assert (row["trace_id"], row["status"], row["method"], row["route"]) == (trace, 200, "GET", "query:GetCart")
    assert row["path"] == "/v1/carts/c-1"  # queries may hold personal data
    assert row["server"] == "query-1"


@pytest.mark.parametrize("bad", ['"},{"x":"', "a b", "x" * 65, "%0a"])
def test_unfit_ids_are_replaced(up, bad):
    _, headers, body = up.request("GET", "/v1/carts/c-1", headers={"X-Request-Id": bad, "traceparent": bad})
    sent = dict(body["headers"])
    assert sent["x-request-id"] == headers["x-request-id"] != bad
    assert len(sent["traceparent"]) == 55 and sent["traceparent"].startswith("00-")
    assert up.log_line(headers["x-request-id"])["trace_id"] == sent["traceparent"][3:35]


def test_log_stays_json_whatever_is_asked_for(up):
    answer = up.request("GET", '/v1/"quoted"\\path', headers={"X-Request-Id": "odd-path"})
    assert answer[0] == 404
    assert up.log_line("odd-path")["path"] == '/v1/"quoted"\\path'


def test_log_stays_json_however_long_the_path(up):
    assert up.request("GET", "/v1/carts/" + "%22" * 2000, headers={"X-Request-Id": "long-path"})[0] == 200
    assert len(up.log_line("long-path")["path"]) == gateway.LOGGED_PATH_BYTES


def test_clients_cannot_forge_where_they_come_from(up):
    _, _, body = up.request("GET", "/v1/carts/c-1", headers={"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1", "X-Forwarded-Host": "evil"})
    forwarded = {name: value for name, value in body["headers"] if "forwarded" in name}
    assert forwarded == {"x-forwarded-for": "127.0.0.1"}


def test_an_api_that_is_not_ready_is_left_alone_and_the_other_goes_on(up):
    for backend in up.commands:
        backend.ready = False
    up.await_servers("command", 0)
    answer = up.request("POST", "/v1/carts", body=b"{}")
    assert_problem(answer, 503, "unavailable")
    assert int(answer[1]["retry-after"]) > 0
    assert up.request("GET", "/v1/carts/c-1")[0] == 200
    up.commands[1].ready = True
    up.await_servers("command", 1)
    assert {up.request("POST", "/v1/carts", body=b"{}")[2]["backend"] for _ in range(5)} == {"c2"}


@pytest.mark.parametrize("headers, answers", [({"Idempotency-Key": "k"}, {200}), ({}, {200, 502})])
def test_a_command_that_a_server_died_on_is_sent_again_if_it_has_a_key(up, headers, answers):
    up.commands[0].dies = True
    assert {up.request("POST", "/v1/carts", b"{}", headers)[0] for _ in range(6)} == answers
    sent = [request for request in up.seen() if request["method"] == "POST"]
    assert len(sent) == 6 if not headers else len(sent) > 6


def test_a_query_that_a_server_died_on_is_sent_again(up):
    up.query.dies = True
    assert_problem(up.request("GET", "/v1/carts/c-1"), 502, "bad-gateway")
    assert len(up.query.requests) == 3  # retries 2


def test_what_instances_tell_each_other_is_taken_off(up):
    _, _, body = up.request("POST", "/v1/carts", b"{}", {"Orderlog-Command-Id": "x", "ORDERLOG-partition": "y"})
    assert not [name for name, _ in body["headers"] if name.startswith("orderlog-")]


def test_reload_takes_new_routes_and_ends_no_request(up):
    up.query.hold = threading.Event()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(up.request("GET", "/v1/carts/slow")))
    slow.start()
    await_true(lambda: up.query.requests, what="the slow request has arrived")
    up.write(ROUTES + ['{"method":"GET","path":"/v1/new","exposure":"public","api":"query","name":"GetNew"}'])
    os.kill(up.process.pid, signal.SIGUSR2)
    up.query.hold.set()
    slow.join(10)
    assert [answer[0] for answer in answers] == [200]
    await_true(lambda: up.request("GET", "/v1/new")[0] == 200, what="the new route is served")
    up.await_servers("command", 2)


def test_route_tables_are_checked():
    def parse(**changes):
        row = {"method": "GET", "path": "/v1/a", "exposure": "public", "api": "query", "name": "A", **changes}
        return gateway.parse_routes([json.dumps(row)], "test")
    assert [route.name for route in parse()] == ["A"]
    assert parse(exposure="private") == []
    for changes in ({"exposure": "maybe"}, {"method": "BREW"}, {"api": "other"}, {"path": "v1"}, {"path": "/v1/a b"}, {"path": "/v1/(.*)"}, {"name": 'x" if TRUE'}):
        with pytest.raises(StackError):
            parse(**changes)
    with pytest.raises(StackError):
        gateway.parse_routes(["not json"], "test")
    with pytest.raises(StackError):
        gateway.check_unambiguous(parse(path="/v1/{a}") + parse(path="/v1/{b}", name="B"))
