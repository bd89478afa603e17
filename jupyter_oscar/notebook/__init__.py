"""What a cell sees: ``connect``, the cluster, its services, calls and results.

Everything here is thin: it turns blocking, interruptible, printable Python into the coroutines of ``client``, which
run on one loop thread of ours (``bridge``). Nothing here speaks HTTP, and nothing here talks to a Jupyter server.
"""

from jupyter_oscar.client import errors

from .connect import connect

__all__ = ["connect", "errors"]
