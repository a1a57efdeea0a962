import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "projectors"))  # projector_shop
from replay_shop import ReplayShop  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture
def new_shop(new_orderlog):
    """new_shop("name") makes a namespace whose log the drill writes."""
    def new(name, servers=None, **environment):
        shop = ReplayShop(new_orderlog(f"r-{name}", servers, **environment))
        shop.make_topics()
        return shop
    return new
