"""A real NiFi 1 and a real NiFi 2, each started once for all stories, and who works with them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engine_stories import Operator
from issuer import Issuer
from nifi_canvas import Canvas, engine
from nifi_certificates import Tls
from nifi_process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORDS = ["NIFI_PASSWORD", "DCACHE_PASSWORD", "KAFKA_PASSWORD", "TRUSTSTORE_PASSWORD", "RUCIO_PASSWORD", "SERVICE_TOKEN"]
WORDS += ["AWS_KEY", "AWS_SECRET", "MINIO_KEY", "MINIO_SECRET"]
SECRET = "marked-word"


@pytest.fixture(scope="session", params=["1.18.0", "2.3.0"])
def nifi(
    request: Any,
    nifi_home: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    tell: Callable[[str], None],
) -> Iterator[Process]:
    """One of them at a time; ``2.3.0-tls`` wants client certificates, ``2.3.0-oidc`` takes tokens too."""
    version, _, how = request.param.partition("-")
    folder = tmp_path_factory.mktemp("nifi")
    tls = Tls(folder / "certificates") if how else None
    with Issuer() as issuer:
        process = Process(nifi_home(version), version, folder, tls=tls, issuer=issuer if how == "oidc" else None)
        try:
            began = time.monotonic()
            process.start()
            tell(f"{process} started in {time.monotonic() - began:.0f} s, {process.memory} MB")
            if tls is not None:
                Canvas(process).allow_all(tls.owner)
            yield process
        finally:
            process.close()
    assert SECRET not in process.log


@pytest.fixture
def canvas(nifi: Process) -> Iterator[Canvas]:
    """The canvas, as empty before a test as after it."""
    one = Canvas(nifi)
    yield one
    operator = Operator(lambda: engine(nifi.url, **nifi.access), Path())
    for name in operator.names:
        operator.do(lambda asked, name=name: asked.delete(name, empty=True, keep_queues=True))
    left = [group["component"]["name"] for group in one.groups], one.contexts
    for group in one.groups:  # so that the next test is not troubled
        one.remove_group(group["id"])
    for context in one.get("/flow/parameter-contexts")["parameterContexts"]:
        operator.do(lambda asked, id_=context["id"]: asked.client.delete_context(id_))
    assert left == ([], [])
    one.http.close()


@pytest.fixture
def operator(nifi: Process, canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Somebody with dataflow files, and the words that those refer to."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    for word in WORDS:
        monkeypatch.setenv(word, f"{SECRET}-{word}")
    return Operator(lambda: engine(nifi.url, **nifi.access), tmp_path)
