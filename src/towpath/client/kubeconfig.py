"""Which API server to speak to and as whom: kubeconfig files, or three environment variables.

Read: token, client certificate, CA, from data or files; `TOWPATH_SERVER`, `TOWPATH_TOKEN` and
`TOWPATH_CA_FILE` need no file at all. What we do not do (exec plug-ins, auth providers, passwords)
is refused by name. Written: the embedded platform's own file, in one step and readable by its
owner only.
"""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from towpath.files import write_private

SERVER_VARIABLE = "TOWPATH_SERVER"
TOKEN_VARIABLE = "TOWPATH_TOKEN"  # noqa: S105
CA_FILE_VARIABLE = "TOWPATH_CA_FILE"
REFUSED_USER_FIELDS = ("exec", "auth-provider", "username", "password")


class KubeconfigError(ValueError):
    """The kubeconfig cannot be used; `str()` says which entry, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One server and one identity."""

    server: str
    """`https://localhost:8443` or `https://localhost:8443/clusters/local`."""
    token: str = ""
    ca_pem: str = ""
    certificate_pem: str = ""
    key_pem: str = ""
    namespace: str = ""
    insecure: bool = False
    server_name: str = ""

    def tls_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca_pem or None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate_pem:
            _load_certificate(context, self.certificate_pem, self.key_pem)
        return context


def from_environment(environment: Mapping[str, str] = os.environ) -> Connection | None:
    """None when TOWPATH_SERVER is not set."""
    server = environment.get(SERVER_VARIABLE, "")
    if not server:
        return None
    ca_file = environment.get(CA_FILE_VARIABLE, "")
    ca_pem = _read(Path(ca_file), f"{CA_FILE_VARIABLE}={ca_file}") if ca_file else ""
    return Connection(
        server=server.rstrip("/"), token=environment.get(TOKEN_VARIABLE, ""), ca_pem=ca_pem
    )


def from_kubeconfig(path: Path, *, context: str = "") -> Connection:
    """The named context, or the current one. Raises KubeconfigError."""
    document = _load(path)
    name = context or document.get("current-context") or ""
    if not name:
        known = ", ".join(_names(document, "contexts")) or "none"
        raise KubeconfigError(f"{path} has no current context; name one of: {known}")
    chosen = _entry(path, document, "contexts", "context", name)
    cluster = _entry(path, document, "clusters", "cluster", chosen.get("cluster", ""))
    user: Mapping[str, Any] = {}
    if chosen.get("user"):
        user = _entry(path, document, "users", "user", chosen["user"])
    for field in REFUSED_USER_FIELDS:
        if user.get(field):
            raise KubeconfigError(
                f"{path}: user {chosen['user']} uses {field}, which is not implemented here; "
                "use a token or a client certificate"
            )
    server = cluster.get("server", "")
    if not server:
        raise KubeconfigError(f"{path}: cluster {chosen.get('cluster')} has no server")
    folder = path.parent
    return Connection(
        server=server.rstrip("/"),
        token=_token(folder, user),
        ca_pem=_pem(folder, cluster, "certificate-authority"),
        certificate_pem=_pem(folder, user, "client-certificate"),
        key_pem=_pem(folder, user, "client-key"),
        namespace=chosen.get("namespace", ""),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name", ""),
    )


def contexts_of(path: Path) -> list[str]:
    return _names(_load(path), "contexts")


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    clusters: Sequence[str],
    token: str,
    ca_pem: bytes,
    user: str = "admin",
) -> None:
    """The platform's file: context `platform`, and one named after each local cluster."""
    addresses = {"platform": server}
    addresses |= {name: f"{server}/clusters/{name}" for name in clusters}
    ca_data = base64.b64encode(ca_pem).decode()
    from towpath.machinery.documents import dump_document

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "platform",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": address,
                    "certificate-authority-data": ca_data,
                    "disable-compression": True,  # loopback: bytes are cheaper than cycles
                },
            }
            for name, address in addresses.items()
        ],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": user}} for name in addresses
        ],
        "users": [{"name": user, "user": {"token": token}}],
    }
    write_private(path, dump_document(document).encode())


def _load(path: Path) -> dict[str, Any]:
    from towpath.machinery.documents import DocumentError, load_document

    try:
        document = load_document(_read(path, str(path)))
    except DocumentError as error:
        raise KubeconfigError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise KubeconfigError(f"{path} is not a kubeconfig: it must be a mapping")
    return document


def _names(document: Mapping[str, Any], plural: str) -> list[str]:
    return [entry.get("name", "") for entry in document.get(plural) or ()]


def _entry(
    path: Path, document: Mapping[str, Any], plural: str, singular: str, name: str
) -> Mapping[str, Any]:
    for entry in document.get(plural) or ():
        if entry.get("name") == name:
            found: Mapping[str, Any] = entry.get(singular) or {}
            return found
    known = ", ".join(_names(document, plural)) or "none"
    raise KubeconfigError(f"{path} has no {singular} {name!r}; it has: {known}")


def _token(folder: Path, user: Mapping[str, Any]) -> str:
    if user.get("token"):
        return str(user["token"])
    if user.get("tokenFile"):
        file = folder / user["tokenFile"]
        return _read(file, f"tokenFile {file}").strip()
    return ""


def _pem(folder: Path, entry: Mapping[str, Any], field: str) -> str:
    """From `<field>-data`, which wins, or from the file that `<field>` names."""
    if data := entry.get(f"{field}-data"):
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{field}-data is not base64 of PEM text") from error
    if name := entry.get(field):
        file = folder / name
        return _read(file, f"{field} {file}")
    return ""


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise KubeconfigError(f"cannot read {what}: {error.strerror}") from error


def _load_certificate(context: ssl.SSLContext, certificate_pem: str, key_pem: str) -> None:
    """OpenSSL reads them from a file only; it exists for the moment of reading."""
    with tempfile.TemporaryDirectory(prefix="towpath-") as folder:
        file = Path(folder) / "client.pem"
        write_private(file, f"{certificate_pem}\n{key_pem}".encode())
        context.load_cert_chain(file)
