"""Commands for partitions of another instance: any instance takes any command, and the answer is the owner's."""
import uuid

import pytest
from conftest import CARTS, REST

from harness.wait import until

from command_client import at_once, cart, ok, order_of, problem, product, streams, types


@pytest.fixture(scope="module")
def shop(orderlog):
    orderlog.command_apis = [CARTS, REST]
    orderlog.environment_of = {CARTS: {"ORDERLOG_ONLY": "cart"}, REST: {"ORDERLOG_ONLY": "product,stock,order,returns,adjustment"}}
    orderlog.start(REST, CARTS)
    product(orderlog, "TEA")  # to the private listener of the one that owns carts
    return orderlog


def test_each_owns_what_it_was_told(shop):
    def served(name):  # a gauge that is set once a second
        return sum(value for metric, value in shop.metrics(name).items() if metric.startswith("orderlog_partitions_serving"))
    until(lambda: (served(CARTS), served(REST)) == (3, 6), 5, "three partitions here, six there")


def test_any_instance_takes_any_command(shop):
    here = ok(shop.command("CreateCart", cart_id="here", currency="GBP", via=CARTS), 201)
    there = ok(shop.command("CreateCart", cart_id="there", currency="GBP", via=REST), 201)
    assert there.json() == here.json() | {"stream": "cart-there", "id": "there", "cart_id": "there", "position": there.json()["position"],
                                          "command_id": there.json()["command_id"]}
    for name in ("ETag", "Content-Type", "Idempotency-Key", "X-Request-Id", "traceparent", "Position", "Location"):
        assert name in here.headers and name in there.headers
    assert there.headers["Location"] == "/v1/carts/there" and there.headers["Position"] == there.json()["position"]
    assert "orderlog-answer" not in there.headers
    assert len(streams(shop, "cart")["cart-there"]) == 1


def test_what_the_client_asked_for_arrives(shop):
    cart(shop, "asked")
    trace = uuid.uuid4().hex
    headers = {"If-Match": '"7"', "traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-Id": "asked-1", "Prefer": "wait=7"}
    answer = shop.command("AddCartItem", cart_id="asked", sku="TEA", quantity=1, via=REST, headers=headers)
    document = problem(answer, 412, "version-mismatch")
    assert document["trace_id"] == trace and document["request_id"] == "asked-1" and answer.headers["ETag"] == '"1"'
    assert answer.headers["X-Request-Id"] == "asked-1" and answer.headers["traceparent"][3:35] == trace
    headers["If-Match"] = '"1"'
    answer = ok(shop.command("AddCartItem", cart_id="asked", sku="TEA", quantity=1, private=REST, key="k",
                             headers=headers | {"X-Actor": "tester", "X-Correlation-Id": "c-1", "X-Causation-Id": "c-0"}))
    assert answer.headers["Preference-Applied"] == "wait=7" and answer.headers["Idempotency-Key"] == "k"
    commit = streams(shop, "cart")["cart-asked"][-1]
    assert (commit["actor"], commit["correlation_id"], commit["causation_id"]) == ("tester", "c-1", "c-0")
    assert commit["traceparent"][3:35] == trace


def test_one_command_wherever_it_is_sent(shop):
    first = ok(shop.command("CreateCart", currency="GBP", key="one", via=REST), 201)
    again = ok(shop.command("CreateCart", currency="GBP", key="one", via=CARTS), 201)
    assert again.json() == first.json() | {"outcome": "duplicate"}
    third = ok(shop.command("CreateCart", currency="GBP", key="one", via=REST), 201)
    assert third.json() == again.json()
    problem(shop.command("CreateCart", currency="EUR", key="one", via=REST), 422, "idempotency-key-reused")
    problem(shop.command("CreateCart", currency="EUR", key="one", via=CARTS), 422, "idempotency-key-reused")


def test_at_once_through_both(shop):
    answers = at_once(16, lambda number: shop.command("CreateCart", currency="GBP", key="at-once", via=(CARTS, REST)[number % 2]))
    assert {answer.status_code for answer in answers} == {201}
    stream, = {answer.json()["stream"] for answer in answers}
    assert len(streams(shop, "cart")[stream]) == 1


def test_faults_are_told_by_the_first(shop):
    problem(shop.command("CreateCart", cart_id="x", currency="pounds", via=REST), 400, "validation-failed")
    problem(shop.command("AddCartItem", cart_id="unknown", sku="TEA", quantity=1, via=REST), 404, "cart-not-found")
    cart(shop, "offers")
    problem(shop.command("AddCartItem", cart_id="offers", sku="COFFEE", quantity=1, via=REST), 422, "product-unknown")


@pytest.mark.parametrize("via", [CARTS, REST])
def test_a_checkout_over_two_instances(shop, via):
    cart_id = f"checkout-{via}"
    cart(shop, cart_id, ("TEA", 2))
    answer = ok(shop.command("CheckOutCart", cart_id=cart_id, country="France", key="k", via=via), 201)
    order_id = answer.json()["order_id"]
    commit, = streams(shop, "order")[f"order-{order_id}"]
    event = commit["events"][0][1]
    assert (event["cart_id"], event["cart_version"], event["country"]) == (cart_id, 2, "France")
    assert [(line["sku"], line["title"], line["quantity"], line["unit_price"]) for line in event["lines"]] == [("TEA", "Title of TEA", 2, 25000)]
    assert str(commit["causation_id"]) == answer.json()["command_id"]
    assert types(streams(shop, "cart")[f"cart-{cart_id}"])[-1] == "CartCheckedOut"
    for other in (CARTS, REST):
        again = ok(shop.command("CheckOutCart", cart_id=cart_id, country="France", key="k", via=other), 201)
        assert again.json() == answer.json() | {"outcome": "duplicate"}
    problem(shop.command("CheckOutCart", cart_id=cart_id, country="Spain", key="k", via=REST), 422, "idempotency-key-reused")


def test_private_commands_are_not_reached_by_forwarding(shop):
    record = {"order_id": "private-1", "placed_at": "2010-12-01T08:26:00Z", "country": "France", "currency": "GBP",
              "lines": [{"sku": "TEA", "title": "Tea", "quantity": 1, "unit_price": "1", "kind": "GOODS"}]}
    internal = {"orderlog-partition": f"{shop.topic('order')}/0", "orderlog-command": "RecordOrder",
                "orderlog-command-id": str(uuid.uuid4()), "orderlog-request-hash": str(uuid.uuid4()), "orderlog-deadline-ms": "1000"}
    for via in (CARTS, REST):
        problem(shop.command("RecordOrder", record, via=via), 404, "no-such-resource")
        problem(shop.command("RecordOrder", record, via=via, headers=internal), 404, "no-such-resource")
    ok(shop.command("RecordOrder", record, private=CARTS), 201)  # forwarded, from a private listener
    assert len(streams(shop, "order")["order-private-1"]) == 1


def test_a_clients_internal_headers_are_nothing(shop):
    stolen = ok(shop.command("PlaceOrder", order_of("TEA"), via=REST), 201).json()
    for via in (CARTS, REST):
        headers = {"orderlog-partition": f"{shop.topic('order')}/0", "orderlog-topic-id": "x", "orderlog-command": "PlaceOrder",
                   "orderlog-command-id": stolen["command_id"], "orderlog-request-hash": str(uuid.UUID(int=0)), "orderlog-deadline-ms": "1",
                   "X-Actor": "somebody"}
        mine = ok(shop.command("PlaceOrder", order_of("TEA"), via=via, headers=headers), 201).json()
        assert mine["command_id"] != stolen["command_id"] and mine["stream"] != stolen["stream"]
        commit, = streams(shop, "order")[mine["stream"]]
        assert str(commit["command_id"]) == mine["command_id"] and commit["actor"] == "anonymous"


def test_another_log_or_command_is_sent_back(shop):
    headers = {"orderlog-partition": f"{shop.topic('order')}/0", "orderlog-topic-id": "another", "orderlog-command": "PlaceOrder",
               "orderlog-command-id": str(uuid.uuid4()), "orderlog-request-hash": str(uuid.uuid4()), "orderlog-deadline-ms": "1000"}
    before = shop.end_offsets("order")
    answer = shop.command("PlaceOrder", order_of("TEA"), private=REST, headers=headers)
    problem(answer, 421, "not-the-owner")
    assert answer.headers["orderlog-answer"] == "not-here" and shop.end_offsets("order") == before
