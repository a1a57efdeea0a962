"""What the tests of the local stack share: the library's path, free ports and a bounded way to wait."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

LOCAL = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(LOCAL))

# These tests start stacks of their own beside those of the integration tests.
PORT_OFFSET = int(os.environ.get("ORDERLOG_STACK_TEST_PORT_OFFSET", "2500"))  # below the ports that the kernel gives to clients


def await_true(condition, seconds=10, what="the condition"):
    """Asks again until it holds, and fails once the time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} did not hold within {seconds} s"
        time.sleep(0.02)
    return answer


def free_ports(count):
    """Ports that nobody has at the moment; all are held until all are known, so none comes twice."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """The tests' stacks use their own servers, whatever the developer's shell points at."""
    for name in [name for name in os.environ if name.startswith("ORDERLOG_") and name not in ("ORDERLOG_CACHE", "ORDERLOG_TEST_PORT_OFFSET")]:
        monkeypatch.delenv(name)
