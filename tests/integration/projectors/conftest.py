"""Fixtures of the projectors' tests; see projector_shop.py."""
import pytest
from projector_shop import Shop


@pytest.fixture
def new_shop(new_orderlog):
    """new_shop("name", servers=…): a namespace with topics and nothing in them."""
    def new(name, servers=None):
        shop = Shop(new_orderlog(name, servers=servers))
        shop.make_topics()
        return shop
    return new
