"""What `make` says and remembers, before there is anything installed."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """checkout.py as if it lay in an empty folder."""
    specification = importlib.util.spec_from_file_location("checkout", ROOT / "checkout.py")
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "checkout", module)
    specification.loader.exec_module(module)
    for name in ("ROOT", "BUILD", "LOGS", "DIST", "BUNDLE"):
        monkeypatch.setattr(module, name, tmp_path / getattr(module, name).relative_to(ROOT))
    monkeypatch.setattr(module, "BUILT", {module.BUNDLE})
    return module


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("NewConnectionError('… [Errno 111] Connection refused')", "package index that cannot be reached"),
        ("RequestError: getaddrinfo ENOTFOUND", "package index that cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("RequestError: self-signed certificate in certificate chain", "certificate that this machine does not trust"),
        ("SyntaxError: what is this", "SyntaxError: what is this"),
    ],
)
def test_a_failed_step_ends_in_a_sentence_that_names_its_log(checkout, capsys, log, said):
    with pytest.raises(checkout.Stop, match=said) as stop:
        checkout.run("installing it", [sys.executable, "-c", f"print({log!r}); raise SystemExit(1)"], "it", {})
    assert "build/logs/it.log" in str(stop.value)
    assert "Traceback" not in str(stop.value)
    assert "failed" in capsys.readouterr().out


def test_a_second_one_is_told_who_was_first(checkout):
    holder = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('4711', file=file, flush=True); print(flush=True); input()"
    )
    checkout.BUILD.mkdir()
    first = subprocess.Popen(
        [sys.executable, "-c", holder, str(checkout.BUILD / "demo.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    first.stdout.readline()
    with pytest.raises(checkout.Stop, match=r"Another make demo is running \(process 4711\)\."):
        checkout.lock("demo", "Another make demo is running", wait=False).__enter__()
    first.communicate(b"\n")
    with checkout.lock("demo", "Another make demo is running", wait=False):
        pass


def test_checks_run_two_at_a_time_and_what_each_says_stands_together(checkout, tmp_path, capsys):
    """Each waits for the other and then finds fault, in several lines."""
    meet = (
        "import pathlib, sys, time; me, other = map(pathlib.Path, sys.argv[1:]); me.touch()\n"
        "while not other.exists(): time.sleep(0.01)\n"
        "for line in range(3): print(f'{me.name} {line}', flush=True)\n"
        "sys.exit(1)"
    )
    environment = SimpleNamespace(bin=Path(sys.executable).parent, env={})
    checks = {one: ["python", "-c", meet, str(tmp_path / one), str(tmp_path / other)] for one, other in ("ab", "ba")}
    said = []
    assert checkout.check(environment, checks, meanwhile=lambda: said.append("installing")) == ["a", "b"]
    out = capsys.readouterr().out
    assert re.sub(r"\d+ s", "N s", out).split("\n") == [
        *("a … failed, N s  ", "a 0", "a 1", "a 2", ""),
        *("b … failed, N s  ", "b 0", "b 1", "b 2", "", ""),
    ]
    assert said == ["installing"]


def test_only_sources_count_as_a_change(checkout, tmp_path):
    package = checkout.BUNDLE.parent
    checkout.BUNDLE.mkdir(parents=True)
    (package / "__pycache__").mkdir()
    (package / "app.py").write_text("1")
    before = checkout.digest([package])

    (checkout.BUNDLE / "bundle.js").write_text("built")
    (package / "__pycache__" / "app.pyc").write_text("built")
    assert checkout.digest([package]) == before
    (package / "app.py").write_text("2")
    assert checkout.digest([package]) != before


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        *[(version, False) for version in ("", "v18.20.0", "v20.18.1", "v21.7.0", "v22.11.0")],
        *[(version, True) for version in ("v20.19.0", "v22.12.0", "v24.0.0")],
    ],
)
def test_an_old_node_counts_as_none(checkout, tmp_path, version, enough):
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o755)
    assert checkout.node_is_new_enough({"PATH": str(tmp_path)}) is enough


def test_every_target_of_the_makefile_is_explained_and_there(checkout):
    makefile = (ROOT / "Makefile").read_text()
    explained = set(re.findall(r"^([a-z-]+): ## .", makefile, re.MULTILINE)) - {"help"}
    assert explained == set(checkout.TARGETS)
    assert re.search(rf"^{' '.join(checkout.TARGETS)}:$", makefile, re.MULTILINE)
