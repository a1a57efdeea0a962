"""A flash sale: far more buyers than units, all at once, on one product. Exactly as much is sold as there is."""
import collections
import concurrent.futures
import threading
import time

import pytest

from buyers import send_all
from command_client import ok, streams, types
from harness import log
from harness.commands import COMMANDS

BUYERS, UNITS, WORKERS, SECONDS = 20_000, 1_000, 256, 90
TTL_SECONDS = 3600
INSTANCES = ["command-api", "command-api-2", "command-api-3"]


@pytest.fixture(scope="module")
def urls(orderlog):
    """The private listeners of three instances: whoever is asked forwards to the owner."""
    orderlog.command_apis = INSTANCES
    orderlog.start(*INSTANCES)
    return [orderlog.url(name, "private") for name in INSTANCES]


def reservation(sku, buyer, quantity=1):
    command, fields = COMMANDS["ReserveStock"], {"sku": sku, "order_id": f"buyer-{buyer}", "lines": [{"line": 1, "quantity": quantity}],
                                                 "ttl_seconds": TTL_SECONDS}
    return command.path_of(fields), f"reserve-{sku}-{buyer}", command.body_of(fields)


def confirmation(sku, buyer):
    command, fields = COMMANDS["ConfirmReservation"], {"sku": sku, "order_id": f"buyer-{buyer}", "lines": [1]}
    return command.path_of(fields), f"confirm-{sku}-{buyer}", command.body_of(fields)


def events_of(orderlog, sku):
    """{event's name: [its fields]} of the SKU's stock, valid commits only, by an independent client."""
    found = collections.defaultdict(list)
    for commit in streams(orderlog, "product")[f"stock-{sku}"]:
        for name, fields in commit["events"]:
            found[name.rsplit(".", 1)[-1]].append(fields)
    return found


def owner_of(orderlog, stream):
    """The instance that the partition's last valid fence names; names end with the process id."""
    partition = next(message.partition() for message, commit in log.placed_commits(orderlog, "product") if commit["stream_id"] == stream)
    pid = log.fences(orderlog)["product", partition].rsplit("/", 1)[1]
    return next(name for name in INSTANCES if str(orderlog.program(name).process.pid) == pid)


@pytest.mark.seconds(240)
def test_as_much_is_sold_as_there_is(orderlog, urls):
    ok(orderlog.command("ReceiveStock", sku="SALE", quantity=UNITS))
    begin = time.monotonic()
    answers = send_all(urls, [reservation("SALE", buyer) for buyer in range(BUYERS)], workers=WORKERS, seconds=SECONDS)
    print(f"{BUYERS} buyers in {time.monotonic() - begin:.1f} s, {sum(answer.attempts for answer in answers)} attempts")
    winners = [buyer for buyer, answer in enumerate(answers) if answer.status == 200]
    losers = [answer for answer in answers if answer.status != 200]
    assert len(winners) == UNITS
    assert {(answer.status, answer.body["type"]) for answer in losers} == {(409, "urn:orderlog:problem:stock-insufficient")}

    # Who asks again is told the same, and half of the winners pay.
    again = send_all(urls, [reservation("SALE", buyer) for buyer in winners], workers=WORKERS, seconds=SECONDS)
    assert {(answer.status, answer.body["outcome"]) for answer in again} == {(200, "duplicate")}
    assert [answer.body["position"] for answer in again] == [answers[buyer].body["position"] for buyer in winners]
    paid = send_all(urls, [confirmation("SALE", buyer) for buyer in winners[::2]], workers=WORKERS, seconds=SECONDS)
    assert {answer.status for answer in paid} == {200}

    events = events_of(orderlog, "SALE")
    assert sum(fields["quantity"] for fields in events["StockReserved"]) == UNITS
    assert sorted(fields["order_id"] for fields in events["StockReserved"]) == sorted(f"buyer-{buyer}" for buyer in winners)
    assert sorted(fields["order_id"] for fields in events["ReservationConfirmed"]) == sorted(f"buyer-{buyer}" for buyer in winners[::2])
    assert set(events) == {"StockReceived", "StockReserved", "ReservationConfirmed"}


@pytest.mark.seconds(240)
def test_a_crash_in_the_middle_sells_no_unit_twice(orderlog, urls):
    """The product's owner is killed while all ask, and started again: buyers repeat themselves under their keys."""
    buyers, units = 6_000, 3_000
    ok(orderlog.command("ReceiveStock", sku="CRASH", quantity=units))
    owner, killed = owner_of(orderlog, "stock-CRASH"), threading.Event()

    def kill(answers):
        if answers == units // 10:  # the sale is under way, and all but these have still to be answered
            orderlog.kill(owner)
            killed.set()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sale = pool.submit(send_all, urls, [reservation("CRASH", buyer) for buyer in range(buyers)], workers=64, seconds=SECONDS, answered=kill)
        assert killed.wait(SECONDS)
        orderlog.start(owner)
        answers = sale.result()
    winners = [buyer for buyer, answer in enumerate(answers) if answer.status == 200]
    assert len(winners) == units and max(answer.attempts for answer in answers) > 1
    reserved = events_of(orderlog, "CRASH")["StockReserved"]
    assert sorted(fields["order_id"] for fields in reserved) == sorted(f"buyer-{buyer}" for buyer in winners)


def test_units_that_are_given_back_are_sold_again(orderlog, urls):
    """Buyers who take what others gave up, at the same time: never more than there is at any moment of the log."""
    units, rounds = 20, 40
    ok(orderlog.command("ReceiveStock", sku="BACK", quantity=units))
    release = COMMANDS["ReleaseReservation"]
    for number in range(rounds):
        buyers = range(number * units, (number + 2) * units)  # of each round half try again
        answers = send_all(urls, [reservation("BACK", f"{number}-{buyer}") for buyer in buyers], workers=units, seconds=SECONDS)
        taken = [buyer for buyer, answer in zip(buyers, answers) if answer.status == 200]
        given_up = [{"sku": "BACK", "order_id": f"buyer-{number}-{buyer}", "lines": [1]} for buyer in taken]
        send_all(urls, [(release.path_of(fields), f"release-{fields['order_id']}", release.body_of(fields)) for fields in given_up],
                 workers=units, seconds=SECONDS)
        assert len(taken) == units
    held = 0
    for commit in streams(orderlog, "product")["stock-BACK"]:
        for name in types([commit]):
            held += {"StockReserved": 1, "ReservationReleased": -1}.get(name, 0)
            assert 0 <= held <= units
    assert held == 0
