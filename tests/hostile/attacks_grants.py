"""Attacks on what somebody was given: certificates, roles that grow, stale tokens, other names."""

import base64
import json
import random
import ssl
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.hostile.attacks_rights import ADMIN_ROLE, ALL, MALLORY, REFUSED, SECRET, VERSION
from tests.hostile.scene import FREES, HOME, RBAC, SHELF, VAULT, Breach, Scene
from tests.hostile.wire import CLOSED, Answer, Wire, request

Json = Any

ROLES, BINDINGS = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = "kubernetes.io/kube-apiserver-client"
AGGREGATED = "rbac.authorization.k8s.io/aggregate-to-"
VICTIMS = ("binder", "reader", "climber", "named", "maker")


async def _ask(
    scene: Scene, account: str, method: str, path: str, body: Json = None, kind: str = "json"
) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    data = request(
        method,
        path,
        token=scene.tokens[account],
        body=content,
        content_type="application/json" if kind == "json" else f"application/{kind}",
    )
    async with scene.wire() as wire:
        return await wire.ask(data)


def _role(kind: str, name: str, labels: Json = None, **fields: Json) -> Json:
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, **fields}


async def growing_roles(scene: Scene, choose: random.Random) -> None:
    """Somebody who may write cluster roles, and may not escalate or bind."""
    name = f"grasp-{choose.randrange(1000)}"
    into = AGGREGATED + choose.choice(("view", "edit", "admin"))
    own = "towpath-hostile-climber"
    anything = [{"nonResourceURLs": ["*"], "verbs": ["*"]}]
    impersonates = [{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}]
    escalates = [{"apiGroups": [VERSION[:-3]], "resources": ["clusterroles"], "verbs": ["*"]}]
    everywhere = {"roleRef": ADMIN_ROLE, "subjects": [MALLORY]}
    everybody = [{"kind": "Group", "name": "system:authenticated", "apiGroup": VERSION[:-3]}]
    matches: Json = {"clusterRoleSelectors": [{"matchLabels": {f"{AGGREGATED}admin": "true"}}]}
    json_patch = [{"op": "add", "path": "/rules/-", "value": ALL[0]}]
    bound = _role("ClusterRoleBinding", name, roleRef=ADMIN_ROLE, subjects=everybody)
    grasps: list[tuple[str, str, Json, str]] = [
        ("POST", ROLES, _role("ClusterRole", name, {into: "true"}, rules=ALL), "json"),
        ("POST", ROLES, _role("ClusterRole", name, {into: "true"}, rules=anything), "json"),
        ("POST", ROLES, _role("ClusterRole", name, rules=impersonates), "json"),
        ("POST", ROLES, _role("ClusterRole", name, rules=escalates), "json"),
        ("POST", ROLES, _role("ClusterRole", name, aggregationRule=matches), "json"),
        ("POST", ROLES, _role("ClusterRole", name, rules=[], aggregationRule=matches), "json"),
        ("PATCH", f"{ROLES}/{own}", {"rules": ALL}, "merge-patch+json"),
        ("PATCH", f"{ROLES}/{own}", {"rules": ALL}, "strategic-merge-patch+json"),
        ("PATCH", f"{ROLES}/{own}", {"aggregationRule": matches}, "merge-patch+json"),
        ("PATCH", f"{ROLES}/{own}", json_patch, "json-patch+json"),
        ("PATCH", f"{ROLES}/view", {"rules": ALL}, "merge-patch+json"),
        ("PUT", f"{ROLES}/{own}", _role("ClusterRole", own, rules=ALL), "json"),
        ("PUT", f"{ROLES}/{name}", _role("ClusterRole", name, rules=ALL), "json"),
        ("POST", BINDINGS, bound, "json"),
        ("PATCH", f"{BINDINGS}/{own}", everywhere, "merge-patch+json"),
        ("PATCH", f"{BINDINGS}/cluster-admin", everywhere, "strategic-merge-patch+json"),
        ("DELETE", f"{BINDINGS}?labelSelector=a!=b", None, "json"),
    ]
    for path, obj in (
        (f"{ROLES}/{name}", _role("ClusterRole", name, rules=ALL)),
        (f"{BINDINGS}/{name}", _role("ClusterRoleBinding", name, **everywhere)),
    ):
        grasps.append(("PATCH", f"{path}?fieldManager=m&force=true", obj, "apply-patch+yaml"))
    method, path, body, kind = choose.choice(grasps)
    if "?" not in path and choose.random() < 0.2:
        path += choose.choice(("?dryRun=All", "?fieldManager=m", "?fieldValidation=Ignore"))
    answer = await _ask(scene, "climber", method, path, body, kind)
    scene.look_at(answer, f"climber: {method} {path} {body}"[:400], allowed=(*REFUSED, 409))


def _signed(name: str, group: str) -> tuple[bytes, bytes, bytes]:
    """A request for a certificate, a certificate that nobody has signed but its owner; the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    asked = x509.CertificateSigningRequestBuilder().subject_name(subject)
    since, until = datetime(2020, 1, 1), datetime(2100, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    return (
        asked.sign(key, hashes.SHA256()).public_bytes(pem),
        made.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
    )


async def certificates(scene: Scene, choose: random.Random) -> None:
    """Somebody who may ask for certificates, and write what becomes of it, but may not approve."""
    groups = ("system:masters", "system:nodes", "a", "system:masters ")
    asked, made, _ = _signed(choose.choice(("admin", "system:admin", "mallory")), "system:masters")
    if choose.random() < 0.5:
        asked, made, _ = _signed("system:node:x", choose.choice(groups))
    signer = choose.choice(
        (CLIENT, f"{CLIENT}-kubelet", "kubernetes.io/kubelet-serving",
         "kubernetes.io/legacy-unknown", "example.dev/own", "", "x" * 600)
    )  # fmt: skip
    content = choose.choice((base64.b64encode(asked).decode(), "", "AAAA", "!!", None, 1))
    name = f"grasp-{choose.randrange(10)}"
    told = {"type": "Approved", "status": "True", "reason": "a", "message": "b"}
    obj: Json = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": content,
            "signerName": signer,
            "usages": choose.choice((["client auth"], ["any"], ["server auth", "cert sign"])),
            "username": "admin",
            "groups": ["system:masters"],
            "uid": "1",
            "expirationSeconds": choose.choice((600, 1, 2**31 - 1, -1)),
        },
        "status": {"conditions": [told], "certificate": base64.b64encode(made).decode()},
    }
    await _ask(scene, "climber", "POST", REQUESTS, obj)
    answers = [
        await _ask(scene, "climber", "PUT", f"{REQUESTS}/{name}/approval", obj),
        await _ask(scene, "climber", "PUT", f"{REQUESTS}/{name}/status", obj),
        await _ask(
            scene, "climber", "PATCH", f"{REQUESTS}/{name}/approval",
            {"status": {"conditions": [told]}}, "merge-patch+json",
        ),
    ]  # fmt: skip
    for answer in answers:
        scene.look_at(answer, f"{signer}: {answer.body[:300]!r}", allowed=(*REFUSED, 409))
    kept = await _ask(scene, "climber", "GET", f"{REQUESTS}/{name}")
    if kept.status == 200:
        found = json.loads(kept.body)
        if found.get("status", {}).get("certificate") or found["spec"]["username"] == "admin":
            raise Breach(f"a certificate was signed, or somebody else has asked for it: {found}")
        await _ask(scene, "climber", "DELETE", f"{REQUESTS}/{name}")


async def client_certificates(scene: Scene, choose: random.Random) -> None:
    """Certificates of an administrator that nobody but their owner has signed; old TLS; no SNI."""
    _, made, key = _signed("admin", "system:masters")
    context = ssl.create_default_context(cafile=str(scene.process.folder / "pki" / "ca.crt"))
    context.check_hostname = False
    match choose.randrange(3):
        case 0:
            file = Path(scene.process.folder / f"forged-{choose.randrange(6)}.pem")
            file.write_bytes(key + made)
            context.load_cert_chain(file)
        case 1:
            # The server's own: it says who the server is, and makes nobody a client.
            pki = scene.process.folder / "pki"
            context.load_cert_chain(pki / "server.crt", pki / "server.key")
        case _:
            context.set_alpn_protocols(["spdy/3.1", "x" * 255, "http/0.9"])
    wire = Wire(scene.process.port, context)
    try:
        async with wire:
            answer = await wire.ask(request("GET", SECRET))
    except (ssl.SSLError, OSError):
        answer = CLOSED
    scene.look_at(answer, "a certificate of nobody", allowed=(0, 401, 403))


async def stale_tokens(scene: Scene, choose: random.Random) -> None:
    """Tokens that were good once, or are good elsewhere."""
    what, token = choose.choice(list(scene.stale.items()))
    path = choose.choice((SECRET, FREES, "/api", "/apis/authentication.k8s.io/v1"))
    async with scene.wire() as wire:
        answer = await wire.ask(request("GET", path, token=token))
    scene.look_at(answer, f"a token {what}", allowed=(0, 401))


async def single_names(scene: Scene, choose: random.Random) -> None:
    """Somebody who may see one Secret by its name looks for others in the same namespace."""
    other = "metadata.name%3Dhidden"
    query = choose.choice(
        (
            "fieldSelector=metadata.name%3Dmine%2Cmetadata.name%3Dhidden",
            f"fieldSelector=metadata.name%3Dmine&fieldSelector={other}",
            f"fieldSelector={other}&fieldSelector=metadata.name%3Dmine",
            "fieldSelector=metadata.name!%3Dhidden",
            "fieldSelector=metadata.name%3Dmine%2Cmetadata.name!%3Dmine",
            "fieldSelector=metadata.name%3D%3Dmine",
            "fieldSelector=metadata.name%3Dmine%00",
            "fieldSelector=metadata.name%3Dmine&limit=1&continue=e30",
            "fieldSelector=%20metadata.name%20%3D%20mine",
            "labelSelector=metadata.name%3Dmine",
            "fieldSelector=metadata.name%3Dmine;fieldSelector=",
            "",
        )
    )
    form = choose.choice(
        ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/yaml")
    )
    watch = choose.choice(("", "&watch=true&timeoutSeconds=1", "&watch=1&timeoutSeconds=1"))
    path = f"/api/v1/namespaces/{SHELF}/secrets{choose.choice(('', '/', '/mine', '/hidden'))}"
    headers = (("Accept", form),)
    token = scene.tokens["named"]
    async with scene.wire() as wire:
        data = request("GET", f"{path}?{query}{watch}", token=token, headers=headers)
        answer = await wire.ask(data)
    scene.look_at(answer, f"{path}?{query}{watch}", allowed=(200, *REFUSED, 410, 504))


_USERS = ("Impersonate-User", "impersonate-user", "IMPERSONATE-USER", "Impersonate_User")


async def other_names(scene: Scene, choose: random.Random) -> None:
    """Every way to say that one is somebody else; the one who may, may for one user only."""
    user = choose.choice(
        ("admin", "allowed", f"system:serviceaccount:{VAULT}:default", "system:apiserver")
    )
    headers = [(choose.choice(_USERS), user)]
    more = (
        ("Impersonate-Group", "system:masters"),
        ("impersonate-group", "system:masters,system:nodes"),
        ("Impersonate-Uid", "1"),
        ("Impersonate-Extra-Scopes", "all"),
        ("Impersonate-Extra-", "all"),
        ("Impersonate-Extra-%ff%00", "all"),
        ("Impersonate-Extra-authentication.kubernetes.io%2fpod-name", "x"),
        ("Impersonate-User", "admin"),
        ("Impersonate-User", ""),
        ("Impersonate-Everything", "x"),
        ("X-Remote-Group", "system:masters"),
    )
    headers += choose.sample(more, choose.randrange(0, 3))
    choose.shuffle(headers)
    token = scene.tokens[choose.choice(("mallory", "named"))]
    async with scene.wire() as wire:
        data = request("GET", SECRET, token=token, headers=tuple(headers))
        answer = await wire.ask(data)
    scene.look_at(answer, f"{headers}", allowed=REFUSED)


async def handed_over(scene: Scene, choose: random.Random) -> None:
    """What somebody else's controllers would do for one: secrets with tokens, owners elsewhere."""
    name = f"grasp-{choose.randrange(10)}"
    victim = choose.choice(VICTIMS)
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": victim}},
        "type": "kubernetes.io/service-account-token",
    }
    owned: Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": HOME,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Secret", "name": "canary", "uid": "x",
                 "blockOwnerDeletion": True, "controller": True}
            ],
        },
    }  # fmt: skip
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "x"}}
    minted = f"/api/v1/namespaces/{HOME}/serviceaccounts/{victim}/token"
    asks: tuple[tuple[str, str, str, Json], ...] = (
        ("mallory", "POST", f"/api/v1/namespaces/{HOME}/secrets", token),
        ("maker", "POST", f"/api/v1/namespaces/{HOME}/secrets", token),
        ("maker", "POST", minted, {"spec": {}}),
        ("maker", "POST", f"/api/v1/namespaces/{VAULT}/configmaps", owned),
        ("maker", "POST", f"/api/v1/namespaces/{VAULT}/pods/x/eviction", eviction),
        ("maker", "POST", f"/api/v1/namespaces/{HOME}/pods/x/exec?command=id", None),
        ("maker", "PUT", f"/api/v1/namespaces/{VAULT}/pods/x/ephemeralcontainers", {}),
        ("maker", "POST", f"/api/v1/namespaces/{VAULT}/pods/x/binding", {}),
        ("maker", "GET", "/api/v1/nodes/x/proxy/secret", None),
        ("maker", "GET", f"/api/v1/namespaces/{VAULT}/services/x/proxy/", None),
    )
    account, method, path, body = choose.choice(asks)
    answer = await _ask(scene, account, method, path, body)
    scene.look_at(answer, f"{account}: {method} {path}", allowed=(*REFUSED, 501))


ATTACKS = {
    "growing roles": (growing_roles, 8),
    "certificates": (certificates, 2),
    "client certificates": (client_certificates, 2),
    "stale tokens": (stale_tokens, 4),
    "single names": (single_names, 6),
    "other names": (other_names, 6),
    "handed over": (handed_over, 5),
}
