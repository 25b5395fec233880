"""Attacks by what is allowed and dear: rules, patterns, owners of fields, kinds, watches, lists."""

import json
import random
from functools import cache
from typing import Any

from tests.conformance.built_in import BUILT_IN
from tests.conformance.mutations import mutated
from tests.hostile.attacks_bodies import TOLD
from tests.hostile.scene import FREES, GROUP, HOME, MADE, Scene
from tests.hostile.wire import request
from towpath.machinery import builtins

Json = Any

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
APPLY = "application/apply-patch+yaml"


async def _send(
    scene: Scene, account: str, method: str, path: str, body: bytes | None, kind: str = ""
) -> None:
    content_type = kind or "application/json"
    data = request(method, path, token=scene.tokens[account], body=body, content_type=content_type)
    async with scene.wire() as wire:
        answer = await wire.ask(data)
    what = f"{account}: {method} {path} {kind} {(body or b'')[:200]!r}"
    scene.look_at(answer, what, allowed=TOLD)


async def strange(scene: Scene, choose: random.Random) -> None:
    """Built-in kinds with a value of the wrong type in them, in every way that they are written."""
    path, reference, example = choose.choice(built_in())
    name = f"strange-{choose.randrange(4)}"
    whole = {**example, "metadata": {"name": name, "labels": {"app": "a"}}}
    obj = {**whole, **mutated(whole, choose, reference)}
    if choose.random() < 0.4:
        obj["metadata"] = {"name": name}
    await _send(scene, "maker", "POST", path, json.dumps(whole).encode())
    match choose.randrange(5):
        case 0:
            await _send(scene, "maker", "POST", path, json.dumps(obj).encode())
        case 1:
            await _send(scene, "maker", "PUT", f"{path}/{name}", json.dumps(obj).encode())
        case 2:
            kind = choose.choice(("merge-patch", "strategic-merge-patch"))
            obj["$patch"] = choose.choice(("replace", "delete", "merge", None, 1))
            if choose.random() < 0.5:
                del obj["$patch"]
            content_type = f"application/{kind}+json"
            body = json.dumps(obj).encode()
            await _send(scene, "maker", "PATCH", f"{path}/{name}", body, content_type)
        case 3:
            where = f"{path}/{name}?fieldManager=m{choose.randrange(3)}"
            where += choose.choice(("", "&force=true"))
            body = json.dumps(obj).encode()
            await _send(scene, "maker", "PATCH", where, body, APPLY)
        case _:
            await _send(scene, "maker", "DELETE", f"{path}/{name}", None)


@cache
def built_in() -> list[tuple[str, str, Json]]:
    """Where the maker makes them, the type of each, and one of it."""
    known = []
    for (version, kind), obj in BUILT_IN.items():
        group, _, short = version.rpartition("/")
        found = builtins.find(group, short, kind)
        if found is not None and found.resource.plural in MADE:
            known.append((found.resource.path(HOME), found.struct, obj))
    return known


def _definition(name: str, spec: Json, **more: Json) -> Json:
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        **more,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}s.costly.dev"},
        "spec": {
            "group": "costly.dev",
            "scope": "Namespaced",
            "names": {"kind": name.capitalize(), "plural": f"{name}s", "listKind": "CostlyList"},
            "versions": [version],
        },
    }


def _nested(depth: int, width: int = 1) -> Json:
    schema: Json = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {f"p{n}": schema for n in range(width)}}
    return schema


_TEXTS: Json = {"type": "array", "items": {"type": "string"}}
_PATTERNS = (
    r"^(a+)+$", r"^([a-zA-Z0-9]+\s?)*$", r"(x+x+)+y", r"^(a|a?)+$", r"((a{1,100}){1,100}){1,100}",
    r"(?i)(?:(?:.*)*)*z", r"[\x{10000}-\x{10ffff}]{1,1000}", r"\pL{500}", "(" * 1000 + ")" * 1000,
    r"(?=a)b", r"\1", r"a{2147483647}",
)  # fmt: skip
_RULES = (
    "self.all(a, self.all(b, self.all(c, a != b || b != c)))",
    "self.map(a, self.map(b, a + b)).size() > 0",
    "self.exists(a, a.matches('^(a+)+$'))",
    "self.all(a, ('x' + a).contains(a + a + a + a))",
    "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, a+b+c>0)))",
    "1 / 0 == 1",
    "self == oldSelf",
    "!" * 3000 + "true",
    "(" * 3000 + "true" + ")" * 3000,
    "true && " * 5000 + "true",
    "'" + "a" * 100_000 + "' == ''",
    "dyn(self).a.b.c",
    "has(self.a)",
)


async def costly_kinds(scene: Scene, choose: random.Random) -> None:
    """Kinds whose rules, patterns, defaults or columns cost much, and an object of each."""
    name = f"costly{choose.randrange(3)}"
    more: Json = {}
    value: Json = "a" * choose.choice((30, 5000, 300_000)) + "!"
    match choose.randrange(7):
        case 0:
            spec: Json = {"type": "string", "pattern": choose.choice(_PATTERNS)}
        case 1:
            limited = _TEXTS | {"maxItems": 20, "items": {"type": "string", "maxLength": 20}}
            rules = [{"rule": choose.choice(_RULES), "message": "no"}]
            spec = choose.choice((_TEXTS, limited)) | {"x-kubernetes-validations": rules}
            value = ["a" * 10] * choose.choice((3, 20, 2000))
        case 2:
            spec = {"type": "string", "enum": [f"v{n}" for n in range(20_000)]}
        case 3:
            spec = _nested(choose.choice((10, 60, 150, 400)))
            value = {"p0": 1}
        case 4:
            spec = _nested(choose.choice((3, 8)), 6)
        case 5:
            inner = {"type": "object", "default": {}, "properties": _nested(1, 40)["properties"]}
            for wide in inner["properties"].values():
                wide["default"] = "x" * 1000
            spec = {"type": "array", "items": inner}
            value = [{}] * choose.choice((10, 5000))
        case _:
            spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            path = choose.choice((".spec" + "[*]" * 300, ".spec..a", ".spec[?(@.a==1)]", "." * 500))
            columns = [{"name": f"c{n}", "type": "string", "jsonPath": path} for n in range(200)]
            more = {"additionalPrinterColumns": columns}
            value = {"a": [[1] * 100] * 100}
    body = json.dumps(_definition(name, spec, **more)).encode()
    where = f"{DEFINITIONS}/{name}s.costly.dev"
    await _send(scene, "definer", "POST", DEFINITIONS, body)
    obj = {
        "apiVersion": "costly.dev/v1",
        "kind": name.capitalize(),
        "metadata": {"name": "a"},
        "spec": value,
    }
    objects = f"/apis/costly.dev/v1/namespaces/{HOME}/{name}s"
    for _ in range(2):
        await _send(scene, "definer", "POST", objects, json.dumps(obj).encode())
    await _send(scene, "definer", "GET", objects, None)
    await _send(scene, "definer", "DELETE", where, None)


async def costly_policies(scene: Scene, choose: random.Random) -> None:
    """Rules of admission that are only tried, for they would be asked of everybody's objects."""
    version = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": version,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "costly"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": ["costly.dev"], "apiVersions": ["*"], "resources": ["*"],
                     "operations": ["*"]}
                ]
            },
            "variables": [
                {"name": f"v{n}", "expression": f"variables.v{n - 1} + variables.v{n - 1}"
                 if n else "'lol'"}
                for n in range(choose.choice((2, 40, 400)))
            ],
            "validations": [{"expression": choose.choice(_RULES).replace("self", "object.spec")}],
        },
    }  # fmt: skip
    where = f"/apis/{version}/validatingadmissionpolicies?dryRun=All"
    await _send(scene, "definer", "POST", where, json.dumps(policy).encode())


async def field_owners(scene: Scene, choose: random.Random) -> None:
    """As many owners of fields as there may be, disputes, and what managedFields may hold."""
    path = f"{FREES}/disputed"
    applied: Json = {"apiVersion": f"{GROUP}/v1", "kind": "Free", "metadata": {"name": "disputed"}}
    match choose.randrange(5):
        case 0:
            applied["spec"] = {f"k{n}": n for n in range(choose.choice((10, 20_000)))}
        case 1:
            applied["spec"] = {"a": choose.random()}
        case 2:
            deep: Json = {}
            for _ in range(choose.choice((90, 240))):
                deep = {"a": deep}
            applied["spec"] = deep
        case 3:
            owned: Json = {}
            for _ in range(choose.choice((50, 900))):
                owned = {"f:a": owned}
            applied["metadata"]["managedFields"] = [
                {"manager": f"m{n}", "operation": "Apply", "apiVersion": f"{GROUP}/v1",
                 "fieldsType": "FieldsV1", "fieldsV1": owned}
                for n in range(choose.choice((1, 300)))
            ]  # fmt: skip
            body = json.dumps(applied).encode()
            await _send(scene, "mallory", "PUT", path, body)
            return
        case _:
            labels = {f"l{n}": "a" for n in range(2000)}
            applied["metadata"] |= {"labels": labels, "finalizers": ["costly.dev/a"] * 50}
    manager = f"m{choose.randrange(2000)}" + "x" * choose.choice((0, 100, 200))
    where = f"{path}?fieldManager={manager}{choose.choice(('', '&force=true'))}"
    await _send(scene, "mallory", "PATCH", where, json.dumps(applied).encode(), APPLY)


async def long_lists(scene: Scene, choose: random.Random) -> None:
    """Lists whose items are found by what they say, in every way that they are written."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": "a"}
    mark, many = choose.choice("abc"), range(choose.choice((50, 20_000)))
    finalizers = [f"costly.dev/{mark}{one}" for one in many]
    metadata: Json = choose.choice(
        (
            {"finalizers": finalizers},
            {"finalizers": [], "$deleteFromPrimitiveList/finalizers": finalizers},
            {"finalizers": finalizers, "$setElementOrder/finalizers": finalizers},
            {"ownerReferences": [owner | {"uid": f"{mark}{one}"} for one in many]},
            {"ownerReferences": [{"uid": f"{mark}{n}", "$patch": "delete"} for n in many]},
        )
    )
    name = "long"
    obj: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata | {"name": name}}
    body = json.dumps(obj).encode()
    await _send(scene, "maker", "POST", MAPS, body)
    kind = choose.choice(("application/strategic-merge-patch+json", APPLY))
    where = f"{MAPS}/{name}?fieldManager={mark}&force=true" if kind == APPLY else f"{MAPS}/{name}"
    await _send(scene, "maker", "PATCH", where, body, kind)


async def same_names(scene: Scene, choose: random.Random) -> None:
    """Names made by the server, of prefixes that leave it no room; objects that nobody ends."""
    prefix = choose.choice(("a-", "", "a" * 247, "a" * 253, "a" * 300_000, "-", "A"))
    obj: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": prefix}}
    if choose.random() < 0.3:
        obj["metadata"]["name"] = ""
    body = json.dumps(obj).encode()
    for _ in range(5):
        await _send(scene, "mallory", "POST", MAPS, body)


async def large_answers(scene: Scene, choose: random.Random) -> None:
    """Everything there is, in its dearest form."""
    accept = choose.choice(
        ("application/yaml", "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io",
         "application/vnd.kubernetes.protobuf",
         "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    )  # fmt: skip
    path = choose.choice((FREES, MAPS, "/openapi/v2", "/apis", "/api/v1", "/openapi/v3"))
    query = choose.choice(
        ("", "pretty=true", "limit=1000000000", "limit=1", "resourceVersion=0",
         "labelSelector=" + "%2C".join(f"a{n}+notin+(b)" for n in range(2000)),
         "labelSelector=a+in+(" + ",".join(f"b{n}" for n in range(6000)) + ")",
         "fieldSelector=" + "%2C".join(["metadata.name!%3Da"] * 1500))
    )  # fmt: skip
    headers = (("Accept", accept), ("Accept-Encoding", choose.choice(("gzip", "identity"))))
    async with scene.wire() as wire:
        token = scene.tokens["mallory"]
        answer = await wire.ask(request("GET", f"{path}?{query}", token=token, headers=headers))
    scene.look_at(answer, f"{path}?{query[:80]} {accept}", allowed=(*TOLD, 410, 431))


ATTACKS = {
    "strange": (strange, 10),
    "costly kinds": (costly_kinds, 3),
    "costly policies": (costly_policies, 1),
    "field owners": (field_owners, 3),
    "long lists": (long_lists, 2),
    "same names": (same_names, 1),
    "large answers": (large_answers, 3),
}
