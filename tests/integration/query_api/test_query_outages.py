"""A store that is away: its queries answer 503 at once and name it, others go on, readiness says the same, and all comes back by itself."""
import json
import os
import signal
import threading
import time

import pytest
import requests
from query_filled import Filled

from harness import places
from harness.namespace import Orderlog
from harness.servers import Servers
from harness.wait import until

MONGO_PATHS = ["/v1/carts/c-1", "/v1/orders?limit=1", "/v1/customers/17850", "/v1/reports/sales?from=2010-12-01&to=2010-12-02&group=day"]
ELASTIC_PATHS = ["/v1/products?limit=1", "/v1/reports/sales/search?from=2010-12-01&to=2010-12-02&group=sku"]
PATHS = {"mongodb": MONGO_PATHS, "elasticsearch": ELASTIC_PATHS}
BACK_SECONDS = 60


def checks(document):
    return {check["name"]: check["ok"] for check in document["checks"]}


@pytest.fixture(scope="module")
def alone_module():
    """A query API of its own whose stores nobody else uses."""
    servers = Servers(folder=places.FOLDER / "query-stores", port_offset=places.PORT_OFFSET + 50, names=("elasticsearch", "mongodb"), mongo="file")
    servers.up()
    try:
        made = Filled(Orderlog("outages", servers))
        made.fill()
        yield made
        made.api.stop("query-api")
    finally:
        servers.down()


@pytest.fixture
def alone(alone_module):
    """All up, whatever the test before has left."""
    for store in PATHS:
        alone_module.api.servers.start(store)
    alone_module.api.start("query-api")
    until(lambda: alone_module.api.ready("query-api")[1]["status"] == "ready", BACK_SECONDS, "all is up")
    return alone_module


@pytest.mark.seconds(300)
def test_each_store_away_in_turn(alone):
    for store, other in (("mongodb", "elasticsearch"), ("elasticsearch", "mongodb")):
        alone.api.servers.kill(store)
        until(lambda: alone.api.get(PATHS[store][0]).status_code == 503, 10, f"{store} is found to be away")
        for path in PATHS[store]:
            started = time.monotonic()
            answer = alone.api.get(path)
            took = time.monotonic() - started
            body = answer.json()
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0, path
            assert body["type"] == "urn:orderlog:problem:store-unavailable" and body["store"] == store and store in body["detail"]
            assert took < 0.5, f"{path} took {took:.2f} s: it fails fast once the store is known to be away"
        for path in PATHS[other]:
            assert alone.api.get(path).status_code == 200, path
        status, document = alone.api.ready("query-api")
        assert status == 200 and document["status"] == "degraded"
        assert checks(document) == {store: False, other: True, "any-store": True}
        alone.api.servers.start(store)
        until(lambda: all(alone.api.get(path).status_code == 200 for path in PATHS[store]), BACK_SECONDS, f"{store} is back")
    until(lambda: alone.api.ready("query-api")[1]["status"] == "ready", 10, "ready again")


@pytest.mark.seconds(300)
def test_both_away_then_back_and_started_without_stores(alone):
    for store in PATHS:
        alone.api.servers.kill(store)
    until(lambda: alone.api.ready("query-api")[0] == 503, 20, "not ready without any store")
    # A process that starts now serves what comes back, without being started again.
    alone.api.stop("query-api")
    alone.api.program("query-api").start()
    until(lambda: alone.api.get("/v1/carts/c-1").status_code == 503, 20, "it runs and says what is away")
    assert alone.api.get("/v1/positions").status_code == 200
    for store in PATHS:
        alone.api.servers.start(store)
    until(lambda: alone.api.ready("query-api")[1]["status"] == "ready", BACK_SECONDS, "both are back")
    for path in MONGO_PATHS + ELASTIC_PATHS:
        assert alone.api.get(path).status_code == 200, path


@pytest.mark.seconds(300)
def test_a_store_that_hangs(alone):
    """Frozen, not dead: connections stay open and nothing comes. Queries end by their time-outs, others aren't held up."""
    for store in PATHS:
        pid = server_pid(alone, store)
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda store=store: alone.api.get(PATHS[store][0]).status_code == 503, 30, f"a frozen {store} is found to be away")
            started = time.monotonic()
            assert alone.api.get(PATHS[store][0]).json()["store"] == store
            assert time.monotonic() - started < 0.5
            for path in next(paths for name, paths in PATHS.items() if name != store):
                assert alone.api.get(path).status_code == 200
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: all(alone.api.get(path).status_code == 200 for path in PATHS[store]), BACK_SECONDS, f"{store} is back")


def server_pid(alone, store):
    return json.loads((alone.api.servers.folder / "pids" / f"{store}.json").read_text(encoding="ascii"))["pid"]


@pytest.mark.seconds(180)
def test_waiting_requests_end_when_the_store_goes_or_the_process_is_told_to_stop(alone):
    stores, answers = alone.stores, []
    stores.checkpoint_mongo("carts", 1, 5000)
    view = lambda: next(v for v in alone.get("/v1/positions")["views"] if (v["view"], v["store"]) == ("carts", "mongodb"))
    until(lambda: view()["partitions"][1]["next_offset"] == 5000, 10, "the API has seen the checkpoint")
    token = view()["position"]
    stores.checkpoint_mongo("carts", 1, 10)
    until(lambda: view()["partitions"][1]["next_offset"] == 10, 10, "the API has seen the checkpoint")

    def wait_for_it():
        started = time.monotonic()
        answer = requests.get(alone.api.url("query-api") + "/v1/carts/c-1", headers={"Position": token, "Prefer": "wait=30"}, timeout=40)
        answers.append((answer.status_code, answer.json(), time.monotonic() - started))

    def waiting():
        before = alone.api.metrics("query-api")['orderlog_query_waits_total{route="GetCart",store="mongodb"}']
        reader = threading.Thread(target=wait_for_it)
        reader.start()
        until(lambda: alone.api.metrics("query-api")['orderlog_query_waits_total{route="GetCart",store="mongodb"}'] == before + 1, 10, "it waits")
        return reader

    reader = waiting()
    alone.api.servers.kill("mongodb")
    reader.join(20)
    assert answers[0][0] == 503 and answers[0][1]["store"] == "mongodb" and answers[0][2] < 15
    alone.api.servers.start("mongodb")
    until(lambda: alone.api.get("/v1/carts/c-1").status_code == 200, BACK_SECONDS, "MongoDB is back")
    reader = waiting()
    alone.api.stop("query-api")  # SIGTERM; exit code 0 is checked by the harness
    reader.join(20)
    assert answers[1][0] == 503 and answers[1][2] < 10
