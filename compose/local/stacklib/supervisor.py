"""up, down, restart: from the rows of the tables to processes."""

import fcntl
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from . import addresses, process, programs, servers
from .layout import Stack, StackError, ports_of
from .service import Service, process_environment

POLL_SECONDS = 0.1  # between two probes of a server that is starting: the one thing that can't be awaited
LOCK_SECONDS = 300.0
LOG_LINES = 15
LOG_LINES_READ = 400
# Signs in a log's last lines, and what to tell.
REASONS = (
    ("Could not reserve enough space", "There is not enough memory for its heap."),
    ("java.lang.OutOfMemoryError", "It ran out of memory."),
    ("insufficient memory for the Java Runtime", "There is not enough memory."),
    ("Address already in use", "Another process took its port meanwhile."),
    ("No space left on device", "The disk is full."),
    ("The write format", "Its data were written by another version."),
    ("IndexFormatTooNewException", "Its data were written by another version."),
)


@contextmanager
def locked(stack: Stack):
    """One change at a time per stack. A second waits for the first, bounded."""
    stack.dir.mkdir(parents=True, exist_ok=True)
    with open(stack.dir / "lock", "w", encoding="ascii") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(f"Another `stack` command has been at work on {stack.dir} for {LOCK_SECONDS:.0f} s.") from None
                time.sleep(POLL_SECONDS)
        yield


def table(stack: Stack) -> list:
    """Every service that this stack runs itself, in starting order."""
    foreign = addresses.foreign_servers(stack)
    rows = [row for row in servers.servers(stack) if row.name not in foreign]
    if stack.options.with_orderlog:
        rows += programs.programs(stack)
    if stack.options.services:
        rows = [row for row in rows if row.name in stack.options.services]
    return rows


def find(stack: Stack, name: str) -> Service:
    for row in table(stack):
        if row.name == name:
            return row
    known = ", ".join(row.name for row in table(stack)) or "none"
    raise StackError(f"This stack has no service {name!r}. It has: {known}.")


def running(stack: Stack, name: str) -> process.Process | None:
    return process.read_pid_file(stack.pid_file(name))


def probe(row: Service, stack: Stack) -> str | None:
    """None when well, else what is not."""
    if running(stack, row.name) is None:
        return "not running"
    return row.probe(stack)


# --- Starting --------------------------------------------------------------------------------------------------------


def up(stack: Stack, report=lambda name, text: None) -> bool:
    """Brings every service up, side by side as far as their needs allow. True if anything had to be started."""
    rows = table(stack)
    with locked(stack):
        stack.make_dirs()
        stack.save()
        down = [row for row in rows if probe(row, stack) is not None]
        for row in rows:
            if row not in down:
                report(row.name, "up")
        if down:
            check_before_start(stack, [row for row in down if running(stack, row.name) is None])
            start_all(stack, down, report)
        return bool(down)


def start_all(stack: Stack, rows: list, report) -> None:
    """Each service on a thread of its own; it begins when what it needs is well."""
    done = {row.name: threading.Event() for row in rows}
    failed = []

    def run(row: Service) -> None:
        for name in row.needs:
            if name in done:
                done[name].wait()
        try:
            if failed:
                return
            begin = time.monotonic()
            start(stack, row)
            report(row.name, f"up after {time.monotonic() - begin:.1f} s")
        except StackError as error:
            failed.append(row.name)
            report(row.name, "did not start")
            raise StackError(f"{row.name} did not start. {error}") from None
        finally:
            done[row.name].set()

    errors = []
    with ThreadPoolExecutor(max_workers=len(rows)) as pool:
        for future in as_completed([pool.submit(run, row) for row in rows]):
            if future.exception():
                errors.append(future.exception())
    raise_errors(errors)


def raise_errors(errors: list) -> None:
    """What the user can mend is put together into one message; anything else is a fault of ours and passed on."""
    for error in errors:
        if not isinstance(error, StackError):
            raise error
    if errors:
        raise StackError("\n".join(map(str, errors)))


def start(stack: Stack, row: Service) -> None:
    """Starts one service unless it runs, and waits until it is well."""
    if running(stack, row.name) is None:
        check_ports(stack, row)
        check_data_version(stack, row)
        for folder in (stack.conf(row.name), stack.tmp(row.name)):
            folder.mkdir(parents=True, exist_ok=True)
        row.prepare(stack)
        process.spawn(row.command(stack), process_environment(row, stack), stack.log(row.name), stack.pid_file(row.name), stack.dir,
                      stack.request_log(row.name) if row.request_log else None)
    await_well(stack, row, row.start_seconds)


def await_well(stack: Stack, row: Service, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (trouble := probe(row, stack)) is not None:
        if running(stack, row.name) is None:
            raise StackError(f"Its process ended. {explain(stack, row)}")
        if time.monotonic() > deadline:
            raise StackError(f"It was not well within {seconds:.0f} s: {trouble}. {explain(stack, row)}")
        time.sleep(POLL_SECONDS)


def explain(stack: Stack, row: Service) -> str:
    # Without the frames of Java's stack traces, which would leave no room for the lines that say what it was.
    lines = [line for line in process.tail(stack.log(row.name), LOG_LINES_READ) if not line.startswith(("\tat ", "\t..."))][-LOG_LINES:]
    text = "\n".join(lines)
    reason = next((message + " " for sign, message in REASONS if sign in text), "")
    return f"{reason}The last lines of {stack.log(row.name)}:\n" + "\n".join("  | " + line for line in lines)


# --- Checks before a start -------------------------------------------------------------------------------------------


def check_before_start(stack: Stack, rows: list) -> None:
    """Finds all that is in the way before anything is started, so that it is told at once."""
    errors = []
    for row in rows:
        for check in (check_ports, check_data_version):
            try:
                check(stack, row)
            except StackError as error:
                errors.append(StackError(f"{row.name} can't start. {error}"))
    raise_errors(errors)
    check_memory(rows)


def check_ports(stack: Stack, row: Service) -> None:
    for role in ports_of(row.name):
        port = stack.port(row.name, role)
        holder = process.port_holder(port)
        if holder:
            raise StackError(f"Port {port} ({role}) is taken by {holder}.\n"
                             "Stop that process, or give this stack other ports: `stack up --port-offset 1000`.")


def check_data_version(stack: Stack, row: Service) -> None:
    """A data folder remembers who wrote it; another version is told about instead of let loose on it."""
    if not row.data:
        return
    folder = stack.data(row.data)
    mark = folder / ".written-by"
    folder.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        mark.write_text(row.title + "\n", encoding="utf-8")
    elif (writer := mark.read_text(encoding="utf-8").strip()) != row.title:
        raise StackError(f"Its data in {folder} were written by {writer}, this is {row.title}.\n"
                         f"Forget them (`stack down --forget`), move them away, or use another --dir.")


def check_memory(rows: list) -> None:
    needed = sum(row.memory_mib for row in rows)
    available = available_mib()
    if needed > available and os.environ.get("ORDERLOG_STACK_IGNORE_MEMORY") != "yes":
        raise StackError(f"Not enough memory: {', '.join(row.name for row in rows)} may take {needed} MiB together, "
                         f"{available} MiB are available.\nStop something, point Orderlog at servers elsewhere (see compose/README.md), "
                         "or set ORDERLOG_STACK_IGNORE_MEMORY=yes to try all the same.")


def available_mib() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")


# --- Stopping --------------------------------------------------------------------------------------------------------


def down(stack: Stack, report=lambda name, text: None, forget: bool = False) -> None:
    """Stops every service that has a pid file: programs first, then the servers they use."""
    with locked(stack):
        rows = {row.name: row for row in servers.servers(stack) + programs.programs(stack)}
        for group in programs.STOPPING_ORDER:
            names = [name for name in group if stack.pid_file(name).exists()]
            if names:
                with ThreadPoolExecutor(max_workers=len(names)) as pool:
                    list(pool.map(lambda name: stop(stack, rows[name], report), names))
        if forget:
            for part in ("data", "conf", "tmp"):
                shutil.rmtree(stack.dir / part, ignore_errors=True)
            report("data", "forgotten")


def stop(stack: Stack, row: Service, report=lambda name, text: None) -> None:
    """Stops one service; a process that does not end in time is killed, and that is said."""
    found = running(stack, row.name)
    if found is None:
        stack.pid_file(row.name).unlink(missing_ok=True)
        report(row.name, "was not running")
        return
    answer = process.stop(found, row.stop_seconds, stack.pid_file(row.name))
    report(row.name, answer if answer != "killed" else f"did not end within {row.stop_seconds:.0f} s and was killed")


def kill(stack: Stack, row: Service) -> None:
    """SIGKILL, as a crash would be."""
    found = running(stack, row.name)
    if found is None:
        raise StackError(f"{row.name} is not running.")
    process.kill(found)
    stack.pid_file(row.name).unlink(missing_ok=True)
