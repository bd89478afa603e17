"""What the channel says of a cluster, its services and calls where a sandbox does not get into a state."""

from __future__ import annotations

import time
from typing import Any

NOTHING: dict[str, Any] = {"code": "", "message": "", "hint": "", "upstream_status": None, "line": None}
CLUSTER: dict[str, Any] = {
    "name": "vega",
    "endpoint": "https://oscar.example.org",
    "user": "ada@example.org",
    "source": "sign-in",
    "state": "ok",
    "version": "4.1.2",
    "problem": None,
    "expires_at": None,
    "sandbox": None,
    "removable": True,
    "issuer": None,
    "client_id": None,
    "storage_problem": None,
    "storage_to_confirm": None,
}
SERVICES = [
    {"name": name, "kind": kind, "visibility": see, "image": image, "owner": "ada", "state": state, "tracked": True}
    | {"inputs": [f"{name}/in"] if kind == "async" else [], "outputs": [f"{name}/out"] if kind == "async" else []}
    for name, kind, see, image, state in (
        ("grayify", "async", "private", "ghcr.io/example/pillow:3.2", ""),
        ("cowsay", "sync", "public", "ghcr.io/example/cowsay", ""),
        ("lab", "exposed", "private", "quay.io/jupyter/scipy-notebook:latest", "running"),
        ("satellite-burned-area-segmentation", "async", "restricted", "ghcr.io/example/burned-area:1.0.4", ""),
    )
]
STATES = ("running", "pending", "queued", "done", "failed", "cancelled", "lost", "unknown")


def calls(count: int) -> list[dict[str, Any]]:
    """Calls in all states, the newest first."""
    now = time.time()
    return [
        {
            "id": f"{number:05}",
            "service": SERVICES[number % 4]["name"],
            "name": f"tile_{number:03}_of_the_northern_half.tif" if number % 3 else "cat.png",
            "created": now - 12 - 61 * number,
            "state": STATES[number] if number < len(STATES) else "done",
            "size": 1_400_000,
            "exit_code": 3 if number == STATES.index("failed") else 0,
            "seconds": 0.3 + 7.7 * number,
            "lines": "",
            "outputs": ["out.png"],
            "tracked": True,
        }
        for number in range(count)
    ]
