"""How a cluster is: its nodes, what is free on them, and what runs (oscar.md §1.1.2).

Three shapes are read: that of 3.7 and later, the flat one of 3.1 to 3.6, and one with ``nodes: null`` as a server
without metrics sends it. Processors are always millicores and memory is bytes, whatever a server's key is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cluster import Cluster

READY = "Ready"


class Node(BaseModel):
    """A machine of the cluster. Processors in millicores, memory in bytes; what is not told is None."""

    model_config = ConfigDict(frozen=True)
    name: str
    cpu: int | None = None
    cpu_used: int | None = None
    memory: int | None = None
    memory_used: int | None = None
    gpus: int = 0
    #: A virtual node of interLink; one without metrics is not listed at all (oscar.md §0.3 point 13).
    virtual: bool = False
    #: ``Ready``, ``NotReady``, ``Unknown``, or empty where the release does not say it.
    state: str = ""
    #: The conditions that hold, such as ``MemoryPressure``, besides being ready.
    troubles: tuple[str, ...] = ()


class Status(BaseModel):
    """A cluster at one moment; what only an admin is told is None for others."""

    model_config = ConfigDict(frozen=True)
    nodes: tuple[Node, ...] = ()
    cpu_free: int = 0
    cpu_free_on_one: int = 0
    memory_free: int = 0
    memory_free_on_one: int = 0
    gpus: int = 0
    jobs: int | None = None
    pods: dict[str, int] = Field(default_factory=dict)
    buckets: int | None = None
    objects: int | None = None

    @property
    def measured(self) -> bool:
        """Whether the cluster measures itself; where it does not, every number is 0 and says nothing."""
        return bool(self.nodes)

    def node(self, name: str) -> Node | None:
        """The node of that name, if it is listed."""
        return next((node for node in self.nodes if node.name == name), None)

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Status:
        """Out of a server's answer, in whichever shape."""
        return _new(said) if "cluster" in said else _old(said)


async def status(cluster: Cluster) -> Status:
    """Ask a cluster how it is.

    Raises:
        UpstreamFailed: it has nothing that measures it; OSCAR then says so itself.

    """
    what = f"Asking {cluster.profile.name} how it is"
    return Status.read(await cluster.json("GET", "/system/status", what=what))


def _new(said: Mapping[str, Any]) -> Status:
    machines, oscar = said.get("cluster") or {}, said.get("oscar") or {}
    metrics, minio = machines.get("metrics") or {}, said.get("minio") or {}
    cpu, memory, pods = metrics.get("cpu") or {}, metrics.get("memory") or {}, oscar.get("pods") or {}
    return Status(
        nodes=tuple(_node(node) for node in machines.get("nodes") or ()),
        cpu_free=cpu.get("total_free_cores") or 0,
        cpu_free_on_one=cpu.get("max_free_on_node_cores") or 0,
        memory_free=memory.get("total_free_bytes") or 0,
        memory_free_on_one=memory.get("max_free_on_node_bytes") or 0,
        gpus=(metrics.get("gpu") or {}).get("total_gpu") or 0,
        jobs=oscar.get("jobs_count"),
        pods=pods.get("states") or {},
        buckets=minio.get("buckets_count"),
        objects=minio.get("total_objects"),
    )


def _node(said: Mapping[str, Any]) -> Node:
    cpu, memory = said.get("cpu") or {}, said.get("memory") or {}
    held = [one.get("type", "") for one in said.get("conditions") or () if one.get("status")]
    return Node(
        name=said.get("name", ""),
        cpu=cpu.get("capacity_cores"),
        cpu_used=cpu.get("usage_cores"),
        memory=memory.get("capacity_bytes"),
        memory_used=memory.get("usage_bytes"),
        gpus=said.get("gpu") or 0,
        virtual=bool(said.get("is_interlink")),
        state=said.get("status", ""),
        troubles=tuple(one for one in held if one != READY),
    )


def _old(said: Mapping[str, Any]) -> Status:
    def node(one: Mapping[str, Any]) -> Node:
        return Node(
            name=one.get("nodeName", ""),
            cpu=_number(one.get("cpuCapacity")),
            cpu_used=_number(one.get("cpuUsage")),
            memory=_number(one.get("memoryCapacity")),
            memory_used=_number(one.get("memoryUsage")),
        )

    return Status(
        nodes=tuple(node(one) for one in said.get("detail") or ()),
        cpu_free=_number(said.get("cpuFreeTotal")) or 0,
        cpu_free_on_one=_number(said.get("cpuMaxFree")) or 0,
        memory_free=_number(said.get("memoryFreeTotal")) or 0,
        memory_free_on_one=_number(said.get("memoryMaxFree")) or 0,
    )


def _number(said: Any) -> int | None:
    """Those releases send numbers as text here and there."""
    text = str(said)
    return int(text) if text.lstrip("-").isdigit() else None
