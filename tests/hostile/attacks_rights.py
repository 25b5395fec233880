"""Attacks on permissions: paths that mean something else, tokens of nobody, rights made larger."""

import base64
import json
import random
import time
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.hostile.scene import ACCOUNTS, FREES, HOME, RBAC, VAULT, Scene
from tests.hostile.wire import request

Json = Any

SECRET = f"/api/v1/namespaces/{VAULT}/secrets/canary"
REFUSED = (0, 400, 401, 403, 404, 405, 406, 415, 422, 429)
VERSION = "rbac.authorization.k8s.io/v1"


def _mutated(path: str, choose: random.Random) -> str:
    """The same path said otherwise: it means the same, or nothing."""
    parts = path.split("/")
    place = choose.randrange(1, len(parts))
    match choose.randrange(14):
        case 0:
            parts.insert(place, choose.choice(("..", ".", "", "%2e%2e", "%2E", "..;", "%00")))
        case 1:
            parts[place] = quote(parts[place], safe="").replace("a", "%61")
        case 2:
            return path.replace("/", "%2f", choose.randrange(1, 6))
        case 3:
            return path.replace("/", "//", choose.randrange(1, 4))
        case 4:
            parts[place] = parts[place].upper()
        case 5:
            return f"/api/v1/namespaces/{HOME}/secrets/../../{VAULT}/secrets/canary"
        case 6:
            return f"/api/v1/namespaces/{HOME}%2f..%2f{VAULT}/secrets/canary"
        case 7:
            return path + choose.choice(
                ("/", "%20", "%00", "/.", "/..", ";a=b", "%0d%0aX: y", "?", "#")
            )
        case 8:
            return f"/api/v1/namespaces/{HOME}/secrets/{quote(f'../{VAULT}/canary', safe='')}"
        case 9:
            return path.replace(
                "secrets", choose.choice(("Secrets", "secrets/", "secret", "*", "ſecrets"))
            )
        case 10:
            return f"/api/v1/watch/namespaces/{VAULT}/secrets/canary"
        case 11:
            return f"/apis//v1/namespaces/{VAULT}/secrets/canary"
        case 12:
            return (
                path
                + "/"
                + choose.choice(("status", "scale", "log", "proxy", "exec", "token", "eviction"))
            )
        case _:
            strange = quote(chr(choose.randrange(1, 0x1FFF)))
            return f"/api/v1/namespaces/{HOME}/configmaps/{strange}{SECRET}"
    return "/".join(parts)


async def paths(scene: Scene, choose: random.Random) -> None:
    path = _mutated(SECRET, choose)
    if choose.random() < 0.3:
        path = _mutated(path, choose)
    token = choose.choice(("", *scene.tokens.values()))
    method = choose.choice(("GET", "GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"))
    async with scene.wire() as wire:
        data = request(method, path.encode("utf-8"), token=token)
        scene.look_at(await wire.ask(data), f"{method} {path}", allowed=(*REFUSED, 200, 501))


async def lists(scene: Scene, choose: random.Random) -> None:
    """Lists, tables and watches with selectors and page tokens that look beyond one's namespace."""
    start = choose.choice(("a", VAULT, f"{VAULT}/a", "", "\x00", HOME, f"{HOME}/zzz", "/"))
    page = {
        "v": "meta.k8s.io/v1",
        "rv": choose.choice((1, -1, 0, 2**40, "1", None)),
        "start": start,
    }
    query = [
        "continue=" + base64.urlsafe_b64encode(json.dumps(page).encode()).decode().rstrip("="),
        f"fieldSelector=metadata.namespace%3D{VAULT}",
        f"fieldSelector=metadata.namespace!%3D{HOME}",
        "fieldSelector=data.canary",
        "labelSelector=a%20in%20(" + "b," * 2000 + ")",
        "resourceVersion=1&resourceVersionMatch=Exact",
        "limit=-1",
        "limit=99999999999999999999",
        f"namespace={VAULT}",
        "watch=true&timeoutSeconds=1",
        "watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "includeObject=Object",
        "watch=true&watch=false&timeoutSeconds=1",
        "pretty=true",
        "allowWatchBookmarks=maybe",
    ]
    where = choose.choice(
        (
            f"/api/v1/namespaces/{HOME}/secrets",
            f"/api/v1/namespaces/{VAULT}/secrets",
            "/api/v1/secrets",
            f"/api/v1/namespaces/{HOME}/configmaps",
            f"/api/v1/namespaces/{HOME}%2f/secrets",
            FREES,
        )
    )
    chosen = "&".join(choose.sample(query, choose.randrange(1, 4)))
    accept = choose.choice(
        (
            "application/json",
            "application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            "application/vnd.kubernetes.protobuf",
            "*/*;q=nan",
        )
    )
    async with scene.wire() as wire:
        token = choose.choice(list(scene.tokens.values()))
        data = request("GET", f"{where}?{chosen}", token=token, headers=(("Accept", accept),))
        what = f"{where}?{chosen[:200]}"
        scene.look_at(await wire.ask(data), what, allowed=(200, *REFUSED, 410, 504))


def _part(value: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _forged(scene: Scene, choose: random.Random) -> str:
    """A token that nobody has issued, or not so."""
    real = scene.tokens["mallory"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(real[1] + "=="))
    header = json.loads(base64.urlsafe_b64decode(real[0] + "=="))
    now = int(time.time())
    changes: list[Json] = [
        {"sub": "system:serviceaccount:kube-system:default"},
        {"exp": now + 10**6},
        {"exp": now - 1},
        {"aud": ["elsewhere"]},
        {"iss": "https://elsewhere.example"},
        {"nbf": now + 10**6},
        {"kubernetes.io": {"namespace": VAULT, "serviceaccount": {"name": "x", "uid": "y"}}},
        {"kubernetes.io": None},
        {},
    ]
    match choose.randrange(8):
        case 0:
            return f"{_part({'alg': 'none'})}.{_part(claims | choose.choice(changes))}."
        case 1:
            return f"{real[0]}.{_part(claims | choose.choice(changes))}.{real[2]}"
        case 2:
            key = ec.generate_private_key(ec.SECP256R1())
            signed = f"{real[0]}.{_part(claims | choose.choice(changes))}"
            made = key.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
            return f"{signed}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"
        case 3:
            weak = {**header, "alg": choose.choice(("HS256", "RS256", "ES384", "NONE", ""))}
            return f"{_part(weak)}.{real[1]}.{real[2]}"
        case 4:
            inside = {**header, "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://elsewhere"}
            return f"{_part(inside)}.{real[1]}.{real[2]}"
        case 5:
            return f"{real[0]}.{real[1]}." + "A" * 86
        case 6:
            return choose.choice(("..", "a.b.c", "." * 5000, "null", "undefined", " ", "\xff"))
        case _:
            return scene.tokens["mallory"][: choose.randrange(1, 200)]


async def tokens(scene: Scene, choose: random.Random) -> None:
    """Who presents nothing that is good is nobody, whatever else they say."""
    forged = _forged(scene, choose)
    headers = [("Authorization", f"Bearer {forged}")]
    match choose.randrange(5):
        case 0:
            headers.append(("Authorization", f"Bearer {_forged(scene, choose)}"))
        case 1:
            headers = [
                ("Authorization", choose.choice(("Bearer", "Bearer ", "Basic YWRtaW46", "")))
            ]
        case 2:
            headers.append(("Impersonate-User", "admin"))
            headers.append(("Impersonate-Group", "system:masters"))
        case 3:
            headers.append(("X-Remote-User", "admin"))
            headers.append(("X-Remote-Group", "system:masters"))
        case _:
            headers.append(("Cookie", f"token={forged}"))
    async with scene.wire() as wire:
        data = request("GET", SECRET, headers=tuple(headers))
        scene.look_at(await wire.ask(data), f"token {headers!r}"[:300], allowed=(0, 400, 401, 403))


async def impersonation(scene: Scene, choose: random.Random) -> None:
    wanted = choose.choice(
        (
            (("Impersonate-User", "admin"),),
            (("Impersonate-User", "admin"), ("Impersonate-Group", "system:masters")),
            (("Impersonate-Group", "system:masters"),),
            (("impersonate-user", ""), ("Impersonate-Uid", "1")),
            (("Impersonate-User", f"system:serviceaccount:{HOME}:reader"),),
            (("Impersonate-User", "a\tb"), ("Impersonate-Extra-a%2fb", "c")),
            (("Impersonate-User", "system:anonymous"), ("Impersonate-Group", "system:masters")),
        )
    )
    async with scene.wire() as wire:
        data = request("GET", SECRET, token=scene.tokens["mallory"], headers=wanted)
        scene.look_at(await wire.ask(data), f"{wanted}", allowed=(*REFUSED, 500))


def _object(kind: str, name: str, **fields: Json) -> Json:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}, **fields}


ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


Grasp = tuple[str, str, str, Json]
"""Who asks for what that they must not have: account, method, path, body."""

ADMIN_ROLE = {
    "apiGroup": "rbac.authorization.k8s.io",
    "kind": "ClusterRole",
    "name": "cluster-admin",
}
MALLORY = {"kind": "ServiceAccount", "name": "mallory", "namespace": HOME}
ROLES, BINDINGS = (f"{RBAC}/namespaces/{HOME}/{kind}" for kind in ("roles", "rolebindings"))


def _grasps_at_rights(account: str, name: str) -> list[Grasp]:
    secret_rule = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    wide = _object("RoleBinding", name, roleRef=ADMIN_ROLE, subjects=[MALLORY])
    selectors: Json = {"clusterRoleSelectors": [{}]}
    aggregated = _object("ClusterRole", name, aggregationRule=selectors)
    everywhere = {**wide, "kind": "ClusterRoleBinding"}
    return [
        (account, "POST", ROLES, _object("Role", name, rules=ALL)),
        (account, "POST", ROLES, _object("Role", name, rules=secret_rule)),
        (account, "PATCH", f"{ROLES}/binder", {"rules": ALL}),
        (account, "PUT", f"{ROLES}/mallory", _object("Role", "mallory", rules=ALL)),
        (account, "POST", BINDINGS, wide),
        (account, "PATCH", f"{BINDINGS}/reader", {"subjects": [MALLORY]}),
        (account, "POST", f"{RBAC}/namespaces/{VAULT}/rolebindings", wide),
        (account, "POST", f"{RBAC}/clusterrolebindings", everywhere),
        (account, "POST", f"{RBAC}/clusterroles", _object("ClusterRole", name, rules=ALL)),
        (account, "POST", f"{RBAC}/clusterroles", aggregated),
        (account, "PATCH", f"{RBAC}/clusterroles/view", {"rules": ALL}),
    ]


def _grasps_at_objects(account: str, name: str) -> list[Grasp]:
    vault, home = f"/api/v1/namespaces/{VAULT}", f"/api/v1/namespaces/{HOME}"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    config_map: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    elsewhere = config_map | {"metadata": {"name": name, "namespace": VAULT}}
    pod = config_map | {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b"}]}}
    return [
        (account, "POST", f"{vault}/configmaps", config_map),
        ("mallory", "POST", f"{home}/configmaps", elsewhere),
        ("mallory", "POST", f"{home}/configmaps", config_map | {"kind": "Secret"}),
        (account, "POST", f"{home}/serviceaccounts/reader/token", {"spec": {}}),
        (account, "POST", f"{vault}/pods", pod),
        (account, "PUT", f"{vault}/finalize", {"metadata": {"name": VAULT}}),
        (account, "DELETE", vault, None),
        (account, "DELETE", "/api/v1/secrets", None),
        (account, "DELETE", f"{vault}/secrets", None),
        (account, "PATCH", f"{home}/status", {"status": {"phase": "x"}}),
        (account, "POST", definitions, {"metadata": {"name": "a.b"}}),
    ]


async def escalation(scene: Scene, choose: random.Random) -> None:
    who, name = choose.choice(ACCOUNTS), f"grasp-{choose.randrange(1000)}"
    grasps = _grasps_at_rights(who, name) + _grasps_at_objects(who, name)
    account, method, path, body = choose.choice(grasps)
    content_type = "application/json"
    if method == "PATCH":
        content_type = choose.choice(
            ("application/merge-patch+json", "application/strategic-merge-patch+json")
        )
        if choose.random() < 0.3:
            content_type, path = "application/apply-patch+yaml", f"{path}?fieldManager=m&force=true"
    data = request(
        method,
        path,
        token=scene.tokens[account],
        body=json.dumps(body).encode() if body is not None else None,
        content_type=content_type,
    )
    async with scene.wire() as wire:
        answer = await wire.ask(data)
    # What one may do oneself, one may pass on: the binder's own role again, and nothing else.
    scene.look_at(answer, f"{account}: {method} {path} {body}"[:400], allowed=REFUSED)


async def reviews(scene: Scene, choose: random.Random) -> None:
    """What anybody may ask about themselves, and about others not."""
    group, kind = choose.choice(
        (
            ("authorization.k8s.io", "SelfSubjectAccessReview"),
            ("authorization.k8s.io", "SelfSubjectRulesReview"),
            ("authorization.k8s.io", "SubjectAccessReview"),
            ("authorization.k8s.io", "LocalSubjectAccessReview"),
            ("authentication.k8s.io", "TokenReview"),
            ("authentication.k8s.io", "SelfSubjectReview"),
        )
    )
    spec: Json = choose.choice(
        (
            {"resourceAttributes": {"verb": "*", "resource": "*", "group": "*"}},
            {"namespace": VAULT},
            {"user": "admin", "groups": ["system:masters"]},
            {"token": scene.tokens["reader"]},
            None,
            [],
        )
    )
    body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": spec}
    path = f"/apis/{group}/v1/{kind.lower()}s"
    async with scene.wire() as wire:
        token = choose.choice(list(scene.tokens.values()))
        answer = await wire.ask(request("POST", path, token=token, body=json.dumps(body).encode()))
    scene.look_at(answer, f"{kind} {spec}", allowed=(200, 201, *REFUSED))
    if answer.status == 201 and b'"allowed":true' in answer.body:
        raise AssertionError(f"{kind} {spec}: {answer.body[:300]!r}")
