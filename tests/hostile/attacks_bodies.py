"""Attacks by what is written: deep, wide, self-doubling, of the wrong type, of no type."""

import json
import random
from typing import Any

from tests.hostile.scene import FREES, GROUP, HOME, Scene
from tests.hostile.wire import request

Json = Any

MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
TYPES = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/apply-patch+cbor",
    "text/html",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "",
    "application/json, application/yaml",
)
TOLD = (0, 200, 201, 400, 403, 404, 405, 406, 409, 413, 415, 422, 429)


def _free(spec: bytes, name: bytes = b"free") -> bytes:
    return b'{"apiVersion":"%s/v1","kind":"Free","metadata":{"name":"%s"},"spec":%s}' % (
        GROUP.encode(),
        name,
        spec,
    )


def _deep(choose: random.Random) -> bytes:
    depth = choose.choice((100, 199, 201, 260, 900, 1500, 50_000, 500_000))
    opening, closing = choose.choice(((b'{"a":', b"}"), (b"[", b"]")))
    return opening * depth + b"1" + closing * depth


def _wide(choose: random.Random) -> bytes:
    match choose.randrange(5):
        case 0:
            return b"[" + b"[]," * choose.randrange(1000, 400_000) + b"1]"
        case 1:
            many = choose.randrange(100, 40_000)
            return json.dumps({f"k{number}": number for number in range(many)}).encode()
        case 2:
            return b'{"a":"' + b"\\u0000" * 100_000 + b'"}'
        case 3:
            return b'{"a":' + b"9" * choose.choice((30, 400, 100_000)) + b"}"
        case _:
            return b'{"a":1,' * 1 + b'"a":2,' * choose.randrange(1, 50_000) + b'"b":3}'


def _yaml(choose: random.Random) -> bytes:
    lines = ["a0: &a0 [lol, lol]"]
    match choose.randrange(6):
        case 0:
            lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
        case 1:
            lines = ["a0: &a0 {a: 1, b: 2}"]
            lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)]
        case 2:
            lines = ["a: &a {b: *a}"]
        case 3:
            lines = ["- " * choose.choice((500, 100_000)) + "1"]
        case 4:
            lines = ["a: " + "1:" * 100_000 + "1"]
        case _:
            lines = [
                choose.choice(("a: !!python/object:os.system {}", "? [a]\n: b", "\t", "a: .nan"))
            ]
    head = f"apiVersion: {GROUP}/v1\nkind: Free\nmetadata: {{name: free}}\nspec:\n"
    return (head + "".join(f"  {line}\n" for line in lines)).encode()


def _patch(choose: random.Random) -> tuple[str, bytes]:
    match choose.randrange(7):
        case 0:
            ops = [{"op": "test", "path": "/spec", "value": 1}] * choose.choice((100, 10_001))
        case 1:
            ops = [{"op": "add", "path": "/spec", "value": {"x": "lol" * 100}}]
            ops += [{"op": "copy", "from": "/spec", "path": f"/spec/x{n}"} for n in range(100)]
        case 2:
            ops = [{"op": "add", "path": "/spec" + "/a" * n, "value": {}} for n in range(1500)]
        case 3:
            ops = [{"op": "replace", "path": "/metadata/uid", "value": "x"}]
        case 4:
            ops = [{"op": "move", "from": "/metadata", "path": "/spec/metadata"}]
        case 5:
            ops = [
                {"op": choose.choice(("explode", None, 1)), "path": choose.choice(("", "a", None))}
            ]
        case _:
            merge: Json = {
                "metadata": choose.choice(([], None, "x", {"ownerReferences": [1]}, {"labels": 1}))
            }
            return "application/merge-patch+json", json.dumps(merge).encode()
    return "application/json-patch+json", json.dumps(ops).encode()


def _odd(choose: random.Random) -> bytes:
    """An object with something of another type in it, anywhere."""
    values: tuple[Json, ...] = (
        None,
        1,
        -1,
        1e308,
        True,
        "",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        [],
        {},
        [[]],
        {"": ""},
    )
    obj: Json = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Free",
        "metadata": {
            "name": "free",
            "labels": {"a": "b"},
            "finalizers": [],
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}],
            "managedFields": [{"manager": "a", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {},
    }
    place = obj if choose.random() < 0.3 else obj["metadata"]
    place[choose.choice(list(place))] = choose.choice(values)
    return json.dumps(obj).encode()


def _protobuf(choose: random.Random) -> bytes:
    body = choose.randbytes(choose.randrange(0, 3000))
    match choose.randrange(4):
        case 0:
            return body
        case 1:
            return b"k8s\x00" + body
        case 2:
            inner = b""
            for _ in range(choose.randrange(1, 4000)):
                size = len(inner)
                length = b""
                while True:
                    length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
                    size >>= 7
                    if not size:
                        break
                inner = b"\x0a" + length + inner
            return b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12" + inner
        case _:
            return b"k8s\x00" + b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + body


async def bodies(scene: Scene, choose: random.Random) -> None:
    """A write of something that costs more than it is worth, or that is nothing."""
    path, method, content_type = FREES, "POST", "application/json"
    match choose.randrange(8):
        case 0:
            body = _free(_deep(choose))
        case 1:
            body = _free(_wide(choose), b"wide-%d" % choose.randrange(20))
        case 2:
            body = _yaml(choose)
            content_type = choose.choice(("application/yaml", "application/apply-patch+yaml"))
            if "apply" in content_type:
                path, method = f"{FREES}/free?fieldManager=m", "PATCH"
        case 3:
            content_type, body = _patch(choose)
            path, method = f"{FREES}/target", "PATCH"
        case 4:
            body = _odd(choose)
            method = choose.choice(("POST", "PUT"))
            path = FREES if method == "POST" else f"{FREES}/free"
        case 5:
            path, body = MAPS, _protobuf(choose)
            content_type = "application/vnd.kubernetes.protobuf"
        case 6:
            body, content_type = _odd(choose), choose.choice(TYPES)
        case _:
            body = _free(b'{"a":"' + b"x" * choose.choice((1_600_000, 2_900_000)) + b'"}', b"large")
    if choose.random() < 0.4 and "?" not in path:
        path += "?fieldValidation=Strict"
    data = request(
        method, path, token=scene.tokens["mallory"], body=body, content_type=content_type
    )
    async with scene.wire() as wire:
        answer = await wire.ask(data)
    scene.look_at(answer, f"{method} {path} {content_type} {body[:120]!r}", allowed=TOLD)


async def queries(scene: Scene, choose: random.Random) -> None:
    """Parameters twice, of the wrong type, without end."""
    names = (
        "fieldManager", "fieldValidation", "dryRun", "force", "pretty", "limit", "continue",
        "resourceVersion", "timeoutSeconds", "labelSelector", "fieldSelector", "watch",
        "gracePeriodSeconds", "propagationPolicy", "orphanDependents",
    )  # fmt: skip
    values: tuple[Json, ...] = (
        "", "true", "All", "-1", "1e9", "99999999999999999999", "%00", "%ff%fe", "a" * 5000,
        "a%3Db%2C" * 500, "(((((", "!!!!", "metadata.name%3D..%2F..", "Strict", "\u0661",
    )  # fmt: skip
    query = "&".join(
        f"{choose.choice(names)}={choose.choice(values)}" for _ in range(choose.randrange(1, 8))
    )
    method = choose.choice(("GET", "POST", "DELETE", "PUT", "PATCH"))
    name = "" if method in ("GET", "POST") else "/target-2"
    body = None if method in ("GET", "DELETE") else _free(b"{}", b"target-2")
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    if "timeoutSeconds" not in query:
        query += "&timeoutSeconds=1"
    path = f"{FREES}{name}?{query}".encode()
    async with scene.wire() as wire:
        data = request(method, path, token=scene.tokens["mallory"], body=body, content_type=kind)
        await wire.send(data)
        # A watch may have been asked for, which answers with its head alone.
        answer = await wire.read(has_body=False)
    scene.look_at(answer, f"{method} {path[:300]!r}", allowed=(*TOLD, 410, 504))


async def churn(scene: Scene, choose: random.Random) -> None:
    """What mallory has made is removed again, so that only leaks can grow."""
    async with scene.wire() as wire:
        token = scene.tokens["mallory"]
        for path in (FREES, MAPS):
            await wire.ask(request("DELETE", path, token=token))
        for name in (b"target", b"target-2"):
            await wire.ask(request("POST", FREES, token=token, body=_free(b"{}", name)))
