"""A document that a fold has deleted stays deleted, whatever comes late or again: in MongoDB, and in Elasticsearch, which itself forgets a deleted document's
version after index.gc_deletes."""
import json

import pytest
import requests

from harness import wait

SINKS = ("mongodb", "elasticsearch")
SECONDS = 40
FORGETS_AFTER = "100ms"


def write(shop, word, sink, key, offset, previous):
    """What the sink says of one write: a word of its port."""
    return json.loads(shop.drill("--", word, sink, key, offset, previous).stdout)["result"]


def show(shop, sink, key):
    found = json.loads(shop.drill("show", sink, key).stdout)
    return found["offset"], found["deleted"]


def index_of(shop):
    return f"{shop.environment['ORDERLOG_ELASTICSEARCH_URL']}/{shop.orderlog.prefix}-orders-v99"


def forget_soon(shop):
    answer = requests.put(f"{index_of(shop)}/_settings", json={"index": {"gc_deletes": FORGETS_AFTER}}, timeout=SECONDS)
    assert answer.status_code == 200, answer.text


def await_forgotten(shop):
    """Elasticsearch has forgotten the versions of what was deleted until now: shown on a document that is deleted in its own way."""
    def put(version):
        return requests.put(f"{index_of(shop)}/_doc/probe", params={"version": version, "version_type": "external"},
                            json={"_offset": version, "_partition": 0, "_sequence": 1}, timeout=SECONDS).status_code
    assert put(50) in (200, 201)
    assert requests.delete(f"{index_of(shop)}/_doc/probe", params={"version": 60, "version_type": "external"}, timeout=SECONDS).status_code == 200
    # The late write is taken, which is what must not happen to ours.
    wait.until(lambda: put(55) in (200, 201), SECONDS, "Elasticsearch forgets")
    assert requests.delete(f"{index_of(shop)}/_doc/probe", params={"version": 61, "version_type": "external"}, timeout=SECONDS).status_code == 200


def late_writes(shop, sink, key):
    """A batch that was on its way when the document was deleted, and the batches before it once more. The deletion itself once more is fine."""
    assert write(shop, "delete", sink, key, 9, 5) in ("stale", "done")
    return [write(shop, "put", sink, key, 7, 5), write(shop, "put", sink, key, 5, -1), write(shop, "put", sink, key, 8, -1)]


@pytest.mark.seconds(240)
@pytest.mark.parametrize("sink", SINKS)
def test_a_late_write_does_not_bring_a_document_back(new_shop, sink):
    shop = new_shop(f"late-{sink}")
    assert write(shop, "put", sink, "k", 5, -1) == "done"
    assert write(shop, "delete", sink, "k", 9, 5) == "done"
    assert show(shop, sink, "k") == (9, True)
    assert late_writes(shop, sink, "k") == ["stale"] * 3
    if sink == "elasticsearch":
        forget_soon(shop)
        await_forgotten(shop)
        assert late_writes(shop, sink, "k") == ["stale"] * 3
    assert show(shop, sink, "k") == (9, True)
    # What comes after the deletion is a new document.
    assert write(shop, "put", sink, "k", 12, 9) == "done"
    assert show(shop, sink, "k") == (12, False)
    assert late_writes(shop, sink, "k") == ["stale"] * 3
    assert show(shop, sink, "k") == (12, False)


def searched(shop):
    """The ids of documents as queries see them."""
    query = {"size": 5000, "_source": False, "query": {"bool": {"must_not": [{"term": {"_deleted": True}}]}}}
    answer = requests.post(f"{index_of(shop)}/_search", json=query, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return {hit["_id"] for hit in answer.json()["hits"]["hits"]}


def forget_checkpoints(shop):
    """The next projection takes every batch again."""
    url = f"{shop.environment['ORDERLOG_ELASTICSEARCH_URL']}/{shop.orderlog.prefix}-checkpoints"
    assert requests.post(f"{url}/_refresh", timeout=SECONDS).status_code == 200
    answer = requests.post(f"{url}/_delete_by_query", params={"refresh": "true"}, json={"query": {"match_all": {}}}, timeout=SECONDS)
    assert answer.status_code == 200 and answer.json()["deleted"] > 0, answer.text


@pytest.mark.seconds(240)
def test_a_fold_that_deletes_holds_when_all_batches_come_again(new_shop):
    shop = new_shop("deleting")
    shop.feed(600)
    shop.drill("project", "deleting", "elasticsearch")
    forget_soon(shop)
    before = searched(shop)
    total = requests.get(f"{index_of(shop)}/_count", timeout=SECONDS).json()["count"]
    assert 100 < len(before) < total - 100  # many were deleted, and are kept as marks
    await_forgotten(shop)
    forget_checkpoints(shop)
    shop.drill("project", "deleting", "elasticsearch")
    assert searched(shop) == before
    proof = json.loads(shop.drill("prove", "deleting", "elasticsearch").stdout)
    assert proof["equal"] and proof["holds"], proof
    # And as the log goes on.
    shop.feed(300, "--seed", 2)
    shop.drill("project", "deleting", "elasticsearch")
    proof = json.loads(shop.drill("prove", "deleting", "elasticsearch").stdout)
    assert proof["equal"] and proof["holds"], proof
