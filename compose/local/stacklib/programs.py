"""The table of Orderlog's own programs and the gateway before them."""

import os
import signal
from pathlib import Path

from . import addresses, gateway, health, process
from .layout import COMMAND_APIS_MAX, Stack, StackError, program_of
from .service import Service

# What the programs inherit of the user's settings: all of ORDERLOG_… but what belongs to this tool, and the options of
# the sanitizers that a build may carry.
TOOL_VARIABLES = ("ORDERLOG_CACHE", "ORDERLOG_TSAN", "ORDERLOG_ANY_SUITE", "ORDERLOG_STACK_IGNORE_MEMORY", "ORDERLOG_STACK_MONGODB_HEAP_MIB", "ORDERLOG_COMMAND_APIS", addresses.OWN_ADDRESSES)
SANITIZER_VARIABLES = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE")

# Groups that are stopped side by side, one group after the other: nobody loses a server before he has ended.
COMMAND_APIS = tuple(["command-api"] + [f"command-api-{number}" for number in range(2, COMMAND_APIS_MAX + 1)])
STOPPING_ORDER = (("gateway",), (*COMMAND_APIS, "query-api", "projectors"), ("kafka", "elasticsearch", "registry", "mongodb"))


STOP_DELAY_MS = 3 * gateway.CHECK_MS * gateway.CHECKS_TO_FALL


def build_dir(stack: Stack) -> Path:
    if not stack.options.build_dir:
        raise StackError("Orderlog's programs need to know where they were built: `stack up --with-orderlog --build-dir DIR`.")
    return Path(stack.options.build_dir)


def binary(stack: Stack, name: str) -> str:
    program, _ = program_of(name)
    path = build_dir(stack) / program / program
    if not os.access(path, os.X_OK):
        raise StackError(f"{path} is not there. Build it first: `ninja -C {build_dir(stack)}`.")
    return str(path)


def program_environment(stack: Stack, name: str) -> dict:
    """The user's settings, then the addresses, then what this stack decides: where the program listens and keeps data."""
    env = {key: value for key, value in addresses.user_settings().items() if key not in TOOL_VARIABLES}
    env.update({key: os.environ[key] for key in SANITIZER_VARIABLES if key in os.environ})
    env.update(addresses.environment(stack))
    env["ORDERLOG_DATA_DIR"] = str(stack.data(name))
    env["ORDERLOG_PRIVATE_LISTEN"] = stack.address(name, "private")
    if program_of(name)[0] == "command-api":  # a stack for development: nobody else makes topics or registers schemas here
        env.setdefault("ORDERLOG_CREATE_TOPICS", "true")
        env.setdefault("ORDERLOG_REGISTER_SCHEMAS", "true")
        if stack.options.command_apis > 1:  # one may be stopped while the others go on: the gateway must notice
            env.setdefault("ORDERLOG_STOP_DELAY_MS", str(STOP_DELAY_MS))
    if name != "projectors":
        env["ORDERLOG_LISTEN"] = stack.address(name, "public")
    return env


def program(name: str, needs: tuple, path: str) -> Service:
    """A program of ours; `path` is what it must answer with 200 to be called up."""
    return Service(
        name=name,
        title=program_of(name)[0],
        needs=needs,
        command=lambda stack: [binary(stack, name)],
        environment=lambda stack: program_environment(stack, name),
        prepare=lambda stack: stack.data(name).mkdir(parents=True, exist_ok=True),
        probe=lambda stack: health.http_status(stack.address(name, "private"), path),
        memory_mib=256,
        start_seconds=120,
        stop_seconds=30,
    )


# command-api makes the topics and registers the schemas, so the others come after it. A projector is up when it lives:
# that it has caught up is another question, and may take long.
COMMAND_API = program("command-api", ("kafka", "registry"), "/readyz")
OTHER_COMMAND_APIS = [program(name, ("command-api",), "/readyz") for name in COMMAND_APIS[1:]]
PROJECTORS = program("projectors", ("command-api", "kafka", "registry", "mongodb", "elasticsearch"), "/livez")
QUERY_API = program("query-api", ("projectors", "mongodb", "elasticsearch"), "/readyz")


def command_apis(stack: Stack) -> list:
    return [COMMAND_API, *OTHER_COMMAND_APIS[: stack.options.command_apis - 1]]


def prepare_gateway(stack: Stack) -> None:
    routes = gateway.read_routes([[binary(stack, "command-api"), "--routes"], [binary(stack, "query-api"), "--routes"]])
    settings = gateway.Gateway(
        listen=stack.address("gateway"),
        command=[(stack.address(row.name, "public"), stack.address(row.name, "private")) for row in command_apis(stack)],
        query=[(stack.address("query-api", "public"), stack.address("query-api", "private"))],
        folder=stack.conf("gateway"),
        admin_socket=stack.tmp("gateway") / "admin.sock",
    )
    gateway.write_configuration(settings, routes)


def reload_gateway(stack: Stack, master: process.Process) -> None:
    """Writes and checks the new configuration, then tells HAProxy's master process, which keeps its pid and its sockets."""
    prepare_gateway(stack)
    os.kill(master.pid, signal.SIGUSR2)


def gateway_command(stack: Stack) -> list:
    return [gateway.program(), "-W", "-f", str(stack.conf("gateway") / gateway.FILE_NAME)]


GATEWAY = Service(
    name="gateway",
    title="haproxy",
    needs=(*COMMAND_APIS, "query-api"),
    prepare=prepare_gateway,
    command=gateway_command,
    probe=lambda stack: health.http_status(stack.address("gateway"), gateway.LIVE_PATH),
    request_log=True,
    memory_mib=128,
    start_seconds=15,
    stop_seconds=gateway.HARD_STOP_SECONDS + 5,
)


def programs(stack: Stack) -> list:
    """Orderlog's services, in the order in which they are shown."""
    return [*command_apis(stack), PROJECTORS, QUERY_API, GATEWAY]
