"""Every command by its schema's examples, and what an answer to one that was accepted says."""
import time

import pytest

from command_client import cart, ok, product, streams, types
from harness.commands import COMMANDS
from harness.wait import until

# What must be there before a command's example makes sense.
NEEDS_PRODUCT = ("ChangeProduct", "DiscontinueProduct", "ReceiveStock", "AdjustStock", "PlaceOrder")
NEEDS_CART = ("AddCartItem", "ChangeCartItem", "RemoveCartItem", "EmptyCart", "CheckOutCart")
NEEDS_ORDER = ("CancelOrder", "ReturnGoods")
NEEDS_STOCK = ("AdjustStock", "ReserveStock", "ConfirmReservation", "ReleaseReservation", "ExpireReservations", "ReturnStock")
NEEDS_RESERVATION = ("ConfirmReservation", "ReleaseReservation", "ExpireReservations", "ReturnStock")
EXAMPLES = [(command, number) for command in COMMANDS.values() for number in range(len(command.schema["examples"]))]


@pytest.fixture(scope="module", autouse=True)
def programs(orderlog):
    orderlog.start("command-api")


def fields_of(command, number, case):
    """The example, with ids of its own; SKUs stay, they are products of the fixture below."""
    fields = dict(command.schema["examples"][number])
    for name in ("cart_id", "order_id", "return_id", "adjustment_id"):
        if name in fields:
            fields[name] = f"{case}-{fields[name]}"
    if command.name in ("CreateProduct", *NEEDS_PRODUCT, *NEEDS_STOCK) and "sku" in fields:
        fields["sku"] = f"{case}-{fields['sku']}"
    return fields


def prepare(orderlog, command, fields):
    if command.name in NEEDS_PRODUCT and "sku" in fields:
        product(orderlog, fields["sku"])
    if command.name in NEEDS_STOCK:
        ok(orderlog.command("ReceiveStock", sku=fields["sku"], quantity=1000, reference="r"))
    if command.name in NEEDS_RESERVATION:
        reserve(orderlog, command, fields)
    if command.name in NEEDS_CART:
        cart(orderlog, fields["cart_id"], ("85123A", 1))
    if command.name in NEEDS_ORDER:
        ok(orderlog.command("RecordOrder", COMMANDS["RecordOrder"].example() | {"order_id": fields["order_id"]}))


def reserve(orderlog, command, fields):
    order_id = fields.get("order_id", "late")
    ttl_seconds = 1 if command.name == "ExpireReservations" else 900
    ok(orderlog.command("ReserveStock", sku=fields["sku"], order_id=order_id, lines=[{"line": 1, "quantity": 6}], ttl_seconds=ttl_seconds))
    if command.name == "ReturnStock":
        ok(orderlog.command("ConfirmReservation", sku=fields["sku"], order_id=order_id, lines=[1]))
    if command.name == "ExpireReservations":
        until(lambda: time.time() >= reserved_until(orderlog, fields["sku"]), 20, "the reservation's time has passed")


def reserved_until(orderlog, sku):
    """Seconds since the epoch, by the event: the test's clock is the server's."""
    events = [fields for commit in streams(orderlog, "product").get(f"stock-{sku}", []) for _, fields in commit["events"]]
    return max((fields["expires_at"].timestamp() for fields in events if "expires_at" in fields), default=float("inf"))


@pytest.fixture(scope="module")
def catalogue(orderlog, programs):
    product(orderlog, "85123A")


@pytest.mark.parametrize("command, number", EXAMPLES, ids=[f"{command}-{number}" for command, number in EXAMPLES])
def test_an_example_is_accepted(orderlog, catalogue, command, number):
    fields = fields_of(command, number, f"{command.name}{number}")
    prepare(orderlog, command, fields)
    answer = ok(orderlog.command(command.name, fields))
    body = answer.json()
    key = command.schema["x-key"]
    assert body["outcome"] == "committed"
    assert body["id"] == body[key] and body["stream"].endswith(body["id"])
    if key in fields:
        assert body["id"] == fields[key]
    assert answer.headers["ETag"] == f'"{body["version"]}"'
    assert answer.headers["Position"] == body["position"]
    assert answer.headers["Idempotency-Key"] and answer.headers["X-Request-Id"] and answer.headers["traceparent"]
    creation = command.schema["x-creates"] or command.name == "CheckOutCart"
    assert answer.status_code == (201 if creation else 200)
    assert ("Location" in answer.headers) == creation


def test_a_commit_says_where_it_came_from(orderlog, catalogue):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = ok(orderlog.command("CreateCart", cart_id="origin", currency="GBP", headers={
        "X-Actor": "ada", "X-Correlation-Id": "c-1", "X-Causation-Id": "c-0", "traceparent": trace}))
    commit, = until(lambda: streams(orderlog, "cart").get("cart-origin"), 20, "the commit is read")
    assert (commit["actor"], commit["correlation_id"], commit["causation_id"]) == ("ada", "c-1", "c-0")
    assert str(commit["command_id"]) == answer.json()["command_id"]
    assert commit["traceparent"] == answer.headers["traceparent"] and commit["traceparent"][:36] == trace[:36] != ""
    assert types([commit]) == ["CartCreated"]


def test_the_public_listener_believes_nobody(orderlog, catalogue):
    answer = orderlog.command("CreateCart", cart_id="public", currency="GBP", via="command-api", headers={
        "X-Actor": "ada", "X-Request-Id": "r-1", "traceparent": "00-xyz"})
    assert ok(answer).headers["X-Request-Id"] == "r-1"
    commit, = until(lambda: streams(orderlog, "cart").get("cart-public"), 20, "the commit is read")
    assert (commit["actor"], commit["correlation_id"]) == ("anonymous", "r-1")
    assert commit["causation_id"] == str(commit["command_id"])
    assert len(commit["traceparent"]) == 55


def test_ids_that_need_escapes(orderlog, catalogue):
    answer = product(orderlog, "A B.1_x-2")
    assert answer.headers["Location"] == "/v1/products/A%20B.1_x-2"
    changed = ok(orderlog.command("ChangeProduct", sku="A B.1_x-2", supplier="Someone"))
    assert changed.json()["version"] == 2
    # What needs no escape may have one.
    plain = orderlog.session.patch(orderlog.url("command-api") + "/v1/%70roducts/A%20B%2E1_x-2", json={"supplier": "Other"}, timeout=10)
    assert ok(plain).json()["version"] == 3


def test_metrics_count_commands_by_outcome(orderlog, catalogue):
    name = 'orderlog_commands_total{command="EmptyCart",outcome="%s"}'
    before = orderlog.metrics("command-api")
    cart(orderlog, "counted", ("85123A", 1))
    assert ok(orderlog.command("EmptyCart", cart_id="counted")).json()["outcome"] == "committed"
    assert ok(orderlog.command("EmptyCart", cart_id="counted")).json()["outcome"] == "unchanged"
    assert orderlog.command("EmptyCart", cart_id="no-such-cart").status_code == 404
    after = orderlog.metrics("command-api")
    assert {outcome: after[name % outcome] - before[name % outcome] for outcome in ("committed", "unchanged", "rejected", "failed")} == {
        "committed": 1, "unchanged": 1, "rejected": 1, "failed": 0}
    assert after['orderlog_http_request_seconds_count{service="command-api",route="EmptyCart"}'] >= 3
