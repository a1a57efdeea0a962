"""The views of the sample month: proved against the log, and searchable."""
import subprocess

import pytest
import requests
from projector_shop import ALL_VIEWS, Shop

from harness import places


def test_december_is_what_the_log_says(december):
    proofs = Shop(december).prove(ALL_VIEWS)
    assert proofs["orders", "mongodb"]["documents"] == 1885
    assert proofs["orders", "mongodb"]["digest"] == proofs["orders", "elasticsearch"]["digest"]
    assert proofs["products", "mongodb"]["digest"] == proofs["products", "elasticsearch"]["digest"]


def test_text_is_stemmed_and_folded(december):
    url = december.environment["ORDERLOG_ELASTICSEARCH_URL"]
    for text, token in [("Lanterns", "lantern"), ("CAFÉ", "cafe"), ("Children's", "children")]:
        answer = requests.post(f"{url}/{december.prefix}-products-v2/_analyze", json={"field": "title", "text": text}, timeout=10)
        assert [each["token"] for each in answer.json()["tokens"]] == [token]
    answer = requests.post(f"{url}/{december.prefix}-products-v2/_search", timeout=10,
                           json={"query": {"term": {"sku.lower": "85123A"}}})
    skus = [hit["_source"]["sku"] for hit in answer.json()["hits"]["hits"]]
    assert skus and all(sku.lower() == "85123a" for sku in skus)


def test_an_unknown_field_is_refused(december):
    url = december.environment["ORDERLOG_ELASTICSEARCH_URL"]
    answer = requests.post(f"{url}/{december.prefix}-orders-v1/_doc/nobody", json={"surprise": 1}, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "strict_dynamic_mapping_exception"


@pytest.mark.parametrize("arguments, words", [(["--only", "order"], "no view"), (["--only", "carts/elasticsearch"], "carts"),
                                              (["--mongodb-uri", "mongodb://127.0.0.1:1"], "database"), (["--nonsense"], "nonsense")])
def test_wrong_usage_is_told(orderlog, arguments, words):
    done = subprocess.run([places.BUILD / "projectors" / "projectors", *arguments], env=places.clean_environment() | {"ORDERLOG_DATA_DIR": str(orderlog.folder)},
                          cwd=places.FOLDER, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and words in done.stderr
