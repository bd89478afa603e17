"""Nobody but OSCAR writes the notifications of a cluster's buckets (DESIGN §4): asked of a sandbox before it ends.

It proves something where MinIO keeps the objects, which is where `make test-real ONLY=minio` runs these stories again:
whatever a whole file of tests did, each bucket tells of new files in the folders that are a service's input there, and
of nothing else, to nobody else. rclone's S3 knows no notifications: nothing could be written there, nothing is asked.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from minio import Minio


def untouched(endpoint: str, user: str, password: str) -> None:
    """Fail if a rule was added, changed or removed by anybody but the cluster."""
    s3 = _storage(endpoint, user, password)
    rules = {
        bucket.name: {
            (rule.queue, rule.prefix_filter_rule.value.strip("/") if rule.prefix_filter_rule else "", *rule.events)
            for rule in s3.get_bucket_notification(bucket.name).queue_config_list or ()
        }
        for bucket in s3.list_buckets()
    }
    wanted = [
        place["path"].strip("/").partition("/")[::2]
        for service in _ask(endpoint, "/system/services", user, password) or ()
        for place in service.get("input") or ()
        if place["storage_provider"] in {"minio", "minio.default"}
    ]
    for bucket, found in rules.items():
        folders = {folder for _, folder, *_ in found}
        own = {folder for name, folder in wanted if name == bucket}
        # A service has a bucket for each of its users, too.
        theirs = {folder for name, folder in wanted if bucket.startswith(f"{name}-")}
        assert own <= folders <= own | theirs, f"{bucket} tells of {folders}, and its services read {own | theirs}"
        assert all("webhook" in queue and events == ["s3:ObjectCreated:*"] for queue, _, *events in found), found


def as_bytes(bucket: str, endpoint: str, user: str, password: str) -> bytes:
    """What the storage answers of one bucket, as it came."""
    answer: bytes = _storage(endpoint, user, password)._execute("GET", bucket, query_params={"notification": ""}).data
    return answer


def _ask(endpoint: str, path: str, user: str, password: str) -> Any:
    return requests.get(endpoint + path, auth=(user, password), timeout=60).json()


def _storage(endpoint: str, user: str, password: str) -> Minio:
    store = _ask(endpoint, "/system/config", user, password)["minio_provider"]
    keys = (store["access_key"], store["secret_key"])
    return Minio(urlsplit(store["endpoint"]).netloc, *keys, secure=False, region="us-east-1")
