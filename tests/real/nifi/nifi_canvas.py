"""Somebody who works on NiFi's own canvas, and how our code comes to the same NiFi."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from jupyter_oscar.client import nifis
from jupyter_oscar.flows.engines.nifi import NifiEngine

if TYPE_CHECKING:
    from nifi_process import Process


def engine(url: str, **how: Any) -> NifiEngine:
    """Ours, for the NiFi at an address."""
    return NifiEngine(nifis.find(endpoint=url, **how))


class Canvas:
    """What a person does there, who may do everything."""

    def __init__(self, nifi: Process) -> None:
        trust = nifi.tls.context if nifi.tls else True
        self.http = httpx.Client(base_url=f"{nifi.url}/nifi-api", timeout=60, verify=trust)

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **said: Any) -> dict[str, Any]:
        answer = self.http.post(path, json={"revision": {"version": 0}, "component": said})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    @property
    def groups(self) -> list[dict[str, Any]]:
        return list(self.get("/process-groups/root/process-groups")["processGroups"])

    @property
    def contexts(self) -> list[str]:
        found = self.get("/flow/parameter-contexts")["parameterContexts"]
        return [one["component"]["name"] for one in found]

    @property
    def empty(self) -> bool:
        return not self.groups and not self.contexts

    def make_group(self, name: str) -> str:
        return str(self.post("/process-groups/root/process-groups", name=name, position={"x": 0, "y": 900})["id"])

    def change(self, kind: str, id_: str, **component: Any) -> None:
        revision = self.get(f"/{kind}/{id_}")["revision"]
        body = {"revision": {"version": revision["version"]}, "component": {"id": id_, **component}}
        answer = self.http.put(f"/{kind}/{id_}", json=body)
        assert answer.status_code == 200, answer.text

    def processor(self, group: str, name: str) -> dict[str, Any]:
        path = f"/process-groups/{group}/processors?includeDescendantGroups=true"
        [one] = [one for one in self.get(path)["processors"] if one["component"]["name"] == name]
        return dict(one)

    def remove_group(self, id_: str) -> None:
        version = self.get(f"/process-groups/{id_}")["revision"]["version"]
        assert self.http.delete(f"/process-groups/{id_}?version={version}").status_code == 200

    @property
    def root(self) -> str:
        return str(self.get("/process-groups/root")["id"])

    def allow_all(self, who: str) -> None:
        """Of who was made the first administrator: everything else, too."""
        root = self.get("/flow/process-groups/root")["processGroupFlow"]["id"]
        parts = (f"/process-groups/{root}", f"/data/process-groups/{root}", "/parameter-contexts")
        self.allow(who, *(f"{action} {part}" for action in ("read", "write") for part in parts), "read /system")

    def allow(self, who: str, *what: str) -> None:
        """``read /flow``: a policy that lets somebody, by identity, do that."""
        known = {one["component"]["identity"]: one for one in self.get("/tenants/users")["users"]}
        user = known.get(who) or self.post("/tenants/users", identity=who)
        for one in what:
            action, resource = one.split()
            there = self.http.get(f"/policies/{action}{resource}")
            policy = there.json() if there.status_code == 200 else None
            if policy is None or policy["component"]["resource"] != resource:  # NiFi tells of the one it inherits from
                self.post("/policies", action=action, resource=resource, users=[{"id": user["id"]}], userGroups=[])
            elif user["id"] not in {row["id"] for row in policy["component"]["users"]}:
                users = [*({"id": row["id"]} for row in policy["component"]["users"]), {"id": user["id"]}]
                self.change("policies", policy["id"], users=users)
