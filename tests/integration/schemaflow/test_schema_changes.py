"""The worked examples of docs/schemas.md: the real generator, a program built of the changed schemas, a real registry, and commits that
the old codec wrote."""
import pytest

from changed_schemas import UPCASTERS, ChangedSchemas, event, text


@pytest.fixture
def schemas(tmp_path, new_orderlog, request):
    return ChangedSchemas(tmp_path, new_orderlog(request.node.name.removeprefix("test_").replace("_", "-")[:16]))


def events(row):
    return [(each["type"], each["data"]) for each in row["commit"]["events"]]


def test_nothing_changed(schemas):
    written = schemas.old.encode()
    assert "as in the registry (version 1" in schemas.schema("diff").stdout
    assert "good" in schemas.schema("check").stdout
    assert "was registered already" in schemas.schema("register").stdout
    assert {name: events(row) for name, row in schemas.codec().decode(written).items()} == {name: events(row) for name, row in written.items()}


def test_field_with_a_default(schemas):
    written = schemas.old.encode()
    schemas.edit("cart/CartItemAdded.avsc", lambda record: record["fields"].append({"name": "note", "type": ["null", "string"], "default": None}))
    assert "CartItemAdded.note: added: null or string, with the default null" in schemas.schema("diff").stdout
    assert "good" in schemas.schema("check").stdout
    with pytest.raises(AssertionError, match="--add-version"):
        schemas.codec()  # a build wants it written down first
    schemas.generate("--add-version")
    new = schemas.codec()
    assert ": registered, id" in schemas.schema("register").stdout
    assert ": was registered already, id" in schemas.schema("register").stdout
    read = new.decode(written)
    (_, before), (_, after) = events(written["CartItemAdded"])[0], events(read["CartItemAdded"])[0]
    assert after == before | {"note": None}
    assert events(read["CartEmptied"]) == events(written["CartEmptied"])
    # A program of the old build passes the field over.
    later = new.encode(2)
    (_, sent), (_, got) = events(later["CartItemAdded"])[0], events(schemas.old.decode(later)["CartItemAdded"])[0]
    assert sent["note"] is not None and got == {name: value for name, value in sent.items() if name != "note"}


def test_field_without_a_default(schemas):
    schemas.old.encode()
    schemas.edit("cart/CartItemAdded.avsc", lambda record: record["fields"].append(text("colour")))
    done = schemas.schema("check", check=False)
    assert done.returncode == 1
    for words in ("breaks (version 1): new programs can't read old events", "CartItemAdded.colour is not in version 1 and has no default in the new schema",
                  "stop there: carts", "the registry would refuse it", "it would break"):
        assert words in done.stdout, done.stdout
    assert "which is not what Avro's rules say" not in done.stdout
    refused = schemas.schema("register", check=False)
    assert refused.returncode == 1 and "orderlog schema check" in refused.stderr
    assert "version 1" in schemas.schema("diff").stdout  # it was not registered


def test_renamed_by_alias(schemas):
    written = schemas.old.encode()

    def rename(record):
        record["fields"][1] |= {"name": "stock_code", "aliases": ["sku"]}
    schemas.edit("cart/CartItemRemoved.avsc", rename)
    out = schemas.schema("diff").stdout
    assert "1 change to version 1" in out and "CartItemRemoved.stock_code: renamed from sku, which is an alias of it now" in out
    assert "good" in schemas.schema("check").stdout
    schemas.generate("--add-version")
    (_, before), (_, after) = events(written["CartItemRemoved"])[0], events(schemas.codec().decode(written)["CartItemRemoved"])[0]
    assert after == {"cart_id": before["cart_id"], "stock_code": before["sku"]}


def test_event_renamed_by_alias(schemas):
    written = schemas.old.encode()
    schemas.write("cart/CartCleared.avsc", event("CartCleared", text("cart_id")) | {"aliases": ["orderlog.cart.CartEmptied"]})
    (schemas.path / "cart/CartEmptied.avsc").unlink()
    schemas.edit("cart/events.json", lambda names: ["CartCleared" if name == "CartEmptied" else name for name in names])
    assert "CartCleared: record renamed from orderlog.cart.CartEmptied, which is an alias of it now" in schemas.schema("diff").stdout
    assert "good" in schemas.schema("check").stdout
    schemas.generate("--add-version")
    (_, before) = events(written["CartEmptied"])[0]
    assert events(schemas.codec().decode(written)["CartEmptied"]) == [("CartCleared", before)]


def test_event_added(schemas):
    written = schemas.old.encode()
    schemas.write("cart/CartNoted.avsc", event("CartNoted", text("cart_id"), text("note")))
    schemas.edit("cart/events.json", lambda names: names.append("CartNoted"))
    assert "event type orderlog.cart.CartNoted added" in schemas.schema("diff").stdout
    out = schemas.schema("check").stdout
    assert "mind (version 1): old programs can't read new events" in out and "renew the readers before" in out and "good" in out
    schemas.generate("--add-version")
    new = schemas.codec()
    assert {name: events(row) for name, row in new.decode(written).items()} == {name: events(row) for name, row in written.items()}
    # The old build reads all but the commits that hold the new event.
    later = new.encode(3)
    read = schemas.old.decode(later)
    assert events(read["CartItemAdded"]) == events(later["CartItemAdded"])
    assert read["CartNoted"]["error"] == "UNSUPPORTED" and "CartNoted" in read["CartNoted"]["message"] and not read["CartNoted"]["retriable"]


def test_event_split_by_an_upcaster(schemas):
    written = schemas.old.encode()
    schemas.write("cart/CartOpened.avsc", event("CartOpened", text("cart_id"), text("currency")))
    schemas.write("cart/CartCustomerNamed.avsc", event("CartCustomerNamed", text("cart_id"), text("customer_id")))
    schemas.edit("cart/events.json", lambda names: [*names, "CartOpened", "CartCustomerNamed"])
    schemas.mark("CartCreated", upcast=True)
    schemas.write("cart/upcasters.c", UPCASTERS)
    assert "event type orderlog.cart.CartOpened added" in schemas.schema("diff").stdout
    assert "good" in schemas.schema("check").stdout
    schemas.generate("--add-version")
    new = schemas.codec()
    read = new.decode(written)
    (_, old) = events(written["CartCreated"])[0]
    expected = [("CartOpened", {"cart_id": old["cart_id"], "currency": old["currency"]})]
    if old["customer_id"] is not None:
        expected.append(("CartCustomerNamed", {"cart_id": old["cart_id"], "customer_id": old["customer_id"]}))
    assert events(read["CartCreated"]) == expected
    assert events(read["all"]) == expected + events(written["all"])[1:]
    # Both kinds occur among a few seeds.
    counts = {len(events(new.decode(schemas.old.encode(seed))["CartCreated"])) for seed in range(1, 9)}
    assert counts == {1, 2}
    assert "no new commit may hold it" in new.encode()["CartCreated"]["refused"]


def test_event_retired(schemas):
    written = schemas.old.encode()
    schemas.mark("CartEmptied", retired=True)
    assert "as in the registry" in schemas.schema("diff").stdout  # what was written stays readable
    new = schemas.codec()
    assert events(new.decode(written)["CartEmptied"]) == events(written["CartEmptied"])
    later = new.encode()
    assert "CartEmptied is retired" in later["CartEmptied"]["refused"]
    assert "CartEmptied" not in [name for name, _ in events(later["all"])]


def test_unknown_schema_and_registry_away(schemas):
    written = schemas.old.encode()
    unknown = {"unknown": {"record": "007fffffff" + written["all"]["record"][10:]}}
    read = schemas.old.decode(unknown)["unknown"]
    assert read["error"] == "NOT_FOUND" and not read["retriable"], read
    schemas.old.url = schemas.old.url.replace("/apis/ccompat/v7", "/apis/nowhere")  # something else answers there
    read = schemas.old.decode(written)["all"]
    assert read["error"] == "UNAVAILABLE" and read["retriable"], read
    schemas.old.url = "http://127.0.0.1:9/"
    read = schemas.old.decode(written)["all"]
    assert read["error"] == "UNAVAILABLE" and read["retriable"], read
