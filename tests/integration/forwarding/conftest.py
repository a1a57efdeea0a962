"""Fixtures of the forwarding's tests: two instances, of which one owns the carts and the other all the rest."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "command_api"))  # command_client

CARTS, REST = "command-api", "command-api-2"


@pytest.fixture
def new_pair(new_orderlog):
    """new_pair("name", ORDERLOG_…=…): both instances, started."""
    def new(name, **environment):
        made = new_orderlog(name, **environment)
        made.command_apis = [CARTS, REST]
        made.environment_of = {CARTS: {"ORDERLOG_ONLY": "cart"}, REST: {"ORDERLOG_ONLY": "product,stock,order,returns,adjustment"}}
        made.start(REST, CARTS)
        return made
    return new
