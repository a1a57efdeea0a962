"""Imports months of retail data, builds every view again from the log, and shows that each equals the live one byte for byte; then the same after replays that
were killed all over their course, and that documents altered by hand in either store are found and mended. The system runs all the while."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sys
import time
import traceback

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".run" / "replay"
PREFIX, PORT_OFFSET, HEAP_MIB = "months", "3000", 4096
ALTERED = (("orders", "mongodb"), ("orders", "elasticsearch"))  # the ones with a document per order: in both stores, and the largest
IMPORT_SECONDS, CAUGHT_UP_SECONDS, REPLAY_SECONDS, AUDIT_SECONDS, DROPPED_SECONDS = 600, 600, 400, 400, 60
KILLS, AUDIT_EVERY = 20, 5  # deaths


def parse():
    parser = argparse.ArgumentParser(prog="tests/replay/run", description=__doc__,
                                     epilog="The last line is 'N passed, N failed'. Exit codes: 0 all passed, 1 something failed, 2 wrong usage.")
    parser.add_argument("--data", type=pathlib.Path, default=REPOSITORY / "sample" / "online-retail", help="a directory with YYYY-MM.csv.gz, one file a month (default: the sample month)")
    parser.add_argument("--kills", type=int, default=KILLS, help="how often a replay is killed, spread over its course, in each store (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=60, help="after so long it fails (default %(default)s)")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build", help="where the programs were built")
    parser.add_argument("--port-offset", default=PORT_OFFSET, help="added to all ports (default %(default)s)")
    parser.add_argument("--mongodb-heap-mib", type=int, default=HEAP_MIB, help="of the MongoDB stand-in (default %(default)s)")
    return parser.parse_args()


def prepare(arguments):
    """The harness of the integration tests reads its settings from the environment when it's imported."""
    os.environ["ORDERLOG_BUILD"] = str(arguments.build.resolve())
    os.environ["ORDERLOG_TEST_PORT_OFFSET"] = str(arguments.port_offset)
    os.environ["ORDERLOG_TEST_DIR"] = str(FOLDER)
    os.environ.pop("ORDERLOG_TEST_KEEP", None)
    integration = REPOSITORY / "tests" / "integration"
    sys.path[:0] = [str(integration), *(str(integration / name) for name in ("projectors", "replay", "audit"))]


class Months:
    """The checks, in their order: each relies on those before it."""

    def __init__(self, shop, files, kills):
        self.shop, self.orderlog, self.files, self.kills = shop, shop.orderlog, files, kills
        self.begin, self.digests = time.monotonic(), {}

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f} s] {text}", flush=True)

    def audited(self, *words, code=0):
        """{(view, sink): result} of an audit that ends with `code`, and what it found."""
        from audit_tool import audit
        got, differences, results = audit(self.shop, *words, seconds=AUDIT_SECONDS)
        assert got == code, f"audit {words}: exit code {got}, {differences[:5]}"
        return {(each["view"], each["sink"]): each for each in results}, differences

    def load(self):
        self.orderlog.start("command-api", "projectors")
        for file in self.files:
            done = self.orderlog.tool("import", "retail", file, seconds=IMPORT_SECONDS)
            self.say(f"{file.name}: {json.loads(done.stdout.splitlines()[-1])['commands']} commands")
        self.orderlog.wait_caught_up(CAUGHT_UP_SECONDS)
        results, differences = self.audited()
        assert not differences and sum(row["documents"] for row in results.values()) > 0
        for key, row in results.items():
            self.digests[key] = row["digest"], row["documents"]
            self.say(f"live {'/'.join(key)}: {row['documents']} documents, digest {row['digest']}")
        assert self.digests["orders", "mongodb"] == self.digests["orders", "elasticsearch"]

    def check_live(self, keys):
        """What is live is, byte for byte, what was live after the import."""
        results, differences = self.audited(*dict.fromkeys(view for view, _ in keys))
        assert not differences, differences
        for key in keys:
            assert (results[key]["digest"], results[key]["documents"]) == self.digests[key], (key, results[key], self.digests[key])

    def replay(self, view, sink):
        before = self.shop.live(view, sink)
        row = self.shop.replay(view, "--sink", sink, seconds=REPLAY_SECONDS)[0]
        assert row["outcome"] == "live" and row["parked"] == 0, row
        assert row["proof"]["different"] == 0 and row["change"]["different"] == 0, row
        assert (row["proof"]["digest"], row["proof"]["compared"]) == self.digests[view, sink], (row, self.digests[view, sink])
        assert self.shop.live(view, sink) != before
        self.say(f"replay {view}/{sink}: {row['events']} events, {row['documents']} documents, built in {row['fold_ms'] / 1e3:.1f} s, whole {row['elapsed_ms'] / 1e3:.1f} s, "
                 f"{row['memory_bytes_max'] / 1e6:.0f} MB; proof: {row['proof']['compared']} documents equal, digest {row['proof']['digest']}")

    def drop_old(self):
        """The stand-in for MongoDB holds all generations in memory."""
        from harness import wait

        def dropped():  # projectors leave a generation first
            self.orderlog.tool("views", "--drop-old", "--older-than", 0)
            return all(row["state"] == "live" for row in self.shop.views())
        wait.until(dropped, DROPPED_SECONDS, "older generations are dropped")

    def every_view(self):
        for key in self.digests:
            self.replay(*key)
        self.check_live(self.digests)
        self.drop_old()

    def killed(self, view, sink):
        from replay_shop import kill_at
        live, places = self.shop.live(view, sink), []
        for death in range(self.kills):
            phase, permille = kill_at(self.shop, 1000 * death // self.kills, view, "--sink", sink)
            places.append(f"{phase} {permille}")
            now = self.shop.live(view, sink)
            assert now == live or phase == "swap", (phase, permille, live, now)
            live = now
            if death % AUDIT_EVERY == AUDIT_EVERY - 1:
                self.check_live([(view, sink)])
        self.say(f"{view}/{sink}: killed at permille {', '.join(places)}")
        assert self.kills < KILLS or {"fold", "prove", "compare"} <= {place.split()[0] for place in places}, places
        self.replay(view, sink)
        self.check_live([(view, sink)])
        assert "building" not in self.shop.states(view, sink).values(), self.shop.states(view, sink)
        self.drop_old()

    def alter(self, view, sink):
        """By hand, as somebody would with a shell. Returns the document's key."""
        from audit_tool import Index
        version, generation = self.shop.live(view, sink)
        if sink == "mongodb":
            documents = self.shop.collection(f"{view}_v{version}" + (f"_g{generation}" if generation > 1 else ""))
            key = documents.find_one({"units": {"$gt": 1}}, sort=[("_offset", 1)])["_id"]
            assert documents.update_one({"_id": key}, {"$inc": {"units": 1}}).modified_count == 1
            return key
        index = Index(self.shop, f"{view}-v{version}" + (f"-g{generation}" if generation > 1 else ""))
        key = index.any_key()
        index.change(key, units=index.get(key)["_source"]["units"] + 1)
        index.refresh()
        return key

    def altered(self):
        keys = {(view, sink, self.alter(view, sink)) for view, sink in ALTERED}
        _, differences = self.audited("orders", code=1)
        assert {(each["view"], each["sink"], each["key"]) for each in differences} == keys, differences
        for each in differences:
            self.say(f"altered by hand: {each['view']}/{each['sink']} {each['key']}: {each['difference']} {each['fields']}")
            assert each["difference"] == "different" and [field["field"] for field in each["fields"]] == ["units"], each
        _, differences = self.audited("orders", "--fix")
        assert {(each["view"], each["sink"], each["key"]) for each in differences if each["mended"]} == keys, differences
        self.check_live(self.digests)

    def checks(self):
        yield "import, and an audit of what is live", self.load
        yield "every view built again equals the live one", self.every_view
        for view, sink in ALTERED:
            yield f"{view}/{sink} after {self.kills} deaths", lambda view=view, sink=sink: self.killed(view, sink)
        yield "altered documents are found and mended", self.altered

    def run(self):
        """Names of what passed and of what failed or could no more be tried."""
        passed, failed = [], []
        for name, check in self.checks():
            if failed:
                failed.append(name)
                continue
            try:
                check()
                passed.append(name)
                self.say(f"passed: {name}")
            except Exception:  # pylint: disable=broad-exception-caught  # whatever it is, it is told, and the servers are ended
                traceback.print_exc()
                failed.append(name)
        return passed, failed


def on_alarm(_number, _frame):
    raise TimeoutError("--minutes are over")


def main():
    arguments = parse()
    files = sorted(arguments.data.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].csv.gz"))
    if not files or arguments.kills < 1:
        print(f"tests/replay/run: no YYYY-MM.csv.gz in {arguments.data}" if not files else "tests/replay/run: --kills is at least 1", file=sys.stderr)
        return 2
    prepare(arguments)
    from harness import Orderlog, Servers
    from replay_shop import ReplayShop
    shutil.rmtree(FOLDER / PREFIX, ignore_errors=True)  # what an earlier run knew of its registry's ids
    FOLDER.mkdir(parents=True, exist_ok=True)
    servers = Servers(mongodb_heap_mib=arguments.mongodb_heap_mib)
    orderlog = Orderlog(PREFIX, servers, {"ORDERLOG_LOG_LEVEL": "warn"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(max(1, int(arguments.minutes * 60)))
    try:
        servers.up()
        passed, failed = Months(ReplayShop(orderlog), files, arguments.kills).run()
    finally:
        signal.alarm(0)
        orderlog.kill()
        servers.down()
    for name in failed:
        print(f"failed: {name}")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
