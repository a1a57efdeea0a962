"""The command line of `stack`."""

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from . import addresses, programs, supervisor, watcher
from .layout import DEFAULT_DIR, Options, Stack, StackError, open_stack, saved_options

EXIT_OK, EXIT_FAILURE, EXIT_USAGE = 0, 1, 2
NAME_WIDTH = 14


def report(name: str, text: str) -> None:
    print(f"  {name:<{NAME_WIDTH}} {text}", flush=True)


def merged_options(arguments, directory: Path) -> Options:
    """What was told now, over what was told before."""
    options = saved_options(directory) or Options()
    told = {key: getattr(arguments, key) for key in ("port_offset", "engine", "mongo", "build_dir", "command_apis") if getattr(arguments, key, None) is not None}
    if arguments.command == "up" and "command_apis" not in told and os.environ.get("ORDERLOG_COMMAND_APIS", "").isdigit():
        told["command_apis"] = int(os.environ["ORDERLOG_COMMAND_APIS"])
    if "build_dir" in told:
        told["build_dir"] = str(Path(told["build_dir"]).resolve())
    if getattr(arguments, "with_orderlog", None):
        told["with_orderlog"] = True
    return replace(options, **told)


def refuse_changes_while_running(stack: Stack, before: Options) -> None:
    """Another port or engine would leave the processes of the old one behind."""
    changed = [key for key in ("port_offset", "engine", "mongo") if getattr(stack.options, key) != getattr(before, key)]
    names = [row.name for row in supervisor.servers.servers(stack) + programs.programs(stack) if supervisor.running(stack, row.name)]
    surplus = [row.name for row in programs.OTHER_COMMAND_APIS[stack.options.command_apis - 1:] if supervisor.running(stack, row.name)]
    if surplus:
        raise StackError(f"{', '.join(surplus)} would be left behind. Stop the stack first: `stack down`.")
    if changed and names:
        raise StackError(f"The stack in {stack.dir} is up with another {', '.join(changed)} ({', '.join(names)}).\n"
                         "Stop it first: `stack down`, or use another --dir.")


def command_up(stack: Stack, arguments) -> None:
    refuse_changes_while_running(stack, saved_options(stack.dir) or Options())
    unknown = set(arguments.names) - {row.name for row in supervisor.table(replace_services(stack, []))}
    if unknown:
        raise StackError(f"There is no service {', '.join(sorted(unknown))} to start here.")
    stack = replace_services(stack, arguments.names)
    if arguments.die_with:
        watcher.ensure(stack, arguments.die_with)
    for server, address in addresses.foreign_servers(stack).items():
        report(server, f"not started: you have set it to {address}")
    supervisor.up(stack, report)


def replace_services(stack: Stack, names: list) -> Stack:
    return Stack(stack.dir, replace(stack.options, services=sorted(names)))


def command_down(stack: Stack, arguments) -> None:
    supervisor.down(stack, report, forget=arguments.forget)
    watcher.dismiss(stack)


def command_status(stack: Stack, _arguments) -> int:
    well = True
    for row in supervisor.table(stack):
        found, trouble = supervisor.running(stack, row.name), supervisor.probe(row, stack)
        state = "up" if trouble is None else trouble
        report(row.name, f"{state}" + (f"   pid {found.pid}, port {stack.port(row.name)}, {row.title}" if found else ""))
        well = well and trouble is None
    for server, address in addresses.foreign_servers(stack).items():
        report(server, f"yours, at {address}")
    return EXIT_OK if well else EXIT_FAILURE


def command_wait(stack: Stack, arguments) -> None:
    for row in supervisor.table(stack):
        supervisor.await_well(stack, row, arguments.seconds)
        report(row.name, "up")


def command_logs(stack: Stack, arguments) -> None:
    """Follows the logs with tail, which knows about files that are replaced."""
    names = arguments.names or sorted(path.stem for path in (stack.dir / "logs").glob("*.log"))
    files = [str(stack.log(name)) for name in names if stack.log(name).exists()]
    if not files:
        raise StackError(f"There is no log of {', '.join(names) or 'anything'} in {stack.dir / 'logs'}.")
    follow = ["-F"] if arguments.follow else []
    sys.stdout.flush()
    os.execvp("tail", ["tail", "-n", str(arguments.lines), *follow, *files])


def command_env(stack: Stack, _arguments) -> None:
    values = addresses.environment(stack)
    values.update(addresses.tool_environment(stack))
    values[addresses.OWN_ADDRESSES] = addresses.own_addresses(stack)
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")


def command_start(stack: Stack, arguments) -> None:
    row = supervisor.find(stack, arguments.name)
    with supervisor.locked(stack):
        stack.make_dirs()
        supervisor.start(stack, row)
    report(row.name, "up")


def command_stop(stack: Stack, arguments) -> None:
    with supervisor.locked(stack):
        supervisor.stop(stack, supervisor.find(stack, arguments.name), report)


def command_restart(stack: Stack, arguments) -> None:
    command_stop(stack, arguments)
    command_start(stack, arguments)


def command_kill(stack: Stack, arguments) -> None:
    with supervisor.locked(stack):
        supervisor.kill(stack, supervisor.find(stack, arguments.name))
    report(arguments.name, "killed")


def command_reload(stack: Stack, _arguments) -> None:
    """The gateway takes over a new configuration; connections in progress end in the old one."""
    with supervisor.locked(stack):
        found = supervisor.running(stack, "gateway")
        if found is None:
            raise StackError("The gateway is not running.")
        programs.reload_gateway(stack, found)
    report("gateway", "reloaded")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="stack", description="Orderlog's servers and programs as plain local processes.",
                                  epilog="Exit codes: 0 ok, 1 failure (or not all up, for status), 2 wrong usage.")
    top.add_argument("--dir", type=Path, default=DEFAULT_DIR, help="data, logs, pids and configuration (default: .run/demo in the repository)")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, function, text):
        command = sub.add_parser(name, help=text, description=text)
        command.add_argument("--dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        command.set_defaults(function=function)
        return command

    up = add("up", command_up, "start what is not up; wait until all is well")
    up.add_argument("names", nargs="*", metavar="NAME", help="only these services (default: all)")
    up.add_argument("--port-offset", type=int, metavar="N", help="add N to every port (default 0)")
    up.add_argument("--engine", choices=("elasticsearch", "opensearch"), help="search engine (default elasticsearch)")
    up.add_argument("--mongo", choices=("file", "memory"), help="where the MongoDB stand-in keeps documents (default file)")
    up.add_argument("--with-orderlog", action="store_true", help="also command-api, projectors, query-api and the gateway")
    up.add_argument("--command-apis", type=int, metavar="N", help="instances of command-api (default 1, or ORDERLOG_COMMAND_APIS)")
    up.add_argument("--build-dir", metavar="DIR", help="where those were built")
    up.add_argument("--die-with", type=int, metavar="PID", help="stop everything when that process is gone")
    add("down", command_down, "stop everything").add_argument("--forget", action="store_true", help="and delete the data")
    add("status", command_status, "what is up; exit 1 if something is not")
    wait = add("wait", command_wait, "wait until all is well")
    wait.add_argument("--seconds", type=float, default=60, help="give up on a service after this long (default 60)")
    logs = add("logs", command_logs, "show logs")
    logs.add_argument("names", nargs="*", metavar="NAME")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-n", "--lines", type=int, default=20)
    add("env", command_env, "print the addresses as export lines: eval \"$(stack env)\"")
    for name, function, text in (("start", command_start, "start one service"), ("stop", command_stop, "stop one service cleanly"),
                                 ("restart", command_restart, "stop and start one service"), ("kill", command_kill, "kill one service as a crash would")):
        add(name, function, text).add_argument("name", metavar="NAME")
    add("reload", command_reload, "give the gateway a new configuration without losing a request")
    return top


def main(argv: list | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        directory = arguments.dir.resolve()
        stack = open_stack(directory, merged_options(arguments, directory))
        return arguments.function(stack, arguments) or EXIT_OK
    except StackError as error:
        print(f"stack: {error}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print("stack: interrupted; `stack down` stops what was started", file=sys.stderr)
        return EXIT_FAILURE
