"""The extension in a real JupyterLab in a real browser."""

import gzip
import json
from pathlib import Path

import pytest
from steps import complaints

VERSION = json.loads((Path(__file__).parents[2] / "package.json").read_text())["version"]

pytestmark = pytest.mark.browser


def test_the_plugin_is_activated_and_knows_its_settings(lab, page):
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")

    assert page.evaluate("() => window.jupyterapp.isPluginActivated('jupyter-oscar:plugin')")
    settings = page.evaluate(
        "async () => await window.jupyterapp.serviceManager.settings.fetch('jupyter-oscar:plugin')"
    )
    assert settings["schema"]["title"] == "OSCAR"
    assert settings["version"] == VERSION
    assert complaints(page) == []


def test_the_bundle_is_light_before_anything_is_opened(lab, page):
    loaded = {}
    page.on("response", lambda answer: loaded.update({answer.url: answer}) if "jupyter-oscar" in answer.url else None)
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")

    scripts = [answer for url, answer in loaded.items() if "/static/" in url]
    assert scripts
    assert sum(len(gzip.compress(answer.body())) for answer in scripts) < 60_000
