"""Every command refuses what it can't take with a problem document that names the place, and nothing of it reaches the log."""
import json

import pytest

import bad_input
from harness.commands import COMMANDS
from harness.namespace import REQUEST_SECONDS

JSON = {"Content-Type": "application/json"}
BODY_BYTES = 300 * 1024
PRIVATE_BODY_BYTES = 1100 * 1024
ALL = pytest.mark.parametrize("command", COMMANDS.values(), ids=repr)


@pytest.fixture(scope="module", autouse=True)
def programs(orderlog):
    orderlog.start("command-api")
    orderlog.await_settled()


@pytest.fixture(scope="module")
def gateway(orderlog, programs):
    orderlog.start("query-api", "gateway")
    return orderlog.url("gateway")


@pytest.fixture(autouse=True)
def nothing_reaches_the_log(orderlog, programs):
    before = orderlog.end_offsets()
    yield
    assert orderlog.end_offsets() == before


def send(orderlog, command, body, *, url=None, fields=None, headers=None):
    url = url or orderlog.url("command-api", "private")
    return orderlog.session.request(command.method, url + command.path_of(fields or command.example()), data=body,
                                    headers=JSON | (headers or {}), timeout=REQUEST_SECONDS)


def problem(answer, status, what):
    """The answer's problem document, which is whole."""
    assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["Content-Type"] == "application/problem+json", what
    document = answer.json()
    assert document["status"] == status and document["type"].startswith("urn:orderlog:problem:") and document["title"], (what, document)
    assert len(document["trace_id"]) == 32, (what, document)
    return document


def pointers(document):
    return [fault["pointer"] for fault in document["errors"]]


@ALL
def test_faulty_fields(orderlog, command):
    count = 0
    for what, body, pointer in bad_input.cases(command):
        document = problem(send(orderlog, command, body), 400, (what, body[:200]))
        assert pointer in pointers(document), (what, body[:200], document)
        assert all(fault["detail"] and fault["code"] for fault in document["errors"]), document
        count += 1
    assert count >= 4


@ALL
def test_bodies_that_are_no_document(orderlog, command):
    for what, body in bad_input.no_documents(command):
        document = problem(send(orderlog, command, body), 400, (what, body[:200]))
        text = json.dumps(document)
        assert any(character.isdigit() for character in document["detail"] + json.dumps(document.get("errors", ""))), (what, text)
    for what, body in bad_input.no_objects():
        document = problem(send(orderlog, command, body), 400, what)
        assert "" in pointers(document), (what, document)


@ALL
def test_all_faults_are_told_at_once(orderlog, command):
    wrong = {name: {"wrong": 1} for name in command.properties} | {"surprise": 1}
    document = problem(send(orderlog, command, json.dumps(wrong)), 400, wrong)
    assert set(pointers(document)) >= {"/" + name for name in wrong}


@ALL
def test_faulty_ids_in_the_path(orderlog, command):
    for name in command.path_fields:
        for wrong in ("a" * 65, "-x!", "naïve", "a/b", "a\nb", "x;y"):
            fields = command.example() | {name: wrong}
            body = json.dumps({key: value for key, value in fields.items() if key in command.properties})
            document = problem(send(orderlog, command, body, fields=fields), 400, (name, wrong))
            assert pointers(document) == ["/" + name], document
    if not command.path_fields:
        assert "{" not in command.path


@ALL
def test_bodies_that_are_too_large(orderlog, gateway, command):
    def padded(size):
        base = {name: value for name, value in command.example().items() if name in command.properties}
        return json.dumps(base | {"surprise": "x" * size})
    if command.public:
        for url in (orderlog.url("command-api"), gateway):
            problem(send(orderlog, command, padded(BODY_BYTES), url=url), 413, url)
    problem(send(orderlog, command, padded(PRIVATE_BODY_BYTES)), 413, "private")


@ALL
def test_a_body_of_another_type_or_none(orderlog, command):
    body = json.dumps({name: value for name, value in command.example().items() if name in command.properties})
    problem(send(orderlog, command, body, headers={"Content-Type": "text/plain"}), 415, "text/plain")
    problem(send(orderlog, command, body, headers={"Content-Encoding": "gzip"}), 415, "gzip")
    if command.required:
        document = problem(send(orderlog, command, b""), 400, "no body")
        assert set(pointers(document)) >= {"/" + name for name in command.required}, document


@ALL
def test_private_commands_are_not_there_in_public(orderlog, gateway, command):
    body = json.dumps({name: value for name, value in command.example().items() if name in command.properties})
    if command.public:  # they are there, and refuse what's faulty
        problem(send(orderlog, command, b"[]", url=orderlog.url("command-api")), 400, "public")
    else:
        for url in (orderlog.url("command-api"), gateway):
            problem(send(orderlog, command, body, url=url), 404, url)


@ALL
def test_faulty_headers(orderlog, command):
    body = json.dumps({name: value for name, value in command.example().items() if name in command.properties})
    for headers in ({"Idempotency-Key": "k" * 65}, {"If-Match": "seven"}, {"If-Match": '"1", "2"'}):
        document = problem(send(orderlog, command, body, headers=headers), 400, headers)
        assert next(iter(headers)).lower() in json.dumps(document).lower(), document


def test_the_examples_are_no_bad_input(new_orderlog):
    """What the faults are grafted on is fine: refused, if at all, by a decider."""
    orderlog = new_orderlog("examples")
    orderlog.start("command-api")
    for command in COMMANDS.values():
        answer = orderlog.command(command.name, command.example())
        assert answer.status_code in (200, 201, 404, 409, 422), f"{command}: {answer.status_code} {answer.text}"


def test_the_tool_lists_every_command(orderlog):
    listed = {line.split()[0]: line.split()[1] for line in orderlog.tool("command", "--list").stdout.splitlines()}
    assert listed == {command.name: "public" if command.public else "private" for command in COMMANDS.values()}
