"""OSCAR in JupyterLab: ``import jupyter_oscar as oscar``.

Only lazy names live here. Importing the package loads nothing of ours and nothing heavy: a name is fetched from its
module when it is first asked for, so that a kernel and a server that have us installed pay only for what they use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_oscar.notebook import connect as connect
    from jupyter_oscar.notebook import errors as errors
    from jupyter_oscar.notebook.flows import flow as flow
    from jupyter_oscar.notebook.forms import form as form
    from jupyter_oscar.notebook.functions import function as function
    from jupyter_oscar.notebook.pruning import prune as prune
    from jupyter_oscar.notebook.runners import runners as runners

    __version__: str

#: Public name → the submodule that holds it.
_HOMES = {
    "connect": "notebook",
    "errors": "notebook",
    "flow": "notebook.flows",
    "form": "notebook.forms",
    "function": "notebook.functions",
    "prune": "notebook.pruning",
    "runners": "notebook.runners",
}

__all__ = ["__version__", "connect", "errors", "flow", "form", "function", "prune", "runners"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        value = _version()
    elif name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    """The version written at build time; in a bare checkout, that of the installed package, or a stand-in."""
    try:
        from jupyter_oscar._version import __version__
    except ImportError:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("jupyter-oscar")
        except PackageNotFoundError:
            return "0+unknown"
    return __version__


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-oscar"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from jupyter_oscar.server.app import JupyterOscarApp

    return [{"module": "jupyter_oscar", "app": JupyterOscarApp}]
