"""`orderlog audit` and the stores behind it, as the tests use them."""
import json
import subprocess

import requests

from harness import places

SECONDS = 90


def tool(shop, *words, seconds=SECONDS):
    """Runs the tool; returns (exit code, standard output, standard error)."""
    done = subprocess.run([places.TOOL, *map(str, words)], env=places.clean_environment() | shop.environment, cwd=places.FOLDER,
                          capture_output=True, text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout, done.stderr


def audit(shop, *words, seconds=SECONDS):
    """(exit code, differences, results) of an audit."""
    code, out, err = tool(shop, "audit", "--json", *words, seconds=seconds)
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines, err
    return code, [line for line in lines if "difference" in line], [line for line in lines if "holds" in line]


class Index:
    """One index of Elasticsearch, to be altered by hand."""

    def __init__(self, shop, name):
        self.url = f"{shop.environment['ORDERLOG_ELASTICSEARCH_URL']}/{shop.orderlog.prefix}-{name}"

    def any_key(self, skip=0):
        self.refresh()
        answer = requests.post(f"{self.url}/_search?size=1&from={skip}", json={"query": {"range": {"units": {"gt": 1}}}, "sort": ["_offset"]}, timeout=20)
        return answer.json()["hits"]["hits"][0]["_id"]

    def get(self, key):
        return requests.get(f"{self.url}/_doc/{key}", timeout=20).json()

    def change(self, key, **fields):
        answer = requests.post(f"{self.url}/_update/{key}", json={"doc": fields}, timeout=20)
        assert answer.status_code == 200, answer.text

    def delete(self, key):
        assert requests.delete(f"{self.url}/_doc/{key}", timeout=20).status_code == 200

    def put(self, key, document):
        answer = requests.put(f"{self.url}/_doc/{key}", json=document, timeout=20)
        assert answer.status_code in (200, 201), answer.text

    def uuid(self):
        answer = requests.get(f"{self.url}/_settings", timeout=20).json()
        return next(iter(answer.values()))["settings"]["index"]["uuid"]

    def bulk(self, documents):
        """documents: [(key, document)]"""
        lines = [json.dumps(line) for key, document in documents for line in ({"index": {"_id": key}}, document)]
        answer = requests.post(f"{self.url}/_bulk?refresh=true", data="\n".join(lines) + "\n", headers={"Content-Type": "application/x-ndjson"}, timeout=20)
        assert answer.status_code == 200 and not answer.json()["errors"], answer.text[:2000]

    def refresh(self):
        requests.post(f"{self.url}/_refresh", timeout=20)
