"""Which cluster ``connect`` finds, in which order, and what it never shows."""

from __future__ import annotations

import base64
import fcntl
import json
import traceback
from typing import TYPE_CHECKING

import pytest

from jupyter_oscar.client import profiles
from jupyter_oscar.client.credentials import Credentials, Kept, Secret, TokenStore
from jupyter_oscar.client.errors import InsecureEndpoint, NoCluster, NotAuthenticated, ProfileNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
oscar:
  lab: {endpoint: "https://lab.example.org/", auth_user: oscar, auth_password: MARKER, ssl_verify: false}
  big: {endpoint: "https://big.example.org", auth_user: ada, auth_password: MARKER}
default: lab
"""


@pytest.fixture(autouse=True)
def nothing_is_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE", "STORAGE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)


@pytest.fixture
def a_config(tmp_path: Path) -> Path:
    path = tmp_path / ".oscar-cli" / "config.yaml"
    path.parent.mkdir()
    path.write_text(CONFIG)
    return path


@pytest.fixture
def a_sandbox_announces_itself(tmp_path: Path) -> Iterator[Path]:
    said = {
        "endpoint": "http://127.0.0.1:9999",
        "user": "oscar",
        "password": "MARKER",
        "data": "/x",
        "mode": "faithful",
    }
    path = tmp_path / "runtime" / "jupyter-oscar-sandbox-12345678.json"
    path.parent.mkdir()
    path.write_text(json.dumps(said))
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield path


def test_nothing_is_there_and_it_says_what_to_do() -> None:
    with pytest.raises(NoCluster, match="jupyter oscar sandbox start"):
        profiles.resolve()


def test_the_default_of_oscar_cli_comes_first(
    a_config: Path, a_sandbox_announces_itself: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSCAR_ENDPOINT", "https://pod.example.org")
    assert profiles.resolve().endpoint == "https://lab.example.org"
    assert profiles.resolve("big").credentials.user == "ada"
    assert [profile.name for profile in profiles.profiles()] == ["lab", "big", "environment", "sandbox"]


def test_then_the_environment_then_a_sandbox(a_sandbox_announces_itself: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert profiles.resolve().name == "sandbox"
    monkeypatch.setenv("OSCAR_ENDPOINT", "http://oscar.oscar:8080")
    monkeypatch.setenv("OSCAR_TOKEN", "MARKER")
    profile = profiles.resolve()
    assert profile.name == "environment"
    assert profile.credentials.header() == "Bearer MARKER"


def test_a_sandbox_that_has_died_is_not_found(a_sandbox_announces_itself: Path, tmp_path: Path) -> None:
    dead = tmp_path / "runtime" / "jupyter-oscar-sandbox-87654321.json"
    dead.write_text(a_sandbox_announces_itself.read_text())
    assert len(profiles.sandboxes()) == 1
    assert profiles.resolve().sandbox is not None


def test_what_is_said_wins_over_what_is_written(a_config: Path) -> None:
    profile = profiles.resolve("lab", user="me", password="mine")
    assert (profile.endpoint, profile.credentials.user) == ("https://lab.example.org", "me")


def test_an_unknown_name_lists_the_known_ones(a_config: Path) -> None:
    with pytest.raises(ProfileNotFound, match=r"known: \w+, \w+"):
        profiles.resolve("small")
    with pytest.raises(ProfileNotFound, match="sandbox start"):
        profiles.resolve("sandbox")


def test_a_broken_config_is_named(a_config: Path) -> None:
    a_config.write_text("oscar: [")
    with pytest.raises(ProfileNotFound, match=r"config\.yaml cannot be read"):
        profiles.resolve()


@pytest.mark.parametrize("endpoint", ["", "lab.example.org", "ftp://x", "http://"])
def test_an_address_that_is_none(endpoint: str) -> None:
    with pytest.raises(NoCluster, match="not the address"):
        profiles.resolve(endpoint=endpoint)


def test_credentials_do_not_travel_in_clear() -> None:
    with pytest.raises(InsecureEndpoint):
        profiles.resolve(endpoint="http://lab.example.org", user="a", password="b")
    with pytest.raises(InsecureEndpoint, match="Pass them as user="):
        profiles.resolve(endpoint="https://a:b@lab.example.org")


def test_a_token_file_is_read_at_every_use(tmp_path: Path) -> None:
    file = tmp_path / "token"
    profile = profiles.resolve(endpoint="https://x", token_file=file)
    with pytest.raises(NotAuthenticated, match="cannot be read"):
        profile.credentials.header()
    for token in ("one", "two"):
        file.write_text(token + "\n")
        assert profile.credentials.header() == f"Bearer {token}"


def test_no_secret_shows(a_config: Path, a_sandbox_announces_itself: Path) -> None:
    everything = [*profiles.profiles(), *profiles.sandboxes(), profiles.resolve(endpoint="https://x", token="MARKER")]
    assert "MARKER" not in repr(everything) + str(everything)


def test_equal_secrets_are_equal_and_still_not_shown() -> None:
    assert Secret("MARKER") == Secret("MARKER") != Secret("other")
    assert profiles.resolve(endpoint="https://x", token="a") == profiles.resolve(endpoint="https://x", token="a")
    assert "MARKER" not in repr({Secret("MARKER")})


def test_a_sign_in_is_kept_for_its_owner_alone_and_forgotten(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "store")
    kept = Kept("my lab/ü", "https://lab.example.org", Credentials("ada", Secret("MARKER")))
    store.save(kept)
    (file,) = store.folder.glob("*.json")
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert store.all() == [kept] == [store.get("my lab/ü")]
    assert store.forget("my lab/ü")
    assert not store.forget("my lab/ü")
    assert store.all() == []
    assert sorted(path.name for path in store.folder.iterdir()) == [".lock"], "nothing half-written"


def test_when_a_token_ends_is_read_from_it() -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1800000000}').decode().rstrip("=")
    assert Credentials(token=Secret(f"h.{claims}.s")).expires == 1800000000
    for other in ("opaque", "a.b.c", "h.e30.s"):
        assert Credentials(token=Secret(other)).expires is None
    assert Credentials("ada", Secret("x")).expires is None


def test_a_pod_says_where_its_storage_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSCAR_ENDPOINT", "http://oscar.oscar.svc.cluster.local:8080")
    assert profiles.resolve().storage is None
    monkeypatch.setenv("OSCAR_STORAGE", "http://minio.minio:9000")
    assert profiles.resolve().storage == "http://minio.minio:9000"


def test_a_traceback_of_a_damaged_file_repeats_none_of_it(a_config: Path) -> None:
    a_config.write_text("oscar: {lab: {auth_password: MARKER\n")
    with pytest.raises(ProfileNotFound, match="line 2") as refusal:
        profiles.resolve("lab")
    whole = traceback.TracebackException.from_exception(refusal.value, capture_locals=False)
    assert "MARKER" not in "".join(whole.format())
