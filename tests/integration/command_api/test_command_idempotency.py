"""A command that is sent again is carried out once, and answered the same."""
import http.client

import pytest

from command_client import at_once, cart, ok, order_of, problem, product, streams


@pytest.fixture(scope="module", autouse=True)
def shop(orderlog):
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


def same(first, second):
    """But for `outcome`, which says that it is a repetition."""
    assert first.status_code == second.status_code
    assert first.json() | {"outcome": "duplicate"} == second.json()
    for name in ("ETag", "Position", "Location", "Idempotency-Key"):
        assert first.headers.get(name) == second.headers.get(name)


def test_one_after_the_other(shop):
    cart(shop, "seq")
    first = ok(shop.command("AddCartItem", cart_id="seq", sku="TEA", quantity=2, key="a"))
    ok(shop.command("AddCartItem", cart_id="seq", sku="TEA", quantity=1, key="b"))
    same(first, shop.command("AddCartItem", cart_id="seq", sku="TEA", quantity=2, key="a"))
    assert first.json()["version"] == 2
    assert len(streams(shop, "cart")["cart-seq"]) == 3


def test_all_at_once(shop):
    answers = at_once(32, lambda _: shop.command("PlaceOrder", order_of("TEA"), key="at-once"))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json().pop("outcome") for answer in answers) == ["committed"] + ["duplicate"] * 31
    assert len({answer.headers["Position"] for answer in answers}) == 1
    assert len(streams(shop, "order")[answers[0].json()["stream"]]) == 1


def test_another_body_under_the_same_key(shop):
    first = ok(shop.command("PlaceOrder", order_of("TEA"), key="reused"))
    problem(shop.command("PlaceOrder", order_of("TEA", 2), key="reused"), 422, "idempotency-key-reused")
    same(first, shop.command("PlaceOrder", order_of("TEA"), key="reused"))


def test_a_key_is_scoped_to_route_stream_and_actor(shop):
    for cart_id in ("scope1", "scope2"):
        cart(shop, cart_id)
        assert ok(shop.command("AddCartItem", cart_id=cart_id, sku="TEA", quantity=1, key="k")).json()["outcome"] == "committed"
    assert ok(shop.command("EmptyCart", cart_id="scope1", key="k")).json()["outcome"] == "committed"
    first, second = (ok(shop.command("PlaceOrder", order_of("TEA"), key="k", headers={"X-Actor": actor})) for actor in ("ada", "bob"))
    assert first.json()["id"] != second.json()["id"]


def test_a_key_that_the_server_made_serves_for_a_retry(shop):
    first = ok(shop.command("PlaceOrder", order_of("TEA")))
    same(first, shop.command("PlaceOrder", order_of("TEA"), key=first.headers["Idempotency-Key"]))


def test_a_rejection_is_not_remembered(shop):
    problem(shop.command("PlaceOrder", order_of("LATER"), key="later"), 422, "product-unknown")
    product(shop, "LATER")
    assert ok(shop.command("PlaceOrder", order_of("LATER"), key="later")).json()["outcome"] == "committed"


def test_an_order_stays_placed_when_its_product_goes(shop):
    product(shop, "GOING")
    first = ok(shop.command("PlaceOrder", order_of("GOING"), key="going"))
    ok(shop.command("DiscontinueProduct", sku="GOING"))
    same(first, shop.command("PlaceOrder", order_of("GOING"), key="going"))


@pytest.mark.parametrize("key", ["k" * 64, "\"quoted\"", "a b", "näh".encode().decode("latin-1")])
def test_any_string_is_a_key(shop, key):
    first = ok(shop.command("PlaceOrder", order_of("TEA"), key=key))
    same(first, shop.command("PlaceOrder", order_of("TEA"), key=key))


def test_keys_that_are_none(shop):
    length = sum(shop.await_settled().values())
    problem(shop.command("PlaceOrder", order_of("TEA"), key="k" * 65), 400, "invalid-header")
    problem(shop.command("PlaceOrder", order_of("TEA"), headers={"Idempotency-Key": ""}), 400, "invalid-header")
    connection = http.client.HTTPConnection(shop.address("command-api"), timeout=10)
    connection.putrequest("POST", "/v1/orders")
    for value in ("a", "b"):
        connection.putheader("Idempotency-Key", value)
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    assert connection.getresponse().status == 400
    assert shop.log_length() == length
