"""Which command a client sends next: a few hot streams and many cold ones, commands that succeed, that change nothing, that have
to be refused."""
import random

PRODUCTS = [f"tea-{i}" for i in range(5)]  # what lies in carts; each has a price
HOT_STOCK, HOT_CARTS, COLD = 3, 3, 150
HOT_SHARE, IF_MATCH_SHARE, REFERENCE_SHARE = 0.6, 0.15, 0.2
BULK_BYTES = 4096  # a page and more of a checkpoint
RESERVED_SECONDS = 86_400  # longer than a round: what expires by itself is not in the checkers' model


class Workload:
    """`versions` is what the clients have last seen of each stream, for If-Match."""

    def __init__(self, seed):
        self.dice = random.Random(f"{seed}/workload")
        self.versions = {}
        self.bulk = 0

    def setup(self):
        """Commands that the others stand on."""
        for sku in PRODUCTS:
            yield "CreateProduct", {"sku": sku, "title": f"Tea {sku}", "prices": [{"currency": "GBP", "price": "1.25"}]}
        for i in range(HOT_CARTS):
            yield "CreateCart", {"cart_id": f"hot-{i}", "currency": "GBP", "customer_id": "c0"}

    def next(self):
        """(command, fields, If-Match or None)"""
        name, fields = (self._stock if self.dice.random() < 0.6 else self._cart)()
        expected = None
        if self.dice.random() < IF_MATCH_SHARE:
            seen = self.versions.get(stream_of(name, fields), 0)
            expected = max(0, seen - (self.dice.random() < 0.2))
        return name, fields, expected

    def bulky(self):
        """A new stream that needs much room."""
        self.bulk += 1
        return "CreateProduct", {"sku": f"bulk-{self.bulk}", "title": "Bulk", "short_description": "x" * BULK_BYTES, "prices": [{"currency": "GBP", "price": "1.25"}]}, None

    def _pick(self, kind, hot):
        if self.dice.random() < HOT_SHARE:
            return f"hot-{self.dice.randrange(hot)}"
        return f"{kind}-{self.dice.randrange(COLD)}"

    def _stock(self):
        fields = {"sku": self._pick("sku", HOT_STOCK)}
        if self.dice.random() < REFERENCE_SHARE:
            # Few of them, so that they come again: with the same number or with another.
            fields["reference"] = f"document {self.dice.randrange(30)}"
        choice = self.dice.random()
        if choice < 0.35:
            return self._reservation(fields["sku"])
        if choice < 0.65:
            return "ReceiveStock", fields | {"quantity": self.dice.randrange(1, 12)}
        # More goes out than comes in: what there is stays near nothing, so that refusals and acceptances depend on every one.
        return "AdjustStock", fields | {"delta": -self.dice.randrange(1, 12), "reason": "sold"}

    def _reservation(self, sku):
        """Of few lines, so that each is asked for again: with the same quantity or another, confirmed or released before or not."""
        fields, number = {"sku": sku, "order_id": f"o{self.dice.randrange(40)}"}, self.dice.randrange(1, 4)
        choice = self.dice.random()
        if choice < 0.5:
            quantity = self.dice.choice((number, number, number, self.dice.randrange(1, 9)))
            return "ReserveStock", fields | {"lines": [{"line": number, "quantity": quantity}], "ttl_seconds": RESERVED_SECONDS}
        return ("ConfirmReservation" if choice < 0.75 else "ReleaseReservation"), fields | {"lines": [number]}

    def _cart(self):
        cart, sku = self._pick("cart", HOT_CARTS), self.dice.choice(PRODUCTS)
        choice = self.dice.random()
        if choice < 0.15:
            # The hot ones are there: by another customer, refused.
            return "CreateCart", {"cart_id": cart, "currency": "GBP", "customer_id": self.dice.choice(("c0", "c1"))}
        if choice < 0.45:
            return "AddCartItem", {"cart_id": cart, "sku": sku, "quantity": self.dice.randrange(1, 5)}
        if choice < 0.7:
            return "ChangeCartItem", {"cart_id": cart, "sku": sku, "quantity": self.dice.randrange(0, 4)}
        if choice < 0.95:
            return "RemoveCartItem", {"cart_id": cart, "sku": sku}
        return "EmptyCart", {"cart_id": cart}

    def other_body(self, name, fields):
        """The same command with another body, for a key that was used already; None where it has no body."""
        changed = dict(fields)
        if "lines" in changed:
            changed["lines"] = [{**changed["lines"][0], "quantity": 1000}] if name == "ReserveStock" else [100]
        elif "quantity" in changed:
            changed["quantity"] += 1000
        elif "delta" in changed:
            changed["delta"] -= 1000
        else:
            return None
        return changed


def stream_of(name, fields):
    if name == "CreateProduct":
        return f"product-{fields['sku']}"
    return f"stock-{fields['sku']}" if "Stock" in name or "Reservation" in name else f"cart-{fields['cart_id']}"
