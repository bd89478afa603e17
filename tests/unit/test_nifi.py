"""What is known of a NiFi before it is asked: profiles, and what its answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from jupyter_oscar.client import nifis
from jupyter_oscar.client.credentials import Credentials, Kept, Secret, TokenStore
from jupyter_oscar.client.errors import InsecureEndpoint, NotAuthenticated, OscarError, ProfileNotFound
from jupyter_oscar.client.profiles import profiles
from jupyter_oscar.flows.engines.base import FlowState, FlowStatus
from jupyter_oscar.flows.engines.nifi import reading
from jupyter_oscar.flows.engines.nifi.errors import StaleRevision, WrongState, from_answer
from jupyter_oscar.notebook.flows import Statuses

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenStore:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return TokenStore()


def test_a_cluster_and_a_nifi_of_the_same_name_are_kept_apart(store: TokenStore) -> None:
    store.save(Kept("site", "https://oscar.example.org", Credentials("u", Secret("p"))))
    given = {"endpoint": "https://nifi.example.org/nifi-api/", "user": "u", "password": "q", "ca_bundle": "/ca.pem"}
    store.save(nifis.find("site", **given).kept())
    assert [one.endpoint for one in profiles()] == ["https://oscar.example.org"]
    found = nifis.find()
    assert (found.endpoint, found.auth, found.ca_bundle) == ("https://nifi.example.org", "password", "/ca.pem")
    assert found.canvas == "https://nifi.example.org/nifi/"
    assert "q" not in repr(found.credentials)
    assert store.forget("site", nifis.KIND)
    assert [one.name for one in store.all()] == ["site"]
    with pytest.raises(ProfileNotFound, match=r'no NiFi named "site" \(known: none\)'):
        nifis.find("site")


@pytest.mark.parametrize(
    ("given", "auth"),
    [
        ({}, "none"),
        ({"user": "u", "password": "p"}, "password"),
        ({"user": "u", "password": "p", "auth": "basic"}, "basic"),
        ({"token": "t"}, "token"),
        ({"certificate": "/c.pem", "key": "/k.pem"}, "certificate"),
    ],
)
def test_how_a_nifi_is_entered_is_told_from_what_is_given(given: dict[str, Any], auth: str) -> None:
    assert nifis.find(endpoint="https://nifi.example.org", **given).auth == auth


def test_what_is_missing_or_unsafe_is_refused_in_words() -> None:
    with pytest.raises(NotAuthenticated, match="by certificate, but a client certificate is not given"):
        nifis.find(endpoint="https://nifi.example.org", auth="certificate")
    with pytest.raises(InsecureEndpoint, match="unencrypted"):
        nifis.find(endpoint="http://nifi.example.org", user="u", password="p")
    for address in (
        "https://u:MARKER@nifi.example.org",
        "u:MARKER@nifi.example.org",
        "ftp://u:MARKER@nifi",
        "http://[@",
    ):
        with pytest.raises(InsecureEndpoint, match="holds a user or password") as caught:
            nifis.find(endpoint=address)
        assert "MARKER" not in f"{caught.value!r} {caught.value}"


def test_an_address_may_be_copied_from_the_page_of_the_canvas() -> None:
    for rest in ("", "/", "/nifi", "/nifi/?processGroupId=a-1", "/nifi/#/process-groups/a-1", "/nifi-api/"):
        assert nifis.find(endpoint=f"https://nifi.example.org/site{rest}").endpoint == "https://nifi.example.org/site"


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (400, "[5, a, x] is not the most up-to-date revision. This component appears", StaleRevision, "up-to-date"),
        (409, "Cannot delete X because Processor is running", WrongState, "Processor is running"),
        (409, "Queue not empty for 1-2-3", WrongState, "Queue not empty"),
        (403, "No applicable policies could be found.", OscarError, "Ask the NiFi's administrator"),
        (400, "<html><head><title>E</title></head><h2>HTTP ERROR 400 Invalid SNI</h2></html>", OscarError, "host name"),
        (502, "<html><style>a{}</style><h1>Bad Gateway</h1></html>", OscarError, "Bad Gateway"),
    ],
)
def test_nifis_own_words_become_ours(status: int, text: str, kind: type[OscarError], words: str) -> None:
    page = "text/html" if text.startswith("<") else "text/plain"
    error = from_answer("Trying", httpx.Response(status, text=text, headers={"Content-Type": page}))
    assert type(error) is kind or kind is OscarError
    assert words in str(error)
    assert "<" not in str(error)


def test_a_disk_on_which_nifi_stands_still_is_named() -> None:
    full = {"usedSpaceBytes": 97, "totalSpaceBytes": 100}
    half = {"usedSpaceBytes": 60, "totalSpaceBytes": 100}
    said = {"flowFileRepositoryStorageUsage": full, "contentRepositoryStorageUsage": [half]}
    assert ["97 % full" in reading.disks(said)[0], "archive.enabled=false" in reading.disks(said)[1]] == [True, True]
    assert reading.disks({"contentRepositoryStorageUsage": [{"usedSpaceBytes": 1, "totalSpaceBytes": 9}]}) == []


def test_a_cell_says_what_keeps_a_dataflow_from_going_on() -> None:
    full = FlowStatus("flow", FlowState.RUNNING, running=2, warnings=["NiFi's disk for events is 99 % full."])
    assert "99 % full" in repr(Statuses([full]))


def test_a_complaint_is_of_a_processor_by_its_name() -> None:
    said = {"id": 7, "groupId": "g", "sourceName": "InvokeOSCAR", "level": "ERROR"}
    said["message"] = "InvokeHTTP[id=fee258bb-0192] Request failed [id=1]: Connection refused"
    group, figures = {"id": "g", "component": {"name": "flow"}}, {"id": "g", "name": "flow"}
    status = reading.status(group, figures, None, [said], "https://nifi.example.org/nifi/")
    assert status.last_error == "InvokeOSCAR: Request failed [id=1]: Connection refused"


def test_of_complaints_the_newest_error_counts() -> None:
    rows = [{"id": 1, "level": "ERROR"}, {"id": 3, "level": "ERROR"}, {"id": 9, "level": "WARNING"}]
    assert reading.last(rows)["id"] == 3
    assert reading.last(rows[2:])["id"] == 9
    assert reading.last([]) == {}
