"""A real OpenLDAP server for tests: in a folder, on loopback, with TLS."""

import asyncio
import datetime
import ipaddress
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import eventually

PROGRAM = shutil.which("slapd") or next(
    (path for path in ("/usr/sbin/slapd", "/usr/libexec/slapd") if Path(path).exists()), ""
)
SUFFIX = "dc=example,dc=org"
ROOT, PASSWORD = f"cn=admin,{SUFFIX}", "opensesame"
MODULES = ("/usr/lib/ldap", "/usr/lib/openldap", "/usr/lib64/openldap")
SCHEMAS = ("/etc/ldap/schema", "/etc/openldap/schema")

needs_slapd = pytest.mark.skipif(not PROGRAM, reason="there is no slapd: apt-get install slapd")

_CONFIG = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/nis.schema
include {schema}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
# Anonymous may look; a search by whoever is not paged gets five.
sizelimit size.soft=5 size.hard=5 size.pr=2 size.prtotal=unlimited
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{root}"
rootpw {password}
directory {folder}/data
"""


@dataclass(frozen=True, slots=True)
class Slapd:
    folder: Path
    port: int
    tls_port: int

    @property
    def authority(self) -> str:
        return (self.folder / "cert.pem").read_text()

    async def change(self, ldif: str) -> None:
        """As ldapmodify does; an entry without a changetype is added."""
        import ldap3

        def write() -> None:
            server = ldap3.Server("127.0.0.1", port=self.port, get_info=ldap3.NONE)
            connection = ldap3.Connection(server, ROOT, PASSWORD, auto_bind=True)
            for entry in ldif.strip().split("\n\n"):
                (_, _, dn), *lines = [line.strip().partition(": ") for line in entry.splitlines()]
                if lines[0][2] == "delete":
                    connection.delete(dn)
                    continue
                attributes: dict[str, list[str]] = {}
                for name, _, value in lines:
                    attributes.setdefault(name, []).append(value)
                assert connection.add(dn, attributes=attributes), connection.result
            connection.unbind()

        await asyncio.to_thread(write)


@asynccontextmanager
async def running_slapd(folder: Path) -> AsyncIterator[Slapd]:
    (folder / "data").mkdir(parents=True)
    _certify(folder)
    config = _CONFIG.format(
        schema=next(one for one in SCHEMAS if Path(one).exists()),
        modules=next(one for one in MODULES if Path(one).exists()),
        folder=folder,
        suffix=SUFFIX,
        root=ROOT,
        password=PASSWORD,
    )
    (folder / "slapd.conf").write_text(config)
    slapd = Slapd(folder, _free(), _free())
    urls = f"ldap://127.0.0.1:{slapd.port}/ ldaps://127.0.0.1:{slapd.tls_port}/"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time
            [PROGRAM, "-f", str(folder / "slapd.conf"), "-h", urls, "-d", "0"],
            stdout=log,
            stderr=log,
        )
    try:

        async def listens() -> bool:
            with socket.socket() as asking:
                return asking.connect_ex(("127.0.0.1", slapd.tls_port)) == 0

        await eventually(listens)
        await slapd.change(f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: x")
        yield slapd
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _certify(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
