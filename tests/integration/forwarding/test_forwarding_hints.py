"""Hints about owners may be missing, wrong or stale: that costs time, and nothing else."""
import concurrent.futures
import http.server
import json
import threading
import time

import pytest
from confluent_kafka import Producer
from conftest import CARTS, REST

from command_client import cart, ok, order_of, problem, product, streams
from harness.places import free_port
from harness.wait import until


@pytest.fixture
def shop(new_pair):
    made = new_pair("hints")
    product(made, "TEA")
    return made


def write_hints(shop, url, topic="cart", instance="somebody", epoch=10**6):
    """About every partition of the topic, as if `instance` owned it."""
    producer = Producer({"bootstrap.servers": shop.environment["ORDERLOG_KAFKA_BROKERS"]})
    value = json.dumps({"url": url, "instance": instance, "epoch": epoch, "time": int(time.time() * 1000)})
    for name, partition in shop.end_offsets(topic):
        producer.produce(shop.topic("owners"), value, key=f"{shop.topic(name)}/{partition}")
    assert producer.flush(10) == 0


def waits(shop, name=REST):
    return shop.metrics(name)["orderlog_forwards_waiting"] + shop.metrics(name)["orderlog_forwards_in_flight"]


def test_without_an_owner_a_command_waits_for_one(new_orderlog):
    shop = new_orderlog("no-owner")
    shop.environment_of = {CARTS: {"ORDERLOG_ONLY": "cart"}}
    shop.start(CARTS)
    answer = shop.command("PlaceOrder", order_of("TEA"), via=CARTS, key="k", headers={"Prefer": "wait=1"})
    problem(answer, 503, "no-owner")
    assert answer.headers["Idempotency-Key"] == "k" and int(answer.headers["Retry-After"]) > 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(shop.command, "CreateProduct", sku="TEA", title="Tea", prices=[], headers={"Prefer": "wait=30"})
        until(lambda: waits(shop, CARTS) == 1, 10, "the command waits")
        shop.start(REST)
        ok(waiting.result(), 201)
    assert len(streams(shop, "product")["product-TEA"]) == 1


def test_a_hint_to_where_nobody_listens_is_mended(shop):
    for _ in range(3):
        write_hints(shop, f"http://127.0.0.1:{free_port()}")
        ok(shop.command("CreateCart", currency="GBP", via=REST), 201)


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some server that has the address by now, and takes everything."""
    seen = []

    def do_POST(self):
        self.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments):
        pass


def test_what_a_stranger_answers_is_no_answer(shop):
    port = free_port()
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def asked():
            write_hints(shop, f"http://127.0.0.1:{port}/")
            answer = ok(shop.command("CreateCart", currency="GBP", via=REST), 201)
            assert len(streams(shop, "cart")[answer.json()["stream"]]) == 1
            return Stranger.seen
        until(asked, 30, "the stranger was asked")
        server.shutdown()


def test_another_installation_takes_nothing(shop, new_orderlog):
    other = new_orderlog("other")
    other.start("command-api")
    before = other.end_offsets("cart")

    def sent_back():
        write_hints(shop, other.url("command-api", "private"))
        answer = ok(shop.command("CreateCart", currency="GBP", via=REST), 201)
        assert len(streams(shop, "cart")[answer.json()["stream"]]) == 1
        return [value for name, value in other.metrics("command-api").items() if name.startswith("orderlog_http_requests_total") and
                'route="CreateCart"' in name and 'class="4xx"' in name and value]
    until(sent_back, 30, "the other installation was asked")
    assert other.end_offsets("cart") == before


def test_what_is_no_hint_is_left_aside(shop):
    producer = Producer({"bootstrap.servers": shop.environment["ORDERLOG_KAFKA_BROKERS"]})
    owners, cart_topic = shop.topic("owners"), shop.topic("cart")
    for key, value in ((f"{cart_topic}/0", "no JSON"), (f"{cart_topic}/0", None), (f"{cart_topic}/0", "{}"), (f"{cart_topic}/99", '{"url":"x"}'),
                       (f"{cart_topic}/-1", "{}"), ("", "{}"), ("nonsense", "[]"), (f"{cart_topic}/0", json.dumps({"url": "x" * 1000, "instance": "y", "epoch": 1, "time": 1}))):
        producer.produce(owners, value, key=key)
    assert producer.flush(10) == 0
    for _ in range(6):
        ok(shop.command("CreateCart", currency="GBP", via=REST), 201)


def test_a_hint_to_one_who_is_not_the_owner_is_mended(shop):
    """The one that the hint names is asked, says that it isn't the owner, and isn't asked to forward."""
    write_hints(shop, shop.url(CARTS, "private"), topic="order")
    cart(shop, "c", ("TEA", 1))
    for _ in range(6):
        answer = ok(shop.command("PlaceOrder", order_of("TEA"), via=CARTS), 201)
        assert len(streams(shop, "order")[answer.json()["stream"]]) == 1
