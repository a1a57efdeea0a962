"""One detached process: started in a session of its own, found again by its pid file, stopped with a deadline.

A pid file holds the pid and the process's start time in clock ticks since boot, so that a pid that was given to somebody
else meanwhile is never taken for ours, nor signalled.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .layout import write_atomically

LOG_BYTES_MAX = 32 << 20  # a log longer than this is set aside as .1 when its process is started
KILL_SECONDS = 5.0  # between SIGKILL and the process being gone
TCP_LISTEN = "0A"


@dataclass(frozen=True)
class Process:
    pid: int
    start_ticks: int

    def alive(self) -> bool:
        """Running: the same process as when it was recorded, and not a zombie."""
        return start_ticks(self.pid) == self.start_ticks


def start_ticks(pid: int) -> int | None:
    """Start time of a live process (proc(5), field 22 of stat), None for a dead one or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()  # the name in brackets may hold blanks
    if fields[0] in "ZX":
        reap(pid)
        return None
    return int(fields[19])


def reap(pid: int) -> None:
    """Takes the exit status if the zombie is a child of ours; others are init's matter."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def read_pid_file(path: Path) -> Process | None:
    """The live process of a pid file, or None."""
    try:
        saved = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    process = Process(saved["pid"], saved["start_ticks"])
    return process if process.alive() else None


def spawn(argv: list, env: dict, log: Path, pid_file: Path, cwd: Path, request_log: Path | None = None) -> Process:
    """Starts a process that outlives this one: its own session, no terminal, output to its log.

    With a request log, standard output goes there instead, through a writer that keeps it within bounds.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(log.name + ".1"))
    with open(log, "ab") as out:
        writer = start_log_writer(request_log, out) if request_log else None
        child = subprocess.Popen(  # pylint: disable=consider-using-with
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=writer or out, stderr=out, start_new_session=True
        )
        if writer:
            writer.close()  # only the child holds it now: the writer ends with it
    ticks = start_ticks(child.pid)
    # Whoever waits for it is not this object: it must not complain at garbage collection.
    child.returncode = 0
    process = Process(child.pid, ticks if ticks is not None else -1)
    write_atomically(pid_file, json.dumps({"pid": process.pid, "start_ticks": process.start_ticks}))
    return process


def start_log_writer(path: Path, errors):
    """A detached stacklib.logwriter; returns the pipe into it."""
    child = subprocess.Popen(  # pylint: disable=consider-using-with
        [sys.executable, str(Path(__file__).with_name("logwriter.py")), str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
    )
    child.returncode = 0  # as below: nobody waits for it by this object
    return child.stdin


def stop(process: Process, seconds: float, pid_file: Path) -> str:
    """TERM, then KILL to its whole session after `seconds`. Answers "stopped", "killed" or "was gone"."""
    answer = "was gone"
    if process.alive():
        answer = "stopped"
        if not signal_and_wait(process, signal.SIGTERM, seconds):
            answer = "killed"
            kill(process)
    pid_file.unlink(missing_ok=True)
    return answer


def kill(process: Process) -> None:
    """KILL to the process's whole session: what it started dies with it."""
    if not process.alive():
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    if not wait_gone(process, KILL_SECONDS):
        raise RuntimeError(f"process {process.pid} is still there {KILL_SECONDS:.0f} s after SIGKILL")


def signal_and_wait(process: Process, number: int, seconds: float) -> bool:
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return True
    return wait_gone(process, seconds)


def wait_gone(process: Process, seconds: float) -> bool:
    """Waits for the end of any process, child or not, without polling."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not process.alive():
            return True
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(left * 1000):
                reap(process.pid)
                return True
        return False
    finally:
        os.close(handle)


def port_holder(port: int) -> str | None:
    """Who listens on a TCP port of this machine: "pid 17 (java)", "somebody else's process", or None."""
    inodes = listening_inodes(port)
    if not inodes:
        return None
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and holds_socket(entry.name, inodes):
            name = Path(f"/proc/{entry.name}/comm").read_text(encoding="utf-8", errors="replace").strip()
            return f"pid {entry.name} ({name})"
    return "a process of another user"


def listening_inodes(port: int) -> set:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == TCP_LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes


def holds_socket(pid: str, inodes: set) -> bool:
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if os.readlink(entry.path) in inodes:
                return True
    except OSError:  # ended meanwhile, or not ours to look at
        pass
    return False


def tail(path: Path, lines: int) -> list:
    """The last lines of a log, reading no more than its last 64 KiB."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - (64 << 10)))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
