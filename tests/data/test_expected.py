"""expected.py against figures that others computed or that were added up by hand; mutate.py against what it promises."""
import csv
import gzip
import io
import json
import pathlib
import subprocess
import sys
from decimal import Decimal

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample" / "online-retail"
MONTH = SAMPLE / "2010-12.csv.gz"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

sys.path.insert(0, str(HERE))
import expected  # noqa: E402
import mutate  # noqa: E402

# Two invoices of equal length, two StockCodes of equal units, codes that differ by case, an invoice in two pieces,
# an exact third decimal, a guest's cancellation, an adjustment of either sign, free lines and corrections.
BY_HAND = HEADER + '''\
100,b,TEA,5,2011-01-01 09:00:00,0.001,17.0,France
C101,b,TEA,-2,2011-01-01 09:00:00,1.50,,France
100,a,"CUP, ""SMALL""",5,2011-01-01 09:01:00,2.0,17.0,France
102,A,CUP,1,2011-01-01 09:02:00,10.0,,EIRE
102,POST,POSTAGE,1,2011-01-01 09:02:00,0.0,,EIRE
103,c,,-7,2011-01-01 09:03:00,0.0,,United Kingdom
104,c,found,9,2011-01-01 09:04:00,0.0,,United Kingdom
A105,B,Adjust bad debt,1,2011-01-01 09:05:00,-3.0,,United Kingdom
A106,B,Adjust bad debt,1,2011-01-01 09:06:00,3.0,,United Kingdom
C107,D,Discount,-1,2011-01-01 09:07:00,0.25,18.0,Spain
'''
BY_HAND_FIGURES = {
    "rows": 10, "invoices": 8, "sale_invoices": 2, "sale_units": 11, "sale_value_gbp": "20.005",
    "cancellation_invoices": 2, "cancelled_units": -3, "cancelled_value_gbp": "-3.25", "adjustment_rows": 2,
    "other_rows_not_a_sale": 3, "customers": 2, "guest_invoices": 6, "stock_codes": 7, "longest_invoice": ["100", 2],
    "top_5_sold_units": [["a", 5], ["b", 5], ["A", 1]],
    "sale_value_by_country_top_3": [["France", "10.005"], ["EIRE", "10.00"]],
}


def write(path, text):
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


def run(script, *arguments):
    return subprocess.run([sys.executable, HERE / script, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def rows_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.fixture(scope="module")
def month():
    with gzip.open(MONTH, "rt", encoding="utf-8", newline="") as file:
        return file.read()


def test_the_samples_month_gives_the_figures_that_came_with_it():
    wanted = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))
    assert expected.figures_of([MONTH]) == wanted


def test_figures_added_up_by_hand(tmp_path):
    assert expected.figures_of([write(tmp_path / "m.csv.gz", BY_HAND)]) == {"m": BY_HAND_FIGURES}


def test_a_plain_csv_file_gives_the_same_as_a_compressed_one(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(BY_HAND, encoding="utf-8")
    assert expected.figures_of([path]) == {"m": BY_HAND_FIGURES}


def test_files_together_count_what_they_share_once(tmp_path):
    one, two = write(tmp_path / "one.csv.gz", BY_HAND), write(tmp_path / "two.csv.gz", BY_HAND)
    figures = expected.figures_of([one, two], together=True)["all"]
    assert (figures["rows"], figures["invoices"], figures["customers"], figures["stock_codes"]) == (20, 8, 2, 7)
    assert (figures["sale_value_gbp"], figures["longest_invoice"]) == ("40.01", ["100", 4])


def test_a_file_without_rows_has_figures(tmp_path):
    figures = expected.figures_of([write(tmp_path / "m.csv.gz", HEADER)])["m"]
    assert (figures["rows"], figures["sale_value_gbp"], figures["longest_invoice"]) == (0, "0.00", None)


def test_check_tells_which_figure_differs(tmp_path):
    wrong = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))
    assert run("expected.py", "--check", SAMPLE / "expected.json", MONTH).returncode == 0
    wrong["2010-12"]["sale_units"] += 1
    (tmp_path / "wrong.json").write_text(json.dumps(wrong), encoding="utf-8")
    answer = run("expected.py", "--check", tmp_path / "wrong.json", MONTH)
    assert answer.returncode == 1
    assert answer.stdout == "2010-12 sale_units: expected 359240, computed 359239\n"


@pytest.mark.parametrize("line", ["100,a,CUP,1.5,d,2.0,,EIRE", "100,a,CUP,1,d,x,,EIRE", "100,a,CUP,1,d,NaN,,EIRE", "100,a,CUP,1,d"])
def test_a_faulty_row_is_named(tmp_path, line):
    answer = run("expected.py", write(tmp_path / "m.csv.gz", BY_HAND + line + "\n"))
    assert answer.returncode == 1
    assert "line 12" in answer.stderr and answer.stdout == ""


def test_usage_is_told():
    assert run("expected.py").returncode == 2
    assert run("mutate.py", "one", MONTH, "out").returncode == 2
    assert run("expected.py", "--help").returncode == run("mutate.py", "--help").returncode == 0


def test_a_mutated_month_keeps_what_its_rows_are(month):
    def sign(number):
        return (number > 0) - (number < 0)

    before, after = rows_of(month), rows_of(mutate.mutate(month, 7))
    assert len(before) == len(after) and before[0] == after[0]
    changed = [0, 0]
    for old, new in zip(before[1:], after[1:]):
        assert [old[i] for i in (0, 1, 2, 4, 6, 7)] == [new[i] for i in (0, 1, 2, 4, 6, 7)]
        assert sign(int(old[3])) == sign(int(new[3]))
        assert sign(Decimal(old[5])) == sign(Decimal(new[5]))
        assert abs(int(new[3])) <= max(mutate.MOST_UNITS, abs(int(old[3])))
        assert Decimal(new[5]).as_tuple().exponent >= -3
        changed[0] += old[3] != new[3]
        changed[1] += Decimal(old[5]) != Decimal(new[5])
    assert min(changed) > len(before) / 2


def test_a_mutated_month_has_other_figures_and_the_same_structure(tmp_path):
    out = tmp_path / "2010-12.csv.gz"
    assert run("mutate.py", 7, MONTH, out).returncode == 0
    real, other = expected.figures_of([MONTH])["2010-12"], expected.figures_of([out])["2010-12"]
    moved = {"sale_units", "sale_value_gbp", "cancelled_units", "cancelled_value_gbp", "top_5_sold_units", "sale_value_by_country_top_3"}
    assert {key for key in real if real[key] != other[key]} == moved


def test_one_seed_gives_one_file_and_another_seed_another(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("mutate.py", seed, MONTH, tmp_path / name).returncode == 0
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again != other
