"""The stack tool: what it starts, what it leaves alone, what it says, and what survives."""

import json
import os
import subprocess
import sys
import time

import pymongo
import pytest
import requests
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from conftest import LOCAL, PORT_OFFSET, await_true, free_ports

from stacklib import addresses, logwriter, process, servers, supervisor
from stacklib.layout import OFFSET_MAX, PORTS, Options, Stack, StackError, open_stack

COMMAND_SECONDS = 120
OFFSET = PORT_OFFSET + 10


def run(folder, *arguments, env=None, check=True):
    done = subprocess.run([str(LOCAL / "stack"), "--dir", str(folder), *arguments], capture_output=True, text=True,
                          timeout=COMMAND_SECONDS, env={**os.environ, **(env or {})}, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def saved_pid(folder, name):
    return json.loads((folder / "pids" / f"{name}.json").read_text())["pid"]


@pytest.fixture(name="folder")
def stack_folder(tmp_path):
    yield tmp_path
    run(tmp_path, "down")


def up(folder, *names, more=()):
    return run(folder, "up", *names, "--port-offset", str(OFFSET), *more)


def mongo(folder):
    return pymongo.MongoClient(f"mongodb://{open_stack(folder).address('mongodb')}", serverSelectionTimeoutMS=5000)


# --- Starting and stopping -------------------------------------------------------------------------------------------


def test_up_again_is_quick_and_changes_nothing(folder):
    up(folder, "mongodb")
    first = saved_pid(folder, "mongodb")
    begin = time.monotonic()
    assert "mongodb        up\n" in up(folder, "mongodb").stdout
    assert time.monotonic() - begin < 3
    assert saved_pid(folder, "mongodb") == first


def test_down_stops_and_says_so_and_again_is_nothing(folder):
    up(folder, "mongodb")
    pid = saved_pid(folder, "mongodb")
    assert "stopped" in run(folder, "down").stdout
    assert process.start_ticks(pid) is None
    assert run(folder, "down").stdout == ""
    assert run(folder, "status", check=False).returncode == 1


def test_killed_server_is_seen_and_started_again(folder):
    up(folder, "mongodb")
    first = saved_pid(folder, "mongodb")
    run(folder, "kill", "mongodb")
    assert process.start_ticks(first) is None
    assert run(folder, "status", check=False).returncode == 1
    up(folder, "mongodb")
    assert saved_pid(folder, "mongodb") != first
    run(folder, "restart", "mongodb")
    assert run(folder, "status").returncode == 0


def test_a_pid_that_is_somebody_else_is_neither_believed_nor_signalled(folder):
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "pids").mkdir()
        (folder / "pids" / "mongodb.json").write_text(json.dumps({"pid": bystander.pid, "start_ticks": 1}))
        up(folder, "mongodb")
        assert saved_pid(folder, "mongodb") != bystander.pid
        (folder / "pids" / "kafka.json").write_text(json.dumps({"pid": bystander.pid, "start_ticks": 1}))
        assert "was not running" in run(folder, "down").stdout
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_everything_goes_with_the_process_that_wanted_it(folder):
    owner = subprocess.Popen(["sleep", "60"])
    up(folder, "mongodb", "registry", more=["--die-with", str(owner.pid)])
    pids = [saved_pid(folder, name) for name in ("mongodb", "registry", "watcher")]
    assert all(process.start_ticks(pid) for pid in pids)
    owner.kill()
    owner.wait()
    await_true(lambda: not any(process.start_ticks(pid) for pid in pids), seconds=30, what="all is gone")
    assert "mongodb: stopped" in (folder / "logs" / "watcher.log").read_text()


def test_down_dismisses_the_watcher(folder):
    up(folder, "mongodb", more=["--die-with", str(os.getpid())])
    watcher = saved_pid(folder, "watcher")
    run(folder, "down")
    assert process.start_ticks(watcher) is None


def test_a_process_that_ignores_term_is_killed_in_time(tmp_path):
    ready = tmp_path / "ready"
    stubborn = process.spawn([sys.executable, "-c", f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(60)"],
                             dict(os.environ), tmp_path / "log", tmp_path / "pid", tmp_path)
    await_true(ready.exists, what="it ignores TERM")
    assert process.stop(stubborn, 0.3, tmp_path / "pid") == "killed"
    assert not stubborn.alive() and not (tmp_path / "pid").exists()


# --- What is in the way ----------------------------------------------------------------------------------------------


def test_taken_port_names_its_holder(folder):
    other = folder / "other"
    up(other, "mongodb")
    try:
        done = run(folder, "up", "mongodb", "--port-offset", str(OFFSET), check=False)
        assert done.returncode == 1
        assert f"Port {27017 + OFFSET}" in done.stderr and f"pid {saved_pid(other, 'mongodb')} (java)" in done.stderr and "--port-offset" in done.stderr
        assert not (folder / "pids" / "mongodb.json").exists()
    finally:
        run(other, "down")


def test_data_of_another_version_are_not_touched(folder):
    (folder / "data" / "mongodb").mkdir(parents=True)
    (folder / "data" / "mongodb" / ".written-by").write_text("mongo-java-server 9.9.9\n")
    done = run(folder, "up", "mongodb", "--port-offset", str(OFFSET), check=False)
    assert done.returncode == 1 and "9.9.9" in done.stderr and "--forget" in done.stderr


def test_too_little_memory_is_said_before_the_start(folder, monkeypatch):
    monkeypatch.setattr(supervisor, "available_mib", lambda: 100)
    with pytest.raises(StackError, match="mongodb may take 1500 MiB together, 100 MiB are available"):
        supervisor.up(Stack(folder, Options(port_offset=OFFSET, services=["mongodb"])))


def test_a_server_that_ends_is_explained_by_its_log(folder, monkeypatch):
    command = servers.MONGODB.command
    monkeypatch.setitem(servers.MONGODB.__dict__, "command", lambda stack: ["-Xmx512t" if word.startswith("-Xmx") else word for word in command(stack)])
    with pytest.raises(StackError) as error:
        supervisor.up(Stack(folder, Options(port_offset=OFFSET, services=["mongodb"])))
    assert "Its process ended" in str(error.value) and "mongodb.log" in str(error.value) and "  | " in str(error.value)


@pytest.mark.parametrize("line, reason", [
    ("JVM arguments [-Xmx512m, -XX:+ExitOnOutOfMemoryError]", ""),  # a flag's name is no diagnosis
    ("Terminating due to java.lang.OutOfMemoryError: Java heap space", "It ran out of memory. "),
    ("java.net.BindException: Address already in use", "Another process took its port meanwhile. "),
])
def test_a_log_is_read_for_reasons_and_shown_without_frames(tmp_path, line, reason):
    stack = Stack(tmp_path, Options())
    stack.make_dirs()
    stack.log("mongodb").write_text("\n".join([line, "Caused by: this", *["\tat some.Frame(File.java:1)"] * 50]) + "\n")
    text = supervisor.explain(stack, servers.MONGODB)
    assert text.startswith(f"{reason}The last lines of") and "Caused by: this" in text and "some.Frame" not in text


def test_another_engine_or_port_needs_a_down_first(folder):
    up(folder, "mongodb")
    done = run(folder, "up", "mongodb", "--port-offset", str(OFFSET + 1), check=False)
    assert done.returncode == 1 and "port_offset" in done.stderr and "stack down" in done.stderr


def test_usage_errors(folder):
    assert run(folder, "up", "--engine", "grep", check=False).returncode == 2
    assert run(folder, "frobnicate", check=False).returncode == 2
    assert run(folder, "up", "nobody", check=False).returncode == 1
    assert run(folder, "up", "mongodb", "--port-offset", str(OFFSET_MAX + 1), check=False).returncode == 1
    assert "usage" in run(folder, "--help").stdout


def test_ports_of_one_stack_differ_from_each_other():
    ports = [port for roles in PORTS.values() for port in roles.values()]
    assert len(ports) == len(set(ports))


# --- Servers of the user's own ---------------------------------------------------------------------------------------


def test_a_server_of_the_users_own_is_not_started(folder):
    own = {"ORDERLOG_KAFKA_BROKERS": "kafka.example:9092", "ORDERLOG_ELASTICSEARCH_URL": "http://es.example:9200", "ORDERLOG_SCHEMA_REGISTRY_URL": "http://reg.example"}
    done = run(folder, "up", "--port-offset", str(OFFSET), env=own)
    assert "kafka          not started: you have set it to kafka.example:9092" in done.stdout
    assert os.listdir(folder / "pids") == ["mongodb.json"]
    exported = run(folder, "env", env=own).stdout
    assert "export ORDERLOG_KAFKA_BROKERS=kafka.example:9092\n" in exported
    assert f"export ORDERLOG_MONGODB_URI=mongodb://127.0.0.1:{27017 + OFFSET}/orderlog\n" in exported


def exported_by(folder, *arguments):
    """What a shell has in its environment after eval "$(stack env)"."""
    text = run(folder, *arguments, "env").stdout
    done = subprocess.run(["sh", "-c", text + "env -0"], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line.startswith("ORDERLOG_"))


def test_a_shell_that_took_over_one_stacks_addresses_can_start_another(folder, monkeypatch):
    for name, value in exported_by(folder).items():
        monkeypatch.setenv(name, value)
    assert addresses.foreign_servers(Stack(folder, Options(port_offset=OFFSET))) == {}
    monkeypatch.setenv("ORDERLOG_MONGODB_URI", "mongodb://elsewhere")
    assert addresses.foreign_servers(Stack(folder, Options(port_offset=OFFSET))) == {"mongodb": "mongodb://elsewhere"}


def test_dotenv(tmp_path):
    (tmp_path / ".env").write_text("# comment\n\nA=1\nexport B='two words'\n C = \"3\" \n#D=4\nE=a=b\n")
    assert addresses.dotenv(tmp_path / ".env") == {"A": "1", "B": "two words", "C": "3", "E": "a=b"}


# --- What survives ---------------------------------------------------------------------------------------------------


def test_a_clean_stop_loses_no_document_that_was_acknowledged(folder):
    up(folder, "mongodb")
    for round_number in range(3):
        collection = mongo(folder).test.things
        collection.insert_many([{"_id": f"{round_number}-{i}"} for i in range(500)])
        run(folder, "restart", "mongodb")  # at once: the store writes some time later
        assert mongo(folder).test.things.count_documents({}) == 500 * (round_number + 1)


def test_memory_is_forgotten_when_asked_for(folder):
    up(folder, "mongodb", more=["--mongo", "memory"])
    mongo(folder).test.things.insert_one({"_id": 1})
    run(folder, "restart", "mongodb")
    assert mongo(folder).test.things.count_documents({}) == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_registry_keeps_its_ids(folder, end):
    up(folder, "registry")
    url = f"http://{open_stack(folder).address('registry')}/apis/ccompat/v7"
    schemas = [json.dumps({"type": "record", "name": f"R{i}", "fields": []}) for i in range(5)]
    ids = [requests.post(f"{url}/subjects/s{i}-value/versions", json={"schema": schema}, timeout=10).json()["id"] for i, schema in enumerate(schemas)]
    run(folder, end, "registry")
    up(folder, "registry")
    assert [json.loads(requests.get(f"{url}/schemas/ids/{number}", timeout=10).json()["schema"])["name"] for number in ids] == [f"R{i}" for i in range(5)]
    fresh = requests.post(f"{url}/subjects/new-value/versions", json={"schema": '"string"'}, timeout=10).json()["id"]
    assert fresh not in ids


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_kafka_keeps_its_log_and_makes_no_topic_unasked(folder, end):
    up(folder, "kafka")
    broker = open_stack(folder).address("kafka")
    admin = AdminClient({"bootstrap.servers": broker})  # a name of its own: collected, it takes its futures along
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)
    producer = Producer({"bootstrap.servers": broker, "acks": "all", "message.timeout.ms": 5000})
    failures = []
    for number in range(100):
        producer.produce("kept", str(number), on_delivery=lambda error, _message: failures.append(error) if error else None)
    producer.produce("misspelt", "x", on_delivery=lambda error, _message: failures.append(error))
    assert producer.flush(15) == 0
    assert len(failures) == 1 and failures[0] is not None
    run(folder, end, "kafka")
    up(folder, "kafka")
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "g", "auto.offset.reset": "earliest", "session.timeout.ms": 1000, "heartbeat.interval.ms": 250})
    try:
        consumer.subscribe(["kept"])
        values = []
        await_true(lambda: values.extend(consumer.consume(100, 0.2)) or len(values) >= 100, seconds=20, what="100 records")
        assert [int(message.value()) for message in values] == list(range(100))
        assert "misspelt" not in consumer.list_topics(timeout=10).topics
    finally:
        consumer.close()


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
def test_a_search_engine_stops_cleanly_and_keeps_its_index(folder, engine):
    up(folder, "elasticsearch", more=["--engine", engine])
    url = f"http://{open_stack(folder).address('elasticsearch')}"
    assert requests.put(f"{url}/things/_doc/1", json={"a": 1}, timeout=10).status_code == 404  # no index by accident
    assert requests.put(f"{url}/things", json={"settings": {"number_of_replicas": 0}}, timeout=10).status_code == 200
    assert requests.put(f"{url}/things/_doc/1", json={"a": 1}, timeout=10).status_code == 201
    assert run(folder, "stop", "elasticsearch").stdout == "  elasticsearch  stopped\n"
    up(folder, "elasticsearch")
    assert requests.get(f"{url}/things/_doc/1", timeout=10).json()["_source"] == {"a": 1}


def test_all_four_listen_on_loopback_only(folder):
    up(folder)
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=False)
    rows = [line.split()[3] for line in listening.stdout.splitlines()]
    mine = [row for row in rows if int(row.rsplit(":", 1)[1]) - OFFSET in {port for roles in PORTS.values() for port in roles.values()}]
    assert len(mine) >= 6
    assert [row for row in mine if not row.startswith(("127.0.0.1:", "[::ffff:127.0.0.1]:"))] == []


# --- Orderlog's programs ---------------------------------------------------------------------------------------------

PROGRAM = '''#!{python}
"""A stand-in for one of Orderlog's programs: tells its environment, answers health, ends on TERM."""
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
if sys.argv[1:] == ["--routes"]:
    print(json.dumps({{"method": "GET", "path": "/v1/{name}", "exposure": "public", "api": "{api}", "name": "Get"}}))
    sys.exit(0)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{key: value for key, value in os.environ.items() if key.startswith("ORDERLOG_")}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
listeners = [os.environ[key] for key in ("ORDERLOG_LISTEN", "ORDERLOG_PRIVATE_LISTEN") if key in os.environ]
for one in listeners:
    host, port = one.rsplit(":", 1)
    threading.Thread(target=ThreadingHTTPServer((host, int(port)), Handler).serve_forever).start()
'''


@pytest.fixture(name="build")
def fake_build(tmp_path):
    for name, api in (("command-api", "command"), ("query-api", "query"), ("projectors", "query")):
        path = tmp_path / "build" / name / name
        path.parent.mkdir(parents=True)
        path.write_text(PROGRAM.format(python=sys.executable, name=name, api=api))
        path.chmod(0o755)
    return tmp_path / "build"


EXTERNAL = {"ORDERLOG_KAFKA_BROKERS": "k:9092", "ORDERLOG_MONGODB_URI": "mongodb://m", "ORDERLOG_ELASTICSEARCH_URL": "http://e", "ORDERLOG_SCHEMA_REGISTRY_URL": "http://r"}


def test_programs_get_their_settings_and_the_gateway_leads_to_them(folder, build):
    run(folder, "up", "--with-orderlog", "--build-dir", str(build), "--port-offset", str(OFFSET), env={**EXTERNAL, "ORDERLOG_TOPIC_PREFIX": "mine", "ORDERLOG_KAFKA_CLIENT_ID": "x"})
    gateway = f"http://127.0.0.1:{8000 + OFFSET}"
    for name, public, private in (("command-api", 8080, 9080), ("query-api", 8081, 9081)):
        answer = requests.get(f"{gateway}/v1/{name}", timeout=5)
        assert answer.status_code == 200
        settings = answer.json()
        assert {key: settings[key] for key in EXTERNAL} == EXTERNAL
        assert (settings["ORDERLOG_LISTEN"], settings["ORDERLOG_PRIVATE_LISTEN"]) == (f"127.0.0.1:{public + OFFSET}", f"127.0.0.1:{private + OFFSET}")
        assert (settings["ORDERLOG_TOPIC_PREFIX"], settings["ORDERLOG_KAFKA_CLIENT_ID"]) == ("mine", "x")
        assert settings["ORDERLOG_DATA_DIR"] == str(folder / "data" / name) and "ORDERLOG_CACHE" not in settings
    assert requests.get(f"{gateway}/nothing", timeout=5).headers["content-type"] == "application/problem+json"
    await_true(lambda: "/nothing" in (folder / "logs" / "gateway-requests.log").read_text().replace("\\/", "/"), what="the request log")
    master = saved_pid(folder, "gateway")
    run(folder, "reload")
    await_true(lambda: requests.get(f"{gateway}/v1/query-api", timeout=5).status_code == 200, what="the gateway after a reload")
    assert saved_pid(folder, "gateway") == master


def test_several_command_apis_share_the_gateway(folder, build):
    common = ("--with-orderlog", "--build-dir", str(build), "--port-offset", str(OFFSET))
    run(folder, "up", *common, "--command-apis", "3", env=EXTERNAL)
    listeners = {requests.get(f"http://127.0.0.1:{8000 + OFFSET}/v1/command-api", timeout=5).json()["ORDERLOG_PRIVATE_LISTEN"] for _ in range(9)}
    assert listeners == {f"127.0.0.1:{port + OFFSET}" for port in (9080, 9090, 9100)}
    done = run(folder, "up", *common, "--command-apis", "2", env=EXTERNAL, check=False)
    assert done.returncode == 1 and "command-api-3" in done.stderr
    run(folder, "stop", "command-api-2", env=EXTERNAL)
    assert "command-api-2" in run(folder, "status", env=EXTERNAL, check=False).stdout
    run(folder, "down", env=EXTERNAL)
    assert run(folder, "up", *common, "--command-apis", "10", env=EXTERNAL, check=False).returncode == 1


def test_a_missing_program_is_named(folder):
    done = run(folder, "up", "--with-orderlog", "--build-dir", str(folder / "nowhere"), "--port-offset", str(OFFSET), env=EXTERNAL, check=False)
    assert done.returncode == 1 and "nowhere/command-api/command-api is not there" in done.stderr and "ninja" in done.stderr


# --- The log of requests ---------------------------------------------------------------------------------------------


def test_log_writer_rotates_at_line_ends_and_keeps_a_bounded_number(tmp_path, monkeypatch):
    monkeypatch.setattr(logwriter, "FILE_BYTES_MAX", 10000)
    path = tmp_path / "log"
    reader, writer = os.pipe()
    lines = [f"line {number:05}\n".encode() for number in range(20000)]
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "wb") as out:
            out.writelines(lines)
        os._exit(0)
    os.close(writer)
    logwriter.copy(reader, str(path))
    os.waitpid(child, 0)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["log", "log.1", "log.2"]
    kept = b"".join((tmp_path / name).read_bytes() for name in ("log.2", "log.1", "log")).splitlines(keepends=True)
    assert kept == lines[-len(kept):]
    assert all(file.stat().st_size <= 10000 + 2 * logwriter.READ_BYTES for file in files)


def test_free_port_has_no_holder():
    port, = free_ports(1)
    assert process.port_holder(port) is None
