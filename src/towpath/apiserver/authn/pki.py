"""The PKI folder: a CA of our own, the server's certificate, and the key that signs tokens.

Everything is generated at first use, kept in one folder (0700, keys 0600) and renewed before it
expires. The CA stays as long as it can, because kubeconfigs and child processes carry a copy.

What has been found good is noted in the folder, with until when: a start looks whether the files
are the same, which takes no cryptography.
"""

import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from towpath.files import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
CHECKED = ("ca.key", "ca.crt", "server.key", "server.crt", "tokens.key")
NOTE = "checked.json"


class PkiDamaged(Exception):
    """A file of the folder holds something else than it should; `str()` says which."""


class Pki(Struct, frozen=True):
    """Paths and secrets of one PKI folder, all present and valid."""

    ca_file: Path
    certificate_file: Path
    key_file: Path
    token_key_file: Path
    """Of the key that signs the tokens of service accounts."""
    admin_token: str
    """The bearer token of the kubeconfig; a member of system:masters."""

    @property
    def ca_pem(self) -> bytes:
        return self.ca_file.read_bytes()

    @property
    def token_key(self) -> "ec.EllipticCurvePrivateKey":
        from towpath.apiserver.authn.issuing import load_or_make

        return load_or_make(self.token_key_file)

    def server_context(self, *, client_certificates: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate_file, self.key_file)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if client_certificates:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


def open_pki(folder: Path, *, names: Sequence[str] = LOCAL_NAMES) -> Pki:
    """The PKI in `folder`; what is missing or about to expire is made. Blocks: call in a thread.

    Raises PkiDamaged.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not _is_noted_good(folder, names):
        from towpath.apiserver.authn import issuing

        until = issuing.complete(folder, names)
        note = {"files": _digest(folder, names), "until": until.timestamp()}
        write_private(folder / NOTE, json.dumps(note).encode())
    return Pki(
        ca_file=folder / "ca.crt",
        certificate_file=folder / "server.crt",
        key_file=folder / "server.key",
        token_key_file=folder / "tokens.key",
        admin_token=_admin_token(folder / "admin.token"),
    )


def _is_noted_good(folder: Path, names: Sequence[str]) -> bool:
    try:
        note = json.loads((folder / NOTE).read_bytes())
        good: bool = time.time() < note["until"] and note["files"] == _digest(folder, names)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return good


def _digest(folder: Path, names: Sequence[str]) -> str:
    def parts() -> Iterator[bytes]:
        yield json.dumps(sorted(names)).encode()
        for name in CHECKED:
            yield hashlib.sha256((folder / name).read_bytes()).digest()

    return hashlib.sha256(b"".join(parts())).hexdigest()


def _admin_token(path: Path) -> str:
    if not path.exists() or not path.read_text().strip():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()
