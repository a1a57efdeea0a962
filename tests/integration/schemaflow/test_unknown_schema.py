"""A record whose schema the registry doesn't know parks and does no harm beside; a registry that is away stops nothing that is known."""
import confluent_kafka
import pytest

from harness import wait

SECONDS = 40
UNKNOWN = bytes.fromhex("007fffffff") + b"whatever"


@pytest.fixture(scope="module")
def shop(orderlog):
    orderlog.start("command-api", "projectors", "query-api")
    answer = orderlog.command("CreateProduct", sku="TEA", title="Tea", prices=[{"price": "2.50", "currency": "GBP"}])
    assert answer.status_code == 201, answer.text
    return orderlog


def cart(shop, cart_id):
    answer = shop.command("CreateCart", cart_id=cart_id, currency="GBP")
    assert answer.status_code == 201, answer.text
    return shop.get(f"/v1/carts/{cart_id}", position=answer.headers["Position"], wait_seconds=20)


def carts(shop):
    answer = shop.session.get(shop.url("projectors", "private") + "/v1/lag", timeout=10).json()
    return next(each for each in answer["projections"] if each["view"] == "carts")


def test_registry_away(shop):
    assert cart(shop, "before").status_code == 200
    shop.servers.stop("registry")
    try:
        for name in ("projectors", "command-api"):
            shop.stop(name)
            shop.start(name)
        assert cart(shop, "while-away").status_code == 200
        assert carts(shop)["parked"] == 0
    finally:
        shop.servers.start("registry")


def partition_of_new_cart(shop, cart_id):
    before = shop.await_settled()
    assert cart(shop, cart_id).status_code == 200
    partition, = {partition for (topic, partition), end in shop.end_offsets("cart").items() if end > before["cart", partition] and topic == "cart"}
    return partition


def test_unknown_schema(shop):
    places = {f"cart-{number}": partition_of_new_cart(shop, f"cart-{number}") for number in range(6)}
    producer = confluent_kafka.Producer({"bootstrap.servers": shop.environment["ORDERLOG_KAFKA_BROKERS"]})
    producer.produce(shop.topic("cart"), UNKNOWN, partition=0)
    assert producer.flush(20) == 0
    wait.until(lambda: carts(shop)["parked"] == 1, SECONDS, "the record is parked")
    # The other partitions go on.
    others = [cart_id for cart_id, partition in places.items() if partition != 0]
    assert others and len(others) < len(places), places
    for cart_id in others:
        answer = shop.command("AddCartItem", cart_id=cart_id, sku="TEA", quantity=2)
        assert answer.status_code == 200, answer.text
        shown = shop.get(f"/v1/carts/{cart_id}", position=answer.headers["Position"], wait_seconds=20)
        assert shown.status_code == 200 and shown.json()["units"] == 2, shown.text
    assert shop.program("projectors").running()
    done = shop.tool("schema", "verify-log", check=False)
    assert done.returncode == 1 and "partition 0 stops at offset" in done.stdout and "schema 2147483647" in done.stdout, done.stdout
