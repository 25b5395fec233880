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

VAULT, HOME, SHELF = "vault", "mallory-home", "shelf"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNTS = ("mallory", "binder", "reader")
"""Who may do something at home; those of CLUSTER_RULES may do something everywhere."""
RBAC_GROUP = "rbac.authorization.k8s.io"
GROUP = "hostile.towpath.dev"
SERVICE_ACCOUNTS = f"/api/v1/namespaces/{HOME}/serviceaccounts"
FREES = f"/apis/{GROUP}/v1/namespaces/{HOME}/frees"

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION = definition(GROUP, "Free", {"spec": _ANYTHING, "status": _ANYTHING})

MADE = (
    *("pods", "services", "endpoints", "configmaps", "persistentvolumeclaims", "podtemplates"),
    *("replicationcontrollers", "controllerrevisions", "deployments", "statefulsets"),
    *("daemonsets", "replicasets", "jobs", "cronjobs", "horizontalpodautoscalers"),
    *("poddisruptionbudgets", "ingresses", "networkpolicies", "endpointslices"),
)

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
    "named": [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["mine"],
            "verbs": ["get", "list", "watch"],
        }
    ],
    "maker": [
        {"apiGroups": ["*"], "resources": list(MADE), "verbs": ["*"]},
        {"apiGroups": ["*"], "resources": [f"{name}/status" for name in MADE], "verbs": ["*"]},
    ],
    "climber": [],
    "definer": [{"apiGroups": ["costly.dev"], "resources": ["*"], "verbs": ["*"]}],
}
_WRITES = ["get", "list", "watch", "create", "update", "patch", "delete"]
CLUSTER_RULES: dict[str, list[Json]] = {
    "climber": [
        # Neither escalate nor bind; neither approve nor sign.
        {
            "apiGroups": [RBAC_GROUP],
            "resources": ["clusterroles", "clusterrolebindings"],
            "verbs": _WRITES,
        },
        {
            "apiGroups": ["certificates.k8s.io"],
            "resources": [
                "certificatesigningrequests",
                "certificatesigningrequests/approval",
                "certificatesigningrequests/status",
            ],
            "verbs": _WRITES,
        },
    ],
    "named": [
        {
            "apiGroups": [""],
            "resources": ["users"],
            "resourceNames": ["allowed"],
            "verbs": ["impersonate"],
        }
    ],
    "definer": [
        {
            "apiGroups": ["apiextensions.k8s.io", "admissionregistration.k8s.io"],
            "resources": ["customresourcedefinitions", "validatingadmissionpolicies"],
            "verbs": ["get", "list", "create", "update", "delete"],
        }
    ],
}


class Breach(AssertionError):
    """Somebody saw or did what they must not, or the server failed."""


@dataclass(slots=True)
class Scene:
    process: ApiProcess
    tokens: dict[str, str] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    """Tokens that are no longer good, or not here, by the reason."""
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
            for name in (VAULT, HOME, SHELF):
                await _post(client, "/api/v1/namespaces", _object("v1", "Namespace", name))
            data = {"canary": base64.b64encode(self.canary).decode()}
            secret = _object("v1", "Secret", "canary") | {"data": data}
            await _post(client, f"/api/v1/namespaces/{VAULT}/secrets", secret)
            for name in RULES:
                await self._account(client, name)
            for name, rules in CLUSTER_RULES.items():
                await _grant(client, "Cluster", RBAC, f"towpath-hostile-{name}", name, rules)
            await self._stale_tokens(client)
            await self._shelf(client)
            self.before = await self.rights(client)

    async def _account(self, client: httpx2.AsyncClient, name: str) -> None:
        await _post(client, SERVICE_ACCOUNTS, _object("v1", "ServiceAccount", name))
        where = SHELF if name == "named" else HOME
        await _grant(client, "", f"{RBAC}/namespaces/{where}", name, name, RULES[name])
        self.tokens[name] = await _token(client, name, {})

    async def _stale_tokens(self, client: httpx2.AsyncClient) -> None:
        """Of an account with all rights at home, so that nothing else refuses them."""
        everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        await _post(client, SERVICE_ACCOUNTS, _object("v1", "ServiceAccount", "gone"))
        await _post(client, SERVICE_ACCOUNTS, _object("v1", "ServiceAccount", "stale"))
        for name in ("gone", "stale"):
            await _grant(client, "", f"{RBAC}/namespaces/{HOME}", name, name, everything)
        self.stale["for another audience"] = await _token(
            client, "stale", {"audiences": ["elsewhere"]}
        )
        container = {"name": "a", "image": "example.dev/a:1"}
        spec = {"serviceAccountName": "stale", "containers": [container]}
        pod = _object("v1", "Pod", "bound") | {"spec": spec}
        for kind, path, obj in (
            ("Pod", f"/api/v1/namespaces/{HOME}/pods", pod),
            ("Secret", f"/api/v1/namespaces/{HOME}/secrets", _object("v1", "Secret", "bound")),
        ):
            await _post(client, path, obj)
            reference = {"apiVersion": "v1", "kind": kind, "name": "bound"}
            token = await _token(client, "stale", {"boundObjectRef": reference})
            self.stale[f"of a {kind} that is gone"] = token
            await client.delete(f"{path}/bound?gracePeriodSeconds=0")
            # Another of the same name is not the one that it was bound to.
            await _post(client, path, obj)
        self.stale["of an account that is gone"] = await _token(client, "gone", {})
        await client.delete(f"{SERVICE_ACCOUNTS}/gone")
        self.stale["of an account that was made again"] = self.stale["of an account that is gone"]
        await _post(client, SERVICE_ACCOUNTS, _object("v1", "ServiceAccount", "gone"))

    async def _shelf(self, client: httpx2.AsyncClient) -> None:
        """Two secrets, of which somebody may see one."""
        hidden = {"data": {"canary": base64.b64encode(self.canary).decode()}}
        for name, data in (("mine", {}), ("hidden", hidden)):
            secret = _object("v1", "Secret", name) | data
            await _post(client, f"/api/v1/namespaces/{SHELF}/secrets", secret)

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
                if metadata.get("namespace") != HOME or metadata["name"] in RULES:
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
        if answer.status == 500 and b'"code":500' in answer.body and b'"reason"' not in answer.body:
            # Kubernetes too says so, and no more, of what is too large or cannot be applied.
            allowed = (*allowed, 500) if allowed else (500,)
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


async def _grant(
    client: httpx2.AsyncClient, scope: str, path: str, name: str, account: str, rules: Json
) -> None:
    """`scope`: "Cluster", or "" for a namespace."""
    version = f"{RBAC_GROUP}/v1"
    role = _object(version, f"{scope}Role", name) | {"rules": rules}
    await _post(client, f"{path}/{scope.lower()}roles", role)
    binding = _object(version, f"{scope}RoleBinding", name) | {
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": f"{scope}Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": HOME}],
    }
    await _post(client, f"{path}/{scope.lower()}rolebindings", binding)


async def _token(client: httpx2.AsyncClient, account: str, spec: Json) -> str:
    body = {"spec": {"expirationSeconds": 7200, **spec}}
    answer = await client.post(f"{SERVICE_ACCOUNTS}/{account}/token", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["status"]["token"])


async def _post(client: httpx2.AsyncClient, path: str, body: Json) -> None:
    async with asyncio.timeout(30):
        while True:
            answer = await client.post(path, content=orjson.dumps(body))
            if answer.status_code == 201:
                return
            # A kind that has only just been defined may take a moment.
            assert answer.status_code == 404, answer.text
            await asyncio.sleep(0)
