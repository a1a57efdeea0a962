"""A replay builds the view beside the live one, proves it, and makes it live."""
import pytest
from projector_shop import ORDER_VIEWS


def test_every_view_of_orders_is_built_again(new_shop):
    shop = new_shop("all")
    shop.feed(1500)
    shop.projectors()
    shop.await_caught_up()
    before = shop.prove()
    results = {(row["view"], row["sink"]): row for row in shop.replay("orders", "customers", "sales_daily")}
    assert set(results) == set(ORDER_VIEWS)
    for key, row in results.items():
        assert row["outcome"] == "live" and row["before"]["generation"] == 1 and row["after"]["generation"] == 2
        assert row["documents"] == before[key]["documents"] and row["proof"]["different"] == 0 and row["change"]["different"] == 0
        assert row["proof"]["digest"] == before[key]["digest"]
        assert shop.states(*key) == {(1, 1): "kept", (1, 2): "live"}
    shop.feed(300, "--seed", 2)
    for view, sink in ORDER_VIEWS:
        for generation in (1, 2):
            shop.await_fed(view, sink, generation)
    shop.await_caught_up()
    shop.prove()  # of what is live now
    assert shop.parked() == 0


def test_back_and_forth(new_shop):
    """A rollback loses nothing: what is kept is fed as well."""
    shop = new_shop("back")
    shop.feed(500)
    shop.projectors()
    shop.await_caught_up()
    shop.replay("orders")
    shop.feed(300, "--seed", 2)
    for sink in ("mongodb", "elasticsearch"):
        shop.await_fed("orders", sink, 1)
    shop.orderlog.tool("rollback", "orders")
    for sink in ("mongodb", "elasticsearch"):
        assert shop.live("orders", sink) == (1, 1)
        assert shop.states("orders", sink) == {(1, 1): "live", (1, 2): "kept"}
    shop.await_caught_up()
    shop.prove([("orders", "mongodb"), ("orders", "elasticsearch")])
    shop.orderlog.tool("rollback", "orders", "--sink", "mongodb")
    assert shop.live("orders", "mongodb") == (1, 2) and shop.live("orders", "elasticsearch") == (1, 1)
    failed = shop.orderlog.tool("rollback", "customers", check=False)
    assert failed.returncode == 1 and "nothing in mongodb to go back to" in failed.stderr


def test_documents_beyond_the_memory_go_to_a_file_and_come_together_again(new_shop):
    shop = new_shop("spill")
    shop.feed(2000, "--lines", 60)
    shop.projectors(only="orders/mongodb,customers,sales_daily")
    shop.await_caught_up()
    for row in shop.replay("orders", "customers", "sales_daily", "--sink", "mongodb", "--memory-mebibytes", 1, "--threads", 2):
        assert row["outcome"] == "live"
        if row["view"] == "orders":
            assert row["spilled"] > 0, row
    shop.prove([("orders", "mongodb"), ("customers", "mongodb"), ("sales_daily", "mongodb")])


@pytest.mark.parametrize("words, text", [(["orders", "--sink", "redis"], "--sink is"), ([], "which view"), (["nobody"], "no view"),
                                         (["carts", "--sink", "elasticsearch"], "carts"), (["orders", "--all"], "--all")])
def test_wrong_usage_is_told(orderlog, words, text):
    done = orderlog.tool("replay", *words, check=False)
    assert done.returncode == 2 and text in done.stderr
