"""The shape of a row in the tables of servers and programs."""

import os
from dataclasses import dataclass
from typing import Callable

from .layout import Stack


def no_preparation(_stack: Stack) -> None:
    """For services that need no files."""


@dataclass(frozen=True)
class Service:
    """How one process is made, known to be well, and ended. The functions take the stack; they keep nothing."""

    name: str
    title: str  # what it is, with its version, as data folders remember it
    command: Callable  # (stack) -> argv
    probe: Callable  # (stack) -> None, or what is not well yet
    environment: Callable = lambda stack: {}  # (stack) -> variables besides the inherited ones
    prepare: Callable = no_preparation  # (stack): configuration and data, before the first start
    data: str = ""  # folder below data/ whose version is watched; "" for none
    unprivileged: bool = False  # refuses root: run as the service user when we are root
    request_log: bool = False  # its standard output is a log of requests, kept apart and rotated while it runs
    needs: tuple = ()  # services that must be well before this one is started
    memory_mib: int = 0  # what it will take at most, for the check before a start
    start_seconds: float = 60.0
    stop_seconds: float = 20.0


# What a process inherits from whoever runs `stack`: enough to find things, nothing that changes how they behave.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def process_environment(service: Service, stack: Stack) -> dict:
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env.update(service.environment(stack))
    return env
