"""Replays into an Elasticsearch that is slow or doesn't take everything at once."""
import pytest
from grudging_elasticsearch import Grudge, grudging

from harness import places

LONGER_THAN_A_HEARTBEAT_SECONDS = 2.5
ORDERS = ("orders", "elasticsearch")


@pytest.fixture
def begrudged(new_shop):
    """(shop, grudge): the view is built; what the test starts goes through the proxy."""
    shop, grudge = new_shop("grudging"), Grudge()
    direct = shop.environment["ORDERLOG_ELASTICSEARCH_URL"]
    shop.feed(1200)
    shop.projectors(only="orders/elasticsearch")
    shop.await_caught_up()
    shop.orderlog.stop("projectors")
    with grudging(direct, places.free_port(), grudge) as address:
        shop.environment["ORDERLOG_ELASTICSEARCH_URL"] = address
        yield shop, grudge
        shop.environment["ORDERLOG_ELASTICSEARCH_URL"] = direct


def test_a_heartbeat_in_the_middle_of_a_scan(begrudged):
    """It goes through the sink that is scanning, and must leave alone what that holds."""
    shop, grudge = begrudged
    grudge.scan_seconds = LONGER_THAN_A_HEARTBEAT_SECONDS
    row = shop.replay("orders", "--sink", "elasticsearch")[0]
    assert row["outcome"] == "live" and row["proof"]["compared"] == 1200 and row["proof"]["different"] == 0


def test_what_is_not_taken_for_now_is_tried_again(begrudged):
    shop, grudge = begrudged
    before = shop.prove([ORDERS])[ORDERS]
    grudge.whole, grudge.item, grudge.lost = 0.3, 0.3, 0.2
    grudge.certain = {"whole": 1, "item": 1, "lost": 1}
    row = shop.replay("orders", "--sink", "elasticsearch", "--memory-mebibytes", 1)[0]
    assert row["outcome"] == "live" and row["parked"] == 0 and row["proof"]["digest"] == before["digest"]
    assert min(grudge.refused.values()) > 0, grudge.refused
