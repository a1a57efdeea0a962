"""From cart to order: two commits, one order, whatever happens between them."""
import pytest

from command_client import at_once, cart, ok, problem, product, streams, types


@pytest.fixture(scope="module", autouse=True)
def shop(orderlog):
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


def check_out(shop, cart_id, country="France", key=None, **more):
    return shop.command("CheckOutCart", cart_id=cart_id, country=country, key=key, **more)


def test_a_cart_becomes_an_order(shop):
    cart(shop, "c1", ("TEA", 2))
    answer = ok(check_out(shop, "c1"), 201)
    order_id = answer.json()["order_id"]
    assert answer.headers["Location"] == f"/v1/orders/{order_id}"
    assert types(streams(shop, "cart")["cart-c1"]) == ["CartCreated", "CartItemAdded", "CartCheckedOut"]
    commit, = streams(shop, "order")[f"order-{order_id}"]
    event = commit["events"][0][1]
    assert (event["cart_id"], event["cart_version"], event["country"], event["currency"]) == ("c1", 2, "France", "GBP")
    assert [(line["sku"], line["quantity"], line["unit_price"]) for line in event["lines"]] == [("TEA", 2, 25000)]
    assert str(commit["causation_id"]) == answer.json()["command_id"]


def test_again_is_the_same_order(shop):
    cart(shop, "again", ("TEA", 1))
    first = ok(check_out(shop, "again", key="k"), 201)
    second = ok(check_out(shop, "again", key="k"), 201)
    assert second.json() == first.json() | {"outcome": "duplicate"}
    third = ok(check_out(shop, "again", key="other"), 200)
    assert third.json()["outcome"] == "unchanged" and third.json()["order_id"] == first.json()["order_id"]
    problem(check_out(shop, "again", country="Spain"), 409, "cart-checked-out")
    problem(check_out(shop, "again", key="k", country="Spain"), 422, "idempotency-key-reused")
    assert len(streams(shop, "order")[f"order-{first.json()['order_id']}"]) == 1


def test_at_once(shop):
    cart(shop, "at-once", ("TEA", 1))
    answers = at_once(16, lambda number: check_out(shop, "at-once", key=f"k{number % 4}"))
    assert {answer.status_code for answer in answers} <= {200, 201}
    order_id, = {answer.json()["order_id"] for answer in answers}
    assert len(streams(shop, "order")[f"order-{order_id}"]) == 1


def test_the_version_that_the_buyer_saw(shop):
    cart(shop, "version", ("TEA", 1))
    document = problem(check_out(shop, "version", version=1), 412, "version-mismatch")
    assert [error["pointer"] for error in document["errors"]] == ["/version"]
    ok(check_out(shop, "version", version=2), 201)
    problem(check_out(shop, "no-such-cart"), 404, "cart-not-found")
    cart(shop, "empty")
    problem(check_out(shop, "empty"), 409, "cart-empty")


def restart(shop, **settings):
    """With settings of its own, or none again."""
    shop.stop("command-api")
    shop.programs.pop("command-api")
    shop.environment_of["command-api"] = settings
    shop.start("command-api")


def test_what_was_cut_off_between_the_steps_is_completed_by_a_retry(shop):
    cart(shop, "cut", ("TEA", 5))
    restart(shop, ORDERLOG_ONLY="cart,product,stock")  # nobody owns orders
    problem(check_out(shop, "cut", key="k", headers={"Prefer": "wait=1"}), 504, "in-doubt")
    closed = streams(shop, "cart")["cart-cut"]
    assert types(closed)[-1] == "CartCheckedOut"
    order_id = closed[-1]["events"][0][1]["order_id"]
    assert f"order-{order_id}" not in streams(shop, "order")
    restart(shop)
    answer = ok(check_out(shop, "cut", key="k"), 201)
    assert answer.json()["order_id"] == order_id
    commit, = streams(shop, "order")[f"order-{order_id}"]
    assert [(line["sku"], line["quantity"]) for line in commit["events"][0][1]["lines"]] == [("TEA", 5)]
    assert ok(check_out(shop, "cut", key="k"), 201).json() == answer.json() | {"outcome": "duplicate"}
