"""Queries run all the time while generations are built, made live and rolled back: none fails, none goes back in time."""
import threading
import time

import pytest

from harness import wait

GENERATIONS, ROUNDS_SECONDS = 3, 90
SKU, WORD, CART = "SWAP001", "swapword", "swap-cart"


class Load:
    """Threads that write and read until `stop`; what went wrong is in `faults`."""

    def __init__(self, shop):
        self.shop, self.stopping, self.faults, self.counts, self.threads = shop, threading.Event(), [], {}, []

    def run(self, name, step):
        def loop():
            state = {}
            while not self.stopping.is_set() and not self.faults:
                try:
                    step(state)
                    self.counts[name] = self.counts.get(name, 0) + 1
                except Exception as fault:  # pylint: disable=broad-exception-caught
                    self.faults.append(f"{name}: {fault!r}")
        self.threads.append(threading.Thread(target=loop))
        self.threads[-1].start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        assert not self.faults, self.faults


def never_back(state, key, value):
    assert value >= state.get(key, 0), f"{key} was {state[key]} and is {value} now"
    state[key] = value


def change_cart(orderlog):
    """Writes, and reads with the position of what was written: that is there."""
    def step(state):
        state["quantity"] = quantity = state.get("quantity", 1) % 900 + 1
        answer = orderlog.command("ChangeCartItem", cart_id=CART, sku=SKU, quantity=quantity)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        seen = orderlog.get(f"/v1/carts/{CART}", position=answer.headers["Position"], wait_seconds=20)
        assert seen.status_code == 200, (seen.status_code, seen.text)
        assert seen.json()["items"][0]["quantity"] == quantity, (quantity, seen.json())
        never_back(state, "version", seen.json()["version"])
    return step


def read_cart(orderlog):
    """No position, and yet it never gets older."""
    def step(state):
        answer = orderlog.get(f"/v1/carts/{CART}")
        assert answer.status_code == 200, (answer.status_code, answer.text)
        never_back(state, "version", answer.json()["version"])
        never_back(state, "etag", int(answer.headers["ETag"].strip('"')))
    return step


def create_products(orderlog):
    def step(state):
        number = state["number"] = state.get("number", 0) + 1
        answer = orderlog.command("CreateProduct", sku=f"SW{number:05}", title=f"{WORD} number{number}",
                                  prices=[{"price": "1.00", "currency": "GBP"}])
        assert answer.status_code == 201, (answer.status_code, answer.text)
        seen = orderlog.get("/v1/products", q=f"number{number}", position=answer.headers["Position"], wait_seconds=20)
        assert seen.status_code == 200, (seen.status_code, seen.text)
        assert [item["product"]["sku"] for item in seen.json()["items"]] == [f"SW{number:05}"], (number, seen.text)
    return step


@pytest.mark.seconds(300)
def test_no_query_fails_or_goes_back(new_shop):
    shop = new_shop("swap")
    orderlog = shop.orderlog
    orderlog.start()
    orderlog.command("CreateProduct", sku=SKU, title="Swapped", prices=[{"price": "2.00", "currency": "GBP"}])
    orderlog.command("CreateCart", cart_id=CART, currency="GBP")
    added = orderlog.command("AddCartItem", cart_id=CART, sku=SKU, quantity=1)
    assert added.status_code == 200, added.text
    assert orderlog.get(f"/v1/carts/{CART}", position=added.headers["Position"], wait_seconds=20).status_code == 200
    load = Load(shop)
    for name, step in (("write cart", change_cart), ("read cart", read_cart), ("search", create_products)):
        load.run(name, step(orderlog))
    try:
        for number in range(2, 2 + GENERATIONS):
            for row in shop.replay("carts", "products"):
                assert row["outcome"] == "live" and row["after"]["generation"] == number
            await_served(shop, load, {("carts", "mongodb"): number, ("products", "mongodb"): number, ("products", "elasticsearch"): number})
        for view in ("carts", "products"):
            orderlog.tool("rollback", view)
        await_served(shop, load, {("carts", "mongodb"): GENERATIONS, ("products", "elasticsearch"): GENERATIONS})
        before = dict(load.counts)
        wait.until(lambda: load.faults or all(load.counts[name] > count + 3 for name, count in before.items()), ROUNDS_SECONDS, "the load goes on")
    finally:
        load.stop()
    assert all(count > 20 for count in load.counts.values()), load.counts
    orderlog.wait_caught_up()
    shop.prove([("carts", "mongodb"), ("products", "mongodb"), ("products", "elasticsearch")])


def await_served(shop, load, generations):
    """The query API has taken these."""
    def served():
        answer = shop.orderlog.session.get(shop.orderlog.url("query-api") + "/v1/positions", timeout=10).json()
        now = {(each["view"], each["store"]): each.get("generation") for each in answer["views"]}
        assert not load.faults
        return all(now[key] == number for key, number in generations.items())
    begin = time.monotonic()
    wait.until(lambda: load.faults or served(), ROUNDS_SECONDS, f"{generations} are served")
    assert not load.faults, (load.faults, time.monotonic() - begin)
