"""Makes and checks the keys and certificates of a PKI folder. Loaded where there is need for it."""

import base64
import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from towpath.apiserver.authn.pki import PkiDamaged
from towpath.files import write_durably, write_private
from towpath.machinery.users import MASTERS

CA_DAYS = 3650
CERTIFICATE_DAYS = 365
RENEW_BEFORE = timedelta(days=30)


_KEY_REMEDY = (
    "put the file back from a copy, or remove it to have another key made, which ends what the "
    "old one has signed"
)


def complete(folder: Path, names: Sequence[str]) -> datetime:
    """Make what is missing or about to expire, and say until when all of it is good.

    Raises PkiDamaged.
    """
    ca_key = load_or_make(folder / "ca.key")
    ca = _certificate_authority(folder / "ca.crt", ca_key)
    server_key = load_or_make(folder / "server.key")
    server = _server_certificate(folder / "server.crt", server_key, ca, ca_key, names)
    load_or_make(folder / "tokens.key")
    return min(ca.not_valid_after_utc, server.not_valid_after_utc) - RENEW_BEFORE


def load_or_make(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise PkiDamaged(f"{path} holds no private key; {_KEY_REMEDY}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise PkiDamaged(f"{path} holds no elliptic curve key; {_KEY_REMEDY}")
        return key
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(path, pem)
    return key


def _certificate_authority(path: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    if current := _still_good(path, key):
        return current
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"towpath-ca-{_short_id(key)}")])
    certificate = (
        _builder(name, name, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_durably(path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate


def _server_certificate(
    path: Path,
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
) -> x509.Certificate:
    current = _still_good(path, key)
    if current and current.issuer == ca.subject and _names_of(current) == set(names):
        return current
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "towpath")])
    certificate = (
        _builder(subject, ca.subject, key.public_key(), CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    write_durably(path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate


def _still_good(path: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate | None:
    """The certificate in the file when it belongs to this key and does not expire soon."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if certificate.public_key() != key.public_key():
        return None
    if certificate.not_valid_after_utc - datetime.now(UTC) < RENEW_BEFORE:
        return None
    return certificate


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> set[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def _short_id(key: ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(public).hexdigest()[:8]


class NotSignable(Exception):
    """What is wrong with a request for a certificate."""


CLIENT_USAGES = frozenset({"client auth", "digital signature", "key encipherment"})
CLIENT_DAYS = 365


def client_certificate(
    folder: Path, request_pem: bytes, usages: set[str], seconds: int | None
) -> bytes:
    """A certificate for what the request asks, signed by the folder's authority.

    Raises NotSignable.
    """
    try:
        request = x509.load_pem_x509_csr(request_pem)
    except ValueError as error:
        raise NotSignable(f"unable to parse csr: {error}") from error
    if not request.is_signature_valid:
        raise NotSignable("unable to verify csr: its signature is not of its key")
    if MASTERS in organisations_of(base64.b64encode(request_pem).decode()):
        raise NotSignable(f"the group {MASTERS} is nobody's to ask for")
    if "client auth" not in usages or not usages <= CLIENT_USAGES:
        listed = ", ".join(sorted(usages))
        raise NotSignable(f"usages did not match {sorted(CLIENT_USAGES)}: {listed}")
    if not request.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        raise NotSignable("the subject has no common name, which would be the user's")
    ca_key = load_or_make(folder / "ca.key")
    ca = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    moment = datetime.now(UTC)
    lasts = timedelta(seconds=seconds) if seconds else timedelta(days=CLIENT_DAYS)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(minutes=5))
        .not_valid_after(min(moment + lasts, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    key_usages = {name: name.replace("_", " ") in usages for name in _KEY_USAGES}
    if any(key_usages.values()):
        # One that allows nothing is no valid extension: TLS libraries refuse the certificate.
        usage = x509.KeyUsage(**key_usages, **dict.fromkeys(_NEVER, False))
        certificate = certificate.add_extension(usage, critical=True)
    return certificate.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


_KEY_USAGES = ("digital_signature", "key_encipherment")


_NEVER = (
    *("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
    *("encipher_only", "decipher_only"),
)


def organisations_of(request_base64: str) -> set[str]:
    """The groups that a request asks for; none when it cannot be read, for then nobody signs it."""
    try:
        request = x509.load_pem_x509_csr(base64.b64decode(request_base64))
    except ValueError:
        return set()
    names = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return {str(name.value) for name in names}
