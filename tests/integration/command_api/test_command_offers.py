"""Prices and titles are those of the moment, and "there is no such product" never comes from a list that lags."""
import datetime

import pytest

from command_client import cart, ok, order_of, problem, product, streams


@pytest.fixture(scope="module", autouse=True)
def shop(orderlog):
    orderlog.start("command-api")
    return orderlog


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def placed(shop, answer):
    (name, event), = streams(shop, "order")[answer.json()["stream"]][0]["events"]
    assert name.endswith("OrderPlaced")
    return event


def test_a_product_can_be_bought_as_soon_as_it_was_created(shop):
    for number in range(40):
        product(shop, f"NEW{number}")
        ok(shop.command("PlaceOrder", order_of(f"NEW{number}")), 201)


def test_a_price_is_taken_as_soon_as_a_product_has_one(shop):
    for number in range(20):
        product(shop, f"BARE{number}", prices=[])
        problem(shop.command("PlaceOrder", order_of(f"BARE{number}")), 422, "product-unpriced")
        ok(shop.command("ChangeProduct", sku=f"BARE{number}", prices=[{"price": "1.00", "currency": "GBP"}]))
        ok(shop.command("PlaceOrder", order_of(f"BARE{number}")), 201)


def test_prices_by_currency_and_time(shop):
    product(shop, "TIMED", prices=[
        {"price": "1.00", "currency": "GBP", "valid_from": in_days(-20)}, {"price": "2.00", "currency": "GBP", "valid_from": in_days(-10)},
        {"price": "3.00", "currency": "GBP", "valid_from": in_days(10)}, {"price": "0.001", "currency": "EUR", "valid_from": in_days(-1)}])
    ok(shop.command("ChangeProduct", sku="TIMED", titles=[{"title": "Older", "valid_from": in_days(-30)}, {"title": "Later", "valid_from": in_days(5)}]))
    event = placed(shop, ok(shop.command("PlaceOrder", order_of("TIMED", 3))))
    line, = event["lines"]
    assert (line["unit_price"], line["title"], line["quantity"], line["kind"]) == (20000, "Title of TIMED", 3, "GOODS")
    euro = placed(shop, ok(shop.command("PlaceOrder", order_of("TIMED", currency="EUR"))))
    assert euro["lines"][0]["unit_price"] == 10
    problem(shop.command("PlaceOrder", order_of("TIMED", currency="USD")), 422, "product-unpriced")


def test_every_line_that_cannot_be_bought_is_named(shop):
    product(shop, "GOOD")
    product(shop, "BARE", prices=[])
    product(shop, "GONE")
    ok(shop.command("DiscontinueProduct", sku="GONE"))
    skus = ["GOOD", "NONE", "GOOD", "BARE", "GONE"]
    fields = order_of("GOOD") | {"lines": [{"sku": sku, "quantity": 1} for sku in skus]}
    until_now = shop.log_length("order")
    document = problem(shop.command("PlaceOrder", fields), 422, "product-unknown")
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [
        ("/lines/1/sku", "product-unknown"), ("/lines/3/sku", "product-unpriced"), ("/lines/4/sku", "product-unknown")]
    many = shop.command("PlaceOrder", order_of("GOOD") | {"lines": [{"sku": f"NO{n}", "quantity": 1} for n in range(100)]})
    document = problem(many, 422, "product-unknown")
    assert (len(document["errors"]), document["error_total"]) == (64, 100)
    assert shop.log_length("order") == until_now


def test_a_cart_takes_the_price_in_its_own_currency(shop):
    product(shop, "BOTH", prices=[{"price": "1.00", "currency": "GBP"}, {"price": "1.25", "currency": "EUR"}])
    ok(shop.command("CreateCart", cart_id="euro", currency="EUR"))
    ok(shop.command("AddCartItem", cart_id="euro", sku="BOTH", quantity=2))
    added = streams(shop, "cart")["cart-euro"][1]["events"][0][1]
    assert (added["unit_price"], added["title"]) == (12500, "Title of BOTH")
    ok(shop.command("CreateCart", cart_id="dollar", currency="USD"))
    document = problem(shop.command("AddCartItem", cart_id="dollar", sku="BOTH", quantity=1), 422, "product-unpriced")
    assert [error["pointer"] for error in document["errors"]] == ["/sku"]


def test_prices_are_not_the_clients(shop):
    product(shop, "FIXED")
    cart(shop, "fixed")
    answer = shop.command("AddCartItem", cart_id="fixed", sku="FIXED", quantity=1, unit_price="0.01")
    document = problem(answer, 400, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [("/unit_price", "unknown")]


def test_a_large_order(shop):
    for number in range(50):
        product(shop, f"L{number}")
    fields = order_of("L0") | {"lines": [{"sku": f"L{number % 50}", "quantity": number + 1} for number in range(2500)]}
    event = placed(shop, ok(shop.command("PlaceOrder", fields, via="command-api"), 201))
    assert [line["quantity"] for line in event["lines"]] == list(range(1, 2501))
    fields["lines"].append({"sku": "L0", "quantity": 1})
    document = problem(shop.command("PlaceOrder", fields), 400, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [("/lines", "max_items")]
