"""Who presents the position of his command sees its effect, at once and every time: in documents of MongoDB and in searches of Elasticsearch."""
import pytest

ROUNDS = 200
WAIT_SECONDS = 20


@pytest.fixture(scope="module", autouse=True)
def programs(orderlog):
    orderlog.start("command-api", "projectors", "query-api", "gateway")
    answer = orderlog.command("CreateProduct", sku="TEA", title="Tea", prices=[{"price": "2.50", "currency": "GBP"}])
    assert answer.status_code == 201, answer.text


def test_a_changed_product_in_mongodb_and_in_elasticsearch(orderlog):
    """Every round changes the title to a word that was never there; document and search must have it."""
    answer = orderlog.command("CreateProduct", sku="RW", title="before")
    for number in range(ROUNDS):
        word = f"zz{number:04}qq"
        answer = orderlog.command("ChangeProduct", sku="RW", title=f"Lamp {word}")
        assert answer.status_code == 200, answer.text
        position = answer.headers["Position"]
        document = orderlog.get("/v1/products/RW", position=position, wait_seconds=WAIT_SECONDS)
        assert document.status_code == 200 and document.json()["title"] == f"Lamp {word}", (number, document.text)
        found = orderlog.get("/v1/products", position=position, wait_seconds=WAIT_SECONDS, q=word)
        assert found.status_code == 200 and [item["product"]["sku"] for item in found.json()["items"]] == ["RW"], (number, found.text)


def test_a_cart_its_order_and_the_report_through_the_gateway(orderlog):
    """One origin: commands and queries go to the same address. Each checkout is seen as order, in the list, and in the sums."""
    for number in range(20):
        cart, customer = f"rw-{number}", f"buyer-{number}"
        assert orderlog.command("CreateCart", cart_id=cart, customer_id=customer, currency="GBP", via="gateway").status_code == 201
        added = orderlog.command("AddCartItem", cart_id=cart, sku="TEA", quantity=number + 1, via="gateway")
        shown = orderlog.get(f"/v1/carts/{cart}", position=added.headers["Position"], via="gateway").json()
        assert [(item["sku"], item["quantity"]) for item in shown["items"]] == [("TEA", number + 1)]
        checkout = orderlog.command("CheckOutCart", cart_id=cart, country="France", via="gateway")
        assert checkout.status_code in (200, 201), checkout.text
        position = checkout.headers["Position"]
        cart_now = orderlog.get(f"/v1/carts/{cart}", position=position, via="gateway").json()
        assert cart_now["status"] == "CHECKED_OUT"
        order = orderlog.get(f"/v1/orders/{cart_now['order_id']}", position=position, via="gateway")
        assert order.status_code == 200 and order.json()["units"] == number + 1, order.text
        listed = orderlog.get("/v1/orders", position=position, via="gateway", customer_id=customer).json()["items"]
        assert [item["id"] for item in listed] == [order.json()["id"]]
        bought = orderlog.get(f"/v1/customers/{customer}", position=position, via="gateway")
        assert bought.status_code == 200, bought.text


def test_reading_never_goes_back(orderlog):
    """The position of an answer, presented with the next query, gives at least the same state."""
    orderlog.command("CreateCart", cart_id="mono", currency="GBP")
    seen = 0
    for number in range(50):
        added = orderlog.command("AddCartItem", cart_id="mono", sku="TEA", quantity=1)
        first = orderlog.get("/v1/carts/mono", position=added.headers["Position"] if number % 5 == 0 else None)
        if first.status_code == 404:
            continue
        second = orderlog.get("/v1/carts/mono", position=first.headers["Position"])
        assert seen <= first.json()["units"] or number % 5, (number, first.text)
        assert second.json()["version"] >= first.json()["version"]
        seen = second.json()["units"]


def test_a_position_that_is_out_of_reach_is_told_with_the_lag(orderlog):
    placed = orderlog.command("PlaceOrder", order_id="o-behind-0", country="France", currency="GBP", lines=[{"sku": "TEA", "quantity": 1}])
    orderlog.get("/v1/orders/o-behind-0", position=placed.headers["Position"]).raise_for_status()
    orderlog.stop("projectors")
    try:
        placed = orderlog.command("PlaceOrder", order_id="o-behind", country="France", currency="GBP", lines=[{"sku": "TEA", "quantity": 1}])
        behind = orderlog.get("/v1/orders/o-behind", position=placed.headers["Position"], wait_seconds=1)
        assert behind.status_code == 503, behind.text
        assert behind.headers["Content-Type"] == "application/problem+json" and int(behind.headers["Retry-After"]) > 0
        assert behind.json()["lag_events"] >= 1 and behind.json()["view"] == "orders"
    finally:
        orderlog.start("projectors")
    found = orderlog.get("/v1/orders/o-behind", position=placed.headers["Position"], wait_seconds=WAIT_SECONDS)
    assert found.status_code == 200, found.text


def test_who_waited_for_the_views_sees_what_was_written_before(orderlog):
    """`orderlog lag --wait` counts what was in the log when it was called, not what the projectors heard of it a second ago."""
    created = orderlog.command("CreateProduct", sku="WAITED", title="before")
    seen = orderlog.get("/v1/products/WAITED", position=created.headers["Position"], wait_seconds=WAIT_SECONDS)
    assert seen.status_code == 200, seen.text
    for number in range(5):
        answer = orderlog.command("ChangeProduct", sku="WAITED", title=f"round {number}")
        assert answer.status_code == 200, answer.text
        orderlog.wait_caught_up()
        assert orderlog.get("/v1/products/WAITED").json()["title"] == f"round {number}"
