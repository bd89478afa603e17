"""What the cluster says about itself: info, configuration, status (oscar.md §1.1)."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from . import gojson
from .bodies import document
from .compat import before
from .gojson import GoJSONError
from .objectstore import REGION
from .replies import SANDBOX, as_json, text
from .schema import CONFIG, read
from .users import caller, credentials

if TYPE_CHECKING:
    from aiohttp import web

    from .sandbox import Sandbox

IMAGES = "allowed_image_repositories"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_KUBERNETES = "v1.34.4"
_MOST_COUNTED = 1000  # objects of a bucket (oscar.md §1.1.2)


async def info(request: web.Request) -> web.Response:
    body: dict[str, Any] = {
        "version": f"v{request.app[SANDBOX].options.version}",
        "git_commit": "sandbox",
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "kubernetes_version": _KUBERNETES,
    }
    if request.app[SANDBOX].options.serverless:
        body["serverless_backend"] = {"name": "Knative", "version": _KUBERNETES}
    return as_json(body)


def provider(sandbox: Sandbox, access_key: str, secret_key: str) -> dict[str, Any]:
    return {
        "endpoint": sandbox.s3.endpoint,
        "verify": False,
        "access_key": access_key,
        "secret_key": secret_key,
        "region": REGION,
    }


async def read_config(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    config: dict[str, Any] = {
        "name": "oscar",
        "namespace": "oscar",
        "services_namespace": "oscar-svc",
        "controller_service_account": "oscar-sa",
        "gpu_available": False,
        "interLink_available": bool(sandbox.options.virtual_node),
        "serverless_backend": "knative",
        "yunikorn_enable": False,
        "kueue_enable": False,
        "volume_enable": True,
        "oidc_groups": list(sandbox.options.trust.groups) or [""],
        "minio_quota_enabled": False,
    }
    if not sandbox.options.serverless:
        del config["serverless_backend"]
    return as_json(
        {
            "config": config,
            "minio_provider": provider(sandbox, *credentials(sandbox, caller(request))),
            IMAGES: sandbox.database.config(IMAGES, []),
        }
    )


async def write_config(request: web.Request) -> web.Response:
    """Only the list of image repositories can be set; the answer is that list, or null (wire A014-A019)."""
    if not caller(request).admin:
        return as_json("", 401)  # wire O013
    body = await document(request)
    try:
        decoded = gojson.decode(body)
        images = read(decoded, CONFIG)[IMAGES]
    except GoJSONError as error:
        return text(400, f"The configuration specification is not valid: {error}")
    given = isinstance(decoded, dict) and gojson.member(decoded, IMAGES) is not None
    request.app[SANDBOX].database.put_config(IMAGES, images)
    return as_json(images if given else None)


def _memory() -> tuple[int, int]:
    """Total and free bytes of this machine; zeros where the kernel does not say."""
    try:
        lines = open("/proc/meminfo", encoding="ascii").read().splitlines()  # noqa: PTH123, SIM115
    except OSError:
        return 0, 0
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return found.get("MemTotal", 0), found.get("MemAvailable", 0)


def _node() -> dict[str, Any]:
    cores = (os.cpu_count() or 1) * 1000
    total, free = _memory()
    used = min(cores, int(os.getloadavg()[0] * 1000))
    return {
        "name": "sandbox",
        "cpu": {"capacity_cores": cores, "usage_cores": used},
        "memory": {"capacity_bytes": total, "usage_bytes": total - free},
        "gpu": 0,
        "is_interlink": False,
        "status": "Ready",
        "conditions": [{"type": "Ready", "status": True}],
    }


def _nodes(virtual: str) -> list[dict[str, Any]]:
    """A node for this machine, and a virtual one where that is wanted: its jobs run here, with the same figures."""
    node = _node()
    if not virtual:
        return [node]
    # As a virtual kubelet tells them (wire L601).
    conditions = [
        {"type": "Ready", "status": True},
        *({"type": name, "status": False} for name in ("OutOfDisk", "MemoryPressure", "DiskPressure")),
        {"type": "NetworkUnavailable", "status": False},
        {"type": "InterlinkConnectivity", "status": True},
    ]
    return [node, node | {"name": virtual, "is_interlink": True, "conditions": conditions}]


def _metrics(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    cores, memory = ([node[what] for node in nodes] for what in ("cpu", "memory"))
    free_cores = [cpu["capacity_cores"] - cpu["usage_cores"] for cpu in cores]
    free_bytes = [one["capacity_bytes"] - one["usage_bytes"] for one in memory]
    return {
        "cpu": {
            "total_free_cores": sum(free_cores),
            "max_free_on_node_cores": max(free_cores),
            "total_schedulable_cores": sum(cpu["capacity_cores"] for cpu in cores),
            "total_schedulable_on_node_cores": max(cpu["capacity_cores"] for cpu in cores),
        },
        "memory": {
            "total_free_bytes": sum(free_bytes),
            "max_free_on_node_bytes": max(free_bytes),
            "total_schedulable_bytes": sum(one["capacity_bytes"] for one in memory),
            "max_schedulable_on_node_bytes": max(one["capacity_bytes"] for one in memory),
        },
        "gpu": {"total_gpu": 0},
    }


def _older_status(node: dict[str, Any]) -> dict[str, Any]:
    """Before 3.7 (oscar.md §1.1.2)."""
    cpu, memory = node["cpu"], node["memory"]
    cores, used = cpu["capacity_cores"], cpu["usage_cores"]
    total, taken = memory["capacity_bytes"], memory["usage_bytes"]
    detail = {
        "nodeName": node["name"],
        "cpuCapacity": str(cores),
        "cpuUsage": str(used),
        "cpuPercentage": f"{100 * used / cores:.2f}",
        "memoryCapacity": str(total),
        "memoryUsage": str(taken),
        "memoryPercentage": f"{100 * taken / (total or 1):.2f}",
    }
    free = {"cpuFreeTotal": cores - used, "cpuMaxFree": cores - used}
    return {
        "numberNodes": 1,
        **free,
        "memoryFreeTotal": total - taken,
        "memoryMaxFree": total - taken,
        "detail": [detail],
    }


async def status(request: web.Request) -> web.Response:
    """The true figures of this machine, in the recorded shape (wire A024)."""
    sandbox, who = request.app[SANDBOX], caller(request)
    nodes, trust = _nodes(sandbox.options.virtual_node), sandbox.options.trust
    if before(sandbox.options.compat, "4.0"):
        return as_json(_older_status(nodes[0]))
    states: dict[str, int] = {}  # jobs and buckets only for those who run the cluster (wire O011)
    whole = who.admin or who.uid in trust.admins
    if whole:
        counts = sandbox.database.count_jobs()
        states = {state: counts.get(state, 0) for state in ("Failed", "Pending", "Running", "Succeeded", "Unknown")}
    oscar = {
        "deployment_name": "oscar",
        "ready": True,
        "deployment": {
            "available_replicas": 1,
            "ready_replicas": 1,
            "replicas": 1,
            "creation_timestamp": sandbox.started,
            "strategy": "RollingUpdate",
            "labels": {"app": "oscar"},
        },
        "jobs_count": sum(states.values()),
        "pods": {"total": sum(states.values()), "states": states},
        "oidc": {
            "enabled": bool(trust.issuers),
            "issuers": list(trust.issuers) or [""],
            "groups": list(trust.groups) or [""],
        },
    }
    minio = {"buckets_count": 0, "total_objects": 0}
    if whole:
        buckets = await sandbox.s3.buckets()
        objects = sum([await sandbox.s3.roughly(bucket, _MOST_COUNTED) for bucket in buckets])
        minio = {"buckets_count": len(buckets), "total_objects": objects}
    cluster = {"nodes_count": len(nodes), "metrics": _metrics(nodes), "nodes": nodes}
    return as_json({"cluster": cluster, "oscar": oscar, "minio": minio})
