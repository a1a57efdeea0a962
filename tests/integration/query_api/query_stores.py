"""Fills MongoDB and Elasticsearch as the projectors do: documents, checkpoints, live versions."""
import json
import time
from urllib.parse import quote

import pymongo
import requests
from bson.int64 import Int64

from harness.places import REPOSITORY

INDEXES = REPOSITORY / "schemas" / "indexes"
KEYS = {"products": "sku", "carts": "cart_id", "orders": "id"}
TOPICS = {"products": "product", "carts": "cart", "orders": "order", "customers": "order", "sales_daily": "order"}
REQUEST_SECONDS = 20


class Stores:
    def __init__(self, orderlog):
        self.prefix = orderlog.prefix
        self.mongo = pymongo.MongoClient(orderlog.environment["ORDERLOG_MONGODB_URI"]).get_default_database()
        self.elastic = orderlog.environment["ORDERLOG_ELASTICSEARCH_URL"]
        self.session = requests.Session()
        self.uuids = {}  # of indexes: checkpoints name theirs

    # --- MongoDB ---

    def collection(self, name):
        return self.mongo[f"{self.prefix}_{name}"]

    def fill_mongo(self, view, documents, version=1):
        """documents: [(key, partition, document)]"""
        rows = [document | {"_id": key, "_offset": index, "_partition": partition, "_sequence": 1}
                for index, (key, partition, document) in enumerate(documents)]
        if rows:
            self.collection(f"{view}_v{version}").insert_many([typed(row) for row in rows])

    def go_live(self, view, version=1):
        self.collection("_views").replace_one({"_id": view}, {"_id": view, "live": version, "collection": f"{view}_v{version}"}, upsert=True)

    def checkpoint_mongo(self, view, partition, next_offset, version=1, lag_ms=0):
        row = checkpoint(view, partition, next_offset, lag_ms)
        key = f"{view}_v{version}/{partition}"
        self.collection("_checkpoints").replace_one({"_id": key}, typed(row | {"_id": key}), upsert=True)

    def mark_mongo(self, view, key, at_ms, version=1):
        """As the projectors mark a document that goes no further; at_ms None takes the mark away."""
        change = {"$set": {"_parked": {"offset": Int64(7), "at_ms": Int64(at_ms), "cause": "refused"}}} if at_ms else {"$unset": {"_parked": ""}}
        assert self.collection(f"{view}_v{version}").update_one({"_id": key}, change).matched_count == 1

    def park_mongo(self, view, key, at_ms, partition=0, version=1, skipped=0):
        name = f"{view}_v{version}"
        row = {"_id": f"{name}/{key}", "view": name, "key": key, "partition": partition, "offset": 7, "cause": "refused", "parked_at_ms": at_ms, "skipped": skipped}
        self.collection("_parked").replace_one({"_id": row["_id"]}, typed(row), upsert=True)

    def unpark_mongo(self, view, key, version=1):
        self.collection("_parked").delete_one({"_id": f"{view}_v{version}/{key}"})

    # --- Elasticsearch ---

    def request(self, method, path, body=None, **options):
        answer = self.session.request(method, self.elastic + path, data=body, headers={"Content-Type": "application/json"},
                                      timeout=REQUEST_SECONDS, **options)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()

    def index(self, name):
        return f"{self.prefix}-{name}"

    def make_checkpoints(self):
        self.request("PUT", f"/{self.index('checkpoints')}", (INDEXES / "checkpoints.json").read_text(encoding="utf-8"))

    def make_parked(self):
        self.request("PUT", f"/{self.index('parked')}", (INDEXES / "parked.json").read_text(encoding="utf-8"))

    def mark_elastic(self, view, key, at_ms, version=1):
        mark = {"offset": 7, "at_ms": at_ms, "cause": "refused"} if at_ms else None
        self.request("POST", f"/{self.index(view)}-v{version}/_update/{key}?refresh=true", json.dumps({"doc": {"_parked": mark}}))

    def park_elastic(self, view, key, at_ms, partition=0, version=1, skipped=False):
        row = {"view": f"{view}_v{version}", "index_uuid": self.uuids[view, version], "key": key, "partition": partition, "offset": 7, "cause": "refused",
               "parked_at_ms": at_ms, "redriven_to": 0, "skipped": skipped}
        self.request("PUT", f"/{self.index('parked')}/_doc/{quote(f'{view}_v{version}/{key}', safe='')}?refresh=true", json.dumps(row))

    def unpark_elastic(self, view, key, version=1):
        self.request("DELETE", f"/{self.index('parked')}/_doc/{quote(f'{view}_v{version}/{key}', safe='')}?refresh=true")

    def make_index(self, view, version=1):
        self.request("PUT", f"/{self.index(view)}-v{version}", (INDEXES / f"{view}.json").read_text(encoding="utf-8"))
        settings = self.request("GET", f"/{self.index(view)}-v{version}/_settings")
        self.uuids[view, version] = settings[f"{self.index(view)}-v{version}"]["settings"]["index"]["uuid"]
        self.request("PUT", f"/{self.index(view)}-v{version}/_alias/{self.index(view)}")

    def fill_elastic(self, view, documents, version=1):
        lines = []
        for index, (key, partition, document) in enumerate(documents):
            lines.append(json.dumps({"index": {"_id": key, "version": index + 1, "version_type": "external"}}))
            lines.append(json.dumps(document | {"_offset": index, "_partition": partition, "_sequence": 1}))
        answer = self.request("POST", f"/{self.index(view)}-v{version}/_bulk?refresh=true", "\n".join(lines) + "\n")
        assert not answer["errors"], [item for item in answer["items"] if "error" in item["index"]][:3]

    def checkpoint_elastic(self, view, partition, next_offset, version=1, lag_ms=0):
        row = checkpoint(view, partition, next_offset, lag_ms) | {"index_uuid": self.uuids[view, version]}
        self.request("PUT", f"/{self.index('checkpoints')}/_doc/{view}_v{version}%2F{partition}", json.dumps(row))


def checkpoint(view, partition, next_offset, lag_ms):
    now = int(time.time() * 1000)
    return {"topic_id": "T", "next_offset": next_offset, "epoch": 1, "next_seq": next_offset, "last_command_id": "", "last_offset": next_offset - 1,
            "log_time_ms": now - lag_ms, "updated_at_ms": now, "topic": TOPICS[view], "partition": partition}


INT32 = {"line_no", "partition", "_partition"}


def typed(value, name=None):
    """Whole numbers as the sink writes them: int64, but for the few int32."""
    if isinstance(value, dict):
        return {key: typed(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item, name) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and name not in INT32:
        return Int64(value)
    return value
