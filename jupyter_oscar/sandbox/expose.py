"""What the ``expose`` part of a service asks for: its port, its prefix, its health, and what Kubernetes refuses of it.

One machine has one port of a number and no autoscaler, so every exposed service runs as one process, whatever
``min_scale``, ``max_scale`` and ``cpu_threshold`` say; they must still be such that a real cluster takes them.
"""

from __future__ import annotations

from typing import Any

OWN_COMMAND = (
    "This service asks for its image's own command (default_command: true), which the sandbox cannot run because it "
    "works without images: leave default_command out and start the program in the script, start the sandbox with "
    "--runtime podman, or use a real cluster."
)


def is_exposed(spec: dict[str, Any]) -> bool:
    """A first port of 0 means not exposed (oscar.md §6.1)."""
    return port_of(spec) > 0


def port_of(spec: dict[str, Any]) -> int:
    """Only the first port is reached by URL (oscar.md §6.2)."""
    ports = spec["expose"].get("api_port") or [0]
    return int(ports[0])


def is_routed(spec: dict[str, Any]) -> bool:
    """A node port instead of a route: then there is no URL (oscar.md §6.1)."""
    nodes = spec["expose"].get("nodePort") or [0]
    return is_exposed(spec) and not nodes[0]


def prefix_of(name: str) -> str:
    return f"/system/services/{name}/exposed"


def health_path(spec: dict[str, Any]) -> str:
    """Where the probe asks: behind the prefix when the service gets it too, unless ``probe_mode`` is direct."""
    expose = spec["expose"]
    path = "/" + str(expose["health_path"]).lstrip("/")
    if expose["rewrite_target"] and expose.get("probe_mode", "") != "direct":
        return f"{prefix_of(spec['name'])}{path}"
    return path


def scale_refusal(spec: dict[str, Any]) -> str | None:
    """What the API server says of the autoscaler, and so OSCAR of the service (wire X001); None when it is fine."""
    if not is_exposed(spec):
        return None
    expose, found = spec["expose"], []
    least, most, load = expose["min_scale"], expose["max_scale"], expose["cpu_threshold"]
    if least < 1:
        found.append(f"spec.minReplicas: Invalid value: {least}: must be greater than or equal to 1")
    if most < 1:
        found.append(f"spec.maxReplicas: Invalid value: {most}: must be greater than 0")
    if most < least:
        found.append(f"spec.maxReplicas: Invalid value: {most}: must be greater than or equal to `minReplicas`")
    if load < 1:
        where = "spec.metrics[0].resource.target.averageUtilization"
        found.append(f"{where}: Invalid value: {load}: must be greater than 0")
    if least == 0:
        need = "must specify at least one Object or External metric to support scaling to zero replicas"
        found.append(f"spec.metrics: Forbidden: {need}")
    if not found:
        return None
    name = spec["name"]
    what = f"[{', '.join(found)}]" if len(found) > 1 else found[0]
    return (
        f"error creating deployment for exposed service '{name}': "
        f'HorizontalPodAutoscaler.autoscaling "{name}-hpa" is invalid: {what}'
    )
