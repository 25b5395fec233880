"""A real Kubernetes control plane on loopback: etcd, kube-apiserver and the controller manager.

`tools/real-kube build` makes the binaries; `missing()` says what is not there. One etcd serves a
whole test session. `fresh()` starts the API server over an empty prefix of it, which takes a few
seconds and is the only clean way to give a scenario a cluster that nothing has touched.
"""

import asyncio
import ctypes
import functools
import os
import random
import secrets
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.support import eventually, wait_until
from towpath.apiserver.authn.pki import Pki, open_pki
from towpath.client.kubeconfig import Connection, write_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.client.protocols import Client
from towpath.files import write_private
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.users import PLATFORM, AccessRequest, UserInfo

KUBERNETES = "kubernetes-1.35.4"
ETCD = "etcd-3.6.16"
"""As tools/real-kube builds them."""
HOME = Path(os.environ.get("TOWPATH_ENGINES") or Path.home() / ".cache/towpath-engines")
BINARIES = {
    "etcd": HOME / ETCD / "etcd",
    "kube-apiserver": HOME / KUBERNETES / "kube-apiserver",
    "kube-controller-manager": HOME / KUBERNETES / "kube-controller-manager",
}
NOT_BUILT = "not built: run tools/real-kube build"

START_S_MAX = 120.0
STOP_S_MAX = 10.0
PORTS = range(17000, 19500)
SIGNING_KEY = "signing.key"
SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")
TOKEN_REVIEW = Resource("", "v1", "ServiceAccount", "serviceaccounts")
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False
)
PR_SET_PDEATHSIG = 1


def missing() -> list[str]:
    return [name for name, binary in BINARIES.items() if not binary.exists()]


@dataclass(frozen=True, slots=True)
class Kube:
    """A running control plane; `folder` holds its kubeconfig and logs."""

    server: str
    ca_pem: str
    admin_token: str
    folder: Path

    def connection(self, token: str = "") -> Connection:
        return Connection(server=self.server, token=token or self.admin_token, ca_pem=self.ca_pem)

    def tls(self) -> ssl.SSLContext:
        return self.connection().tls_context()


class KubeFront:
    """What scenarios ask of a served API (as apiserver.front.Front), from a real one.

    Every client acts as its user by impersonation, the platform's own included, so that admission
    policies see the same names as in the embedded server.
    """

    def __init__(self, root: KubernetesClient) -> None:
        self._root = root

    def client(self, user: UserInfo = PLATFORM) -> Client:
        return self._root.acting_as(user.name, user.groups)

    async def authorize(self, user: UserInfo, request: AccessRequest) -> bool:
        attributes = {
            "namespace": request.namespace,
            "verb": request.verb,
            "group": request.group,
            "resource": request.resource,
            "subresource": request.subresource,
            "name": request.name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {
                "user": user.name,
                "groups": list(user.groups),
                "resourceAttributes": {name: value for name, value in attributes.items() if value},
            },
        }
        answered = await self._root.create(ACCESS_REVIEWS, review)
        return bool(answered["status"]["allowed"])

    async def tokens(self, namespace: str, name: str, *, ttl_s: int) -> str:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"expirationSeconds": ttl_s},
        }
        path = SERVICE_ACCOUNTS.path(namespace, name, "token")
        answered = await self._root._call("POST", path, body=request)
        return str(answered["status"]["token"])

    async def run(self) -> None:
        """The real one runs by itself."""
        await asyncio.Event().wait()


class KubeFactory:
    """Starts control planes over one etcd; made once for a test session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._stack = ExitStack()
        self._etcd = ""

    def __enter__(self) -> "KubeFactory":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def fresh(self, *arguments: str) -> Iterator[Kube]:
        """An API server that knows nothing yet, and its controllers; `arguments` are further ones
        of the API server."""
        if not self._etcd:
            self._etcd = self._stack.enter_context(_etcd(self._folder / "etcd"))
        self._started += 1
        folder = self._folder / str(self._started)
        prefix = f"/registry-{self._started}"
        with _control_plane(folder, self._etcd, prefix, arguments) as kube:
            yield kube

    @functools.cached_property
    def shared(self) -> Kube:
        """The one for tests that keep to namespaces and kinds of their own."""
        return self._stack.enter_context(self.fresh())


@asynccontextmanager
async def kube_front(kube: Kube) -> AsyncIterator[KubeFront]:
    async with KubernetesClient(kube.connection()) as root:
        yield KubeFront(root)


async def until_served(client: Client, definition: dict[str, object]) -> None:
    """Wait until objects of a CustomResourceDefinition can be written."""
    spec: dict = definition["spec"]  # type: ignore[assignment,type-arg]
    names = spec["names"]
    resource = Resource(
        spec["group"],
        spec["versions"][0]["name"],
        names["kind"],
        names["plural"],
        spec["scope"] == "Namespaced",
    )

    async def is_served() -> bool:
        try:
            await client.list(resource, limit=1)
        except NotFound:
            return False
        return True

    await eventually(is_served, deadline_s=START_S_MAX)


@contextmanager
def _etcd(folder: Path) -> Iterator[str]:
    client, peer, metrics = _free_ports(3)
    address = f"http://127.0.0.1:{client}"
    peers = f"http://127.0.0.1:{peer}"
    health = f"http://127.0.0.1:{metrics}"
    arguments = [
        "--name=judge",
        f"--data-dir={folder / 'data'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=judge={peers}",
        f"--listen-metrics-urls={health}",
        "--log-level=warn",
    ]
    with _running("etcd", arguments, folder, lambda: _answers(f"{health}/readyz", "", None)):
        yield address


@contextmanager
def _control_plane(
    folder: Path, etcd: str, prefix: str, more: tuple[str, ...] = ()
) -> Iterator[Kube]:
    keys = folder / "pki"
    pki = open_pki(keys)
    (port, manager_port) = _free_ports(2)
    kube = Kube(f"https://127.0.0.1:{port}", pki.ca_pem.decode(), pki.admin_token, folder)
    manager_token = secrets.token_hex(16)
    own_config = folder / "kubeconfig"
    write_kubeconfig(
        own_config, server=kube.server, clusters=[], token=pki.admin_token, ca_pem=pki.ca_pem
    )
    manager_config = folder / "manager.kubeconfig"
    write_kubeconfig(
        manager_config, server=kube.server, clusters=[], token=manager_token, ca_pem=pki.ca_pem
    )
    server = [
        *api_server(
            folder,
            pki,
            etcd,
            port,
            tokens=f"{manager_token},system:kube-controller-manager,manager\n",
        ),
        f"--etcd-prefix={prefix}",
        # Off there as long as they are beta; ours are on.
        "--feature-gates=MutatingAdmissionPolicy=true",
        "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
        *more,
    ]
    manager = [
        "--bind-address=127.0.0.1",
        f"--secure-port={manager_port}",
        f"--kubeconfig={manager_config}",
        f"--authentication-kubeconfig={manager_config}",
        f"--authorization-kubeconfig={manager_config}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--root-ca-file={keys / 'ca.crt'}",
        f"--service-account-private-key-file={folder / SIGNING_KEY}",
        "--concurrent-gc-syncs=4",
    ]
    account = f"{kube.server}/api/v1/namespaces/default/serviceaccounts/default"
    with (
        _running("kube-apiserver", server, folder, _ready(kube, f"{kube.server}/readyz")),
        _running("kube-controller-manager", manager, folder, _ready(kube, account)),
    ):
        yield kube


def api_server(folder: Path, pki: Pki, etcd: str, port: int, *, tokens: str = "") -> list[str]:
    """Arguments of a kube-apiserver, for which the files are written into the folder."""
    administrator = f'{pki.admin_token},admin,admin,"system:masters"\n'
    write_private(folder / "tokens.csv", (administrator + tokens).encode())
    # client-go reads elliptic keys in their older form only.
    signing_key = folder / SIGNING_KEY
    write_private(
        signing_key,
        pki.token_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        # A loopback address is no valid endpoint of the Service "kubernetes".
        "--endpoint-reconciler-type=none",
        f"--etcd-servers={etcd}",
        f"--tls-cert-file={pki.certificate_file}",
        f"--tls-private-key-file={pki.key_file}",
        f"--client-ca-file={pki.ca_file}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        # What these add to new claims and nodes is in docs/reference/differences.md.
        "--disable-admission-plugins=StorageObjectInUseProtection,TaintNodesByCondition",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={signing_key}",
        f"--service-account-signing-key-file={signing_key}",
        "--service-cluster-ip-range=10.96.0.0/16",
    ]


def _ready(kube: Kube, url: str) -> Callable[[], bool]:
    return lambda: _answers(url, kube.admin_token, kube.tls())


def _answers(url: str, token: str, tls: ssl.SSLContext | None) -> bool:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=2, context=tls) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


@contextmanager
def _running(
    name: str, arguments: list[str], folder: Path, ready: Callable[[], bool]
) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BINARIES[name], *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        wait_until(lambda: process.poll() is not None or ready(), deadline_s=START_S_MAX)
        if process.poll() is not None or not ready():
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(f"{name} did not start ({process.poll()}):\n{tail}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    """A killed test run leaves no API server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    """Below the range that outgoing connections take theirs from; any, as others look too."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"no {count} free ports in {PORTS.start}-{PORTS.stop - 1}")
