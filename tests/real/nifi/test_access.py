"""How we come in: nobody, user and password, tokens, certificates; and what we may do there."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engine_stories import EngineStories, Operator, eventually, service
from nifi_canvas import Canvas, engine
from nifi_certificates import Authority
from odd_servers import Passing, counted, serving, web_token

from jupyter_oscar.client import nifis
from jupyter_oscar.client.credentials import TokenStore
from jupyter_oscar.client.errors import InsecureEndpoint, NotAllowed, NotAuthenticated, OscarError, Unreachable
from jupyter_oscar.flows.engines.base import FlowState
from jupyter_oscar.flows.engines.nifi import NifiEngine
from jupyter_oscar.flows.plan import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from nifi_process import Process

    from jupyter_oscar.flows.engines.base import Engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


def guarded(upstream_: str, accepts: Callable[[str], bool]) -> Any:
    """Something before NiFi that lets some in, and has a log-in of its own."""

    class Guard(Passing):
        upstream = upstream_
        dropped = Passing.dropped | {"authorization"}

        def _guard(self) -> None:
            if self.path == "/nifi-api/access/token":
                said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                right = said == b"username=ada&password=right-word"
                self._say(
                    201 if right else 400,
                    web_token(4e9) if right else "The supplied username and password are not valid.",
                )
            elif accepts(self.headers.get("Authorization", "")):
                self._pass()
            else:
                self._say(401, "Unauthorized")

        def _say(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = _guard  # noqa: N815 - http.server looks them up

    return serving(Guard)


def test_who_we_are_is_told_as_that_nifi_wants_it(nifi: Process, operator: Operator) -> None:
    pair = "Basic " + base64.b64encode(b"ada:right-word").decode()
    with guarded(nifi.url, lambda said: said == pair) as url:
        for auth in ("basic", None):
            operator.make = lambda auth=auth: engine(url, user="ada", password="right-word", auth=auth)
            assert operator.names == []
        operator.make = lambda: engine(url, user="ada", password="wrong-word")
        with pytest.raises(NotAuthenticated) as caught:
            operator.status()
        assert "wrong-word" not in str(caught.value)
    with guarded(nifi.url, lambda said: said.startswith("Bearer ey")) as url:
        operator.make = lambda: engine(url, user="ada", password="right-word", auth="login")
        assert operator.names == []
        operator.make = lambda: engine(url, user="ada", password="wrong-word", auth="login")
        with pytest.raises(NotAuthenticated, match="does not take the user ada") as caught:
            operator.status()
        assert "wrong-word" not in str(caught.value)
    file = operator.folder / "token"
    file.write_text("of-today")
    with guarded(nifi.url, lambda said: said == f"Bearer {file.read_text()}") as url:
        operator.make = lambda: engine(url, token_file=str(file))
        assert operator.names == []
        file.write_text("of-tomorrow")
        assert operator.names == []


# By certificate

by_tls = pytest.mark.parametrize("nifi", ["2.3.0-tls"], indirect=True)


@by_tls
def test_a_dataflow_lives_on_a_nifi_that_wants_client_certificates(
    nifi: Process, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    assert nifi.tls is not None
    key = Path(nifi.tls.ada.key).read_text().split()[5]
    profile = nifis.find("site", endpoint=nifi.url, **nifi.access)
    TokenStore().save(profile.kept())
    operator.make = lambda: NifiEngine(nifis.find("site"))
    caplog.set_level("DEBUG")
    with service() as oscar:
        snapshot = operator.compiled(EngineStories.text(oscar))
        operator.apply(snapshot)
        assert operator.plan(snapshot).action is Action.NOTHING
        operator.start()
        operator.send(snapshot, "by certificate")
        eventually(lambda: oscar.bodies == ["by certificate"])
        assert operator.drain().state is FlowState.STOPPED
        operator.delete()
        assert operator.names == []
    shown = f"{caplog.text} {profile!r} {operator.make()!r} {operator.said} {profile.kept()!r}"
    assert key not in shown
    assert key not in "".join(path.read_text() for path in (operator.folder / "data").rglob("*.json"))


@by_tls
def test_each_certificate_that_does_not_fit_is_said_with_what_to_do(
    nifi: Process, operator: Operator, tmp_path: Path
) -> None:
    tls = nifi.tls
    assert tls is not None
    (tmp_path / "foreign").mkdir()
    stranger = Authority(tmp_path / "foreign", "stranger").certify("eve")
    expired = tls.authority.certify("late", days=-1)

    def refused(error: type[OscarError], match: str, **how: Any) -> None:
        operator.make = lambda: engine(nifi.url, **how)
        with pytest.raises(error, match=match):
            operator.status()

    bundle = {"ca_bundle": tls.authority.bundle}
    refused(Unreachable, r"self.signed certificate.*Name its certificate's authority with ca_bundle=")
    refused(NotAuthenticated, r"wants a client certificate, and none is given\. Give certificate= and key=", **bundle)
    strange = {**bundle, "certificate": stranger.certificate, "key": stranger.key}
    refused(NotAuthenticated, r"does not take the client certificate .*eve\.crt .*truststore", **strange)
    late = {**bundle, "certificate": expired.certificate, "key": expired.key}
    refused(NotAuthenticated, r"late\.crt expired on \d{4}-.*renewed", **late)
    mixed = {**bundle, "certificate": tls.ada.certificate, "key": stranger.key}
    refused(InsecureEndpoint, r"ada\.crt cannot be used: key values mismatch", **mixed)
    refused(InsecureEndpoint, r"nowhere\.pem cannot be read: no such file", ca_bundle="nowhere.pem", auth="none")
    other = nifi.url.replace("localhost", "127.0.0.1")
    operator.make = lambda: engine(other, **nifi.access)
    with pytest.raises(Unreachable, match="use the name that is in it"):
        operator.status()


@by_tls
def test_who_may_only_look_can_plan_and_is_told_before_anything_is_touched(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    tls = nifi.tls
    assert tls is not None
    operator.make = lambda: engine(nifi.url, **tls.access(tls.reader))
    with service() as oscar:
        text = EngineStories.text(oscar)
        with pytest.raises(NotAllowed, match=r"(?s)policies"):
            operator.plan(text)
        canvas.allow("CN=reader", "read /flow", f"read /process-groups/{canvas.root}", "read /parameter-contexts")
        assert operator.plan(text).action is Action.CREATE
        with pytest.raises(NotAllowed, match=r"you may look at its canvas, but not change it\. Nothing was done"):
            operator.apply(text)
        assert canvas.empty
        reader, operator.make = operator.make, lambda: engine(nifi.url, **nifi.access)
        operator.apply(text)
        operator.make = reader
        assert operator.plan(text).action is Action.NOTHING
        changed = text.replace("seconds: 0", "seconds: 9")
        acts: list[Callable[[], Any]] = [operator.start, operator.stop, operator.drain, operator.delete]
        for act in (*acts, lambda: operator.apply(changed)):
            with pytest.raises(NotAllowed, match=r"you may look at the dataflow flow, but not change it.*Ask"):
                act()
        status = operator.status()
        assert status is not None
        assert status.state is FlowState.STOPPED
        assert operator.plan(text).action is Action.NOTHING


@pytest.mark.parametrize("nifi", ["2.3.0-oidc"], indirect=True)
def test_a_token_of_its_identity_provider_opens_a_nifi(nifi: Process, operator: Operator, canvas: Canvas) -> None:
    assert nifi.tls is not None
    assert nifi.issuer is not None
    issuer, bundle = nifi.issuer, nifi.tls.authority.bundle
    canvas.allow_all("alice")
    canvas.allow("alice", "read /flow")
    file = operator.folder / "token"
    operator.make = lambda: engine(nifi.url, token_file=str(file), ca_bundle=bundle)
    file.write_text(issuer.token("alice"))
    with service() as oscar:
        text = EngineStories.text(oscar)
        operator.apply(text)
        file.write_text(issuer.token("alice", exp=1.0))
        with pytest.raises(NotAuthenticated):
            operator.status()
        file.write_text(issuer.token("alice"))
        operator.delete()
    operator.make = lambda: engine(nifi.url, ca_bundle=bundle)
    with pytest.raises(NotAuthenticated):
        operator.status()


# A proxy that lets nobody write


def test_behind_a_proxy_that_refuses_every_change_plans_are_made_and_nothing_is_left(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    with service() as oscar, counted(nifi.url) as (url, desk):
        text = EngineStories.text(oscar)
        through: Callable[[], Engine] = lambda: engine(url)  # noqa: E731
        desk.refuse = lambda said: None if said.startswith("GET ") else 403

        def refused(act: Callable[[], Any]) -> None:
            desk.asked.clear()
            with pytest.raises(NotAllowed, match=r"not now.*policies") as caught:
                act()
            # Nothing was changed, so there is nothing to undo.
            assert not getattr(caught.value, "__notes__", ())

        operator.make, direct = through, operator.make
        assert operator.plan(text).action is Action.CREATE
        refused(lambda: operator.apply(text))
        assert desk.count("(?!GET ).*") == 1
        assert canvas.empty
        operator.make = direct
        operator.apply(text)
        operator.make = through
        for act in (operator.start, operator.stop, operator.delete):
            refused(act)
        refused(lambda: operator.apply(text.replace("word-of", "another-word-of")))
        refused(lambda: operator.apply(text.replace("seconds: 0", "seconds: 9")))
        operator.make = direct
        assert operator.plan(text.replace("word-of", "another-word-of")).action is Action.CHANGE
