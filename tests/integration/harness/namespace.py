"""A namespace on the shared servers: its topics, indexes and database, and Orderlog's programs working on them."""
import json
import pathlib
import re
import subprocess
import urllib.parse

import pymongo
import requests

from harness import log, places, wait
from harness.commands import COMMANDS
from harness.program import Program

PROGRAMS = ("command-api", "projectors", "query-api")
# New topics and schemas are made by whoever starts first; few partitions, because every module has topics of its own.
DEFAULTS = {"ORDERLOG_CREATE_TOPICS": "true", "ORDERLOG_REGISTER_SCHEMAS": "true", "ORDERLOG_PARTITIONS": "3"}
REQUEST_SECONDS, TOOL_SECONDS, CAUGHT_UP_SECONDS = 40, 110, 60
FORGET_MS = 3000
TOPICS = tuple(json.loads((places.REPOSITORY / "schemas" / "topics.json").read_text(encoding="utf-8")))


def program_of(name):
    """command-api for command-api-2: instances of one program are numbered from the second."""
    return re.sub(r"-[0-9]+$", "", name)


class Orderlog:
    """See harness/__init__.py for what it is like to use."""

    def __init__(self, prefix, servers, environment=None):
        self.command_apis = ["command-api"]  # the instances behind the gateway
        self.environment_of = {}  # program -> settings of its own
        self.prefix, self.servers = prefix, servers
        self.folder = places.FOLDER / prefix
        self.environment = servers.environment() | DEFAULTS | {"ORDERLOG_TOPIC_PREFIX": prefix} | (environment or {})
        self.environment["ORDERLOG_MONGODB_URI"] += f"/{prefix}"
        self.programs, self.addresses = {}, {}
        self.session = requests.Session()

    # --- programs ---

    def address(self, name, side="public"):
        """host:port of a program's public or private listener; given out once and kept over restarts."""
        if (name, side) not in self.addresses:
            self.addresses[name, side] = f"127.0.0.1:{places.free_port()}"
        return self.addresses[name, side]

    def url(self, name, side="public"):
        return f"http://{self.address(name, side)}"

    def program(self, name):
        if name not in self.programs:
            self.programs[name] = self._gateway() if name == "gateway" else self._own_program(name)
        return self.programs[name]

    def _own_program(self, name):
        own = {"ORDERLOG_DATA_DIR": str(self.folder / "data" / name), "ORDERLOG_PRIVATE_LISTEN": self.address(name, "private")}
        environment = self.environment | own | self.environment_of.get(name, {})
        if name != "projectors":
            environment["ORDERLOG_LISTEN"] = self.address(name)
        (self.folder / "data" / name).mkdir(parents=True, exist_ok=True)
        # A projector is ready when it has caught up; that is asked for where it matters.
        path = "/livez" if name == "projectors" else "/readyz"
        program = program_of(name)
        return Program(name, [places.BUILD / program / program], environment, self.folder, self.url(name, "private") + path)

    def _gateway(self):
        from stacklib import gateway  # pylint: disable=import-outside-toplevel  # on the path after places
        folder = self.folder / "gateway"
        folder.mkdir(parents=True, exist_ok=True)
        routes = gateway.read_routes([[str(places.BUILD / name / name), "--routes"] for name in ("command-api", "query-api")])
        settings = gateway.Gateway(listen=self.address("gateway"), folder=folder, admin_socket=folder / "admin.sock",
                                   command=[(self.address(name), self.address(name, "private")) for name in self.command_apis],
                                   query=[(self.address("query-api"), self.address("query-api", "private"))])
        gateway.write_configuration(settings, routes)
        return Program("gateway", [gateway.program(), "-W", "-f", folder / gateway.FILE_NAME], {}, self.folder,
                       self.url("gateway") + gateway.LIVE_PATH)

    def start(self, *names):
        """Starts what does not run yet and waits until it is ready."""
        for name in names or PROGRAMS:
            program = self.program(name)
            if not program.running():
                program.start()
                program.await_ready()

    def stop(self, *names):
        for name in names or reversed(list(self.programs)):
            self.program(name).stop()

    def kill(self, *names):
        for name in names or reversed(list(self.programs)):
            self.program(name).kill()

    # --- requests ---

    def command(self, name, fields=None, *, via=None, private=None, key=None, headers=None, **more):
        """Sends a command by the name it has in schemas/; by default to the private listener, which takes every one.

        `via`: to the public listener of that program; `private`: to the private one of another instance.
        """
        command = COMMANDS[name]
        fields = (fields or {}) | more
        headers = dict(headers or {}) | ({"Idempotency-Key": key} if key else {})
        return self.session.request(command.method, self._base(via, private or "command-api", "private") + command.path_of(fields),
                                    json=command.body_of(fields), headers=headers, timeout=REQUEST_SECONDS)

    def get(self, path, *, via=None, position=None, wait_seconds=None, headers=None, **parameters):
        """A query; with a position token it sees at least that."""
        headers = dict(headers or {})
        if position:
            headers["Position"] = position
        if wait_seconds is not None:
            headers["Prefer"] = f"wait={wait_seconds}"
        return self.session.get(self._base(via, "query-api", "public") + path, params=parameters, headers=headers, timeout=REQUEST_SECONDS)

    def _base(self, via, name, side):
        return self.url(via) if via else self.url(name, side)

    def ready(self, name):
        """The answer of a program's /readyz: (status, document)."""
        answer = self.session.get(self.url(name, "private") + "/readyz", timeout=REQUEST_SECONDS)
        return answer.status_code, answer.json()

    def metrics(self, name):
        """{name{labels}: value} of a program's /metrics."""
        text = self.session.get(self.url(name, "private") + "/metrics", timeout=REQUEST_SECONDS).text
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    # --- the tool ---

    def tool_environment(self):
        return places.clean_environment() | self.environment | {
            "ORDERLOG_COMMAND_URL": self.url("command-api", "private"), "ORDERLOG_QUERY_URL": self.url("query-api"),
            "ORDERLOG_PROJECTORS_URL": self.url("projectors", "private")}

    def tool(self, *arguments, seconds=TOOL_SECONDS, check=True):
        """Runs `orderlog …` to its end; arguments that are paths are taken from the repository."""
        done = subprocess.run(self._tool_argv(arguments), env=self.tool_environment(), cwd=self._tool_folder(),
                              capture_output=True, text=True, timeout=seconds, check=False)
        assert not check or done.returncode == 0, f"orderlog {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def tool_in_background(self, *arguments):
        """The same as a process that the caller waits for or kills; it ends with the tests in any case."""
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self._tool_argv(arguments)], env=self.tool_environment(),
                                cwd=self._tool_folder(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def _tool_argv(self, arguments):
        return [str(places.TOOL), *(str(a.resolve()) if isinstance(a, pathlib.Path) else str(a) for a in arguments)]

    def _tool_folder(self):
        self.folder.mkdir(parents=True, exist_ok=True)  # not the repository: a .env there is the user's
        return self.folder

    def wait_caught_up(self, seconds=CAUGHT_UP_SECONDS):
        """All views reflect the log as it is now."""
        self.tool("lag", "--wait", seconds, seconds=seconds + 20)

    def reconcile(self, month, expected, *sources, seconds=TOOL_SECONDS):
        """Rows of `orderlog reconcile --json`; they are all equal, or the assertion names those that differ."""
        chosen = ["--sources", ",".join(sources)] if sources else []
        done = self.tool("reconcile", "--json", "--expected", expected, *chosen, month, check=False, seconds=seconds)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        different = [row for row in rows if not row["ok"]]
        assert rows and not different and done.returncode == 0, f"exit code {done.returncode}: {done.stderr}\n{json.dumps(different, indent=1)}"
        return rows

    def forget_documents(self):
        """Drops the namespace's database: the shared stand-in keeps everything in memory."""
        client = pymongo.MongoClient(self.environment["ORDERLOG_MONGODB_URI"], serverSelectionTimeoutMS=FORGET_MS)
        try:
            client.drop_database(self.prefix)
        except pymongo.errors.PyMongoError:
            pass  # away: what it held in memory is gone with it
        finally:
            client.close()

    # --- the log ---

    topics = TOPICS

    def topic(self, name):
        return f"{self.prefix}.{name}"

    def end_offsets(self, *names):
        """{(topic, partition): offset} of the event topics."""
        brokers = self.environment["ORDERLOG_KAFKA_BROKERS"]
        return {(name, partition): offset for name in names or TOPICS
                for partition, offset in log.end_offsets(brokers, self.topic(name)).items()}

    def log_length(self, *names):
        return sum(self.end_offsets(*names).values())

    def await_settled(self, seconds=10):
        """Waits for fences that a program may still append after it became ready; returns the end offsets."""
        seen = []

        def twice_the_same():
            seen.append(self.end_offsets())
            return len(seen) > 1 and seen[-1] == seen[-2]
        wait.until(twice_the_same, seconds, "the log rests")
        return seen[-1]


def quoted(text):
    return urllib.parse.quote(text, safe="")
