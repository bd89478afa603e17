"""Changing what is deployed: updates that lose nothing, deletions that say what goes, files with many services."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from client_people import ALICE, BOB, admin_at, person_at, service
from sandbox_user import new_name

from jupyter_oscar.client import fdl, plan, prologue
from jupyter_oscar.client.calls import Payload
from jupyter_oscar.client.errors import (
    AlreadyExists,
    FdlError,
    InvalidRequest,
    NotAllowed,
    QuotaExceeded,
    SecretMissing,
    SecretsUnconfirmed,
    SecretWouldBeBlanked,
    ServiceNotFound,
    Unreachable,
    UpstreamFailed,
)
from jupyter_oscar.client.jobs import State, state
from jupyter_oscar.client.quotas import Limits, StorageLimits
from jupyter_oscar.client.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_oscar.client.cluster import Cluster

pytestmark = pytest.mark.asyncio
PATIENCE = 60


# updates


async def test_an_update_keeps_what_a_file_does_not_say(admin_client: Cluster) -> None:
    """The owner, what the server itself wrote, other systems' credentials that no FDL shows."""
    name = new_name("cow")
    far = {"s3": {"far": {"access_key": "a", "secret_key": "MARKER", "region": "x"}}}
    made = await admin_client.services.create(service(name, storage_providers=far, labels={"mine": "1"}, vo="vo1"))
    stored = await admin_client.services.update(service(name, cpu="0.5", labels={"yours": "2"}))
    assert (stored.cpu, stored.owner, stored.vo) == ("0.5", made.owner, "vo1")
    assert made.owner
    assert stored.storage_providers is not None
    assert stored.storage_providers["s3"] == far["s3"]
    assert stored.labels.items() >= {"yours": "2", "oscar_service": name}.items()
    assert stored.labels["owner_name"] == made.labels["owner_name"]
    assert "mine" not in stored.labels, "the author took it out"


async def test_what_a_user_owns_stays_the_users_when_the_admin_changes_it(
    admin_client: Cluster, alice_client: Cluster
) -> None:
    await alice_client.services.create(service("hers", input=[{"path": "hers/in"}]))
    changed = await admin_client.services.change("hers", cpu="0.4")
    assert (changed.owner, changed.cpu) == (ALICE, "0.4")
    assert (await alice_client.services.change("hers", memory="300Mi")).cpu == "0.4"
    await alice_client.services.delete("hers")


async def test_single_fields_are_changed_and_the_rest_stays(admin_client: Cluster) -> None:
    name = new_name("cow")
    made = service(name, environment={"variables": {"A": "1", "B": "2"}}, annotations={"note": "hi"}, memory="300Mi")
    await admin_client.services.create(made)
    change = {"variables": {"B": None, "C": "3"}}
    stored = await admin_client.services.change(name, environment=change, annotations={"more": "x"})
    assert stored.environment.variables == {"A": "1", "C": "3"}
    assert stored.annotations == {"note": "hi", "more": "x"}
    assert stored.memory == "300Mi"
    with pytest.raises(InvalidRequest, match='no field "memry"'):
        await admin_client.services.change(name, memry="1Gi")
    with pytest.raises(InvalidRequest, match="cannot be renamed"):
        await admin_client.services.change(name, name="dog")
    with pytest.raises(InvalidRequest, match=r"expose\.min_scale"):
        await admin_client.services.change(name, expose={"min_scale": "many"})
    with pytest.raises(ServiceNotFound):
        await admin_client.services.change("gone", cpu="1")


async def test_no_secret_is_blanked_and_references_bring_them_back(
    admin_client: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_name()
    show = '#!/bin/sh\necho "$ONE-$TWO-$THREE"\n'
    secrets = {"ONE": "first", "TWO": "second", "THREE": "third"}
    await admin_client.services.create(service(name, script=show, environment={"secrets": secrets}))
    with pytest.raises(SecretWouldBeBlanked, match=r"its secrets: ONE, THREE, TWO\. .*env:NAME"):
        await admin_client.services.change(name, cpu="0.5")
    with pytest.raises(SecretMissing, match="no variable MY_TWO"):
        await admin_client.services.change(name, environment={"secrets": {"TWO": "env:MY_TWO"}})
    monkeypatch.setenv("MY_TWO", "II")
    (tmp_path / "three").write_text("III\n")
    given = {"ONE": "value:env:1", "TWO": "env:MY_TWO", "THREE": f"file:{tmp_path / 'three'}"}
    stored = await admin_client.services.change(name, environment={"secrets": given})
    assert not any(value.get_secret_value() for value in stored.environment.secrets.values())
    assert (await admin_client.calls.run(name, Payload("x", b""))).text == "env:1-II-III"
    dropped = {**given, "ONE": None}
    assert "ONE" not in (await admin_client.services.change(name, environment={"secrets": dropped})).environment.secrets


async def test_a_file_names_where_its_secrets_are(
    admin_client: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_name()
    monkeypatch.setenv("MY_KEY", "MARKER")
    text = (
        f"functions:\n  oscar:\n    - c:\n        name: {name}\n        image: busybox\n        script: script.sh\n"
        "        environment:\n          secrets:\n            KEY: env:MY_KEY\n            OTHER: file:other\n"
    )
    (tmp_path / "script.sh").write_text('#!/bin/sh\necho "$KEY$OTHER"\n')
    (tmp_path / "fdl.yaml").write_text(text)
    file = fdl.load(tmp_path / "fdl.yaml")
    wanted = r"KEY from env:MY_KEY \(line 9\), OTHER from file:other \(line 10\)\. Nothing was read"
    with pytest.raises(SecretsUnconfirmed, match=wanted):
        await admin_client.services.deploy(file)
    with pytest.raises(FdlError, match=r"fdl\.yaml:10: OTHER: The secret's file .*other cannot be read: no such file"):
        await admin_client.services.deploy(file, secrets=True)
    (tmp_path / "other").write_text("!")
    await admin_client.services.deploy(file, secrets=True)
    assert (await admin_client.calls.run(name, Payload("x", b""))).text == "MARKER!"
    await admin_client.services.deploy(file, update=True, secrets=True)
    assert (await admin_client.calls.run(name, Payload("x", b""))).text == "MARKER!"
    change = await plan.change(admin_client, file.services[0])
    assert "MARKER" not in f"{change}{file}"
    with pytest.raises(FdlError, match=':9: the secret KEY is read from "env:MY_KEY" only for a file on'):
        fdl.parse(text, {"script.sh": ""})


async def test_a_volume_stays_with_its_service_and_is_not_changed(admin_client: Cluster) -> None:
    """A server takes no volume with an update at all (wire F008)."""
    name = new_name("vol")
    data = {"size": "1Gi", "mount_path": "/data"}
    await admin_client.services.create(service(name, volume=data))
    same = await admin_client.services.update(service(name, volume=data, cpu="0.5"))
    assert same.volume is not None
    assert (same.cpu, same.volume.mount_path) == ("0.5", "/data")
    assert (await admin_client.services.update(service(name))).volume is not None
    assert "volume" not in (await plan.change(admin_client, service(name))).diff
    with pytest.raises(InvalidRequest, match=f'The volume of "{name}" cannot be changed'):
        await admin_client.services.update(service(name, volume={"size": "2Gi", "mount_path": "/data"}))


async def test_a_cluster_that_dies_between_the_update_and_reading_it_back(admin_client: Cluster, odd: Any) -> None:
    name = new_name("cow")
    await admin_client.services.create(service(name))
    with odd.counted(admin_client.profile.endpoint) as (near, desk):
        async with _near(admin_client, near) as one:
            await one.services.get(name)
            desk.refuse = lambda said: (
                503 if said.startswith("GET /system/services/") and desk.count("PUT .*") else None
            )
            with pytest.raises(UpstreamFailed, match=rf'Service "{name}" was updated, but it cannot be read: .*busy'):
                await one.services.update(service(name, cpu="0.7"))
    assert (await admin_client.services.get(name)).cpu == "0.7"


async def test_an_answer_that_is_lost_is_looked_for(admin_client: Cluster, odd: Any) -> None:
    name = new_name("cow")
    await admin_client.services.create(service(name))
    with odd.losing_answers(admin_client.profile.endpoint, lambda request: request.startswith(b"PUT")) as near:
        async with _near(admin_client, near) as one:
            with pytest.raises(Unreachable, match=r"hung up without an answer\. It was stored all the same"):
                await one.services.update(service(name, cpu="0.6"))


@contextlib.asynccontextmanager
async def _near(cluster: Cluster, endpoint: str) -> Any:
    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.profiles import Profile

    async with Client(Profile("near", endpoint, cluster.profile.credentials)) as one:
        yield one


# what a deployment would change


async def test_the_prologue_of_a_tracked_service_is_shown_and_goes_without_a_trace(admin_client: Cluster) -> None:
    text = (
        "functions: {oscar: [{c: {name: %s, image: busybox, script: s, input: [{path: %s/in}],"
        " output: [{path: %s/out}]%s}}]}"
    )
    names = (new_name(),) * 3
    files = {"s": "#!/bin/sh\necho hi\n"}
    plain = fdl.parse(text % (*names, ""), files).services[0]
    tracked = fdl.parse(
        text % (*names, ', labels: {jupyter-oscar/tracked: "true"}'), {"s": "#!/bin/sh\necho hi\n"}
    ).services[0]
    await admin_client.services.create(plain)
    added = (await plan.change(admin_client, tracked)).diff
    assert f"+{prologue.text().splitlines()[0]}" in added
    await admin_client.services.update(tracked)
    assert (await plan.change(admin_client, tracked)).diff == ""
    removed = (await plan.change(admin_client, plain)).diff
    assert f"-{prologue.text().splitlines()[0]}" in removed
    stored = await admin_client.services.update(plain)
    assert stored.script == "#!/bin/sh\necho hi\n"
    assert (await plan.change(admin_client, plain)).diff == ""


async def test_what_does_nothing_is_no_change_for_ever_and_what_would_mend_it_is_one(admin_client: Cluster) -> None:
    """A release drops what it does not know; an update, unlike a create, keeps a wrong spelling (oscar.md §2.2)."""
    name = new_name()
    twin = {"type": "oscar", "cluster_id": "far", "service_name": "twin"}
    wrong = service(name, replicas=[twin], isolation_level="service")
    await admin_client.services.create(wrong)
    assert "replicas" not in (await plan.change(admin_client, wrong)).diff
    await admin_client.services.update(wrong)
    assert (await plan.change(admin_client, wrong)).diff == ""
    mended = service(name, isolation_level="SERVICE")
    assert "-      isolation_level: service" in (await plan.change(admin_client, mended)).diff
    await admin_client.services.update(mended)
    assert (await plan.change(admin_client, mended)).diff == ""


# deleting


async def test_it_is_known_what_goes_with_a_service(admin_client: Cluster) -> None:
    name, own, results, other = map(new_name, ("svc", "own", "results", "other"))
    mounted = {"storage_provider": "minio.default", "path": own}
    both = [{"path": f"{own}/in"}, {"path": f"{results}/in"}]
    await admin_client.services.create(service(name, input=both, mount=mounted))
    await admin_client.services.create(service(other, output=[{"path": f"{other}/out"}]))
    await admin_client.store.put(results, "out/a.txt", b"12345")
    await admin_client.services.rows()
    (found,) = await admin_client.services.belongings(name)
    assert (found.bucket, found.objects, found.bytes, found.more, found.others) == (results, 1, 5, False, ())


async def test_what_a_service_made_can_be_kept(admin_client: Cluster) -> None:
    name, kept = new_name(), new_name("kept")
    out = f"{name}-out"
    await admin_client.services.create(service(name, input=[{"path": f"{name}/in"}], output=[{"path": f"{out}/out"}]))
    await admin_client.store.put(out, "out/a b.txt", b"one")
    await admin_client.store.put(out, "out/deep/b.txt", b"two")
    await admin_client.store.put(name, ".oscar/calls/x.json", b"{}")
    with pytest.raises(InvalidRequest, match="is deleted with the service"):
        await admin_client.services.delete(name, keep=out)
    told: list[int] = []
    freed = await admin_client.services.delete(name, keep=kept, progress=told.append)
    assert {one.bucket: one.objects for one in freed} == {name: 0, out: 2}
    assert told == [1, 2]
    names = [one.bucket_name for one in await admin_client.buckets.list()]
    assert kept in names
    assert out not in names
    assert await admin_client.store.get(kept, f"{out}/out/a b.txt") == b"one"
    assert await admin_client.store.get(kept, f"{out}/out/deep/b.txt") == b"two"


async def test_nothing_is_deleted_when_it_cannot_be_kept(
    shared_box: Any, issuer: Any, admin_client: Cluster, alice_client: Cluster
) -> None:
    """The bucket to keep it in is somebody else's."""
    async with person_at(shared_box, issuer, BOB) as bob:
        await bob.config()
        await bob.buckets.create("bobs-own")
        await alice_client.services.create(service("hers", output=[{"path": "hers/out"}]))
        await alice_client.store.put("hers", "out/a", b"x")
        with pytest.raises(NotAllowed, match="somebody else's"):
            await alice_client.services.delete("hers", keep="bobs-own")
        assert await alice_client.store.get("hers", "out/a") == b"x"
        assert (await alice_client.services.get("hers")).name == "hers"
        await alice_client.services.delete("hers")
        await bob.buckets.delete("bobs-own")


# files with many services


def chain(mark: str) -> fdl.Fdl:
    """Two services, and their buckets, with that mark in their names."""
    first, middle, second, last = (f"{one}-{mark}" for one in ("first", "middle", "second", "last"))
    text = f"""
functions:
  oscar:
    - c: {{name: {first}, image: busybox, script: s, input: [{{path: {first}/in}}], output: [{{path: {middle}/in}}]}}
    - c: {{name: {second}, image: busybox, script: s, input: [{{path: {middle}/in}}], output: [{{path: {last}/out}}]}}
"""
    return fdl.parse(text, {"s": COPY})


COPY = '#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'


async def test_services_that_feed_one_another_are_deployed_so_that_they_do(admin_client: Cluster) -> None:
    """The writer's output is the reader's input: a bucket that only one of them can be made with."""
    mark = new_name("x")
    told: list[str] = []
    made = await admin_client.services.deploy(chain(mark), progress=lambda now: told.append(str(now)))
    assert [one.name for one in made] == [f"first-{mark}", f"second-{mark}"], "in the file's order"
    where = admin_client.profile.name
    assert told == [f"Creating second-{mark} on {where} (1 of 2) …", f"Creating first-{mark} on {where} (2 of 2) …"]
    await admin_client.store.put(f"first-{mark}", "in/a.txt", b"along")

    async def arrived() -> bool:
        return "out/a.txt" in [row.key async for row in admin_client.store.list(f"last-{mark}", "out")]

    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await arrived():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    assert await admin_client.store.get(f"last-{mark}", "out/a.txt") == b"along"
    others = {one.bucket: one.others for one in await admin_client.services.belongings(f"first-{mark}")}
    assert others[f"middle-{mark}"] == (f"second-{mark}",)


async def test_a_user_chains_services_too(alice_client: Cluster) -> None:
    made = await alice_client.services.deploy(chain("hers"))
    assert [place.path for place in made[0].output] == ["middle-hers/in"]
    for one in made:
        await alice_client.services.delete(one.name)


@pytest.mark.parametrize(
    ("services", "line", "said"),
    [
        (
            "{name: a, image: i, script: s, input: [path: xyz/1]}|{name: b, image: i, script: s, input: [path: xyz/2]}",
            2,
            'input.0.path: Files in "xyz/2" would start only "a"',
        ),
        ("{name: a, image: i, script: s, output: [{path: there/o}]}", 1, 'the bucket "there" already exists'),
        ("{name: a, image: i, script: s, volume: {name: nope, mount_path: /d}}", 1, 'There is no volume "nope"'),
        ("{name: a, image: i, script: s, volume: {name: vol, size: 1Gi, mount_path: /d}}", 1, 'A volume "vol" exists'),
        ("{name: a, image: evil/x, script: s}", 1, 'does not allow the image "evil/x"'),
    ],
    ids=["one input bucket", "bucket", "no volume", "volume", "image"],
)
async def test_what_a_cluster_would_refuse_is_said_before_anything_is_made(
    shared_box: Any, admin_client: Cluster, services: str, line: int, said: str
) -> None:
    await admin_client.buckets.create("there")
    await admin_client.volumes.create("vol", "1Gi")
    await admin_client.operation.allow_images(["i"] if "evil" not in services else ["busybox"])
    items = "".join(f"  - c: {one}\n" for one in services.split("|"))
    file = fdl.parse(f"functions:\n  oscar:\n{items}", {"s": "#!/bin/sh\n"})
    try:
        with pytest.raises(FdlError) as caught:
            await admin_client.services.deploy(file)
    finally:
        await admin_client.operation.allow_images([])
        await admin_client.volumes.delete("vol")
    assert f"fdl.yaml:{line + 2}: " in str(caught.value)
    assert said in str(caught.value)
    assert await admin_client.services.list() == []


async def test_a_quota_of_buckets_is_known_before(admin_client: Cluster, alice_client: Cluster) -> None:
    await admin_client.quotas.set(ALICE, Limits(minio=StorageLimits(buckets="1")))
    try:
        with pytest.raises(FdlError, match="You may have 1 buckets and have 0; 3 more would be made") as caught:
            await alice_client.services.deploy(chain("hers"))
        assert isinstance(caught.value.__cause__, QuotaExceeded)
    finally:
        await admin_client.quotas.set(ALICE, Limits(minio=StorageLimits(buckets="0")))
    assert await alice_client.services.list() == []


async def test_names_that_others_took_are_said_so(alice_client: Cluster, bob_client: Cluster) -> None:
    """Names are unique on a cluster, also among those who cannot see each other's services."""
    await alice_client.services.create(service("mine"))
    with pytest.raises(AlreadyExists, match='a service named "mine" exists'):
        await bob_client.services.create(service("mine"))
    assert [one.name for one in await bob_client.services.list()] == []
    await alice_client.services.delete("mine")


# older clusters


@pytest.mark.parametrize("compat", ["3.6.5", "4.0"])
async def test_ports_are_written_as_the_release_takes_them(a_sandbox: Any, compat: str) -> None:
    box = a_sandbox(extra=("--compat", compat))
    async with admin_at(box) as old:
        web = {"api_port": [8080], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80}
        made = await old.services.create(service("web", script="#!/bin/sh\nsleep 100\n", expose=web))
        assert made.expose.api_port == [8080]
        assert (await old.services.change("web", cpu="0.5")).expose.api_port == [8080]
        with pytest.raises(InvalidRequest, match="takes one api_port, not 2"):
            await old.services.create(service("two", expose={**web, "api_port": [1, 2]}))
        await old.services.delete("web")


async def test_a_failing_and_a_good_script_of_any_language_are_told_apart(admin_client: Cluster) -> None:
    """By its first line a script of Python runs under sh all the same (oscar.md §4.1), so it says how."""
    scripts = {
        "sh": "#!/bin/sh\necho said; exit 3\n",
        "bash": "#!/bin/bash\nexec /bin/bash -c 'declare -a a=(1 2); echo ${#a[@]}; kill -TERM $$'\n",
        "python": "#!/bin/sh\nexec python3 - <<'END'\nimport sys\nprint('said')\nsys.exit(5)\nEND\n",
    }
    ends = {}
    for kind, script in scripts.items():
        name = new_name(kind)
        made = prologue.track(
            Service.model_validate(
                {
                    "name": name,
                    "image": "busybox",
                    "script": script,
                    "labels": {"jupyter-oscar/tracked": "true"},
                    "input": [{"path": f"{name}/in"}],
                    "output": [{"path": f"{name}/out"}],
                }
            )
        )
        await admin_client.services.create(made)
        call = await admin_client.calls.submit(made.name, Payload("a.txt", b"x"))
        facts = await asyncio.wait_for(admin_client.watch.until_ended(call), PATIENCE)
        assert state(facts) is State.FAILED
        assert facts.done is not None
        ends[kind] = facts.done.exit
    assert ends == {"sh": 3, "bash": 128 + 15, "python": 5}
