"""ETag and If-Match, and how long a client is ready to wait."""
import pytest

from command_client import at_once, cart, ok, problem, product


@pytest.fixture(scope="module", autouse=True)
def shop(orderlog):
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


def add(shop, cart_id, if_match=None, **more):
    headers = {"If-Match": if_match} if if_match is not None else {}
    return shop.command("AddCartItem", cart_id=cart_id, sku="TEA", quantity=1, headers=headers | more)


def test_the_version_that_was_seen(shop):
    cart(shop, "seen")
    first = ok(add(shop, "seen", '"1"'))
    assert first.headers["ETag"] == '"2"'
    refused = add(shop, "seen", '"1"')
    problem(refused, 412, "version-mismatch")
    assert refused.headers["ETag"] == '"2"'
    ok(add(shop, "seen", refused.headers["ETag"]))
    ok(add(shop, "seen", "*"))


def test_one_of_many_wins(shop):
    cart(shop, "race")
    answers = at_once(16, lambda _: add(shop, "race", '"1"'))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 15


def test_a_repetition_comes_before_the_precondition(shop):
    cart(shop, "again")
    fields = {"cart_id": "again", "sku": "TEA", "quantity": 1}
    first = ok(shop.command("AddCartItem", fields, key="k", headers={"If-Match": '"1"'}))
    second = ok(shop.command("AddCartItem", fields, key="k", headers={"If-Match": '"1"'}))
    assert second.json() == first.json() | {"outcome": "duplicate"}


@pytest.mark.parametrize("value", ["1", '"1', '""', '"x"', 'W/"1"', '"1", "2"', '"-1"', '"+1"', '" 1"', '"9223372036854775808"', ""])
def test_malformed(shop, value):
    assert "If-Match" in problem(add(shop, "nowhere", value), 400, "invalid-header")["detail"]


def test_a_creation_can_ask_for_version_0_but_not_for_any(shop):
    ok(shop.command("CreateCart", cart_id="new", currency="GBP", headers={"If-Match": '"0"'}), 201)
    problem(shop.command("CreateCart", cart_id="new", currency="EUR", headers={"If-Match": '"0"'}), 412, "version-mismatch")
    problem(shop.command("CreateCart", cart_id="newer", currency="GBP", headers={"If-Match": "*"}), 400, "invalid-header")


@pytest.mark.parametrize("prefer, applied", [("wait=5", "wait=5"), ("respond-async, wait=60", "wait=60"), ("wait=0", None),
                                             ("wait=61", None), ("wait=x", None), ("return=minimal", None)])
def test_preferences(shop, prefer, applied):
    cart_id = f"prefer-{abs(hash(prefer))}"
    answer = ok(shop.command("CreateCart", cart_id=cart_id, currency="GBP", headers={"Prefer": prefer}))
    assert answer.headers.get("Preference-Applied") == applied


def test_query_parameters_are_refused(shop):
    url = shop.url("command-api") + "/v1/carts?dry_run=true"
    problem(shop.session.post(url, json={"currency": "GBP"}, timeout=10), 400, "unknown-parameter")
