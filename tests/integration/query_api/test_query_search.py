"""GET /v1/products: text, filters, facets, pages, relevance."""
import csv
import math
from collections import Counter, defaultdict

import pytest
from query_data import money

from harness.places import REPOSITORY

BOUNDS = [0, 5, 20, 50, 100, 500, 1000]
JUDGMENTS = REPOSITORY / "sample" / "catalogue" / "judgments.csv"


def visible(filled, supplier=None, price_from=None, price_to=None, currency=None, in_stock=None):
    """What browsing must find."""
    return [row for row in filled.products if row["catalogued"] and not row["discontinued"]
            and (supplier is None or row.get("supplier") == supplier) and (currency is None or row.get("currency") == currency)
            and (price_from is None or row.get("price", -1) >= price_from * 10_000)
            and (price_to is None or 0 <= row.get("price", -1) <= price_to * 10_000)
            and (in_stock is None or (row["available"] > 0) == in_stock)]


def skus(items):
    return [item["product"]["sku"] for item in items]


CHOICES = [{}, {"supplier": "HP"}, {"price_from": 20, "price_to": 500}, {"in_stock": True}, {"in_stock": False}, {"currency": "EUR"},
           {"supplier": "HP", "price_to": 700, "in_stock": True, "currency": "GBP"}, {"supplier": "nobody"}]


@pytest.mark.parametrize("chosen", CHOICES)
def test_filters_and_total(filled, chosen):
    found = filled.pages("/v1/products", limit=100, **as_parameters(chosen))
    rows = visible(filled, **chosen)
    assert skus(found) == sorted((row["sku"] for row in rows), key=str.encode)
    assert filled.get("/v1/products", limit=1, **as_parameters(chosen))["total"] == len(rows)


def as_parameters(chosen):
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in chosen.items()}


@pytest.mark.parametrize("chosen", CHOICES)
def test_facets_ignore_their_own_filter(filled, chosen):
    facets = filled.get("/v1/products", limit=1, **as_parameters(chosen))["facets"]
    others = {name: value for name, value in chosen.items() if name != "supplier"}
    suppliers = Counter(row["supplier"] for row in visible(filled, **others) if "supplier" in row)
    listed = {facet["supplier"]: facet["count"] for facet in facets["suppliers"]}
    assert len(facets["suppliers"]) == min(50, len(suppliers))
    assert all(suppliers[name] == count for name, count in listed.items())
    assert sorted(listed.values(), reverse=True) == sorted(suppliers.values(), reverse=True)[:50]

    others = {name: value for name, value in chosen.items() if name not in ("price_from", "price_to")}
    rows = visible(filled, **others)
    for index, facet in enumerate(facets["prices"]):
        low, high = BOUNDS[index], BOUNDS[index + 1] if index + 1 < len(BOUNDS) else math.inf
        assert facet["from"] == money(low * 10_000) and facet.get("to") == (money(high * 10_000) if high < math.inf else None)
        assert facet["count"] == sum(low * 10_000 <= row.get("price", -1) < high * 10_000 for row in rows)


@pytest.mark.parametrize("sort", ["sku", "price", "-price", "newest"])
def test_sorted_pages_have_every_product_once(filled, sort):
    found = filled.pages("/v1/products", limit=97, sort=sort)
    rows = visible(filled)
    last = math.inf
    keys = {"sku": lambda row: row["sku"].encode(),
            "price": lambda row: (row.get("price", last), row["sku"].encode()),
            "-price": lambda row: (-row["price"] if "price" in row else last, row["sku"].encode()),
            "newest": lambda row: (-row["created_at"], row["sku"].encode())}
    assert skus(found) == [row["sku"] for row in sorted(rows, key=keys[sort])]


@pytest.mark.parametrize("parameters", [{"q": "laptop"}, {"q": "black usb mouse", "sort": "price"}, {"q": "printer", "supplier": "HP"}])
def test_pages_of_a_text_search_have_every_hit_once(filled, parameters):
    whole = filled.get("/v1/products", limit=100, **parameters)
    assert 0 < whole["total"] <= 100
    assert len(whole["items"]) == whole["total"]
    assert skus(filled.pages("/v1/products", limit=7, **parameters)) == skus(whole["items"])


def test_products_as_everywhere_else(filled):
    for item in filled.get("/v1/products", limit=10, sort="newest")["items"]:
        assert item["product"] == filled.get(f"/v1/products/{item['product']['sku']}")


def test_an_sku_is_found_first(filled):
    for row in visible(filled)[:10]:
        items = filled.get("/v1/products", q=row["sku"].lower())["items"]
        assert items[0]["product"]["sku"] == row["sku"]


def test_highlight_shows_the_words_and_no_markup_of_the_data(filled):
    body = filled.get("/v1/products", q="mouse", limit=20)
    assert any("<em>" in item["highlight"].get("title", "") for item in body["items"])
    assert all("score" in item for item in body["items"])
    scores = [item["score"] for item in body["items"]]
    assert scores == sorted(scores, reverse=True)


def test_words_are_stemmed_and_folded(filled):
    one, many, shouted = (filled.get("/v1/products", q=q)["total"] for q in ("printer", "printers", "PRINTÉRS"))
    assert one == many == shouted > 0


def test_query_syntax_is_text(filled):
    for text in ('"', "title:*", "a AND OR", "(((", "\\", "*", "{}", "NOT", "~", "a" * 200, "äöü€😀"):
        filled.get("/v1/products", q=text)


def test_relevance_against_judgments(filled):
    """NDCG@10 over the sample's 43 judged queries. A floor, so that a change of the query that ruins it is seen."""
    grades = defaultdict(dict)
    with open(JUDGMENTS, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            grades[row["query"]][row["product_id"]] = int(row["grade"])
    shown = {row["sku"] for row in visible(filled)}
    results = []
    for query, judged in grades.items():
        ideal = sorted((grade for sku, grade in judged.items() if sku in shown), reverse=True)[:10]
        found = [judged.get(sku, 0) for sku in skus(filled.get("/v1/products", q=query, limit=10)["items"])]
        best = gain(ideal)
        if best:
            results.append(gain(found) / best)
    print(f"NDCG@10: {sum(results) / len(results):.3f} over {len(results)} queries")
    assert sum(results) / len(results) > RELEVANCE_FLOOR


RELEVANCE_FLOOR = 0.62


def gain(grades):
    return sum((2**grade - 1) / math.log2(index + 2) for index, grade in enumerate(grades))
