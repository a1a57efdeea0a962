"""What the user has set to servers of his own, in the environment or in .env: those the stack does not start."""

import os
from pathlib import Path

from .layout import REPOSITORY, Stack

# Variable -> (the server it replaces, the address of ours).
VARIABLES = {
    "ORDERLOG_KAFKA_BROKERS": ("kafka", lambda stack: stack.address("kafka")),
    "ORDERLOG_MONGODB_URI": ("mongodb", lambda stack: f"mongodb://{stack.address('mongodb')}/orderlog"),
    "ORDERLOG_ELASTICSEARCH_URL": ("elasticsearch", lambda stack: f"http://{stack.address('elasticsearch')}"),
    "ORDERLOG_SCHEMA_REGISTRY_URL": ("registry", lambda stack: f"http://{stack.address('registry')}/apis/ccompat/v7"),
}
# `stack env` lists its own addresses here, so that a shell which took them over is not thought to have servers of its
# own when it starts this stack again, or another.
OWN_ADDRESSES = "ORDERLOG_STACK_ADDRESSES"


def dotenv(path: Path) -> dict:
    """NAME=VALUE lines; blank lines and comments are skipped, quotes around a value are taken off."""
    values = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return values
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            values[name.strip()] = value
    return values


def user_settings() -> dict:
    """Every ORDERLOG_ variable of the user's; the environment wins over .env."""
    settings = dotenv(REPOSITORY / ".env")
    settings.update({name: value for name, value in os.environ.items() if name.startswith("ORDERLOG_")})
    own = settings.get(OWN_ADDRESSES, "").split()
    return {name: value for name, value in settings.items() if value and not (name in VARIABLES and value in own)}


def foreign_servers(stack: Stack) -> dict:
    """Server -> address, for those that the user runs himself."""
    settings = user_settings()
    return {server: settings[variable] for variable, (server, own) in VARIABLES.items()
            if settings.get(variable, own(stack)) != own(stack)}


def environment(stack: Stack) -> dict:
    """The four addresses and the topic prefix, as Orderlog's programs take them."""
    settings = user_settings()
    env = {variable: settings.get(variable, own(stack)) for variable, (_, own) in VARIABLES.items()}
    env["ORDERLOG_TOPIC_PREFIX"] = settings.get("ORDERLOG_TOPIC_PREFIX", "orderlog")
    return env


def own_addresses(stack: Stack) -> str:
    return " ".join(own(stack) for _, own in VARIABLES.values())


def tool_environment(stack: Stack) -> dict:
    """Where Orderlog's own programs listen, as the `orderlog` tool takes it."""
    return {
        "ORDERLOG_COMMAND_URL": f"http://{stack.address('command-api', 'private')}",
        "ORDERLOG_QUERY_URL": f"http://{stack.address('query-api', 'public')}",
        "ORDERLOG_PROJECTORS_URL": f"http://{stack.address('projectors', 'private')}",
        "ORDERLOG_GATEWAY_URL": f"http://{stack.address('gateway')}",
    }
