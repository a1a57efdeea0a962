"""Stops a stack when the process that wanted it is gone: `python3 -m stacklib.watcher DIR PID START_TICKS`.

For tests: whatever kills them, their servers go as well.
"""

import os
import sys
from pathlib import Path

from . import process, supervisor
from .layout import Stack, open_stack

NAME = "watcher"
FOREVER_SECONDS = 7 * 24 * 3600.0  # nobody's test runs for a week; then it is looked at again


def ensure(stack: Stack, pid: int) -> None:
    """Starts a watcher of `pid` for this stack unless one runs; it is there before any server is."""
    stack.make_dirs()
    stack.save()
    if supervisor.running(stack, NAME) is not None:
        return
    ticks = process.start_ticks(pid)
    if ticks is None:
        raise supervisor.StackError(f"--die-with {pid}: there is no such process.")
    local = str(Path(__file__).resolve().parents[1])
    process.spawn([sys.executable, "-m", "stacklib.watcher", str(stack.dir), str(pid), str(ticks)],
                  {**os.environ, "PYTHONPATH": local}, stack.log(NAME), stack.pid_file(NAME), stack.dir)


def dismiss(stack: Stack) -> None:
    """Ends the watcher, if it is not the one who asks."""
    found = supervisor.running(stack, NAME)
    if found is not None and found.pid != os.getpid():
        process.kill(found)
    stack.pid_file(NAME).unlink(missing_ok=True)


def main(directory: str, pid: str, ticks: str) -> None:
    watched = process.Process(int(pid), int(ticks))
    while not process.wait_gone(watched, FOREVER_SECONDS):
        pass
    stack = open_stack(Path(directory))
    print(f"process {pid} is gone: stopping the stack", flush=True)
    supervisor.down(stack, lambda name, text: print(f"{name}: {text}", flush=True))
    dismiss(stack)


if __name__ == "__main__":
    main(*sys.argv[1:4])
