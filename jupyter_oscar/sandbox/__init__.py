"""A local OSCAR on one machine.

Here lives everything that answers like an OSCAR cluster: the HTTP API, the object store (rclone over a folder), the
triggers on uploads and the supervisor that runs scripts as processes. Nothing here imports another part of
jupyter_oscar and no other part imports this folder: they meet at HTTP, so that one bug cannot pass on both sides.

A start is short because it reads little: what is first used later is read later, and values are named tuples, because a
frozen dataclass takes five times as long to define.
"""
