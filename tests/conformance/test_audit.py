"""The same audit policy and the same requests, at a real kube-apiserver and at ours."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import yaml
from tests.conformance.sides import TIME, UID
from tests.engines.kube import KubeFactory
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.apiserver.auditing.events import Auditing
from towpath.apiserver.auditing.policy import read_policy
from towpath.client.kubeconfig import Connection

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager"]},
        {"level": "None", "userGroups": ["system:serviceaccounts"]},
        {"level": "None", "namespaces": ["quiet"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["endpoints"]}]},
        {"level": "None", "nonResourceURLs": ["/readyz*", "/openapi*"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]},
        {"level": "Metadata", "verbs": ["delete", "watch"]},
        {"level": "Request", "verbs": ["patch"], "namespaces": ["default"]},
        {"level": "RequestResponse", "resources": [{"group": "", "resources": ["configmaps"]}]},
        {"level": "Metadata", "nonResourceURLs": ["/version", "/nothing"]},
    ],
}
MAPS = "/api/v1/namespaces/default/configmaps"
REQUESTS: list[tuple[str, str, Any, dict[str, str]]] = [
    ("POST", MAPS, {"metadata": {"name": "audited"}, "data": {"x": "1"}}, {}),
    ("POST", MAPS, {"metadata": {"name": "audited"}}, {}),
    ("GET", f"{MAPS}/audited", None, {}),
    ("GET", f"{MAPS}/absent", None, {}),
    ("GET", f"{MAPS}?fieldSelector=metadata.name%3Daudited", None, {}),
    ("GET", f"{MAPS}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dx", None, {}),
    ("PATCH", f"{MAPS}/audited", {"data": {"y": "2"}}, {}),
    ("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}, "data": {}}, {}),
    ("GET", f"{MAPS}/audited", None, {"impersonate-user": "mallory"}),
    ("GET", f"{MAPS}/audited", None, {"impersonate-user": "reader"}),
    ("GET", "/api/v1/namespaces/default/endpoints", None, {}),
    ("GET", "/version", None, {}),
    ("GET", "/nothing", None, {}),
    ("GET", "/api/v1/namespaces/default/pods", None, {}),
    ("DELETE", f"{MAPS}/audited", None, {}),
    ("DELETE", "/api/v1/namespaces/default/secrets/s", None, {}),
]
POLICIES = "/apis/admissionregistration.k8s.io/v1"
ROLES = "/apis/rbac.authorization.k8s.io/v1"
ALL_MAPS = {
    "resourceRules": [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps"],
        }
    ]
}
PREPARED: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/namespaces", {"metadata": {"name": "quiet"}}),
    (
        f"{ROLES}/namespaces/default/roles",
        {
            "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
        },
    ),
    (
        f"{ROLES}/namespaces/default/rolebindings",
        {
            "metadata": {"name": "readers"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": "reader",
            },
            "subjects": [{"kind": "User", "name": "reader"}],
        },
    ),
    (
        f"{POLICIES}/validatingadmissionpolicies",
        {
            "metadata": {"name": "told"},
            "spec": {
                "matchConstraints": ALL_MAPS,
                "validations": [{"expression": "!has(object.data)", "message": "it has data"}],
                "auditAnnotations": [
                    {"key": "name", "valueExpression": "string(object.metadata.name)"}
                ],
            },
        },
    ),
    (
        f"{POLICIES}/validatingadmissionpolicybindings",
        {
            "metadata": {"name": "told-everywhere"},
            "spec": {"policyName": "told", "validationActions": ["Warn", "Audit"]},
        },
    ),
]
LAST = "/api/v1/namespaces/default/secrets/s"


@pytest.fixture
async def sides(
    kube_factory: KubeFactory, tmp_path: Path
) -> AsyncIterator[tuple[Connection, Path, Connection, list[Any]]]:
    policy, told_there = tmp_path / "policy.yaml", tmp_path / "kube-audit.log"
    policy.write_text(yaml.safe_dump(POLICY))
    told_here: list[Any] = []
    audit = Auditing(read_policy(policy.read_text()), [told_here.append])
    arguments = (f"--audit-policy-file={policy}", f"--audit-log-path={told_there}")
    async with AsyncExitStack() as stack:
        # Not in a thread: its children would end with the thread.
        kube = stack.enter_context(kube_factory.fresh(*arguments))
        wired = await stack.enter_async_context(wired_api_server(tmp_path, audit=audit))
        yield kube.connection(), told_there, wired.connection(), told_here


@pytest.mark.slow
async def test_requests_are_told_alike(
    sides: tuple[Connection, Path, Connection, list[Any]],
) -> None:
    there, log, here, told_here = sides
    for connection in (there, here):
        await _ask(connection)

    async def written() -> bool:
        return f'"requestURI":"{LAST}"' in log.read_text()

    await eventually(written, deadline_s=30)
    theirs = [_plain(orjson.loads(line)) for line in log.read_bytes().splitlines()]
    ours = [_plain(orjson.loads(orjson.dumps(event))) for event in told_here]
    asked = {path for _, path, _, _ in REQUESTS}
    theirs = [event for event in theirs if event["requestURI"] in asked and "client" in event]
    assert [_told(event) for event in ours] == [_told(event) for event in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other, (mine["verb"], mine["requestURI"])


async def _ask(connection: Connection) -> None:
    async with httpx2.AsyncClient(
        base_url=connection.server,
        verify=connection.tls_context(),
        headers={"authorization": f"Bearer {connection.token}", "user-agent": "judge"},
        timeout=30,
    ) as http:
        await _prepare(http)
        for method, path, body, headers in REQUESTS:
            kind = "Secret" if "secrets" in path else "ConfigMap"
            if body is not None:
                patching = method == "PATCH"
                content_type = "application/merge-patch+json" if patching else "application/json"
                headers = {**headers, "content-type": content_type}
                whole = body if patching else {"apiVersion": "v1", "kind": kind, **body}
                await http.request(method, path, headers=headers, content=orjson.dumps(whole))
            else:
                await http.request(method, path, headers=headers)


async def _prepare(http: httpx2.AsyncClient) -> None:
    """Roles and a policy, which is at work when it warns."""
    kinds = {
        "namespaces": "Namespace",
        "roles": "Role",
        "rolebindings": "RoleBinding",
        "validatingadmissionpolicies": "ValidatingAdmissionPolicy",
        "validatingadmissionpolicybindings": "ValidatingAdmissionPolicyBinding",
    }
    for path, body in PREPARED:
        group = path.removeprefix("/apis/").partition("/")[0] if "/apis/" in path else ""
        named = {
            "apiVersion": f"{group}/v1" if group else "v1",
            "kind": kinds[path.rpartition("/")[2]],
        }
        answer = await http.post(path, json={**named, **body})
        assert answer.status_code == 201, answer.text
    probe = {"metadata": {"generateName": "probe-"}, "data": {"x": "1"}}

    async def warns() -> bool:
        answer = await http.post("/api/v1/namespaces/quiet/configmaps?dryRun=All", json=probe)
        return "it has data" in answer.headers.get("warning", "")

    await eventually(warns, deadline_s=30)


def _told(event: Any) -> tuple[str, ...]:
    return tuple(event[field] for field in ("stage", "verb", "requestURI", "level"))


NOISE = ("auditID", "requestReceivedTimestamp", "stageTimestamp", "userAgent")


def _plain(event: Any) -> Any:
    """Without what only tells one server from another. `client`: it is one of the test's."""
    event = orjson.loads(TIME.sub("<time>", UID.sub("<uid>", orjson.dumps(event).decode())))
    if event.get("userAgent") == "judge":
        event["client"] = True
    for field in NOISE:
        event.pop(field, None)
    event["user"] = event["user"].get("username")
    if "impersonatedUser" in event:
        event["impersonatedUser"] = event["impersonatedUser"]["username"]
    for part in ("responseObject", "requestObject"):
        _drop_versions(event.get(part))
    return event


def _drop_versions(obj: Any) -> None:
    if isinstance(obj, dict):
        metadata = obj.get("metadata")
        if isinstance(metadata, dict):
            for field in ("resourceVersion", "remainingItemCount"):
                metadata.pop(field, None)
        for item in obj.get("items") or ():
            _drop_versions(item)
