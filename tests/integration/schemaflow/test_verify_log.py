"""The gate for a change: the build before it saves what its folds make of the log, and the tool that is built of changed schemas, upcasters
and folds has to come to the same."""
import json

import pytest

from changed_schemas import UPCASTERS, event, text
from changed_tree import ChangedTree
from harness import places

CARTS, BUILD_TEST_SECONDS = 40, 400
FOLD = "projectors/views/carts.c"


def fill(orderlog, prefix):
    """Carts of guests and customers, with lines added, changed, removed and emptied."""
    def send(name, **fields):
        answer = orderlog.command(name, fields)
        assert answer.status_code in (200, 201), answer.text
    for number in range(CARTS):
        cart_id = f"{prefix}-{number}"
        send("CreateCart", cart_id=cart_id, currency="GBP", **({"customer_id": f"customer-{number}"} if number % 3 else {}))
        send("AddCartItem", cart_id=cart_id, sku="TEA", quantity=1 + number)
        if number % 4 == 1:
            send("ChangeCartItem", cart_id=cart_id, sku="TEA", quantity=2)
        if number % 4 == 2:
            send("RemoveCartItem", cart_id=cart_id, sku="TEA")
        if number % 4 == 3:
            send("EmptyCart", cart_id=cart_id)


@pytest.fixture(scope="module")
def log(orderlog):
    """A namespace whose log the build before wrote, with its digests saved, and more behind them."""
    orderlog.start("command-api")
    answer = orderlog.command("CreateProduct", sku="TEA", title="Tea", prices=[{"price": "2.50", "currency": "GBP"}])
    assert answer.status_code == 201, answer.text
    fill(orderlog, "a")
    orderlog.digests = orderlog.folder / "digests.json"
    assert "good: every event is read" in orderlog.tool("schema", "verify-log", "--save", orderlog.digests).stdout
    fill(orderlog, "b")
    orderlog.await_settled()
    return orderlog


@pytest.fixture(scope="module")
def tree(log):
    """The change: a field, a split, a new event and a retired one, with the fold that belongs to them."""
    tree = ChangedTree(places.FOLDER / "changed-tree", log)
    tree.edit("schemas/cart/CartItemAdded.avsc", lambda record: record["fields"].append({"name": "note", "type": ["null", "string"], "default": None}))
    tree.write("schemas/cart/CartOpened.avsc", event("CartOpened", text("cart_id"), text("currency")))
    tree.write("schemas/cart/CartCustomerNamed.avsc", event("CartCustomerNamed", text("cart_id"), text("customer_id")))
    tree.edit("schemas/cart/events.json", lambda names: [
        {"name": name, "upcast": True} if name == "CartCreated" else {"name": name, "retired": True} if name == "CartEmptied" else name
        for name in [*names, "CartOpened", "CartCustomerNamed"]])
    tree.write("schemas/cart/upcasters.c", UPCASTERS)
    tree.replace(FOLD, "    case CART_CREATED:\n        return event->cart_created->cart_id;\n",
                 "    case CART_OPENED:\n        return event->cart_opened->cart_id;\n"
                 "    case CART_CUSTOMER_NAMED:\n        return event->cart_customer_named->cart_id;\n")
    tree.replace(FOLD, "    case CART_CREATED:\n        document->customer_id = cart.cart_created->customer_id;\n"
                 "        document->currency = cart.cart_created->currency;\n",
                 "    case CART_OPENED:\n        document->currency = cart.cart_opened->currency;\n        break;\n"
                 "    case CART_CUSTOMER_NAMED:\n        document->customer_id = cart.cart_customer_named->customer_id;\n")
    tree.make()
    return tree


def test_the_same_build(log):
    done = log.tool("schema", "verify-log", "--against", log.digests)
    assert done.stdout.count("equal") == len(json.loads(log.digests.read_text(encoding="utf-8"))["views"])
    assert f"carts version 1: {CARTS} documents" in done.stdout  # at the saved position, not at the end
    assert json.loads(done.stderr.splitlines()[-1])["progress"]


@pytest.mark.seconds(BUILD_TEST_SECONDS)
def test_a_good_change(log, tree):
    done = tree.tool("schema", "check", "cart")
    assert done.returncode == 0 and "mind (version 1): old programs can't read new events" in done.stdout, done.stdout
    done = tree.tool("schema", "verify-log", "--against", log.digests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "carts version 1: 40 documents\n    equal" in done.stdout and "every view folds to the same" in done.stdout


@pytest.mark.seconds(BUILD_TEST_SECONDS)
def test_an_upcaster_that_loses_something(log, tree):
    tree.write("schemas/cart/upcasters.c", UPCASTERS.replace("named->customer_id = old->customer_id;", "named->customer_id = old->cart_id;"))
    try:
        tree.make()
        done = tree.tool("schema", "verify-log", "--against", log.digests)
        assert done.returncode == 1 and "NOT GOOD" in done.stdout, done.stdout + done.stderr
        assert "differs in 3 of 3 partitions" in done.stdout and done.stdout.count("differs") == 1  # carts alone
        accepted = tree.tool("schema", "verify-log", "--against", log.digests, "--accept", "carts")
        assert accepted.returncode == 0 and "accepted" in accepted.stdout
        # The view's version says that it was meant; it still has to be accepted.
        tree.replace(FOLD, '.name = "carts",\n    .version = 1,', '.name = "carts",\n    .version = 2,')
        tree.make()
        done = tree.tool("schema", "verify-log", "--against", log.digests)
        assert done.returncode == 1 and "changed on purpose, it was version 1" in done.stdout
        assert tree.tool("schema", "verify-log", "--against", log.digests, "--accept", "carts").returncode == 0
    finally:
        tree.write("schemas/cart/upcasters.c", UPCASTERS)


@pytest.mark.seconds(BUILD_TEST_SECONDS)
def test_a_schema_that_cannot_read_old_events(log, tree):
    tree.edit("schemas/cart/CartItemAdded.avsc", lambda record: record["fields"].append(text("colour")))
    try:
        tree.make()
        assert tree.tool("schema", "check", "cart").returncode == 1
        done = tree.tool("schema", "verify-log", "--against", log.digests)
        assert done.returncode == 1 and "CartItemAdded.colour was not written and has no default" in done.stdout, done.stdout + done.stderr
        assert "stops at offset" in done.stdout
    finally:
        tree.edit("schemas/cart/CartItemAdded.avsc", lambda record: record["fields"].pop() and None)


def test_another_log(log, new_orderlog):
    other = new_orderlog("other")
    other.start("command-api")
    done = other.tool("schema", "verify-log", "--against", log.digests, check=False)
    assert done.returncode == 1 and "is not the one that the digests were saved of" in done.stderr


def test_a_registry_that_is_away(log):
    cache = log.folder / "schemas.cache"
    log.tool("schema", "verify-log", "--schema-cache", cache)
    nowhere = ("--schema-registry-url", "http://127.0.0.1:9/")
    done = log.tool("schema", "verify-log", "--schema-cache", cache, *nowhere, "--against", log.digests)
    assert "every view folds to the same" in done.stdout
    assert '"CartCreated"' in log.tool("tail", "--follow=false", "--schema-cache", cache, *nowhere).stdout
