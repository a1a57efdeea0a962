"""A buyer's walk through the public API, by the gateway alone: catalogue, cart, order, cancellation, return, and what the reports say of it."""
import datetime

import pytest

GATEWAY = "gateway"
TODAY_FORM = "%Y-%m-%d"


@pytest.fixture(scope="module")
def shop(orderlog):
    orderlog.start("command-api", "projectors", "query-api", "gateway")
    return orderlog


def do(shop, name, status=(200, 201), **fields):
    answer = shop.command(name, fields, via=GATEWAY)
    assert answer.status_code in status, f"{name} {fields}: {answer.status_code} {answer.text}"
    return answer


def see(shop, path, after, **parameters):
    answer = shop.get(path, via=GATEWAY, position=after.headers["Position"], **parameters)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


def test_from_product_to_return(shop):
    # The catalogue: a product without a price can't be bought; its price may come later and change.
    do(shop, "CreateProduct", sku="LAMP", title="Brass lamp", supplier="Lumen", short_description="A lamp for evenings")
    do(shop, "CreateProduct", sku="TEA", title="Green tea", prices=[{"price": "3.255", "currency": "GBP"}])
    do(shop, "CreateCart", cart_id="walk", customer_id="ada", currency="GBP")
    refused = do(shop, "AddCartItem", (422,), cart_id="walk", sku="LAMP", quantity=1)
    assert refused.json()["type"] == "urn:orderlog:problem:product-unpriced"
    priced = do(shop, "ChangeProduct", sku="LAMP", prices=[{"price": "40.00", "currency": "GBP"}])
    assert see(shop, "/v1/products/LAMP", priced)["price"] == "40.00"

    # The cart.
    do(shop, "AddCartItem", cart_id="walk", sku="LAMP", quantity=1)
    do(shop, "AddCartItem", cart_id="walk", sku="TEA", quantity=4)
    do(shop, "AddCartItem", cart_id="walk", sku="TEA", quantity=2)
    changed = do(shop, "ChangeCartItem", cart_id="walk", sku="LAMP", quantity=3)
    cart = see(shop, "/v1/carts/walk", changed)
    assert [(item["sku"], item["quantity"], item["unit_price"]) for item in cart["items"]] == [("LAMP", 3, "40.00"), ("TEA", 6, "3.255")]
    assert (cart["units"], cart["total"], cart["status"]) == (9, "139.53", "OPEN")
    removed = do(shop, "RemoveCartItem", cart_id="walk", sku="TEA", status=(200, 204))
    assert [item["sku"] for item in see(shop, "/v1/carts/walk", removed)["items"]] == ["LAMP"]
    do(shop, "AddCartItem", cart_id="walk", sku="TEA", quantity=10)

    # Checkout: a second attempt is the same order; the cart is closed.
    first, second = do(shop, "CheckOutCart", cart_id="walk", country="France"), do(shop, "CheckOutCart", cart_id="walk", country="France")
    cart = see(shop, "/v1/carts/walk", second)
    assert cart["status"] == "CHECKED_OUT" and first.json()["order_id"] == second.json()["order_id"] == cart["order_id"]
    closed = do(shop, "AddCartItem", (409,), cart_id="walk", sku="TEA", quantity=1)
    assert closed.json()["type"] == "urn:orderlog:problem:cart-checked-out"
    number = cart["order_id"]
    order = see(shop, f"/v1/orders/{number}", second)
    assert (order["status"], order["customer_id"], order["cart_id"], order["country"]) == ("PLACED", "ada", "walk", "France")
    assert [(line["line_no"], line["sku"], line["quantity"], line["value"]) for line in order["lines"]] == [
        (1, "LAMP", 3, "120.00"), (2, "TEA", 10, "32.55")]
    assert (order["units"], order["value"]) == (13, "152.55")

    # Cancelled in part, then more than is left; then goods come back.
    do(shop, "CancelOrder", order_id=number, reason="one lamp less", lines=[{"line_no": 1, "quantity": 1}])
    too_much = do(shop, "CancelOrder", (409,), order_id=number, lines=[{"line_no": 1, "quantity": 3}])
    assert too_much.json()["type"] == "urn:orderlog:problem:order-quantity-exceeded"
    back = do(shop, "ReturnGoods", order_id=number, lines=[{"line_no": 2, "quantity": 4}])
    order = see(shop, f"/v1/orders/{number}", back)
    assert [(line["cancelled"], line["returned"]) for line in order["lines"]] == [(1, 0), (0, 4)]
    assert (order["cancelled_units"], order["cancelled_value"], order["returned_units"], order["returned_value"]) == (1, "40.00", 4, "13.02")

    # What the sums say.
    today = datetime.datetime.now(datetime.timezone.utc)
    days = {"from": (today - datetime.timedelta(days=1)).strftime(TODAY_FORM), "to": today.strftime(TODAY_FORM)}
    report = see(shop, "/v1/reports/sales", back, group="sku", **days)
    lamp = next(row for row in report["rows"] if row["sku"] == "LAMP")
    assert (lamp["units"], lamp["value"], lamp["cancelled_units"], lamp["cancelled_value"]) == (3, "120.00", 1, "40.00")
    country = see(shop, "/v1/reports/sales", back, group="country", **days)
    france = next(row for row in country["rows"] if row["country"] == "France")
    assert (france["orders"], france["units"], france["value"], france["returned_units"], france["returned_value"]) == (1, 13, "152.55", 4, "13.02")
    customer = see(shop, "/v1/customers/ada", back)
    assert "152.55" in str(customer) and "LAMP" in str(customer)
    found = see(shop, "/v1/products", priced, q="evening lamps")
    assert "LAMP" in [item["product"]["sku"] for item in found["items"]]


def test_versions_guard_against_lost_updates(shop):
    do(shop, "CreateProduct", sku="CUP", title="Cup", prices=[{"price": "1.00", "currency": "GBP"}])
    created = do(shop, "CreateCart", cart_id="guard", currency="GBP")
    tag = created.headers["ETag"]
    added = shop.command("AddCartItem", cart_id="guard", sku="CUP", quantity=1, via=GATEWAY, headers={"If-Match": tag})
    assert added.status_code in (200, 201) and added.headers["ETag"] != tag, added.text
    late = shop.command("AddCartItem", cart_id="guard", sku="CUP", quantity=1, via=GATEWAY, headers={"If-Match": tag})
    assert late.status_code == 412 and late.headers["Content-Type"] == "application/problem+json", late.text
    cart = shop.get("/v1/carts/guard", position=added.headers["Position"], via=GATEWAY)
    assert cart.headers["ETag"] == added.headers["ETag"] and cart.json()["units"] == 1


def test_a_key_makes_a_repetition_harmless(shop):
    do(shop, "CreateProduct", sku="PEN", title="Pen", prices=[{"price": "1.00", "currency": "GBP"}])
    fields = {"country": "Spain", "currency": "GBP", "lines": [{"sku": "PEN", "quantity": 2}]}
    answers = [shop.command("PlaceOrder", fields, key="once", via=GATEWAY) for _ in range(3)]
    assert {answer.status_code for answer in answers} <= {200, 201}, answers[0].text
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    other = shop.command("PlaceOrder", fields | {"country": "Italy"}, key="once", via=GATEWAY)
    assert other.status_code == 422 and other.headers["Content-Type"] == "application/problem+json", other.text
    assert len(shop.tool("stream", f"order-{answers[0].json()['order_id']}").stdout.splitlines()) == 1


def test_what_is_private_does_not_pass_the_gateway(shop):
    fields = {"order_id": "x1", "country": "Spain", "currency": "GBP", "placed_at": "2010-12-01T08:26:00Z",
              "lines": [{"sku": "PEN", "title": "Pen", "quantity": 1, "unit_price": "0.01", "kind": "GOODS"}]}
    refused = shop.command("RecordOrder", fields, via=GATEWAY)
    assert refused.status_code == 404 and refused.headers["Content-Type"] == "application/problem+json"
    for path in ("/metrics", "/readyz"):
        assert shop.get(path, via=GATEWAY).status_code == 404
    wrong = shop.session.put(shop.url(GATEWAY) + "/v1/carts/walk", timeout=10)
    assert wrong.status_code == 405 and "GET" in wrong.headers["Allow"]


def test_stock_never_goes_below_zero(shop):
    do(shop, "CreateProduct", sku="BOX", title="Box")
    do(shop, "ReceiveStock", sku="BOX", quantity=5, reference="delivery 1")
    again = do(shop, "ReceiveStock", sku="BOX", quantity=5, reference="delivery 1")
    assert see(shop, "/v1/products/BOX", again)["available"] == 5
    refused = do(shop, "AdjustStock", (409,), sku="BOX", delta=-6, reason="lost")
    assert refused.json()["type"] == "urn:orderlog:problem:stock-insufficient"
    left = do(shop, "AdjustStock", sku="BOX", delta=-5, reason="lost")
    assert see(shop, "/v1/products/BOX", left)["available"] == 0


def settle(shop, name, status=(200,), **fields):
    """What the shop's own processes send: past the gateway, to the private listener."""
    answer = shop.command(name, fields)
    assert answer.status_code in status, f"{name} {fields}: {answer.status_code} {answer.text}"
    return answer


def test_from_available_to_sold_and_back(shop):
    def accounts(after):
        stock = see(shop, "/v1/products/MUG", after)
        return stock["available"], stock["reserved"], stock["sold"]

    do(shop, "CreateProduct", sku="MUG", title="Blue mug")
    do(shop, "ReceiveStock", sku="MUG", quantity=10)
    lines = [{"line": 1, "quantity": 4}, {"line": 2, "quantity": 3}]
    assert accounts(settle(shop, "ReserveStock", sku="MUG", order_id="m1", lines=lines, ttl_seconds=900)) == (3, 7, 0)
    assert settle(shop, "ReserveStock", sku="MUG", order_id="m1", lines=lines, ttl_seconds=900).json()["outcome"] == "unchanged"
    other = settle(shop, "ReserveStock", (409,), sku="MUG", order_id="m1", lines=[{"line": 1, "quantity": 5}], ttl_seconds=900)
    assert other.json()["type"] == "urn:orderlog:problem:reservation-differs"
    refused = settle(shop, "ReserveStock", (409,), sku="MUG", order_id="m2", lines=[{"line": 1, "quantity": 4}], ttl_seconds=900)
    assert refused.json()["type"] == "urn:orderlog:problem:stock-insufficient"
    assert do(shop, "AdjustStock", (409,), sku="MUG", delta=-4, reason="lost").status_code == 409
    assert accounts(settle(shop, "ConfirmReservation", sku="MUG", order_id="m1", lines=[1])) == (3, 3, 4)
    assert accounts(settle(shop, "ReleaseReservation", sku="MUG", order_id="m1", lines=[2])) == (6, 0, 4)
    back = settle(shop, "ReturnStock", sku="MUG", order_id="m1", line=1, quantity=1, reference="r1")
    assert accounts(back) == (7, 0, 3)
    found = see(shop, "/v1/products", back, q="blue mug")["items"][0]["product"]
    assert (found["available"], found["reserved"], found["sold"]) == (7, 0, 3)
