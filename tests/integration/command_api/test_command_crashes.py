"""What was answered with success stays, exactly once, whatever happens to the process or to Kafka; what was not can be sent again."""
import json

import pytest

from command_client import cart, ok, order_of, problem, product, streams
from order_clients import Clients
from harness.wait import until


@pytest.fixture
def shop(new_orderlog, request):
    orderlog = new_orderlog(request.node.name[:20], ORDERLOG_THREADS="2")
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


def test_killed_under_load(shop):
    clients = Clients(shop)
    for round_number in range(1, 4):
        clients.wait_for(len(clients.done) + 150 * round_number)
        shop.kill("command-api")
        shop.start("command-api")
    clients.wait_for(len(clients.done) + 100)
    clients.stop()
    assert clients.open, "no request was cut off"
    clients.retry_open()
    clients.check_log()


def test_a_restart_keeps_states_versions_and_answers(shop):
    cart(shop, "kept", ("TEA", 3))
    first = ok(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=1, key="k"))
    shop.stop("command-api")
    shop.start("command-api")
    again = ok(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=1, key="k"))
    assert again.json() == first.json() | {"outcome": "duplicate"}
    assert ok(shop.command("RemoveCartItem", cart_id="kept", sku="TEA", headers={"If-Match": first.headers["ETag"]})).json()["version"] == 4
    assert ok(shop.command("PlaceOrder", order_of("TEA"))).status_code == 201


def test_sigterm_lets_running_commands_end(shop):
    clients = Clients(shop)
    clients.wait_for(300)
    shop.stop("command-api")  # exit code 0, or it fails
    clients.stopping.set()
    shop.start("command-api")
    clients.stop()
    # Every request that was read was answered: what is open never reached the process, so a retry is the first attempt.
    before = set(streams(shop, "order"))
    assert {body["stream"] for body in clients.done.values()} == before
    clients.retry_open()
    clients.check_log()


def test_kafka_away_and_back(shop, stack):
    clients = Clients(shop)
    try:
        clients.wait_for(200)
        stack.stop("kafka")
        answer = shop.command("PlaceOrder", order_of("TEA"), key="away", headers={"Prefer": "wait=1"}, via="command-api")
        assert answer.status_code in (503, 504) and int(answer.headers["Retry-After"]) > 0, answer.text
        if answer.status_code == 504:
            problem(answer, 504, "in-doubt")
        clients.open.add("away")
        document = until(lambda: unready(shop), 20, "/readyz says so")
        assert "kafka" in json.dumps(document["detail"])
        assert shop.session.get(shop.url("command-api") + "/livez", timeout=5).status_code == 200
    finally:
        stack.start("kafka")
    until(lambda: shop.ready("command-api")[0] == 200, 60, "ready again")
    clients.wait_for(len(clients.done) + 100)
    clients.stop()
    clients.retry_open()
    clients.check_log()


def unready(shop):
    status, document = shop.ready("command-api")
    return document if status == 503 else None


def test_the_registry_is_not_needed_once_its_schemas_are_known(shop, stack):
    stack.stop("registry")
    try:
        ok(shop.command("PlaceOrder", order_of("TEA")))
        shop.kill("command-api")
        shop.start("command-api")
        ok(shop.command("PlaceOrder", order_of("TEA")))
    finally:
        stack.start("registry")
