"""The first call: a picture goes to a service and comes back grey.

Start a sandbox first (``make demo``, or ``jupyter oscar sandbox start``), or be connected to a cluster of yours.
"""

from __future__ import annotations

from pathlib import Path

import jupyter_oscar as oscar

HERE = Path(__file__).parent

cluster = oscar.connect()
print(cluster)

if "grayify" not in cluster.services:
    cluster.deploy(HERE / "grayify" / "fdl.yaml")

job = cluster.submit("grayify", HERE / "inputs" / "lake.png")
print(job)
job.log(follow=True)
result = job.result()
print(result, "->", result.save("results")[0])
print(f"another day: oscar.connect().job({job.reference!r})")
