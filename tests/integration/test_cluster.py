"""A cluster on good and bad days: what is deployed, what is refused, what a person reads when it does not answer."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sandbox_user import new_name

import jupyter_oscar as oscar
from jupyter_oscar.client.errors import (
    AlreadyExists,
    BucketNotFound,
    FdlError,
    InsecureEndpoint,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotOscar,
    ObjectNotFound,
    OscarError,
    SecretWouldBeBlanked,
    ServiceNotFound,
    Unreachable,
    UpstreamFailed,
)
from jupyter_oscar.client.service import Service
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jupyter_oscar.notebook.cluster import Cluster


@pytest.fixture
def at() -> Iterator[Callable[..., Cluster]]:
    """Connects to an address, with a password that is wrong unless it is given."""
    made = []

    def connect(endpoint: str, password: str = "MARKER") -> Cluster:
        made.append(oscar.connect(endpoint=endpoint, user="oscar", password=password))
        return made[-1]

    yield connect
    for one in made:
        one.close()


def fdl(folder: Path, *services: str) -> Path:
    (folder / "script.sh").write_text("#!/bin/sh\ntrue\n")
    items = "".join(f"    - c: {{image: busybox, script: script.sh, {service}}}\n" for service in services)
    (folder / "fdl.yaml").write_text(f"functions:\n  oscar:\n{items}")
    return folder / "fdl.yaml"


def bucket_names(cluster: Cluster) -> list[str]:
    """All but the one that other tests' calls may have made for their records."""
    names = [bucket.bucket_name for bucket in bridge.run(cluster.client.buckets.list())]
    return [name for name in names if not name.startswith("oscar-calls-")]


def minimal(name: str, **more: Any) -> Service:
    return Service.model_validate({"name": name, "image": "busybox", "script": "#!/bin/sh\ntrue\n", **more})


def test_it_says_what_it_is(sandbox: Any, cluster: Cluster) -> None:
    assert cluster.info["version"] == "v4.1.2"
    assert bridge.run(cluster.client.info()).release == (4, 1, 2)
    assert bridge.run(cluster.client.healthy())
    assert bridge.run(cluster.client.config()).minio_provider.region == "us-east-1"


def test_services_are_listed_as_text_and_as_escaped_html(sandbox: Any, cluster: Cluster) -> None:
    assert "No services on" in repr(cluster.services)
    bridge.run(cluster.client.services.create(minimal("plain", image="<script>alert(1)</script>")))
    assert repr(cluster.services) == "plain  sync · private · <script>alert(1)</script>"
    shown = cluster.services._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert cluster.services["plain"].owner == "cluster_admin"
    with pytest.raises(ServiceNotFound, match='No service "gone"'):
        _ = cluster.services["gone"]


def test_several_services_of_one_file_are_deployed(cluster: Cluster, tmp_path: Path) -> None:
    one, two = new_name("one"), new_name("two")
    made = cluster.deploy(fdl(tmp_path, f"name: {one}, input: [{{path: {one}/in}}]", f"name: {two}"))
    assert [service.name for service in made] == [one, two]
    assert len(made[0].token.get_secret_value()) == 64


def test_nothing_is_created_from_a_file_whose_second_service_exists(
    sandbox: Any, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.deploy(fdl(tmp_path, "name: two"))
    file = fdl(tmp_path, "name: one", "name: two")
    with pytest.raises(FdlError, match=r'fdl.yaml:4: a service named "two" exists .*update=True'):
        cluster.deploy(file)
    assert list(cluster.services) == ["two"]
    assert [service.name for service in cluster.deploy(file, update=True)] == ["one", "two"]


def test_what_was_made_is_removed_when_the_next_one_fails(sandbox: Any, cluster: Cluster, tmp_path: Path) -> None:
    """Only the cluster itself knows that it cannot do what the second service wants."""
    far = "output: [{path: x/y, storage_provider: s3.far}], storage_providers: {s3: {far: {}}}"
    file = fdl(tmp_path, "name: one, input: [{path: both/in}]", f"name: two, {far}")
    with pytest.raises(UpstreamFailed, match=r"only .minio\.default., not .s3\.far.*It was not stored"):
        cluster.deploy(file)
    assert list(cluster.services) == []
    assert bucket_names(cluster) == []


def test_an_update_that_would_blank_a_secret_is_refused(cluster: Cluster) -> None:
    name = new_name()
    services = cluster.client.services
    made = bridge.run(services.create(minimal(name, environment={"secrets": {"KEY": "MARKER"}})))
    with pytest.raises(SecretWouldBeBlanked, match="KEY") as caught:
        bridge.run(services.update(minimal(name, cpu="0.5")))
    assert "MARKER" not in str(caught.value)
    stored = bridge.run(services.update(minimal(name, cpu="0.5", environment={"secrets": {"KEY": "new"}})))
    assert (stored.cpu, stored.owner) == ("0.5", made.owner)
    with pytest.raises(ServiceNotFound):
        bridge.run(services.update(minimal("gone")))


def test_a_cell_changes_looks_and_deletes(cluster: Cluster, tmp_path: Path) -> None:
    """Everything that a person does with a service after it was deployed, and what each says."""
    cow = new_name("cow")
    file = fdl(tmp_path, f"name: {cow}, input: [{{path: {cow}/in}}], output: [{{path: {cow}-out/out}}]")
    cluster.deploy(file)
    assert cluster.update(cow, cpu="0.5", labels={"mine": "yes"}).cpu == "0.5"
    changes = cluster.diff(file)
    assert "-      cpu: '0.5'" in repr(changes)
    cluster.deploy(file, update=True)
    assert repr(cluster.diff(file)) == f"{cow}: as deployed"
    bridge.run(cluster.client.store.put(f"{cow}-out", "out/a.txt", b"12345"))
    belongings = repr(cluster.belongings(cow)).splitlines()
    assert belongings[0].split() == ["bucket", "objects", "size", "also", "used", "by"]
    assert belongings[2].split() == [f"{cow}-out", "1", "5", "B"]
    assert cluster.deployment(cow).reason
    with pytest.raises(InvalidRequest, match="not exposed"):
        cluster.restart(cow)
    assert f"{cow}-out" in repr(cluster.delete(cow, keep=f"{cow}-kept"))
    assert bridge.run(cluster.client.store.get(f"{cow}-kept", f"{cow}-out/out/a.txt")) == b"12345"
    bridge.run(cluster.client.buckets.delete(f"{cow}-kept"))
    assert "No bucket goes with it" in repr(cluster.delete(cluster.deploy(fdl(tmp_path, f"name: {cow}-plain"))[0].name))


def test_a_cell_says_what_the_cluster_does_not_act_upon(
    sandbox: Any, cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = new_name()
    file = fdl(tmp_path, f"name: {name}, interlink_node_name: nowhere, replicas: [{{type: oscar}}]")
    node = f"{name}: interlink_node_name does nothing: this cluster saw no virtual node"
    assert f"{name}: replicas does nothing: OSCAR 4.1 took it away" in repr(cluster.diff(file))
    assert node in repr(cluster.diff(file))
    cluster.deploy(file)
    assert node in capsys.readouterr().out
    cluster.update(name, isolation_level="user")
    said = capsys.readouterr().out
    assert f'{name}: isolation_level does nothing: "user" is not understood: write USER.' in said
    assert "interlink" not in said, "that was said before"
    with pytest.raises(InvalidRequest, match=r"no synchronous side on this cluster\. Submit it as a job"):
        cluster.run(name, "x")


def test_volumes_and_machines_in_a_cell(sandbox: Any, cluster: Cluster) -> None:
    volumes = cluster.volumes.create("data", "1Gi")
    assert repr(volumes).splitlines()[1].split() == ["data", "1Gi", "pending"]
    assert volumes.named("data").size == "1Gi"
    assert "No volumes" in repr(volumes.delete("data"))
    node = cluster.nodes[0]
    assert node.name in repr(cluster.nodes)
    with pytest.raises(InvalidRequest, match="has no quota"):
        cluster.quota()


def test_after_a_500_on_a_write_it_says_whether_it_was_stored(cluster: Cluster) -> None:
    """A real server stores an update that adds an input and answers 500 (wire U004)."""
    name = new_name()
    if not cluster.client.profile.credentials.is_admin:
        pytest.skip("only the admin's updates were seen to end so")
    services = cluster.client.services
    bridge.run(services.create(minimal(name, input=[{"path": f"{name}/in"}])))
    more = minimal(name, input=[{"path": f"{name}/in"}, {"path": f"{name}/more"}])
    with pytest.raises(UpstreamFailed, match=rf"It was stored all the same. Files in {name}/more start nothing"):
        bridge.run(services.update(more))
    assert len(cluster.services[name].input) == 2
    far = minimal(
        new_name("far"), output=[{"path": "x/y", "storage_provider": "s3.far"}], storage_providers={"s3": {"far": {}}}
    )
    with pytest.raises(UpstreamFailed, match="It was not stored"):
        bridge.run(services.create(far))
    with pytest.raises(InvalidRequest, match=r'Service "Bad_Name", name: "Bad_Name" is not a name OSCAR takes'):
        bridge.run(services.create(minimal("Bad_Name")))


def test_a_name_that_is_taken(cluster: Cluster) -> None:
    name = new_name()
    bridge.run(cluster.client.services.create(minimal(name)))
    with pytest.raises(AlreadyExists, match=f'a service named "{name}" exists'):
        bridge.run(cluster.client.services.create(minimal(name)))


def test_buckets_are_made_paged_signed_and_removed(cluster: Cluster) -> None:
    buckets, store = cluster.client.buckets, cluster.client.store
    before, name = bucket_names(cluster), new_name("pictures")
    bridge.run(buckets.create(name))
    for i in range(5):
        bridge.run(store.put(name, f"a/{i}.txt", b"hello"))
    bridge.run(store.put(name, "top.txt", b"x"))
    first = bridge.run(buckets.page(name, size=10))
    assert (first.folders, [row.key for row in first.objects], first.next) == (["a/"], ["top.txt"], None)
    keys, token = [], None
    while True:
        page = bridge.run(buckets.page(name, "a/", size=2, token=token))
        keys += [row.key for row in page.objects]
        token = page.next
        if not token:
            break
    assert keys == [f"a/{i}.txt" for i in range(5)]
    assert httpx.get(bridge.run(buckets.presign(name, "a/1.txt"))).text == "hello"
    put = bridge.run(buckets.presign(name, "a/new.txt", verb="PUT"))
    assert httpx.put(put, content=b"by url").status_code == 200
    assert bridge.run(store.get(name, "a/new.txt")) == b"by url"
    with pytest.raises(ObjectNotFound):
        bridge.run(store.get(name, "gone"))
    with pytest.raises((BucketNotFound, NotAllowed)):  # MinIO refuses it to those who are no admins
        bridge.run(buckets.page("nosuch"))
    with pytest.raises(AlreadyExists):
        bridge.run(buckets.create(name))
    assert sorted(bucket_names(cluster)) == sorted([*before, name])
    bridge.run(buckets.delete(name))
    with pytest.raises(BucketNotFound):
        bridge.run(buckets.delete(name))


def test_a_large_file_goes_and_comes_in_pieces(cluster: Cluster, tmp_path: Path) -> None:
    store = cluster.client.store
    name = new_name("large")
    bridge.run(cluster.client.buckets.create(name))
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 4 * 25_000)
    sent = bridge.run(store.put(name, "a file", source))
    seen: list[int] = []
    bridge.run(store.download(name, "a file", tmp_path / "copy", seen.append))
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert sent.size == sum(seen) == source.stat().st_size
    assert len(seen) > 5
    with pytest.raises(ObjectNotFound):
        bridge.run(store.download(name, "gone", tmp_path / "gone"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "source"], "nothing half-made is left"
    bridge.run(cluster.client.buckets.delete(name))


def test_a_wrong_password(at: Callable[..., Cluster], sandbox: Any) -> None:
    with pytest.raises(NotAuthenticated, match="Check user and password") as caught:
        _ = at(sandbox.endpoint).services
    assert "MARKER" not in str(caught.value) + repr(at(sandbox.endpoint))


def test_a_cluster_that_is_down(at: Callable[..., Cluster]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} cannot be reached: connection refused"):
        _ = at(f"http://127.0.0.1:{port}").services


def test_a_name_that_no_dns_knows(at: Callable[..., Cluster]) -> None:
    with pytest.raises(Unreachable, match=r"nosuch\.invalid cannot be reached"):
        _ = at("https://nosuch.invalid").services


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"body": b"<html>Welcome</html>", "Content_Type": "text/html"}, NotOscar, "web page"),
        ({"body": b""}, NotOscar, "'nothing'"),
        ({"body": b"hello"}, NotOscar, "'hello'"),
        ({"status": 404, "body": b"404 page not found"}, NotOscar, "may be older, or not OSCAR"),
        ({"status": 301, "Location": "https://elsewhere.example.org/system/services"}, NotOscar, "elsewhere"),
        ({"status": 500, "body": b"the FDL of the service x cannot be read"}, UpstreamFailed, "operator has to mend"),
        ({"status": 503}, UpstreamFailed, "busy or restarting"),
        ({"status": 413}, OscarError, "limits the size"),
        ({"status": 418}, OscarError, "answered 418"),
    ],
    ids=lambda value: str(value.get("status", value.get("body"))) if isinstance(value, dict) else None,
)
def test_something_else_answers(
    at: Callable[..., Cluster], odd: Any, answer: dict[str, Any], error: type[OscarError], words: str
) -> None:
    with odd.answering(**answer) as url, pytest.raises(error, match=words):
        _ = at(url).services


def test_something_hangs_up(at: Callable[..., Cluster], odd: Any) -> None:
    with odd.hanging_up() as url, pytest.raises(Unreachable, match="hung up without an answer"):
        _ = at(url).services


def test_a_passing_outage_is_not_noticed(at: Callable[..., Cluster], odd: Any) -> None:
    """Twice busy, then well: a GET is simply sent again."""
    answers = [503, 502, 200]

    class Recovering(odd.Answer):
        def _answer(self) -> None:
            self.status, self.body = answers.pop(0), b"[]"
            super()._answer()

        do_GET = _answer  # noqa: N815 - http.server looks it up

    with odd.serving(Recovering) as url:
        assert len(at(url).services) == 0


@pytest.mark.parametrize("old", [True, False], ids=["before 3.6.4", "since 3.6.4"])
def test_jobs_are_listed_over_all_pages_in_both_shapes(at: Callable[..., Cluster], odd: Any, *, old: bool) -> None:
    asked: list[str] = []
    rows = {f"svc-{i}": {"status": "Succeeded", "finish_time": None} for i in range(5)}

    class Paging(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            second = "page=" in self.path
            part = dict(list(rows.items())[3:] if second else list(rows.items())[:3])
            body = rows if old else {"jobs": part, **({} if second else {"next_page": "to+ken/=="})}
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with odd.serving(Paging) as url:
        assert set(bridge.run(at(url).client.jobs.list("svc"))) == set(rows)
    assert asked == ["/system/logs/svc", "/system/logs/svc?page=to%2Bken%2F%3D%3D"][: 1 if old else 2]


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254", "http://[fe80::1]:9000", "http://2852039166", "http://[::ffff:169.254.169.254]:80"],
)
def test_storage_is_not_looked_for_where_clouds_keep_keys(
    at: Callable[..., Cluster], odd: Any, sandbox: Any, address: str
) -> None:
    said = {"config": {}, "minio_provider": {"endpoint": address, "access_key": "a", "secret_key": "b"}}
    answers = {"/system/config": (200, json.dumps(said).encode())}
    with odd.between(sandbox.endpoint, answers) as url, pytest.raises(InsecureEndpoint, match="network link"):
        bridge.run(at(url, sandbox.password).client.buckets.page("any"))


def test_credentials_go_nowhere_else(at: Callable[..., Cluster], odd: Any) -> None:
    """A redirect to another port of this machine is another place."""
    seen: list[str] = []

    class Thief(odd.Answer):
        def _answer(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            super()._answer()

        do_GET = _answer  # noqa: N815 - http.server looks it up

    with odd.serving(Thief) as elsewhere, odd.answering(status=307, Location=elsewhere) as url, pytest.raises(NotOscar):
        _ = at(url).services
    assert seen == []
