"""Fixtures of the audit's tests: a namespace whose log the drill writes, as in the projectors' tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "projectors"))
from projector_shop import Shop  # pylint: disable=wrong-import-position


@pytest.fixture
def new_shop(new_orderlog):
    """new_shop("name", servers=…): a namespace with topics and nothing in them."""
    def new(name, servers=None):
        shop = Shop(new_orderlog(name, servers=servers))
        shop.make_topics()
        return shop
    return new
