"""Several clusters at once: what is one's stays with it, and nothing leads from one to another."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

import jupyter_oscar as oscar
from jupyter_oscar.client.errors import InsecureEndpoint, NotOscar, OscarError
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = '#!/bin/sh\necho "{name}: $(cat "$INPUT_FILE_PATH")" > "$TMP_OUTPUT_DIR/said.txt"\n'
FDL = """
functions:
  oscar:
    - c:
        name: echo
        image: debian
        script: script.sh
        labels: {jupyter-oscar/tracked: "true"}
        input: [{path: echo/in}]
        output: [{path: echo/out}]
"""


class Two:
    """Two sandboxes as profiles ``one`` and ``two``, and every byte that was sent to each."""

    def __init__(self, boxes: dict[str, Any]) -> None:
        self.boxes = boxes
        self.sent: dict[str, list[bytes]] = {name: [] for name in boxes}

    def secrets(self, name: str) -> list[bytes]:
        box = self.boxes[name]
        pair = f"{box.user}:{box.password}".encode()
        return [box.password.encode(), b64encode(pair)]


@pytest.fixture
def two(a_sandbox: Any, odd: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "person" / "jupyter"))
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)
    both = Two({"one": a_sandbox(), "two": a_sandbox()})
    one, other = both.boxes["one"], both.boxes["two"]
    with (
        odd.losing_answers(one.endpoint, lambda said: bool(both.sent["one"].append(said))) as first,
        odd.losing_answers(other.endpoint, lambda said: bool(both.sent["two"].append(said))) as second,
    ):
        clusters = {
            name: {"endpoint": url, "auth_user": box.user, "auth_password": box.password}
            for (name, box), url in zip(both.boxes.items(), (first, second), strict=True)
        }
        (tmp_path / "person" / ".oscar-cli").mkdir(parents=True)
        (tmp_path / "person" / ".oscar-cli" / "config.yaml").write_text(
            json.dumps({"oscar": clusters, "default": "two"})
        )
        yield both


def test_one_kernel_works_on_two_clusters_at_once(two: Two, tmp_path: Path) -> None:
    assert oscar.connect().name == "two"
    clusters = {name: oscar.connect(name) for name in two.boxes}
    for name, cluster in clusters.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "fdl.yaml").write_text(FDL)
        (folder / "script.sh").write_text(SCRIPT.format(name=name))
        cluster.deploy(folder / "fdl.yaml")
    jobs = {name: [cluster.submit("echo", text=str(n)) for n in range(3)] for name, cluster in clusters.items()}
    for name, cluster in clusters.items():
        said = sorted(job.result().text.strip() for job in jobs[name])
        assert said == [f"{name}: {n}" for n in range(3)]
        assert {job.id for job in cluster.jobs} == {job.id for job in jobs[name]}
        again = oscar.connect(name).job(f"echo/{jobs[name][0].id}")
        assert again.result().text.startswith(name)
    clusters["one"].delete("echo")
    assert "echo" not in clusters["one"].services
    assert "echo" in clusters["two"].services
    for name, other in (("one", "two"), ("two", "one")):
        everything = b"".join(two.sent[name])
        assert two.secrets(name)[1] in everything
        assert not [word for word in two.secrets(other) if word in everything], "each has its own credentials only"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_cluster_that_sends_us_on_to_another_known_one_is_not_followed(two: Two, odd: Any, method: str) -> None:
    far = two.boxes["two"].endpoint
    with odd.answering(307, Location=f"{far}/system/services") as url:
        client = oscar.connect(endpoint=url, user="ada", password="MARKER").client
        before = len(two.sent["two"])
        with pytest.raises(OscarError) as refusal:
            bridge.run(client.request(method, "/system/services", what="Listing"))
        assert "MARKER" not in str(refusal.value)
        assert isinstance(refusal.value, NotOscar) or method == "POST"
    assert len(two.sent["two"]) == before


def test_a_redirect_to_the_same_place_is_followed(odd: Any, sandbox: Any) -> None:
    class Slash(odd.Passing):
        upstream = sandbox.endpoint

        def do_GET(self) -> None:  # noqa: N802 - http.server looks it up
            if self.path == "/system/services":
                self.send_response(307)
                self.send_header("Location", "/system/services?again=1")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._pass()

    with odd.serving(Slash) as url:
        assert oscar.connect(endpoint=url, user=sandbox.user, password=sandbox.password).services is not None


@pytest.mark.parametrize(
    "address", ["http://oscar.example.org", "http://10.0.0.5:8080", "http://localhost.example.org"]
)
def test_credentials_go_unencrypted_to_this_machine_only(address: str) -> None:
    with pytest.raises(InsecureEndpoint, match="unencrypted"):
        oscar.connect(endpoint=address, user="ada", password="MARKER")
