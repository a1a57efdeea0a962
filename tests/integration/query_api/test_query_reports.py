"""The sales reports: MongoDB's partial documents merged, and the same out of Elasticsearch's orders, against sums made here."""
import datetime

import pytest
from bson.int64 import Int64
from query_data import FIRST_DAY, shown

LAST_DAY = FIRST_DAY + datetime.timedelta(days=30)
SALES, SEARCH = "/v1/reports/sales", "/v1/reports/sales/search"


def expected_rows(filled, group, **chosen):
    rows = [{group: key, "currency": currency} | figures for (key, currency), figures in filled.orders.report(group, **chosen).items()]
    if group == "day":
        rows.sort(key=lambda row: (row["day"], row["currency"]))
    else:
        rows.sort(key=lambda row: (-row["value"], row[group].encode(), row["currency"]))
    return [shown(row) for row in rows]


@pytest.mark.parametrize("path", [SALES, SEARCH])
@pytest.mark.parametrize("group", ["day", "country", "sku"])
@pytest.mark.parametrize("chosen", [{}, {"country": "Germany"}, {"currency": "EUR"},
                                    {"first": FIRST_DAY + datetime.timedelta(days=4), "last": FIRST_DAY + datetime.timedelta(days=9)}])
def test_report(filled, path, group, chosen):
    parameters = {"from": chosen.get("first", FIRST_DAY), "to": chosen.get("last", LAST_DAY), "group": group, "limit": 1000}
    parameters |= {name: value for name, value in chosen.items() if name in ("country", "currency")}
    body = filled.get(path, **parameters)
    rows = expected_rows(filled, group, **chosen)
    assert body["rows"] == rows and rows
    assert body["row_count"] == len(rows) and body["next_cursor"] is None
    assert (body["from"], body["to"], body["group"]) == (str(parameters["from"]), str(parameters["to"]), group)


@pytest.mark.parametrize("path", [SALES, SEARCH])
def test_totals_are_the_sums_of_the_rows(filled, path):
    by_day, by_country, by_sku = (filled.get(path, **{"from": FIRST_DAY, "to": LAST_DAY}, group=group)["totals"] for group in ("day", "country", "sku"))
    assert by_day == by_country
    assert [total["currency"] for total in by_day] == ["EUR", "GBP"]
    assert all(total["value"] == days["value"] and total["units"] == days["units"] for total, days in zip(by_sku, by_day))
    assert all("orders" not in total for total in by_sku)  # an order has several SKUs: that sum would mean nothing


@pytest.mark.parametrize("path", [SALES, SEARCH])
@pytest.mark.parametrize("group,limit", [("day", 7), ("country", 1), ("sku", 13)])
def test_pages_have_every_row_once(filled, path, group, limit):
    parameters = {"from": FIRST_DAY, "to": LAST_DAY, "group": group}
    assert filled.pages(path, "rows", limit=limit, **parameters) == expected_rows(filled, group)


def test_no_sales_no_rows(filled):
    for path in (SALES, SEARCH):
        for group in ("day", "country", "sku"):
            body = filled.get(path, **{"from": "1999-01-01", "to": "1999-12-31"}, group=group)
            assert body["rows"] == [] and body["totals"] == [] and body["row_count"] == 0


def test_a_sum_beyond_64_bits_is_no_answer(filled):
    """Rather no figure than a wrong one."""
    daily = filled.stores.collection("sales_daily_v1")
    template = daily.find_one()
    rows = [template | {"_id": f"huge-{i}", "day": Int64(946_684_800_000), "value": Int64(2**62)} for i in range(2)]
    daily.insert_many(rows)
    try:
        body = filled.get(SALES, status=422, **{"from": "2000-01-01", "to": "2000-01-01"}, group="day")
        assert "64 bits" in body["detail"]
    finally:
        daily.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
