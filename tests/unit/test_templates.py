"""What the deploy page offers to start from is what lies in ``examples/``."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_examples_in_the_bundle_are_those_of_the_folder():
    bundled = json.loads((ROOT / "src" / "services" / "page" / "examples.json").read_text("utf-8"))
    for name, texts in bundled.items():
        folder = ROOT / "examples" / name
        assert texts["fdl"] == (folder / "fdl.yaml").read_text("utf-8")
        assert texts["script"] == (folder / "script.sh").read_text("utf-8")
