"""The wheel as a stranger installs it: what is in it, what it needs, what it wakes up; the oldest set and the newest.

`make test` names the wheel in JUPYTER_OSCAR_WHEEL. The newest supported JupyterLab is the one in the environment that
runs the tests; the oldest set gets an environment of its own, with every dependency at its floor.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
VERSION = json.loads((ROOT / "package.json").read_text())["version"]
DATA = f"jupyter_oscar-{VERSION}.data/data"
SDIST = f"jupyter_oscar-{VERSION}.tar.gz"
LABEXTENSION = f"{DATA}/share/jupyter/labextensions/jupyter-oscar"
HEAVY = {"httpx", "pydantic", "ipywidgets", "obstore", "s3fs", "tornado", "jupyter_server", "aiobotocore", "minio"}

pytestmark = pytest.mark.timeout(300)  # the oldest set is fetched


@pytest.fixture(scope="module")
def wheel():
    name = os.environ.get("JUPYTER_OSCAR_WHEEL")
    if not name:
        pytest.skip("JUPYTER_OSCAR_WHEEL names no wheel: make test builds one and does")
    return Path(name)


@pytest.fixture(scope="module")
def metadata(wheel):
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


class Place:
    """A Python environment to ask questions of, in a home of its own and with no node on the path."""

    def __init__(self, prefix, home):
        self.bin = Path(prefix) / "bin"
        self.env = {"HOME": str(home), "PATH": str(self.bin), "NO_COLOR": "1", "PYTHONSAFEPATH": "1"}
        self.home = home

    def run(self, *command):
        program = [str(self.bin / command[0]), *command[1:]]
        done = subprocess.run(program, cwd=self.home, env=self.env, capture_output=True, text=True, check=False)
        text = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
        assert done.returncode == 0, text
        return text


@pytest.fixture(scope="module")
def oldest(wheel, metadata, tmp_path_factory):
    """Lab 4.4 and the floor of every dependency, chosen by uv (pip takes minutes); nothing is built, without node."""
    home = tmp_path_factory.mktemp("oldest")
    floors = home / "floors.txt"
    floors.write_text("\n".join(floor(line) for line in metadata.get_all("Requires-Dist") if "extra ==" not in line))
    venv.create(home / "venv", symlinks=True, with_pip=False)
    place = Place(home / "venv", home)
    env = {name: value for name, value in os.environ.items() if name.startswith("UV_") or name == "HOME"}
    if os.environ.get("PIP_CERT"):  # the authority that this machine's packages are fetched by
        env["SSL_CERT_FILE"] = os.environ["PIP_CERT"]
    uv = [str(Path(sys.prefix) / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(place.bin / "python")]
    done = subprocess.run(
        [*uv, "--only-binary=:all:", "-c", str(floors), str(wheel), "jupyterlab==4.4.*"],
        env={**env, "PATH": str(place.bin)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture(scope="module")
def newest(tmp_path_factory):
    if not shutil.which("jupyter-lab", path=str(Path(sys.prefix) / "bin")):
        pytest.skip("JupyterLab is not in this environment: pip install 'jupyter-oscar[lab]'")
    return Place(sys.prefix, tmp_path_factory.mktemp("newest"))


@pytest.fixture(params=["oldest", "newest"])
def place(request):
    return request.getfixturevalue(request.param)


def floor(requirement):
    name, version = re.match(r"([\w.-]+)[^>;]*>=([\w.]+)", requirement).groups()
    return f"{name}=={version}.*"


def test_the_tests_run_against_the_installed_wheel(wheel):
    import jupyter_oscar

    assert not Path(jupyter_oscar.__file__).is_relative_to(ROOT / "jupyter_oscar")
    with ZipFile(wheel) as archive:
        assert archive.read("jupyter_oscar/__init__.py") == Path(jupyter_oscar.__file__).read_bytes()


def test_the_wheel_holds_both_halves_and_nothing_of_the_workshop(wheel):
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "jupyter_oscar/__init__.py",
        "jupyter_oscar/_version.py",
        "jupyter_oscar/py.typed",
        f"{DATA}/etc/jupyter/jupyter_server_config.d/jupyter_oscar.json",
        f"{LABEXTENSION}/install.json",
        f"{LABEXTENSION}/package.json",
        f"{LABEXTENSION}/schemas/jupyter-oscar/plugin.json",
        f"{LABEXTENSION}/static/style.js",
        f"{LABEXTENSION}/static/third-party-licenses.json",
    } <= names
    assert any(re.fullmatch(rf"{LABEXTENSION}/static/remoteEntry\.\w+\.js", name) for name in names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {"jupyter_oscar", f"jupyter_oscar-{VERSION}.data", f"jupyter_oscar-{VERSION}.dist-info"}
    assert not [name for name in names if name.endswith((".ts", ".map", ".pyc"))]
    assert not [
        name for name in names if name.startswith(("jupyter_oscar/labextension", "jupyter_oscar/server/config"))
    ]


def test_the_wheel_is_small_and_pure(wheel):
    assert wheel.name == f"jupyter_oscar-{VERSION}-py3-none-any.whl"
    assert wheel.stat().st_size < 1_000_000


def test_the_sdist_builds_the_same_wheel_without_node(wheel, tmp_path):
    pytest.importorskip("hatchling", reason="the build tools are not in this environment: make test installs them")
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
    for command in (
        ["hatchling", "build", "-t", "sdist", "-d", str(tmp_path)],
        ["pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), f"{tmp_path}/{SDIST}"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with ZipFile(wheel) as first, ZipFile(tmp_path / wheel.name) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())


def test_jupyterlab_is_needed_only_where_asked_for(metadata):
    needs = metadata.get_all("Requires-Dist")
    assert not [line for line in needs if line.startswith("jupyterlab") and "extra ==" not in line]
    assert {"all", "cwl", "flows", "lab"} <= set(metadata.get_all("Provides-Extra"))


def test_the_labextension_is_enabled_and_fits(place):
    said = place.run("jupyter", "labextension", "list")
    assert re.search(rf"jupyter-oscar v{re.escape(VERSION)} enabled OK \(python, jupyter-oscar\)", said), said


def test_the_server_extension_is_enabled_and_valid(place):
    said = place.run("jupyter", "server", "extension", "list")
    assert f"jupyter_oscar enabled - Validating jupyter_oscar... jupyter_oscar {VERSION} OK" in " ".join(
        said.split()
    ), said


def test_nothing_that_the_wheel_brings_contradicts_another(oldest):
    pip = [sys.executable, "-m", "pip", "--python", str(oldest.bin / "python"), "check"]
    done = subprocess.run(pip, env=oldest.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_import_loads_nothing_heavy(place):
    said = place.run("python", "-c", "import sys, jupyter_oscar; print(*sys.modules)")
    loaded = {name.split(".")[0] for name in said.split()}
    assert "jupyter_oscar" in loaded
    assert not loaded & HEAVY


def test_every_public_name_is_there_when_asked_for(place):
    ask = "import jupyter_oscar as o; print([n for n in dir(o) if getattr(o, n, None) is None], o.__version__)"
    assert place.run("python", "-c", ask).strip() == f"[] {VERSION}"


def test_the_command_line_answers_both_ways(place):
    assert "Usage:" in place.run("jupyter-oscar", "--help")
    assert "Usage:" in place.run("jupyter", "oscar", "--help")
