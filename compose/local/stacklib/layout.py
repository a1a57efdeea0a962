"""Where a stack keeps its files, and which ports it has. Nothing here touches a process."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
DEFAULT_DIR = REPOSITORY / ".run" / "demo"
SERVICE_USER = "orderlog"
HOST = "127.0.0.1"

# Ports at offset 0. The first of a service is the one that clients use.
PORTS = {
    "kafka": {"broker": 9092, "controller": 9093},
    "elasticsearch": {"http": 9200, "transport": 9300},
    "registry": {"http": 8085},
    "mongodb": {"wire": 27017},
    "command-api": {"public": 8080, "private": 9080},
    "query-api": {"public": 8081, "private": 9081},
    "projectors": {"private": 9082},
    "gateway": {"http": 8000},
}
# Further instances of a program: command-api-2 has the ports of command-api plus this, command-api-3 twice as much more.
INSTANCE_PORT_STEP = 10
COMMAND_APIS_MAX = 9
PORT_MAX = 65535
OFFSET_MAX = PORT_MAX - max(port for ports in PORTS.values() for port in ports.values())


def program_of(service: str) -> tuple:
    """The program that a service runs, and the number of its instance: ("command-api", 2) for command-api-2."""
    name, _, number = service.rpartition("-")
    return (name, int(number)) if number.isdigit() else (service, 1)


def ports_of(service: str) -> dict:
    """Role -> port, at offset 0."""
    program, number = program_of(service)
    return {role: port + (number - 1) * INSTANCE_PORT_STEP for role, port in PORTS[program].items()}


class StackError(Exception):
    """Something that the person at the terminal can mend; the text says how."""


def cache_dir() -> Path:
    """The folder that compose/local/install fills."""
    if os.environ.get("ORDERLOG_CACHE"):
        return Path(os.environ["ORDERLOG_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "orderlog"


def installed(name: str) -> Path:
    """The folder of an installed server."""
    path = cache_dir() / "servers" / name
    if not path.exists():
        raise StackError(f"{name} is not installed in {cache_dir()}.\nRun compose/local/install first.")
    return path


def java_home() -> Path:
    return Path(installed("java-home").read_text(encoding="utf-8").strip())


@dataclass
class Options:
    """What `stack up` was told; kept in stack.json so that later commands need not be told again."""

    port_offset: int = 0
    engine: str = "elasticsearch"
    mongo: str = "file"
    with_orderlog: bool = False
    command_apis: int = 1
    build_dir: str = ""
    services: list = field(default_factory=list)


@dataclass(frozen=True)
class Stack:
    """One stack: its folder and its options."""

    dir: Path
    options: Options

    def port(self, service: str, role: str = "") -> int:
        ports = ports_of(service)
        return ports[role or next(iter(ports))] + self.options.port_offset

    def address(self, service: str, role: str = "") -> str:
        return f"{HOST}:{self.port(service, role)}"

    def data(self, name: str) -> Path:
        return self.dir / "data" / name

    def conf(self, name: str) -> Path:
        return self.dir / "conf" / name

    def tmp(self, name: str) -> Path:
        return self.dir / "tmp" / name

    def log(self, name: str) -> Path:
        return self.dir / "logs" / f"{name}.log"

    def request_log(self, name: str) -> Path:
        return self.dir / "logs" / f"{name}-requests.log"

    def pid_file(self, name: str) -> Path:
        return self.dir / "pids" / f"{name}.json"

    def make_dirs(self) -> None:
        for part in ("data", "conf", "tmp", "logs", "pids"):
            (self.dir / part).mkdir(parents=True, exist_ok=True)

    def save(self) -> None:
        write_atomically(self.dir / "stack.json", json.dumps(asdict(self.options), indent=1) + "\n")


def open_stack(directory: Path, options: Options | None = None) -> Stack:
    """The stack in a folder, with the given options or with those it was last brought up with."""
    directory = directory.resolve()
    if options is None:
        options = saved_options(directory) or Options()
    if not 1 <= options.command_apis <= COMMAND_APIS_MAX:
        raise StackError(f"{options.command_apis} command-apis are not within 1 and {COMMAND_APIS_MAX}.")
    if not 0 <= options.port_offset <= OFFSET_MAX:
        raise StackError(f"The port offset {options.port_offset} is not within 0 and {OFFSET_MAX}.")
    return Stack(directory, options)


def saved_options(directory: Path) -> Options | None:
    try:
        saved = json.loads((directory / "stack.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Options(**saved)


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of it."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
