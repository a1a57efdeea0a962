"""A month of sales through the command API, and its figures in every store and in the log."""
import json
import os
import pathlib
import signal
from collections import Counter

import pytest

import expected as expectation
import mutate
from harness import log, places, wait

MONTH = "2010-12"
FILE = places.SAMPLE / f"{MONTH}.csv.gz"
EXPECTED = places.SAMPLE / "expected.json"
SOURCES = {"mongodb", "reports", "elasticsearch", "log"}
SEED = 20101
# At most 320 commands a second, so the import takes 15 s on the fastest machine: long enough to be killed in its midst.
LINGER_MS, IN_FLIGHT = "50", 16
RETAIL_DATA = os.environ.get("ORDERLOG_RETAIL_DATA")


def summary_of(done):
    """The JSON line that an import prints when it is through."""
    return json.loads(done.stdout.splitlines()[-1])


def invoices(orderlog):
    """How often each invoice is in the log: by stream id, and stock corrections by their reference."""
    counts = Counter()
    for commit in log.commits(orderlog, "order"):
        counts[commit["stream_id"]] += 1
    for commit in log.commits(orderlog, "product"):
        counts.update(fields["reference"] for name, fields in commit["events"] if name.endswith(".StockAdjusted"))
    return counts


@pytest.fixture(scope="module")
def month(december):
    december.start()
    yield december
    december.stop()


@pytest.mark.seconds(400)
def test_every_source_has_the_expected_figures(month):
    rows = month.reconcile(MONTH, EXPECTED)
    figures = json.loads(EXPECTED.read_text(encoding="utf-8"))[MONTH]
    assert {row["figure"] for row in rows} >= {name for name in figures}
    for row in rows:
        assert SOURCES <= set(row), row
    by_name = {row["figure"]: row for row in rows}
    for source in SOURCES:
        # Not one source is silent about the month's value, and it is the value, not a blank.
        assert by_name["sale_value_gbp"][source] == by_name["sale_value_gbp"]["expected"] == figures["sale_value_gbp"]
    assert all(row["log"] == row["expected"] for row in rows), "the log knows every figure"


def test_a_wrong_expectation_is_told_apart(month, tmp_path):
    wrong = json.loads(EXPECTED.read_text(encoding="utf-8"))
    wrong[MONTH]["sale_units"] += 1
    path = tmp_path / "expected.json"
    path.write_text(json.dumps(wrong), encoding="utf-8")
    done = month.tool("reconcile", "--json", "--expected", path, MONTH, check=False)
    assert done.returncode == 1
    assert [row["figure"] for row in map(json.loads, done.stdout.splitlines()) if not row["ok"]] == ["sale_units"]


def test_the_import_says_what_became_of_every_invoice(month):
    summary = summary_of(month.imported)
    assert (summary["rows"], summary["invoices"], summary["refused"]) == (42_481, 2_025, 0)
    kinds = summary["invoices_by_kind"]
    assert (kinds["order"], kinds["return"], kinds["stock correction"]) == (1_559, 326, 140)
    assert sum(kinds.values()) == 2_025
    assert month.tool("import", "retail", "--list", FILE).stdout == ""


def test_the_import_again_appends_nothing(month):
    before = month.await_settled()
    done = month.tool("import", "retail", FILE)
    assert summary_of(done)["refused"] == 0
    assert month.end_offsets() == before


def test_the_import_again_appends_nothing_after_a_restart(month):
    """What makes a repetition harmless is in the log, not in a process."""
    month.stop("command-api")
    month.start("command-api")
    before = month.await_settled()
    assert summary_of(month.tool("import", "retail", FILE))["refused"] == 0
    assert month.end_offsets() == before


@pytest.mark.seconds(300)
def test_an_import_that_was_killed_half_way_is_finished_by_the_next(new_orderlog):
    orderlog = new_orderlog("killed", ORDERLOG_LINGER_MS=LINGER_MS)
    orderlog.start()
    empty = sum(orderlog.await_settled().values())
    for part in (1_000, 3_500):  # within the products; within the invoices
        process = orderlog.tool_in_background("import", "retail", "--in-flight", IN_FLIGHT, FILE)
        wait.until(lambda: orderlog.log_length() - empty > part, 60, f"{part} records")  # pylint: disable=cell-var-from-loop
        assert process.poll() is None, "the import was through before it was killed: nothing is shown"
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
    done_by_then = orderlog.log_length("order")
    assert summary_of(orderlog.tool("import", "retail", FILE))["refused"] == 0
    assert orderlog.log_length("order") > done_by_then
    counts = invoices(orderlog)
    assert len(counts) == 2_025 and set(counts.values()) == {1}
    orderlog.wait_caught_up()
    orderlog.reconcile(MONTH, EXPECTED)


@pytest.mark.seconds(300)
def test_a_command_api_that_was_killed_during_the_import(new_orderlog):
    """The import waits for it and goes on; what was answered is there, what was not is there once."""
    orderlog = new_orderlog("killed-api", ORDERLOG_LINGER_MS=LINGER_MS)
    orderlog.start()
    empty = sum(orderlog.await_settled().values())
    process = orderlog.tool_in_background("import", "retail", "--in-flight", IN_FLIGHT, FILE)
    for records in (800, 3_300):
        wait.until(lambda: orderlog.log_length() - empty > records, 60, f"{records} records")  # pylint: disable=cell-var-from-loop
        assert process.poll() is None, "the import was through before command-api was killed: nothing is shown"
        orderlog.kill("command-api")
        orderlog.start("command-api")
    output, _ = process.communicate(timeout=110)
    assert process.returncode == 0, output
    counts = invoices(orderlog)
    assert len(counts) == 2_025 and set(counts.values()) == {1}
    orderlog.wait_caught_up()
    orderlog.reconcile(MONTH, EXPECTED)


@pytest.mark.seconds(300)
def test_a_month_with_other_quantities_and_prices(new_orderlog, tmp_path):
    """Figures nobody could have prepared for; what they should be is computed from the CSV alone."""
    changed = tmp_path / f"{MONTH}.csv.gz"
    assert mutate.main([str(SEED), str(FILE), str(changed)]) == 0
    figures = expectation.figures_of([changed])
    assert figures[MONTH]["sale_value_gbp"] != json.loads(EXPECTED.read_text(encoding="utf-8"))[MONTH]["sale_value_gbp"]
    (tmp_path / "expected.json").write_text(json.dumps(figures), encoding="utf-8")
    orderlog = new_orderlog("mutated")
    orderlog.start()
    orderlog.tool("import", "retail", changed)
    orderlog.wait_caught_up()
    orderlog.reconcile(MONTH, tmp_path / "expected.json")


@pytest.mark.seconds(1500)
@pytest.mark.skipif(not RETAIL_DATA, reason="set ORDERLOG_RETAIL_DATA to a folder with all nine months and their expected.json")
def test_nine_months(new_orderlog, durable_stack):
    folder = pathlib.Path(RETAIL_DATA or ".")
    files = sorted(folder.glob("20??-??.csv.gz"))
    expected = folder / "expected.json"
    assert len(files) == 9
    orderlog = new_orderlog("nine", servers=durable_stack)
    orderlog.start()
    for file in files:
        orderlog.tool("import", "retail", file, seconds=300)
    orderlog.wait_caught_up(300)
    unmapped = {}
    for file in files:
        month = file.name.removesuffix(".csv.gz")
        rows = [json.loads(line) for line in orderlog.tool("import", "retail", "--list", file).stdout.splitlines()]
        unmapped[month] = len(rows)
        orderlog.reconcile(month, reduced(expected, month, rows, orderlog.folder), seconds=200)
    assert sum(unmapped.values()) == 8, unmapped


def reduced(expected, month, rows, folder):
    """expected.json without what the import lists as no command, by the table in docs/retail-import.md."""
    figures = json.loads(expected.read_text(encoding="utf-8"))
    numbers = {row["invoice"] for row in rows}
    figures[month]["rows"] -= len(rows)
    figures[month]["other_rows_not_a_sale"] -= len(rows)
    figures[month]["invoices"] -= len(numbers)
    figures[month]["guest_invoices"] -= len(numbers)
    path = folder / f"expected-{month}.json"
    path.write_text(json.dumps(figures), encoding="utf-8")
    return path
