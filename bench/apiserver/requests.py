"""What both servers are sent: one small custom kind, its objects, and requests ready to write."""

import json
from collections.abc import Iterator, Sequence

GROUP, VERSION, PLURAL, NAMESPACE = "bench.towpath.dev", "v1", "widgets", "bench"
ACCOUNT = "visitor"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"

RawObject = dict[str, object]


def collection_path(number: int | None = None) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{plural_of(number)}"


def plural_of(number: int | None) -> str:
    return PLURAL if number is None else f"things{number}"


def definition(number: int | None = None) -> RawObject:
    """The kind that is measured; with a number, one of the many that only stand beside it."""
    plural = plural_of(number)
    kind = "Widget" if number is None else f"Thing{number}"
    port = {
        "type": "object",
        "required": ["port"],
        "properties": {
            "name": {"type": "string", "maxLength": 63},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "protocol": {"type": "string", "default": "TCP", "enum": ["TCP", "UDP"]},
        },
    }
    spec = {
        "type": "object",
        "required": ["owner"],
        "properties": {
            "owner": {"type": "string", "minLength": 1},
            "size": {"type": "integer", "minimum": 0, "default": 1},
            "tier": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "settings": {"type": "object", "additionalProperties": {"type": "string"}},
            "ports": {
                "type": "array",
                "items": port,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["port"],
            },
        },
    }
    status = {"type": "object", "properties": {"phase": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def widget(name: str, size: int = 3) -> RawObject:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Widget",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/name": "widget", "team": "payments"},
        },
        "spec": {
            "owner": "group:default/payments",
            "size": size,
            "settings": {"LOG_LEVEL": "info", "REGION": "eu-central-1", "FEATURES": "a,b,c"},
            "ports": [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}],
        },
    }


def rights() -> list[tuple[str, RawObject]]:
    """A namespace, and a user who is nobody's administrator and may do with widgets what is done.

    Pairs of collection and object, in the order in which they are to be made.
    """
    role_ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
    rule = {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": ["*"]}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    metadata = {"metadata": {"name": ACCOUNT, "namespace": NAMESPACE}}
    return [
        ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
        (f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", metadata),
        (f"{rbac}/roles", {**metadata, "rules": [rule]}),
        (f"{rbac}/rolebindings", {**metadata, "roleRef": role_ref, "subjects": [subject]}),
    ]


COLLECTION = collection_path()
TOKEN_PATH = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token"


class Requests:
    """Makes whole requests, as bytes, for one server and one user."""

    def __init__(self, token: str) -> None:
        self._head = f"host: localhost\r\nauthorization: Bearer {token}\r\nuser-agent: bench\r\n"

    def read(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\n{self._head}accept: {JSON}\r\n\r\n".encode()

    def delete(self, path: str) -> bytes:
        return f"DELETE {path} HTTP/1.1\r\n{self._head}accept: {JSON}\r\n\r\n".encode()

    def write(self, method: str, path: str, obj: RawObject, content_type: str = JSON) -> bytes:
        body = json.dumps(obj, separators=(",", ":")).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\n{self._head}accept: {JSON}\r\n"
            f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def creates(self, names: Sequence[str]) -> Iterator[bytes]:
        return (self.write("POST", COLLECTION, widget(name)) for name in names)

    def gets(self, names: Sequence[str]) -> Iterator[bytes]:
        return (self.read(f"{COLLECTION}/{name}") for name in names)

    def merge_patches(self, names: Sequence[str]) -> Iterator[bytes]:
        for number, name in enumerate(names):
            change = {"spec": {"settings": {"TURN": str(number)}}}
            yield self.write("PATCH", f"{COLLECTION}/{name}", change, MERGE_PATCH)

    def applies(self, names: Sequence[str]) -> Iterator[bytes]:
        """Objects that exist, applied by somebody who has not applied them before, and changed."""
        for number, name in enumerate(names):
            path = f"{COLLECTION}/{name}?fieldManager=applier&force=true"
            yield self.write("PATCH", path, widget(name, size=5 + number), APPLY)
