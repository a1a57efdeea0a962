"""A store that doesn't take everything at once, and bounds on memory: nothing parks, nothing is lost, nothing grows."""
import pytest
from grudging_elasticsearch import Grudge, grudging

from harness import places, wait

SECONDS = 60
RSS_BOUND_MEBIBYTES = 160  # of a process with the four views of orders and a cache of 1 MiB each


@pytest.mark.seconds(300)
def test_what_elasticsearch_does_not_take_for_now_is_tried_again(new_shop):
    shop = new_shop("grudging")
    grudge = Grudge()
    plain = shop.environment
    with grudging(plain["ORDERLOG_ELASTICSEARCH_URL"], places.free_port(), grudge) as address:
        shop.environment = plain | {"ORDERLOG_ELASTICSEARCH_URL": address}
        shop.projectors(only="orders/elasticsearch")
        shop.feed(50)
        shop.await_caught_up()
        grudge.whole = 1.0
        shop.feed(200, "--seed", 2)

        def told():
            each = shop.lag()["orders", "elasticsearch"]
            return each["state"] == "retrying" and "429" in each["error"] and grudge.refused["whole"] > 3
        wait.until(told, SECONDS, "the refusal is told")
        grudge.whole, grudge.item, grudge.lost = 0.2, 0.3, 0.1
        shop.feed(600, "--seed", 3)
        shop.await_caught_up()
        assert min(grudge.refused.values()) > 0
        assert shop.parked() == 0
        shop.orderlog.stop("projectors")
    shop.environment = plain
    shop.prove([("orders", "elasticsearch")])


def rss_mebibytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


@pytest.mark.seconds(300)
def test_memory_stays_under_its_bound(new_shop):
    shop = new_shop("memory")
    shop.feed(2500, "--lines", 60)
    shop.environment = shop.environment | {"ORDERLOG_CACHE_MEBIBYTES": "1"}
    program = shop.projectors(only="orders/mongodb,customers,sales_daily")
    shop.await_caught_up()
    assert sum(each["documents_written"] for each in shop.lag().values()) > 2500
    assert rss_mebibytes(program.process.pid) < RSS_BOUND_MEBIBYTES
