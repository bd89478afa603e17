"""aiohttp's server without its client: the sandbox answers before it needs a client, if it ever does.

The package's own ``__init__`` reads both, and the client takes a seventh of a start. Here the package stands in its
place unread, so that its server can be read alone; whoever first wants a name of the client's has it read as ever.
"""

from __future__ import annotations

import re
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from threading import RLock
from typing import Any

_NAME = "aiohttp"
_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)  # all that the server wants of its package


def prefer_server() -> None:
    """Before the first import of aiohttp."""
    spec = PathFinder.find_spec(_NAME)
    if _NAME in sys.modules or spec is None or spec.loader is None:
        return
    package, lock, begun = module_from_spec(spec), RLock(), False
    loader: Any = spec.loader
    version = _VERSION.search(loader.get_source(_NAME) or "")
    if version is None:
        return

    def missing(name: str) -> Any:
        nonlocal begun
        if name.startswith("__") or PathFinder.find_spec(f"{_NAME}.{name}", package.__path__) is not None:
            raise AttributeError(name)  # a module of the package, which Python looks for next
        with lock:  # whoever comes while it is read waits
            if not begun:
                begun = True
                loader.exec_module(package)
            if name not in package.__dict__:
                raise AttributeError(name)
            return package.__dict__[name]

    package.__dict__.update(__version__=version[1], __getattr__=missing)
    sys.modules[_NAME] = package
