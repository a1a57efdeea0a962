"""The log in the hands of others: two registry clients that share no code with ours decode every record, judge it by the
ledger's rule, and add up the month's figures to the last digit."""
import json
import subprocess

import pytest

from harness import log, places
from harness.figures import Figures, comparable

MONTH = "2010-12"
NODE_SECONDS = 100


@pytest.fixture(scope="module")
def expected():
    return comparable(json.loads((places.SAMPLE / "expected.json").read_text(encoding="utf-8"))[MONTH])


@pytest.mark.seconds(400)
def test_confluents_python_client(december, expected):
    figures, documents = Figures(), set()
    for topic in ("order", "product"):
        for commit in log.commits(december, topic):
            for event in commit["events"]:
                figures.add(event)
            if not commit["stream_id"].startswith(("product-", "stock-")):
                assert commit["stream_id"] not in documents, "an invoice is in the log twice"
                documents.add(commit["stream_id"])
    assert figures.result() == expected


@pytest.mark.seconds(400)
def test_kafkajs(december, expected):
    """tests/node/decode_figures.js prints its figures as one JSON object, amounts as strings of whole 1/10000."""
    done = subprocess.run(
        ["node", places.REPOSITORY / "tests" / "node" / "decode_figures.js", december.environment["ORDERLOG_KAFKA_BROKERS"],
         december.environment["ORDERLOG_SCHEMA_REGISTRY_URL"], december.topic("order"), december.topic("product")],
        env=places.clean_environment(), capture_output=True, text=True, timeout=NODE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.pop("fences") >= 2  # of each topic at least the first owner's
    figures = {name: int(value) if isinstance(value, str) else value for name, value in answer.items()}
    figures["sale_value_by_country_top_3"] = [[name, int(value)] for name, value in figures["sale_value_by_country_top_3"]]
    assert figures == expected


@pytest.mark.seconds(400)
def test_every_record_carries_its_cloudevent_headers(december):
    """Who doesn't decode can still route: the CloudEvents binding's headers are on every record, and no two have the same id."""
    ids, records, commits = set(), 0, 0
    for message in log.records(december.environment["ORDERLOG_KAFKA_BROKERS"], december.topic("order")):
        headers = dict(message.headers() or [])
        assert {"ce_specversion", "ce_type", "ce_id", "ce_source"} <= set(headers), headers
        assert headers["ce_specversion"] == b"1.0"
        if headers["ce_type"] != b"fence":
            assert headers["ce_type"].startswith(b"orderlog.") and headers["ce_subject"], headers
            assert headers["ce_time"].startswith(b"20"), headers
            commits += 1
        records += 1
        ids.add(headers["ce_id"])
    assert commits == 1_885 and len(ids) == records > commits
