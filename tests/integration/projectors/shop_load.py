"""A steady load of commands of all categories, by threads, and readers who present what they were answered."""
import collections
import random
import threading
import traceback

import requests

from harness.commands import COMMANDS

WORKERS = 3
PAUSE_SECONDS = 0.03  # between two commands of a worker
ANSWER_SECONDS, JOIN_SECONDS = 30, 60
SKUS = tuple(f"RD-{number}" for number in range(10))
CUSTOMERS = tuple(f"buyer-{number}" for number in range(15))
COUNTRIES = ("France", "United Kingdom", "EIRE")
ORDERS_KEPT, CARTS_KEPT = 50, 8
READ_EVERY = 12  # commands of a worker
DONE, REFUSED = (200, 201, 204), (404, 409, 412, 422)


def price(dice):
    return [{"price": f"{dice.randint(1, 9999) / 100:.2f}", "currency": "GBP"}]


class Worker:
    """One client with dice of its own. `step` sends one command."""

    def __init__(self, load, number, seed):
        self.load, self.number = load, number
        self.dice = random.Random(f"{seed}/{number}")
        self.session = requests.Session()
        self.carts, self.orders = collections.deque(maxlen=CARTS_KEPT), collections.deque(maxlen=ORDERS_KEPT)
        self.count = 0
        self.choices = [(self.cart, 3), (self.cart_item, 10), (self.order, 4), (self.cancel, 3), (self.product, 5), (self.stock, 6), (self.recorded, 1)]

    def name(self, kind):
        self.count += 1
        return f"{kind}-{self.number}-{self.count}"

    def send(self, command, **fields):
        command = COMMANDS[command]
        answer = self.session.request(command.method, self.load.command_url + command.path_of(fields), json=command.body_of(fields), timeout=ANSWER_SECONDS)
        assert answer.status_code in DONE + REFUSED, f"{command} {fields}: {answer.status_code} {answer.text[:500]}"
        with self.load.lock:
            self.load.answered[command.name, answer.status_code in DONE] += 1
        return answer if answer.status_code in DONE else None

    def step(self):
        chosen, weights = zip(*self.choices)
        self.dice.choices(chosen, weights)[0]()
        if self.count % READ_EVERY == 0:
            self.dice.choice((self.read_order, self.search_product))()

    # --- commands ---

    def cart(self):
        if self.carts and self.dice.random() < 0.6:
            cart = self.carts.popleft()
            answer = self.send("CheckOutCart", cart_id=cart, country=self.dice.choice(COUNTRIES))
            if answer:
                self.orders.append(answer.json()["order_id"])
        else:
            self.carts.append(self.name("cart"))
            self.send("CreateCart", cart_id=self.carts[-1], customer_id=self.dice.choice(CUSTOMERS), currency="GBP")

    def cart_item(self):
        if not self.carts:
            return self.cart()
        fields = {"cart_id": self.dice.choice(self.carts), "sku": self.dice.choice(SKUS)}
        kind = self.dice.random()
        if kind < 0.65:
            return self.send("AddCartItem", quantity=self.dice.randint(1, 9), **fields)
        if kind < 0.8:
            return self.send("ChangeCartItem", quantity=self.dice.randint(1, 9), **fields)
        return self.send("RemoveCartItem", **fields) if kind < 0.95 else self.send("EmptyCart", cart_id=fields["cart_id"])

    def order(self):
        lines = [{"sku": sku, "quantity": self.dice.randint(1, 9)} for sku in self.dice.sample(SKUS, self.dice.randint(1, 4))]
        self.orders.append(self.name("order"))
        return self.send("PlaceOrder", order_id=self.orders[-1], customer_id=self.dice.choice(CUSTOMERS), country=self.dice.choice(COUNTRIES),
                         currency="GBP", lines=lines)

    def cancel(self):
        if not self.orders:
            return self.order()
        return self.send(self.dice.choice(("CancelOrder", "ReturnGoods")), order_id=self.dice.choice(self.orders), lines=[{"line_no": 1, "quantity": 1}])

    def product(self):
        if self.dice.random() < 0.8:
            return self.send("ChangeProduct", sku=self.dice.choice(SKUS), prices=price(self.dice))
        sku = self.name("gone")
        self.send("CreateProduct", sku=sku, title="Comes and goes", prices=price(self.dice))
        return self.send("DiscontinueProduct", sku=sku)

    def stock(self):
        sku, order = self.dice.choice(SKUS), self.name("held")
        kind = self.dice.random()
        if kind < 0.4:
            return self.send("ReceiveStock", sku=sku, quantity=self.dice.randint(1, 50))
        if kind < 0.5:
            return self.send("AdjustStock", sku=sku, delta=-self.dice.randint(1, 20), reason="counted")
        if not self.send("ReserveStock", sku=sku, order_id=order, lines=[{"line": 1, "quantity": self.dice.randint(1, 9)}], ttl_seconds=900):
            return None
        return self.send(self.dice.choice(("ConfirmReservation", "ReleaseReservation")), sku=sku, order_id=order, lines=[1])

    def recorded(self):
        """What an import sends, at times gone by."""
        name = self.dice.choice(("RecordOrder", "RecordReturn", "RecordBadDebt"))
        fields = COMMANDS[name].example()
        return self.send(name, **fields | {COMMANDS[name].path_fields[0]: self.name("recorded")})

    # --- reads: late, or at least as new as the position that was presented ---

    def query(self, path, position, **parameters):
        answer = self.session.get(self.load.query_url + path, params=parameters, headers={"Position": position, "Prefer": "wait=1"}, timeout=ANSWER_SECONDS)
        assert answer.status_code in (200, 503), f"{path} {parameters}: {answer.status_code} {answer.text[:500]}"
        with self.load.lock:
            self.load.read[answer.status_code] += 1
        return answer.json() if answer.status_code == 200 else None

    def read_order(self):
        placed = self.order()
        shown = self.query(f"/v1/orders/{self.orders[-1]}", placed.headers["Position"])
        assert shown is None or shown["id"] == f"order-{self.orders[-1]}", shown

    def search_product(self):
        sku, word = f"{SKUS[0]}-{self.number}", f"zz{self.number}q{self.count}"
        self.send("CreateProduct", sku=sku, title="Searched", prices=price(self.dice))  # refused but for the first time
        changed = self.send("ChangeProduct", sku=sku, title=f"Lamp {word}")
        found = self.query("/v1/products", changed.headers["Position"], q=word)
        assert found is None or [item["product"]["sku"] for item in found["items"]] == [sku], (word, found)


class Load:
    """`answered`: {(command, carried out): how often}; `read`: {status: how often}; `broken`: set when a worker met what it must not."""

    def __init__(self, orderlog, seed):
        self.command_url, self.query_url = orderlog.url("command-api", "private"), orderlog.url("query-api")
        self.answered, self.read, self.lock = collections.Counter(), collections.Counter(), threading.Lock()
        self.stopping, self.broken, self.trouble = threading.Event(), threading.Event(), []
        self.workers = [Worker(self, number, seed) for number in range(WORKERS)]
        self.threads = [threading.Thread(target=self._run, args=(worker,), daemon=True) for worker in self.workers]

    def begin(self):
        for sku in SKUS:
            assert self.workers[0].send("CreateProduct", sku=sku, title=f"Title of {sku}", prices=price(self.workers[0].dice))
        for thread in self.threads:
            thread.start()

    def _run(self, worker):
        try:
            while not self.stopping.wait(PAUSE_SECONDS):
                worker.step()
        except (AssertionError, requests.RequestException, AttributeError, KeyError):
            self.trouble.append(traceback.format_exc())
            self.broken.set()

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            if thread.ident:
                thread.join(JOIN_SECONDS)
                assert not thread.is_alive()

    def done(self, *commands):
        """How many of them were carried out; of all where none is named."""
        return sum(count for (command, done), count in self.answered.items() if done and (not commands or command in commands))
