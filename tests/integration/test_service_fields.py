"""Every field of a service, right and wrong: our own check and the server say the same, or the difference is listed.

Hypothesis makes up one value at a time in an otherwise good service. Our check sees it first; then it is really sent.
The bounded run is the same every time. A long one: ``HYPOTHESIS_PROFILE=long pytest`` and this file.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jupyter_oscar.client import checks
from jupyter_oscar.client.service import RESPONSE_ONLY, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME: Final = "fuzzed"
GOOD: Final = {"name": NAME, "image": "busybox", "script": "#!/bin/sh\ntrue\n"}
#: Set by a server, whatever it is sent; not ours to say.
UNSAID: Final = RESPONSE_ONLY | {"owner"}

settings.register_profile("bounded", max_examples=600, derandomize=True, database=None)
settings.register_profile("long", max_examples=20_000)
for profile in ("bounded", "long"):
    settings.register_profile(
        profile, settings.get_profile(profile), deadline=None, suppress_health_check=list(HealthCheck)
    )

# -- values, mostly plausible

anything = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 70_000), st.just(1.5), st.text(max_size=8), st.just([]), st.just({}),
    st.just([None]), st.just(["a"]), st.just([1]), st.just({"a": 1}), st.just({"a": "b"}),
)  # fmt: skip


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Good values, and one in four of any kind."""
    return st.integers(0, 3).flatmap(lambda dice: good if dice else anything)


def words(*some: str) -> st.SearchStrategy[Any]:
    return mostly(st.sampled_from(some))


names = st.one_of(
    st.from_regex(r"[a-z0-9][-a-z0-9]{0,40}", fullmatch=True),
    st.sampled_from(["", "A", "a_b", "-a", "a-", "a.b", "ä", "a b", "a" * 39, "a" * 40, "0", "a\n"]),
)
quantities = st.one_of(
    st.from_regex(r"[0-9]{1,3}(\.[0-9])?(m|k|M|G|Ki|Mi|Gi)?", fullmatch=True),
    st.sampled_from(["", "0", "-1", "1X", "1MM", "1 Gi", "1e3", "1e", ".5", "5.", ".", "1,5", "+1", "1gi", "inf"]),
)
buckets = st.sampled_from(
    [NAME, "fuzzed-b", "ab", "A-b", "a..b", "10.0.0.1", "fu.zz", "x" * 63, "x" * 64, "-fu", "f_u"]
)
folders = st.sampled_from(["in", "in/deep", "", "/", "a//b", "..", "a/../b", ".", "ü", "a b", " in "])
paths = st.one_of(st.tuples(buckets, folders).map("/".join), folders)
minios = ["minio", "minio.default", "MINIO.default", "minio.other", "minio.Default", " minio.default", "", "."]
providers = st.sampled_from([*minios, "webdav", "webdav.x", "rucio.x", "s3.x", "onedata.x", "ftp.x"])
filters = mostly(st.lists(st.sampled_from([".txt", "", "a"]), max_size=2))
places = mostly(
    st.fixed_dictionaries(
        {"path": paths}, optional={"storage_provider": mostly(providers), "prefix": filters, "suffix": filters}
    )
)
keys = st.sampled_from(["a", "A.b", "x/y", "x.y/z", "X/y", "", "/", "a b", "-a", "a-", "ä", "a" * 63, "a" * 64, "x/y/"])
values = st.sampled_from(["", "v", "a b", "-", "a/b", "v" * 63, "v" * 64, "ü", "1", "true", "a\nb"])
maps = mostly(st.dictionaries(keys, mostly(values), max_size=2))
variables = mostly(
    st.dictionaries(
        st.sampled_from(["A", "a.b", "1A", "", "A B", "A=B", "-a", "ä", "A_1"]),
        mostly(st.sampled_from(["", "x", " x ", "a\tb", "$(A)", "ü", "a\r\nb", "'\"`"])),
        max_size=2,
    )
)
ports = mostly(st.lists(st.integers(-1, 70_000), max_size=3)) | st.just([8080]) | st.just(8080) | st.just(0)
flags = mostly(st.booleans())
counts = mostly(st.integers(-1, 3))
replicas = mostly(
    st.fixed_dictionaries(
        {"type": words("oscar", "endpoint")},
        optional={
            "cluster_id": words("", "c"), "url": words("", "https://far"), "ssl_verify": flags, "priority": counts,
            "headers": maps,
        },
    )
)  # fmt: skip

FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "name": mostly(names),
    "image": words("busybox", "", " ", "ghcr.io/a/b:1"),
    "script": words("#!/bin/sh\n", "", "true", "a\r\nb", "ü"),
    "cluster_id": words("", "here"),
    "memory": mostly(quantities),
    "cpu": mostly(quantities),
    "total_memory": words("", "1Gi", "much"),
    "total_cpu": words("", "2"),
    "ephemeral_storage_request": mostly(quantities),
    "enable_gpu": flags,
    "enable_sgx": flags,
    "image_prefetch": flags,
    "image_pull_secrets": mostly(st.lists(st.sampled_from(["", "secret"]), max_size=2)),
    "alpine": flags,
    "file_stage_in": flags,
    "synchronous": mostly(st.fixed_dictionaries({}, optional={"min_scale": counts, "max_scale": counts})),
    "log_level": words("", "INFO", "debug", "LOUD"),
    "input": mostly(st.lists(places, max_size=2)),
    "output": mostly(st.lists(places, max_size=2)),
    "expose": mostly(
        st.fixed_dictionaries(
            {"api_port": ports},
            optional={
                "min_scale": counts, "max_scale": counts, "cpu_threshold": mostly(st.sampled_from([0, 1, 80, -1])),
                "nodePort": ports, "rewrite_target": flags, "default_command": flags, "set_auth": flags,
                "auth_type": words("", "basic", "no"), "health_path": words("", "/health"),
                "probe_mode": words("", "legacy", "direct"),
            },
        )
    ),
    "environment": mostly(st.fixed_dictionaries({}, optional={"variables": variables, "secrets": variables})),
    "annotations": maps,
    "labels": maps,
    "vo": words("", "vo1"),
    "storage_providers": mostly(
        st.sampled_from([{}, {"s3": {"x": {"access_key": "a"}}}, {"webdav": {"x": {"hostname": "h"}}}, {"s3": None}])
    ),
    "clusters": mostly(st.sampled_from([{}, {"far": {"endpoint": "https://far"}}])),
    "interlink_node_name": words("", "node"),
    "visibility": words("", "private", "restricted", "public", "Public"),
    "allowed_users": mostly(st.lists(words("someone", "", " x "), max_size=2)),
    "isolation_level": words("", "SERVICE", "USER", "user", "none"),
    "mount": mostly(
        st.fixed_dictionaries(
            {},
            optional={
                "storage_provider": words("", "minio.default"), "path": words("", "fuzzed-m", "fuzzed-m/f"),
                "options": words("", "--vfs-cache-mode writes", "; rm", "a'b"),
            },
        )
    ),
    "volume": mostly(
        st.fixed_dictionaries(
            {},
            optional={
                "name": words("", "fuzzed-v", "V"), "size": mostly(quantities),
                "mount_path": words("", "/data", "data", "/", "/a/../b", "/oscar/config", "/oscar/bin/x"),
                "lifecycle_policy": words("", "delete", "retain", "burn"),
            },
        )
    ),
    "kserve": mostly(st.just({})),
    "federation": mostly(
        st.fixed_dictionaries(
            {},
            optional={
                "group_id": words("", "fuzzed"), "topology": words("", "none", "star", "mesh", "ring"),
                "delegation": words("", "static"), "rescheduler_threshold": counts, "unknown": anything,
                "members": mostly(st.lists(replicas, max_size=2)),
            },
        )
    ),
    "replicas": mostly(st.sampled_from([[], [{"type": "oscar"}]])),
    "delegation": words("", "static"),
    "rescheduler_threshold": counts,
}  # fmt: skip


#: Those that can be wrong in many ways.
RICH: Final = ("name", "cpu", "input", "output", "expose", "environment", "labels", "mount", "volume")


@st.composite
def bodies(draw: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    """A good service with one field made up."""
    field = draw(st.sampled_from([*sorted(FIELDS), *RICH * 4]))
    return field, {**GOOD, field: draw(FIELDS[field])}


def ours(body: dict[str, Any]) -> tuple[list[str], Service | None]:
    """What we say is wrong; the service where it is one at all."""
    try:
        service = Service.model_validate(body)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()], None
    return [f"{'.'.join(map(str, one.key))}: {one.problem}" for one in checks.wrong(service)], service


#: Where we refuse what the sandbox takes: how our complaint begins, why we do, and an example.
STRICTER: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (
        r"name: \"[a-z0-9.-]+\.[a-z0-9.-]+\" is not a name OSCAR takes",
        "OSCAR's record of a service may have dots in its name; what runs it may not (oscar.md §2.2).",
        {"name": "a.b"},
    ),
    (
        r"(cpu|memory|ephemeral_storage_request): \".*\" is no amount",
        "Kubernetes reads the amount when a job begins; OSCAR looks at its letters, of the last one not even that.",
        {"cpu": "1MM"},
    ),
    (
        r"(labels|annotations)\..*: (\".*\" is no name for|a label cannot be)",
        "Kubernetes has rules for labels and annotations, which OSCAR copies to each job's pod.",
        {"labels": {"a b": "c"}},
    ),
    (
        r"environment\.(variables|secrets)\..*: \".*\" is no name for a variable",
        "Kubernetes has rules for the names of variables in a pod.",
        {"environment": {"variables": {"A=B": "c"}}},
    ),
    (
        r"environment\.variables\..*: the variable .* holds a TAB",
        "OSCAR takes it, and then every job of the service fails (oscar.md §0.3 point 20).",
        {"environment": {"variables": {"A": "a\tb"}}},
    ),
    (
        r"(input|output)\.\d+\.path: \"10\.0\.0\.1\" is not a name for a bucket",
        "S3 takes no address for a bucket's name; the sandbox's store does.",
        {"input": [{"path": "10.0.0.1/in"}]},
    ),
    (
        r"expose\.(api_port: -?\d+ is no port|nodePort: (-?\d+ is no port|there are not as many))",
        "Kubernetes has rules for ports (oscar.md §6.1); its words for them are not recorded, so the sandbox has none.",
        {"expose": {"api_port": [8080, 0], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80}},
    ),
    (
        r"(delegation|rescheduler_threshold): \w+",
        "OSCAR 4.1 no longer reads them, whatever they are; older ones do.",
        {"delegation": True},
    ),
)

#: What only a cluster can tell; `checks.refusals` asks it before a create.
ASKED: Final = "400 Referenced volume does not exist"


class Server:
    """The sandbox, asked as plainly as can be."""

    def __init__(self, box: Any) -> None:
        self.http = requests.Session()
        self.http.auth = (box.user, box.password)
        self.system = f"{box.endpoint}/system"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.http.request(method, f"{self.system}/{path}", timeout=60, **more)

    def takes(self, wire: Any) -> tuple[str | None, dict[str, Any]]:
        """What it says against a service, or None and the service as it stored it, which is then deleted."""
        answer = self.ask("POST", "services", json=wire)
        if answer.status_code != 201:
            assert answer.status_code < 500 or answer.text, "a crash"
            return f"{answer.status_code} {answer.text}", {}
        stored = self.ask("GET", f"services/{wire['name']}").json()
        assert self.ask("DELETE", f"services/{wire['name']}").status_code == 204
        # A mounted bucket, and a volume with that policy, outlive their service.
        for kind, name in (("volumes", "name"), ("buckets", "bucket_name")):
            for left in self.ask("GET", kind).json() or () if wire.get("volume") or wire.get("mount") else ():
                self.ask("DELETE", f"{kind}/{left[name]}")
        return None, stored


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    conftest: Any = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    top = tmp_path_factory.mktemp("fields")
    box = conftest.RunningSandbox(top / "data", conftest.sandbox_environment(top / "home"), []).start()
    yield Server(box)
    assert box.stop() == 0


@pytest.mark.timeout(0 if "HYPOTHESIS_PROFILE" in os.environ else 120)
@settings(settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "bounded")))
@given(made=bodies())
def test_we_and_the_server_take_and_refuse_the_same(server: Server, made: tuple[str, dict[str, Any]]) -> None:
    _, body = made
    complaints, service = ours(body)
    theirs, stored = server.takes(service.to_wire() if service else body)
    if complaints:
        listed = any(re.match(how, complaints[0]) for how, _, _ in STRICTER)
        assert theirs is not None or listed, f"we refuse and the server takes it: {complaints[0]}"
        return
    if theirs and re.match(ASKED, theirs):
        return
    assert theirs is None, f"we take it and the server says: {theirs}"
    assert service is not None
    assert Service.model_validate(stored).holds(service), "what was stored is what we said"
    assert stored.items() <= _plain(Service.model_validate(stored)).items(), "reading it loses nothing"


def _plain(service: Service) -> dict[str, Any]:
    """All of it, as JSON; a secret has no value in what a server sends."""
    said: dict[str, Any] = service.model_dump(mode="json", exclude_unset=True)
    secrets = dict.fromkeys(service.environment.secrets, "")
    return {
        **said,
        "token": service.token.get_secret_value(),
        "environment": {"variables": service.environment.variables, "secrets": secrets},
    }


@pytest.mark.parametrize(("how", "why", "example"), STRICTER, ids=[next(iter(example)) for _, _, example in STRICTER])
def test_the_listed_differences_are_still_there(server: Server, how: str, why: str, example: dict[str, Any]) -> None:
    """One that went away is to be taken off the list."""
    complaints, service = ours({**GOOD, **example})
    assert re.match(how, complaints[0])
    assert server.takes(service.to_wire() if service else {**GOOD, **example})[0] is None


def test_what_only_a_cluster_can_tell_is_refused_by_it(server: Server) -> None:
    complaints, service = ours({**GOOD, "volume": {"name": "fuzzed-none", "mount_path": "/data"}})
    assert complaints == []
    assert service is not None
    assert re.match(ASKED, server.takes(service.to_wire())[0] or "")


def test_every_field_is_made_up() -> None:
    assert set(FIELDS) == set(Service.model_fields) - UNSAID
