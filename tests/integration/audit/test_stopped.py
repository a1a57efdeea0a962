"""Commits whose events can't be decoded, and records that can't be at all: which streams park, which partitions stop, and how they go on."""
import json
import os
import pty
import subprocess

import pytest
from audit_tool import audit, tool
from projector_shop import ORDER_VIEWS
from test_parked import lines

from harness import places, wait

SECONDS = 60
STREAMS = [("orders", "mongodb"), ("orders", "elasticsearch")]
SUMS = [("customers", "mongodb"), ("sales_daily", "mongodb")]
ORDER = "order-1-0"  # the first one of the first feed


def stopped(shop, view, sink):
    """Partitions that are read no further."""
    return [each["partition"] for each in shop.lag()[view, sink]["partitions"] if each.get("stopped")]


def await_positions(shop, views, but=()):
    """Every partition is at the log's end, but for these."""
    ends = shop.orderlog.end_offsets("order")

    def there():
        for view, sink in views:
            partitions = shop.lag()[view, sink]["partitions"]
            assert partitions, (view, sink)
            for each in partitions:
                assert each["partition"] in but or each["position"] == ends["order", each["partition"]], (view, sink, each)
        return True
    wait.until(there, SECONDS, "they catch up")


def text_list(shop, *words):
    """`orderlog parked list` as a person sees it."""
    leader, follower = pty.openpty()
    with subprocess.Popen([places.TOOL, "parked", "list", *words], env=places.clean_environment() | shop.environment, cwd=places.FOLDER, stdout=follower) as process:
        os.close(follower)
        text = b""
        try:
            while block := os.read(leader, 65536):
                text += block
        except OSError:  # it has ended
            pass
        os.close(leader)
        assert process.wait(SECONDS) == 0
    return text.decode().replace("\r\n", "\n")


def sums(shop):
    return {key: shop.orderlog.metrics("projectors")[f'orderlog_projection_stopped{{view="{key[0]}",sink="{key[1]}"}}'] for key in ORDER_VIEWS}


@pytest.mark.seconds(300)
def test_a_commit_whose_events_cannot_be_decoded(new_shop):
    shop = new_shop("cut")
    shop.feed(300, "--cut")
    shop.projectors()
    wait.until(lambda: all(stopped(shop, *key) for key in SUMS), SECONDS, "the sums stop")
    partition, = stopped(shop, *SUMS[0])
    shop.feed(300, "--seed", 2)
    await_positions(shop, STREAMS)
    await_positions(shop, SUMS, but=[partition])

    # Documents of streams: that one alone. Sums: the partition, as nobody can tell which of them it would change.
    listed = {(row["view"], row["sink"]): row for row in lines(shop, "list")}
    assert set(listed) == set(ORDER_VIEWS)
    assert {listed[key]["key"] for key in STREAMS} == {ORDER} and {listed[key]["key"] for key in SUMS} == {f"#partition {partition}"}
    assert len({(row["partition"], row["offset"]) for row in listed.values()}) == 1
    assert sums(shop) == {key: int(key in SUMS) for key in ORDER_VIEWS}
    status, document = shop.orderlog.ready("projectors")
    checks = {check["name"]: check for check in document["checks"]}
    assert status == 503 and {name for name, check in checks.items() if not check["ok"]} == {"customers/mongodb", "sales_daily/mongodb"}
    assert "1 parked" in checks["orders/mongodb"]["detail"] and f"partition {partition} is read no further" in checks["customers/mongodb"]["detail"]
    text = text_list(shop, "customers")
    assert f"customers/mongodb partition {partition} is read no further than offset" in text
    assert f"parked skip customers --sink mongodb --key '#partition {partition}'" in text and "parked retry customers" in text
    assert audit(shop)[0] == 0  # each is right as far as it goes

    code, out, _ = tool(shop, "parked", "show", "customers", "--all")
    shown = json.loads(out)
    assert code == 0 and shown["commit"]["stream_id"] == ORDER and shown["commit"]["events"] == [] and "ends too early" in shown["commit_unreadable"]

    # Whoever asks is told.
    shop.orderlog.start("query-api")
    assert "X-Parked-Since" in shop.orderlog.get(f"/v1/orders/{ORDER.removeprefix('order-')}").headers
    assert "X-Parked-Since" not in shop.orderlog.get("/v1/orders/2-0").headers
    days = {"from": "2010-12-01", "to": "2010-12-31", "group": "day"}
    assert "X-Parked-Since" in shop.orderlog.get("/v1/reports/sales", **days).headers

    # Tried again, it stops again, and is parked since then.
    assert lines(shop, "retry", "customers", "--all")[0]["outcome"] == "is tried again"
    wait.until(lambda: any(row["parked_at"] > listed["customers", "mongodb"]["parked_at"] for row in lines(shop, "list", "customers")), SECONDS, "it has been tried")

    for view in ("customers", "sales_daily"):
        assert [row["outcome"] for row in lines(shop, "skip", view, "--all", "--dry-run")] == ["goes on without it"]
        assert lines(shop, "list", view)
        assert [row["outcome"] for row in lines(shop, "skip", view, "--all")] == ["goes on without it"]
    assert [row["outcome"] for row in lines(shop, "skip", "orders", "--all")] == ["done", "done"]
    await_positions(shop, ORDER_VIEWS)
    wait.until(lambda: shop.parked() == 0, SECONDS, "nothing is parked")
    assert lines(shop, "list") == [] and len(lines(shop, "list", "--skipped")) == 4
    assert audit(shop)[:2] == (0, []) and set(sums(shop).values()) == {0}
    assert shop.orderlog.ready("projectors")[0] == 200
    before = shop.prove()
    assert tool(shop, "replay", "orders", "customers", "sales_daily", "--data-dir", shop.orderlog.folder / "data" / "tool")[0] == 0
    assert {key: proof["digest"] for key, proof in shop.prove().items()} == {key: proof["digest"] for key, proof in before.items()}
    assert lines(shop, "list") == []


@pytest.mark.seconds(240)
def test_a_record_that_nobody_can_judge_is_not_left_out(new_shop):
    shop = new_shop("garbage")
    shop.feed(200, "--garbage")
    shop.projectors()
    wait.until(lambda: all(stopped(shop, *key) == [0] for key in ORDER_VIEWS), SECONDS, "the partition stops for all")
    rows = lines(shop, "skip", "orders", "customers", "--all", code=1)
    assert {row["outcome"] for row in rows} == {"stays parked"} and len(rows) == 3
    assert all("nobody can tell whether it counts" in row["still"] for row in rows)
    assert lines(shop, "list", "--skipped") == [] and len(lines(shop, "list")) == len(ORDER_VIEWS)
    assert audit(shop)[0] == 0
