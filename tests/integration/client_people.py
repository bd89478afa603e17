"""People at one sandbox, as typed clients: the admin with a password, others with tokens of an identity provider."""

from __future__ import annotations

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.profiles import Profile
from jupyter_oscar.client.service import Service

ALICE, BOB, OLGA = ("alice1234567890@egi.eu", "bob1234567890@egi.eu", "olga1234567890@egi.eu")
WEB = {"api_port": [8080], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80}
SERVE = "#!/bin/sh\necho serving\nexec python3 -m http.server 8080 --bind 127.0.0.1\n"


def service(name, **more):
    return Service.model_validate({"name": name, "image": "busybox", "script": "#!/bin/sh\ntrue\n", **more})


def admin_at(box, endpoint=None):
    return Cluster(Profile("admin", endpoint or box.endpoint, Credentials(box.user, Secret(box.password))))


def person_at(box, issuer, sub, endpoint=None):
    token = Secret(issuer.token(sub, groups=["vo1"]))
    return Cluster(Profile(sub.partition("1")[0], endpoint or box.endpoint, Credentials(token=token)))


async def tidy(cluster):
    """Delete what a test left."""
    for one in await cluster.services.list():
        await cluster.services.delete(one.name)
    for bucket in await cluster.buckets.list():
        await cluster.buckets.delete(bucket.bucket_name)
