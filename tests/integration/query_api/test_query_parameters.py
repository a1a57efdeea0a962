"""Whatever is not a valid query is refused, by name."""
import base64
import datetime

import pytest

REPORT = "/v1/reports/sales?from=2010-12-01&to=2010-12-31&group=day"
BAD = [
    ("/v1/products?colour=red", "colour"),
    ("/v1/products?q=", "q"),
    ("/v1/products?q=" + "x" * 201, "q"),
    ("/v1/products?q=%00", "q"),
    ("/v1/products?q=%ff", "q"),
    ("/v1/products?q=a&q=b", "q"),
    ("/v1/products?limit=0", "limit"),
    ("/v1/products?limit=101", "limit"),
    ("/v1/products?limit=1e1", "limit"),
    ("/v1/products?limit=99999999999999999999", "limit"),
    ("/v1/products?price_from=-1", "price_from"),
    ("/v1/products?price_from=1.23456", "price_from"),
    ("/v1/products?price_from=NaN", "price_from"),
    ("/v1/products?price_from=5&price_to=4", "price_to"),
    ("/v1/products?currency=POUND", "currency"),
    ("/v1/products?in_stock=yes", "in_stock"),
    ("/v1/products?sort=colour", "sort"),
    ("/v1/products?cursor=abc", "cursor"),
    ("/v1/products?stale-ok=maybe", "stale-ok"),
    ("/v1/products?after=abc", "after"),
    ("/v1/products/x?limit=3", "limit"),
    ("/v1/carts/x?kind=ORDER", "kind"),
    ("/v1/orders/x?kind=CART", "kind"),
    ("/v1/orders?from=2010-13-01", "from"),
    ("/v1/orders?from=2010-12-32", "from"),
    ("/v1/orders?from=20101201", "from"),
    ("/v1/orders?from=2010-12-02&to=2010-12-01", "to"),
    ("/v1/orders?from=2000-01-01&to=2010-12-01", "to"),
    ("/v1/orders?customer_id=", "customer_id"),
    ("/v1/orders?status=GONE", "status"),
    ("/v1/orders?cursor=", "cursor"),
    ("/v1/orders?cursor=AAAA", "cursor"),
    ("/v1/orders?cursor=" + "A" * 5000, "cursor"),
    ("/v1/customers/x?limit=1000", "limit"),
    ("/v1/reports/sales?to=2010-12-31&group=day", "from"),
    ("/v1/reports/sales?from=2010-12-01&to=2010-12-31", "group"),
    ("/v1/reports/sales?from=2010-12-01&to=2010-12-31&group=hour", "group"),
    (REPORT + "&limit=1001", "limit"),
    (REPORT + "&country=", "country"),
    (REPORT.replace("sales?", "sales/search?") + "&x=1", "x"),
]


@pytest.mark.parametrize("path,parameter", BAD)
def test_refused_by_name(filled, path, parameter):
    answer = filled.api.get(path)
    body = answer.json()
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["type"] == "urn:orderlog:problem:invalid-parameter" and body["parameter"] == parameter
    assert parameter in body["detail"] and body["trace_id"]


def test_the_longest_range_is_served(filled):
    last = datetime.date(2010, 12, 31)
    for days, status in ((3700, 200), (3701, 400)):
        first = last - datetime.timedelta(days=days - 1)
        filled.get(f"/v1/orders?from={first}&to={last}", limit=1, status=status)


def test_a_cursor_belongs_to_its_query(filled):
    cursor = filled.get("/v1/orders?customer_id=17850&limit=2")["next_cursor"]
    filled.get(f"/v1/orders?customer_id=17850&limit=5&cursor={cursor}")  # the size of a page may change
    for other in ("/v1/orders?customer_id=12345", "/v1/orders?", "/v1/orders?customer_id=17850&kind=ORDER", "/v1/products?q=a"):
        answer = filled.api.get(f"{other}&cursor={cursor}")
        assert answer.status_code == 400 and answer.json()["parameter"] == "cursor"


def test_no_changed_cursor_is_taken(filled):
    cursor = filled.get("/v1/orders?limit=2")["next_cursor"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for index in range(len(raw)):
        changed = raw.copy()
        changed[index] ^= 1
        text = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        filled.get(f"/v1/orders?limit=2&cursor={text}", status=400)
    filled.get(f"/v1/orders?limit=2&cursor={cursor[:-1]}", status=400)


def test_unknown_paths_and_methods(filled):
    assert filled.api.get("/v1/nothing").status_code == 404
    answer = filled.api.session.post(filled.api.url("query-api") + "/v1/orders", json={})
    assert answer.status_code == 405 and answer.headers["Allow"]


def test_a_wrong_position_is_refused(filled):
    answer = filled.api.get("/v1/carts/c-1", position="nonsense")
    assert answer.status_code == 400 and answer.json()["parameter"] == "Position"
