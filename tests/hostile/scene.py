"""Who is attacked and who attacks: a secret that must never be seen, and people with few rights."""

import asyncio
import base64
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from tests.apis import definition
from tests.durability.process import ApiProcess
from tests.hostile.wire import Answer, Wire

Json = Any

VAULT, HOME = "vault", "mallory-home"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNTS = ("mallory", "binder", "reader")
GROUP = "hostile.towpath.dev"
FREES = f"/apis/{GROUP}/v1/namespaces/{HOME}/frees"

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION = definition(GROUP, "Free", {"spec": _ANYTHING, "status": _ANYTHING})

# What each account may do at home; nobody but the administrator may do anything elsewhere.
RULES: dict[str, list[Json]] = {
    "mallory": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
        {"apiGroups": [GROUP], "resources": ["frees"], "verbs": ["*"]},
    ],
    "binder": [
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles", "rolebindings"],
            # Neither escalate nor bind, which a star would give.
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
        },
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "create"]},
    ],
    "reader": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}],
}


class Breach(AssertionError):
    """Somebody saw or did what they must not, or the server failed."""


@dataclass(slots=True)
class Scene:
    process: ApiProcess
    tokens: dict[str, str] = field(default_factory=dict)
    canary: bytes = field(default_factory=lambda: secrets.token_hex(24).encode())
    before: Json = None
    answered: Counter[int] = field(default_factory=Counter)

    @property
    def admin(self) -> str:
        return self.process.token

    def wire(self) -> Wire:
        return Wire(self.process.port, self.process.tls())

    async def prepare(self) -> None:
        async with self.process.client() as client:
            await _post(
                client, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION
            )
            for name in (VAULT, HOME):
                await _post(client, "/api/v1/namespaces", _object("v1", "Namespace", name))
            data = {"canary": base64.b64encode(self.canary).decode()}
            secret = _object("v1", "Secret", "canary") | {"data": data}
            await _post(client, f"/api/v1/namespaces/{VAULT}/secrets", secret)
            for name in ACCOUNTS:
                await self._account(client, name)
            self.before = await self.rights(client)

    async def _account(self, client: httpx2.AsyncClient, name: str) -> None:
        accounts = f"/api/v1/namespaces/{HOME}/serviceaccounts"
        version = "rbac.authorization.k8s.io/v1"
        await _post(client, accounts, _object("v1", "ServiceAccount", name))
        role = _object(version, "Role", name) | {"rules": RULES[name]}
        await _post(client, f"{RBAC}/namespaces/{HOME}/roles", role)
        binding = _object(version, "RoleBinding", name) | {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": HOME}],
        }
        await _post(client, f"{RBAC}/namespaces/{HOME}/rolebindings", binding)
        body = {"spec": {"expirationSeconds": 7200}}
        answer = await client.post(f"{accounts}/{name}/token", json=body)
        self.tokens[name] = answer.json()["status"]["token"]

    async def rights(self, client: httpx2.AsyncClient) -> Json:
        """Everything that nobody here may change: all rights, and the vault."""
        found: dict[str, Json] = {}
        for path in (
            f"{RBAC}/clusterroles",
            f"{RBAC}/clusterrolebindings",
            f"{RBAC}/roles",
            f"{RBAC}/rolebindings",
            "/api/v1/namespaces",
            f"/api/v1/namespaces/{VAULT}/secrets",
            f"/api/v1/namespaces/{VAULT}/configmaps",
            f"/api/v1/namespaces/{VAULT}/serviceaccounts",
        ):
            for item in (await client.get(path)).json()["items"]:
                metadata = item["metadata"]
                # What the binder makes within its own rights is allowed to it.
                if metadata.get("namespace") != HOME or metadata["name"] in ACCOUNTS:
                    kept = {key: value for key, value in item.items() if key != "metadata"}
                    found[f"{path} {metadata.get('namespace')}/{metadata['name']}"] = kept
        return found

    async def check_rights(self) -> None:
        async with self.process.client() as client:
            after = await self.rights(client)
        changed = {
            name for name in {*self.before, *after} if self.before.get(name) != after.get(name)
        }
        if changed:
            raise Breach(f"rights have changed: {sorted(changed)}")

    def look_at(self, answer: Answer, what: str, *, allowed: tuple[int, ...] = ()) -> None:
        """Every answer to anybody but the administrator comes by here."""
        self.answered[answer.status] += 1
        if self.canary in answer.raw or base64.b64encode(self.canary)[:40] in answer.raw:
            raise Breach(f"the secret was told to {what}")
        if answer.status >= 500 and answer.status not in allowed:
            raise Breach(f"{answer.status} to {what}: {answer.body[:500]!r}")
        if allowed and answer.status not in allowed:
            raise Breach(f"{answer.status} instead of {allowed} to {what}: {answer.body[:300]!r}")

    def check_log(self) -> None:
        log = self.process.log.read_text(errors="replace")
        if "Traceback" in log:
            raise Breach(f"the server's log has a fault:\n{log[log.index('Traceback') :][:3000]}")


def _object(version: str, kind: str, name: str) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


async def _post(client: httpx2.AsyncClient, path: str, body: Json) -> None:
    async with asyncio.timeout(30):
        while True:
            answer = await client.post(path, content=orjson.dumps(body))
            if answer.status_code == 201:
                return
            # A kind that has only just been defined may take a moment.
            assert answer.status_code == 404, answer.text
            await asyncio.sleep(0)
