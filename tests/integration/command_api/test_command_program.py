"""The program itself: its options, its routes, and how it fails to start."""
import json
import subprocess

import pytest

from harness import places
from harness.commands import COMMANDS

PROGRAM = places.BUILD / "command-api" / "command-api"


def run(*arguments, environment=None, seconds=60):
    return subprocess.run([PROGRAM, *arguments], env=places.clean_environment() | (environment or {}), cwd="/", capture_output=True, text=True,
                          timeout=seconds, check=False)


def test_help_names_every_option_and_its_variable():
    done = run("--help")
    assert done.returncode == 0
    for text in ("--listen", "ORDERLOG_PRIVATE_LISTEN", "--create-topics", "--threads", "ORDERLOG_KAFKA_BROKERS"):
        assert text in done.stdout


@pytest.mark.parametrize("arguments", [("--no-such-option", "1"), ("--threads", "0"), ("--threads", "x"), ("stray",), ("--log-level", "loud")])
def test_wrong_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and "--help" in done.stderr, done.stderr


def test_routes_are_the_contract():
    routes = {route["name"]: route for route in map(json.loads, run("--routes").stdout.splitlines())}
    assert set(routes) == set(COMMANDS)
    for command in COMMANDS.values():
        route = routes[command.name]
        assert (route["method"], route["path"], route["api"]) == (command.method, command.path, "command")
        assert route["exposure"] == ("public" if command.public else "private")


def test_topics_that_are_not_there(new_orderlog):
    orderlog = new_orderlog("absent", ORDERLOG_CREATE_TOPICS="false")
    orderlog.program("command-api").start()
    program = orderlog.program("command-api")
    assert program.process.wait(30) == 1
    assert "--create-topics" in program.log_tail()
    program.process = None


def test_a_port_that_is_taken(new_orderlog):
    orderlog = new_orderlog("taken")
    orderlog.start("command-api")
    second = run("--listen", orderlog.address("command-api"), environment=orderlog.environment | {"ORDERLOG_DATA_DIR": str(orderlog.folder / "second")})
    assert second.returncode == 1
    assert orderlog.address("command-api") in second.stderr and "in use" in second.stderr
    assert orderlog.ready("command-api")[0] == 200


def test_no_broker():
    done = run("--start-timeout-ms", "500", environment={"ORDERLOG_KAFKA_BROKERS": "127.0.0.1:1", "ORDERLOG_DATA_DIR": str(places.FOLDER / "none")})
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
