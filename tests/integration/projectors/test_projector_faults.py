"""Whatever stops in the middle, the views are what the log says in the end: proved byte for byte."""
import json
import subprocess

import pytest
import requests
from projector_shop import ORDER_VIEWS

from harness import places, wait

SECONDS = 40


def written(shop, name="projectors"):
    """Documents written by a process so far."""
    return sum(each["documents_written"] for each in shop.lag(name).values())


# MongoDB is not killed here: the stand-in, killed hard, may come back with a document that its own index doesn't know, and
# then refuses it for ever. A store that goes back as a whole is tested in tests/unit/fold.
@pytest.mark.seconds(240)
@pytest.mark.parametrize("how, store, sink", [("stop", "mongodb", "mongodb"), ("stop", "elasticsearch", "elasticsearch"),
                                              ("kill", "elasticsearch", "elasticsearch")])
def test_a_store_stops_in_the_middle(new_shop, durable_stack, how, store, sink):
    shop = new_shop(f"{how}-{store}", servers=durable_stack)
    shop.feed(600)
    shop.projectors()
    wait.until(lambda: shop.lag()["orders", sink]["documents_written"] > 0, SECONDS, "documents are written")
    getattr(durable_stack, how)(store)
    try:
        shop.feed(600, "--seed", 2)

        def told():
            each = shop.lag()["orders", sink]
            return each["state"] == "retrying" and each["error"]
        wait.until(told, SECONDS, "the outage is told")
        status, document = shop.orderlog.ready("projectors")
        assert status == 503
        assert f"orders/{sink}" in [check["name"] for check in document["checks"] if not check["ok"]]
        # The other store's views go on.
        ends = sum(shop.orderlog.end_offsets("order").values())
        others = [key for key in ORDER_VIEWS if key[1] != sink]
        wait.until(lambda: all(sum(p["position"] for p in shop.lag()[key]["partitions"]) == ends for key in others), SECONDS, "the others go on")
    finally:
        durable_stack.start(store)
    shop.await_caught_up()
    assert shop.parked() == 0
    shop.prove()
    wait.until(lambda: shop.orderlog.ready("projectors")[0] == 200, SECONDS, "it is ready again")


@pytest.mark.seconds(240)
def test_kafka_stops_in_the_middle(new_shop, durable_stack):
    shop = new_shop("stop-kafka", servers=durable_stack)
    shop.feed(500)
    shop.projectors()
    shop.await_caught_up()
    durable_stack.kill("kafka")
    try:
        wait.until(lambda: shop.lag()["orders", "mongodb"]["state"] == "retrying", SECONDS, "the outage is told")
    finally:
        durable_stack.start("kafka")
    shop.feed(500, "--seed", 2)
    shop.await_caught_up()
    shop.prove()


@pytest.mark.seconds(240)
def test_projectors_are_killed_again_and_again(new_shop):
    shop = new_shop("killed")
    shop.feed(3000)
    deaths = 0
    for _ in range(8):
        program = shop.projectors()
        before = written(shop)
        wait.until(lambda: written(shop) > before, SECONDS, "documents are written")  # pylint: disable=cell-var-from-loop
        done = all(each["lag_events"] == 0 for each in shop.lag().values())
        program.kill()
        deaths += 1
        if done:
            break
        shop.feed(200, "--seed", 100 + deaths)
    shop.projectors()
    shop.await_caught_up()
    assert shop.parked() == 0
    shop.prove()


@pytest.mark.seconds(240)
def test_two_at_once(new_shop):
    shop = new_shop("twice")
    shop.feed(2000)
    first, second = shop.projectors("first"), shop.projectors("second")
    shop.feed(1000, "--seed", 2)
    shop.await_caught_up("first")
    shop.await_caught_up("second")
    shop.prove()
    first.kill()
    shop.feed(500, "--seed", 3)
    shop.await_caught_up("second")
    assert shop.parked("second") == 0
    shop.prove()
    second.stop()


def test_a_clean_stop_saves_how_far_it_got(new_shop):
    shop = new_shop("clean")
    shop.feed(500)
    program = shop.projectors()
    wait.until(lambda: written(shop) > 0, SECONDS, "documents are written")
    program.stop()  # exit code 0, within its time
    program = shop.projectors()
    shop.await_caught_up()
    program.stop()
    shop.projectors()
    shop.await_caught_up()
    assert written(shop) == 0
    assert all(each["events"] == 0 for each in shop.lag().values())
    shop.prove()


def test_a_record_that_cannot_be_decoded_stops_its_partition(new_shop):
    shop = new_shop("garbage")
    shop.feed(300, "--garbage")
    shop.projectors()

    def stopped():
        return all(each["partitions"] and each["partitions"][0].get("stopped") for key, each in shop.lag().items() if key in ORDER_VIEWS)
    wait.until(stopped, SECONDS, "the partition is stopped")
    shop.feed(300, "--seed", 2)
    ends = shop.orderlog.end_offsets("order")

    def others_caught_up():
        return all(p["position"] == ends["order", p["partition"]] for key in ORDER_VIEWS for p in shop.lag()[key]["partitions"] if p["partition"] > 0)
    wait.until(others_caught_up, SECONDS, "the other partitions go on")
    for key in ORDER_VIEWS:
        each = shop.lag()[key]
        assert each["parked"] == 1 and each["partitions"][0]["lag_events"] > 0, each
    assert shop.orderlog.ready("projectors")[0] == 503
    shop.prove()  # up to where each partition got


def test_a_document_that_cannot_be_read_is_parked_alone(new_shop):
    shop = new_shop("tampered")
    shop.feed(1500)
    shop.projectors()
    shop.await_caught_up()
    victim = shop.park_a_customer(2)
    customers = shop.collection("customers_v1")
    assert shop.lag()["customers", "mongodb"]["parked"] == 1
    entry = shop.collection("_parked").find_one()
    assert entry["key"] == victim["_id"] and entry["offset"] > victim["_offset"] and "decoded" in entry["cause"]
    assert customers.find_one({"_id": victim["_id"]})["units"] == "many"
    shop.prove([("orders", "mongodb"), ("orders", "elasticsearch"), ("sales_daily", "mongodb")])
    proof = json.loads(shop.drill("prove", "sales_daily", "mongodb").stdout)
    assert proof["equal"]
    failed = shop.drill("prove", "customers", "mongodb", check=False)
    assert failed.returncode != 0


def test_a_checkpoint_of_another_log_is_refused_until_the_view_is_rebuilt(new_shop):
    shop = new_shop("refused")
    shop.feed(500)
    shop.projectors()
    shop.await_caught_up()
    shop.orderlog.stop("projectors")
    checkpoints = shop.collection("_checkpoints")
    row = checkpoints.find_one({"_id": "orders_v1/1"})
    checkpoints.update_one({"_id": "orders_v1/1"}, {"$set": {"last_command_id": "00000000-0000-0000-0000-000000000001"}})
    checkpoints.update_one({"_id": "customers_v1/0"}, {"$set": {"topic_id": "another"}})
    checkpoints.update_one({"_id": "sales_daily_v1/0"}, {"$set": {"next_offset": row["next_offset"] + 100000}})
    program = shop.projectors()
    for view, why in [("orders", "another commit lies"), ("customers", "made anew"), ("sales_daily", "the log ends before it")]:
        def refused(view=view):
            each = shop.lag()[view, "mongodb"]
            return each["state"] == "refused" and each["error"]
        error = wait.until(refused, SECONDS, f"{view} is refused")
        assert why in error and f"--rebuild {view}/mongodb" in error
    program.stop()
    done = subprocess.run([places.BUILD / "projectors" / "projectors", "--rebuild", "orders/mongodb,customers,sales_daily"],
                          env=places.clean_environment() | program.environment, cwd=places.FOLDER, capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert shop.collection("orders_v1").count_documents({}) == 0
    shop.projectors()
    shop.await_caught_up()
    shop.prove()


def test_an_index_that_vanishes_is_built_anew(new_shop):
    shop = new_shop("vanished")
    shop.feed(300)
    shop.projectors()
    shop.await_caught_up()
    url, prefix = shop.environment["ORDERLOG_ELASTICSEARCH_URL"], shop.orderlog.prefix
    assert requests.delete(f"{url}/{prefix}-orders-v1", timeout=20).status_code == 200
    shop.feed(300, "--seed", 2)
    shop.await_caught_up()
    mapping = requests.get(f"{url}/{prefix}-orders-v1/_mapping", timeout=10).json()[f"{prefix}-orders-v1"]["mappings"]
    assert mapping["dynamic"] == "strict"
    shop.prove()


def test_a_collection_that_vanished_is_built_anew(new_shop):
    shop = new_shop("dropped")
    shop.feed(300)
    shop.projectors()
    shop.await_caught_up()
    shop.orderlog.stop("projectors")
    shop.collection("orders_v1").drop()
    shop.projectors()
    wait.until(lambda: shop.collection("orders_v1").count_documents({}) >= 300, SECONDS, "the collection is filled again")
    shop.await_caught_up()
    shop.prove()
