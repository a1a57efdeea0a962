"""What the tests of the projectors share: the drill, and views with the stores that they lie in."""
import json
import subprocess

import pymongo

from harness import places, wait
from harness.program import Program

DRILL = places.BUILD / "tests" / "integration" / "projectors" / "projector_drill"
ORDER_VIEWS = [("orders", "mongodb"), ("orders", "elasticsearch"), ("customers", "mongodb"), ("sales_daily", "mongodb")]
ALL_VIEWS = [("products", "mongodb"), ("products", "elasticsearch"), ("carts", "mongodb"), *ORDER_VIEWS]
TOPICS = {"products": "product", "carts": "cart", "orders": "order", "customers": "order", "sales_daily": "order"}
DRILL_SECONDS, CAUGHT_UP_SECONDS = 110, 90
FEEDS_MAX, FEED_COMMITS = 40, 300


class Shop:
    """A namespace as the projectors' tests use it: a log that the drill writes, projectors, and proofs."""

    def __init__(self, orderlog):
        self.orderlog = orderlog
        self.environment = orderlog.environment

    def drill(self, *words, check=True):
        done = subprocess.run([DRILL, *map(str, words)], env=places.clean_environment() | self.environment, cwd=places.FOLDER,
                              capture_output=True, text=True, timeout=DRILL_SECONDS, check=False)
        assert not check or done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def feed(self, commits, *more):
        return self.drill("--commits", commits, *more, "feed")

    def make_topics(self):
        """The topics of products and carts too: projectors wait for all."""
        self.orderlog.start("command-api")
        self.orderlog.stop("command-api")

    def projectors(self, name="projectors", only=None, share=False):
        """Another process beside the namespace's own one, or that one with fewer views, or with a share of the partitions."""
        environment = self.environment | {"ORDERLOG_DATA_DIR": str(self.orderlog.folder / "data" / name),
                                          "ORDERLOG_PRIVATE_LISTEN": self.orderlog.address(name, "private")}
        if only:
            environment["ORDERLOG_ONLY"] = only
        if share:
            environment["ORDERLOG_SHARE"] = "true"
        (self.orderlog.folder / "data" / name).mkdir(parents=True, exist_ok=True)
        program = Program(name, [places.BUILD / "projectors" / "projectors"], environment, self.orderlog.folder,
                          self.orderlog.url(name, "private") + "/livez")
        self.orderlog.programs[name] = program  # ends with the namespace
        program.start()
        program.await_ready()
        return program

    def lag(self, name="projectors"):
        """{(view, sink): projection} of GET /v1/lag."""
        answer = self.orderlog.session.get(self.orderlog.url(name, "private") + "/v1/lag", timeout=10)
        return {(each["view"], each["sink"]): each for each in answer.json()["projections"]}

    def await_caught_up(self, name="projectors", seconds=CAUGHT_UP_SECONDS):
        """Every checkpoint is at the log's end as Kafka tells it now."""
        ends = self.orderlog.end_offsets()

        def caught_up():
            missing = [(view, sink, each["state"], each["error"], each["lag_events"]) for (view, sink), each in self.lag(name).items()
                       if sum(p["position"] for p in each["partitions"]) < sum(end for (topic, _), end in ends.items() if topic == TOPICS[view])]
            assert not missing, missing
            return True
        wait.until(caught_up, seconds, "the projections catch up")

    def prove(self, views=tuple(ORDER_VIEWS)):
        """Each store holds, byte for byte, what a fold of the log in memory gives."""
        proofs = [json.loads(self.drill("prove", view, sink).stdout) for view, sink in views]
        assert all(proof["equal"] and proof["holds"] for proof in proofs), proofs
        return {(proof["view"], proof["sink"]): proof for proof in proofs}

    def parked(self, name="projectors"):
        return sum(each["parked"] for each in self.lag(name).values())

    def collection(self, name):
        database = pymongo.MongoClient(self.environment["ORDERLOG_MONGODB_URI"]).get_default_database()
        return database[f"{self.orderlog.prefix}_{name}"]

    def documents(self, name):
        return {row["_id"]: row for row in self.collection(name).find()}

    def park_a_customer(self, seed, name="customers_v1", skip=0):
        """A customer whose document can't be read goes no further; returns the document. Orders are fed until one is that customer's."""
        customers = self.collection(name)
        self.orderlog.stop("projectors")
        before = self.parked_keys(name)
        victim = customers.find_one({"units": {"$type": "number"}}, sort=[("orders", -1), ("_id", 1)], skip=skip)
        customers.update_one({"_id": victim["_id"]}, {"$set": {"units": "many"}})
        self.projectors()
        for number in range(FEEDS_MAX):
            self.feed(FEED_COMMITS, "--seed", 100 * seed + number)
            self.await_caught_up()
            if parked := self.parked_keys(name) - before:
                break
        assert parked == {victim["_id"]}, (victim, parked)
        return victim

    def parked_keys(self, name):
        """Of a view in MongoDB: what is parked or was skipped."""
        return {entry["key"] for entry in self.collection("_parked").find({"view": name})}
