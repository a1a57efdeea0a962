"""Each compatibility mode of a subject against each kind of change: what the tool says is what the registry says too."""
import pytest
import requests

from changed_schemas import ChangedSchemas, event, text

ALL = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")
NOTE = {"name": "note", "type": ["null", "string"]}


def add_field(schemas, **more):
    schemas.edit("cart/CartItemAdded.avsc", lambda record: record["fields"].append(NOTE | more))


def add_event(schemas):
    schemas.write("cart/CartNoted.avsc", event("CartNoted", text("cart_id")))
    schemas.edit("cart/events.json", lambda names: [*names, "CartNoted"])


def two_versions(schemas, second):
    """A version 2 with a field more is registered first; `second` changes it further."""
    add_field(schemas, default=None)
    schemas.schema("register")
    second(schemas)


def drop_default(schemas):
    schemas.edit("cart/CartItemAdded.avsc", lambda record: record["fields"][-1].pop("default") and None)


def drop_field(schemas):
    schemas.edit("cart/CartItemAdded.avsc", lambda record: record["fields"].pop() and None)


def widen(schemas):
    def change(record):
        record["fields"][-1]["type"] = ["null", "string", "long"]
    schemas.edit("cart/CartItemAdded.avsc", change)


# The modes in which it breaks.
CHANGES = {
    "field with a default": (lambda schemas: add_field(schemas, default=None), ()),
    "field without a default": (add_field, ("BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")),
    "event": (add_event, ("FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")),
    "default dropped": (lambda schemas: two_versions(schemas, drop_default), ("BACKWARD_TRANSITIVE", "FULL_TRANSITIVE")),
    "field dropped": (lambda schemas: two_versions(schemas, drop_field), ()),
    "union widened": (lambda schemas: two_versions(schemas, widen), ("FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_modes(tmp_path, new_orderlog, change):
    orderlog = new_orderlog("modes")
    schemas = ChangedSchemas(tmp_path, orderlog)
    orderlog.tool("schema", "register", "cart")
    make, breaking = CHANGES[change]
    make(schemas)
    config = f"{orderlog.environment['ORDERLOG_SCHEMA_REGISTRY_URL']}/config/{schemas.old.subject}"
    for mode in ALL:
        requests.put(config, json={"compatibility": mode}, timeout=10).raise_for_status()
        done = schemas.schema("check", check=False)
        assert done.returncode == (1 if mode in breaking else 0), f"{mode}: {done.stdout}{done.stderr}"
        assert f"mode {mode}," in done.stdout
        assert "not what Avro's rules say" not in done.stdout, f"{mode}: {done.stdout}"
    # Another mode than ours is kept when a version is registered.
    requests.put(config, json={"compatibility": "NONE"}, timeout=10).raise_for_status()
    schemas.schema("register")
    assert requests.get(config, timeout=10).json()["compatibilityLevel"] == "NONE"
    if change != "field dropped":  # that is version 1 again, and registered
        assert "as in the registry" in schemas.schema("diff").stdout
