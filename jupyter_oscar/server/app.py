"""The extension as Jupyter Server sees it: its name, its configuration (``c.JupyterOscarApp``), its life."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp


class JupyterOscarApp(ExtensionApp):
    name = "jupyter_oscar"
    description = "OSCAR in JupyterLab."
