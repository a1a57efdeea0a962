"""A namespace whose stores hold the documents of query_data."""
from query_data import PARTITIONS, Orders, carts, number, products
from query_stores import KEYS, Stores

NEXT_OFFSET = 1000  # of every checkpoint


class Filled:
    """`api` is the harness' namespace; `stores` writes; `products`, `orders` are what is stored."""

    def __init__(self, orderlog):
        self.api, self.stores = orderlog, Stores(orderlog)
        self.products, self.carts, self.orders = products(), carts(), Orders()

    def fill(self):
        keyed = {view: [(row[KEYS[view]], number(row[KEYS[view]], PARTITIONS), row) for row in rows]
                 for view, rows in (("products", self.products), ("carts", self.carts))}
        keyed["orders"] = [(row["id"], partition, row) for row, partition in self.orders.documents]
        keyed["customers"] = self.orders.partials("customers")
        keyed["sales_daily"] = self.orders.partials("sales")
        for view, rows in keyed.items():
            self.stores.fill_mongo(view, rows)
            self.stores.go_live(view)
            for partition in range(PARTITIONS):
                self.stores.checkpoint_mongo(view, partition, NEXT_OFFSET)
        self.stores.make_checkpoints()
        self.stores.make_parked()
        for view in ("products", "orders"):
            self.stores.make_index(view)
            self.stores.fill_elastic(view, keyed[view])
            for partition in range(PARTITIONS):
                self.stores.checkpoint_elastic(view, partition, NEXT_OFFSET)

    def get(self, path, status=200, **options):
        """The answer's JSON; what isn't expected shows the body."""
        answer = self.api.get(path, **options)
        assert answer.status_code == status, f"{path} {options}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()

    def pages(self, path, field="items", **parameters):
        """All items of a list, by cursor and, in step with it, by the Link header."""
        items = []
        while True:
            answer = self.api.get(path, **parameters)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            items += body[field]
            if body["next_cursor"] is None:
                assert "Link" not in answer.headers
                return items
            assert len(body[field]) == parameters["limit"]
            assert f"cursor={body['next_cursor']}" in answer.links["next"]["url"]
            parameters["cursor"] = body["next_cursor"]
