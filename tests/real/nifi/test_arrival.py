"""Who may send events to a dataflow that waits for its bridge."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
from engine_stories import EngineStories, Operator, eventually, service
from nifi_certificates import WORD, Authority, Certified

from jupyter_oscar.flows.errors import FlowRefused

if TYPE_CHECKING:
    from pathlib import Path

    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


def test_who_does_not_know_the_path_sends_nothing(operator: Operator, canvas: Canvas) -> None:
    with service() as oscar:
        text = EngineStories.text(oscar)
        snapshot = operator.compiled(text)
        outcome = operator.apply(snapshot)
        operator.start()
        operator.send(snapshot, "1")
        planned = operator.plan(snapshot).snapshot
        [listener] = planned.listeners
        word = planned.path(listener).rpartition("/")[2]
        for path in ("/", "/contentListener", listener.path, f"{listener.path}/", f"{listener.path}/a-guess"):
            answer = httpx.post(f"http://127.0.0.1:{listener.port}{path}", content="stray")
            assert answer.status_code in {404, 405}, path
        operator.apply(text.replace("seconds: 0", "seconds: 1"))
        assert operator.plan(snapshot).snapshot.path(listener).endswith(f"/{word}")
        operator.send(snapshot, "2")
        eventually(lambda: oscar.bodies == ["1", "2"])
        assert word not in f"{outcome} {operator.said} {operator.plan(text)} {operator.plan(text)!r}"


def test_with_a_keystore_only_the_bridge_that_is_named_sends(
    nifi: Process, operator: Operator, canvas: Canvas, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    stores = {
        "Keystore_Filename": authority.keystore(authority.certify("listener", host="localhost")),
        "Truststore_Filename": authority.truststore(),
        "Keystore_Password": WORD,
        "Truststore_Password": WORD,
    }
    port = EngineStories.port()
    source = f"x-oscar: {{port: {port}, client: CN=bridge}}\n        ssl_context: {json.dumps(stores)}"

    def post(who: Certified | None) -> int:
        trust = ssl.create_default_context(cafile=authority.bundle)
        if who is not None:
            trust.load_cert_chain(who.certificate, who.key)
        try:
            return httpx.post(f"https://localhost:{port}{listener.path}", content="1", verify=trust).status_code
        except httpx.TransportError:
            return 0

    with service() as oscar:
        snapshot = operator.compiled(EngineStories.text(oscar, source=source))
        [listener] = snapshot.listeners
        if nifi.version == "1.18.0":  # the bundle is not to be had
            with pytest.raises(FlowRefused, match="Install nifi-ssl-context-service-nar"):
                operator.apply(snapshot)
            return
        outcome = operator.apply(snapshot)
        operator.start()
        eventually(lambda: post(authority.certify("bridge")) == 200)
        assert post(None) == 0
        assert post(authority.certify("somebody")) == 403
        eventually(lambda: oscar.bodies == ["1"])
        assert WORD not in f"{outcome} {operator.said} {nifi.log}"
