"""Each server stopped during an import and started again, and what goes on meanwhile.

Commands need Kafka alone. A query needs the one store that it is served from; the others go on. /readyz says the same.
"""
import json

import pytest
import requests

from harness import places, wait

MONTH = "2010-12"
FILE = places.SAMPLE / f"{MONTH}.csv.gz"
EXPECTED = places.SAMPLE / "expected.json"
NOTICE_SECONDS = 20  # for a program to notice that a server went, or came back
FROM_MONGODB = ("/v1/orders/536365", "/v1/orders", "/v1/reports/sales?from=2010-12-01&to=2010-12-31&group=day")
FROM_ELASTICSEARCH = ("/v1/products?q=lantern",)


@pytest.fixture(scope="module")
def servers(durable_stack):
    return durable_stack


@pytest.fixture
def stopped(servers):
    """stopped("kafka") stops a server; it is started again at the end of the test at the latest."""
    down = []

    class Outage:
        def __init__(self, name):
            self.name = name
            down.append(name)
            servers.stop(name)

        def end(self):
            if self.name in down:
                servers.start(self.name)
                down.remove(self.name)
    yield Outage
    for name in list(down):
        servers.start(name)


@pytest.fixture
def shop(new_orderlog, servers):
    """A namespace with its programs and one product that can be bought."""
    orderlog = new_orderlog("outage", servers=servers)
    orderlog.start()
    answer = orderlog.command("CreateProduct", sku="TEA", title="Tea", prices=[{"price": "2.50", "currency": "GBP"}])
    assert answer.status_code == 201, answer.text
    order = place_order(orderlog, "o-first")
    orderlog.get("/v1/orders/o-first", position=order.headers["Position"]).raise_for_status()
    return orderlog


def place_order(orderlog, order_id):
    answer = orderlog.command("PlaceOrder", order_id=order_id, country="France", currency="GBP", lines=[{"sku": "TEA", "quantity": 2}])
    assert answer.status_code == 201, answer.text
    return answer


def checks(orderlog, name):
    """{check: ok} of a program's /readyz, and its status."""
    status, document = orderlog.ready(name)
    return status, {check["name"]: check["ok"] for check in document["checks"]}


def names(checked, server):
    """Whether the checks have one that bears the server's name and fails, and no other that fails."""
    failing = [name for name, ok in checked.items() if not ok]
    return failing and all(server in name for name in failing)


# --- during an import ---


@pytest.mark.seconds(300)
@pytest.mark.parametrize("server", ["kafka", "mongodb", "elasticsearch", "registry"])
def test_an_import_goes_on_when_a_server_comes_back(new_orderlog, servers, stopped, server):
    orderlog = new_orderlog(f"import-{server}", servers=servers, ORDERLOG_LINGER_MS="10")  # at most 800 commands a second: an import of 6 s or more
    orderlog.start()
    empty = sum(orderlog.await_settled().values())
    process = orderlog.tool_in_background("import", "retail", "--in-flight", 8, FILE)
    length = wait.until(lambda: (n := orderlog.log_length() - empty) > 500 and n, 60, "500 records")
    assert length < 4_000, "the import was nearly through before the server was stopped"
    outage = stopped(server)
    if server == "kafka":
        wait.until(lambda: checks(orderlog, "command-api")[0] == 503, NOTICE_SECONDS, "command-api says that it isn't ready")
    else:
        # Commands go on: the log grows while the server is away.
        wait.until(lambda: orderlog.log_length() - empty > length + 500 or process.poll() is not None, 60, "the import goes on")
    outage.end()
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, output
    assert json.loads(output.splitlines()[-1])["refused"] == 0
    orderlog.wait_caught_up(100)
    orderlog.reconcile(MONTH, EXPECTED)


# --- meanwhile ---


def assert_away(orderlog, path, store):
    answer = orderlog.get(path)
    assert answer.status_code == 503, f"{path}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["store"] == store and store in answer.json()["detail"].lower(), answer.text
    return True


def assert_there(orderlog, path):
    answer = orderlog.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
    return True


@pytest.mark.seconds(200)
@pytest.mark.parametrize("store, away, there", [("mongodb", FROM_MONGODB, FROM_ELASTICSEARCH), ("elasticsearch", FROM_ELASTICSEARCH, FROM_MONGODB)])
def test_a_query_names_the_store_that_is_away_and_others_go_on(shop, stopped, store, away, there):
    paths = [path.replace("536365", "o-first") for path in away + there]
    for path in paths:
        wait.until(lambda: assert_there(shop, path), NOTICE_SECONDS, path)  # pylint: disable=cell-var-from-loop
    outage = stopped(store)
    for path in paths[:len(away)]:
        wait.until(lambda: assert_away(shop, path, store), NOTICE_SECONDS, f"{path} is refused")  # pylint: disable=cell-var-from-loop
    for path in paths[len(away):]:
        assert_there(shop, path)
    wait.until(lambda: names(checks(shop, "query-api")[1], store), NOTICE_SECONDS, f"query-api's /readyz names {store} alone")
    wait.until(lambda: checks(shop, "command-api") == (200, checks(shop, "command-api")[1]), NOTICE_SECONDS, "command-api is ready")
    placed = place_order(shop, "o-meanwhile")
    outage.end()
    for path in paths:
        wait.until(lambda: assert_there(shop, path), NOTICE_SECONDS, f"{path} is answered again")  # pylint: disable=cell-var-from-loop
    shop.wait_caught_up()
    found = shop.get("/v1/orders/o-meanwhile", position=placed.headers["Position"])
    assert found.status_code == 200, found.text


@pytest.mark.seconds(200)
def test_commands_go_on_without_registry_and_both_stores(shop, stopped):
    for name in ("registry", "mongodb", "elasticsearch"):
        stopped(name)
    for number in range(20):
        place_order(shop, f"o-{number}")
    assert checks(shop, "command-api")[0] == 200
    assert shop.command("CreateCart", cart_id="c-alone", currency="GBP").status_code == 201
    assert shop.command("AddCartItem", cart_id="c-alone", sku="TEA", quantity=1).status_code in (200, 201)


@pytest.mark.seconds(200)
def test_without_kafka_commands_are_refused_and_queries_go_on(shop, stopped):
    outage = stopped("kafka")
    wait.until(lambda: names(checks(shop, "command-api")[1], "kafka") or checks(shop, "command-api")[0] == 503, NOTICE_SECONDS,
               "command-api's /readyz says that Kafka is away")
    answer = shop.command("PlaceOrder", order_id="o-lost", country="France", currency="GBP", lines=[{"sku": "TEA", "quantity": 1}],
                          headers={"Prefer": "wait=2"}, key="lost")
    assert answer.status_code in (503, 504) and answer.headers["Content-Type"] == "application/problem+json", answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert_there(shop, "/v1/orders/o-first")
    assert_there(shop, FROM_ELASTICSEARCH[0])
    outage.end()
    # The same command with the same key, as often as it takes: one order, whatever became of the first attempt.
    placed = wait.until(lambda: accepted(shop), 60, "commands are accepted again")
    shop.get("/v1/orders/o-lost", position=placed.headers["Position"]).raise_for_status()
    lines = shop.tool("stream", "order-o-lost").stdout.splitlines()
    assert len(lines) == 1, lines


def accepted(shop):
    try:
        answer = shop.command("PlaceOrder", order_id="o-lost", country="France", currency="GBP", lines=[{"sku": "TEA", "quantity": 1}], key="lost")
    except requests.RequestException:
        return None
    return answer if answer.status_code in (200, 201) else None


@pytest.mark.seconds(200)
def test_programs_start_while_stores_are_away_and_work_when_they_come(shop, stopped):
    """The order in which things come up doesn't matter."""
    outages = [stopped("elasticsearch"), stopped("mongodb")]
    shop.stop("projectors", "query-api")
    for name in ("projectors", "query-api"):
        shop.program(name).start()
    placed = place_order(shop, "o-early")
    for outage in outages:
        outage.end()
    for name in ("projectors", "query-api"):
        shop.program(name).await_ready()
    wait.until(lambda: shop.get("/v1/orders/o-early", position=placed.headers["Position"]).status_code == 200, 60, "the order is seen")
    shop.wait_caught_up()
