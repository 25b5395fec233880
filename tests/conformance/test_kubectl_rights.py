"""kubectl on who somebody is, what they may, and who vouches for them."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from tests.conformance.conftest import Kubectl


async def test_whoami_and_what_may_i(kubectl: Kubectl) -> None:
    who = await kubectl("auth", "whoami")
    assert "admin" in who
    assert "system:masters" in who
    assert await kubectl("auth", "can-i", "delete", "nodes") == "yes\n"
    bob = await kubectl.run("auth", "can-i", "list", "pods", "--as=bob")
    assert (bob.code, bob.out) == (1, "no\n")
    listed = await kubectl("auth", "can-i", "--list", "--as=bob")
    assert "selfsubjectreviews.authentication.k8s.io" in listed
    await kubectl("create", "rolebinding", "b", "--clusterrole=view", "--user=bob")
    assert await kubectl("auth", "can-i", "list", "pods", "--as=bob") == "yes\n"
    denied = await kubectl.run("delete", "pod", "p", "--as=bob")
    assert denied.err == (
        'Error from server (Forbidden): pods "p" is forbidden: User "bob" cannot delete '
        'resource "pods" in API group "" in the namespace "default"\n'
    )


async def test_a_created_token_is_the_service_account(kubectl: Kubectl) -> None:
    await kubectl("create", "serviceaccount", "ci")
    token = (await kubectl("create", "token", "ci", "--duration=15m")).strip()
    server, ca_file = kubectl.api.server, kubectl.api.pki.ca_file
    direct = (f"--server={server}", f"--certificate-authority={ca_file}", f"--token={token}")
    nothing = ("--kubeconfig=/dev/null",)
    who = await kubectl("auth", "whoami", *direct, *nothing)
    assert "system:serviceaccount:default:ci" in who


async def test_requests_for_certificates_are_approved_and_denied(kubectl: Kubectl) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    text = base64.b64encode(request.public_bytes(Encoding.PEM)).decode()
    manifest = f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: NAME}}
spec:
  request: {text}
  signerName: example.dev/signer
  usages: [client auth]
  username: somebody-else
"""
    decided = "go-template={{range .status.conditions}}{{.type}}{{end}}"
    for verb, condition in (("approve", "Approved"), ("deny", "Denied")):
        await kubectl("create", "-f", "-", stdin=manifest.replace("NAME", verb))
        await kubectl("certificate", verb, verb)
        assert await kubectl("get", "csr", verb, "-o", decided) == condition
        listed = (await kubectl("get", "csr", verb, "--no-headers")).split()
        assert listed[2:] == ["example.dev/signer", "admin", "<none>", condition]
    assert "Common Name:    somebody" in await kubectl("describe", "csr", "deny")
    both = await kubectl.run("certificate", "approve", "deny")
    assert both.code == 1
    status = '{"status":{"conditions":[{"type":"Approved","status":"True"}]}}'
    patch = ("patch", "csr", "deny", "--subresource=status", "--type=merge", "-p", status)
    assert "may not add a condition" in (await kubectl.run(*patch)).err
    assert await kubectl("get", "csr", "deny", "-o", decided) == "Denied"


def requested(
    key: ec.EllipticCurvePrivateKey, *names: x509.NameAttribute[str], usages: str = "client auth"
) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    text = request.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: dora}}
spec:
  request: {base64.b64encode(text).decode()}
  signerName: kubernetes.io/kube-apiserver-client
  expirationSeconds: 3600
  usages: [{usages}]
"""


@pytest.mark.parametrize("usages", ["client auth", "client auth, digital signature"])
async def test_an_approved_certificate_lets_its_user_in(kubectl: Kubectl, usages: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.NameAttribute(NameOID.COMMON_NAME, "dora")
    team = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "team")
    await kubectl("create", "-f", "-", stdin=requested(key, who, team, usages=usages))
    await kubectl("certificate", "approve", "dora")
    await kubectl("wait", "--for=jsonpath={.status.certificate}", "csr/dora", "--timeout=20s")
    text = await kubectl("get", "csr", "dora", "-o", "jsonpath={.status.certificate}")
    certificate = kubectl.home / "dora.crt"
    certificate.write_bytes(base64.b64decode(text))
    key_file = kubectl.home / "dora.key"
    key_file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    server, ca_file = kubectl.api.server, kubectl.api.pki.ca_file
    direct = (f"--server={server}", f"--certificate-authority={ca_file}")
    own = (f"--client-certificate={certificate}", f"--client-key={key_file}")
    said = await kubectl("auth", "whoami", *direct, *own, "--kubeconfig=/dev/null")
    assert said.split()[-4:-1] == ["dora", "Groups", "[team"]
    listed = (await kubectl("get", "csr", "dora", "--no-headers")).split()
    assert listed[-1] == "Approved,Issued"


async def test_nobody_asks_to_be_a_superuser(kubectl: Kubectl) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    masters = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters")
    refused = await kubectl.run("create", "-f", "-", stdin=requested(key, masters))
    assert "signer with system:masters group is not allowed" in refused.err


async def test_approving_needs_a_right_of_its_own(kubectl: Kubectl) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.NameAttribute(NameOID.COMMON_NAME, "dora")
    await kubectl("create", "-f", "-", stdin=requested(key, who))
    requests = "certificatesigningrequests.certificates.k8s.io"
    role = ("--verb=get,update", f"--resource={requests},{requests}/approval")
    await kubectl("create", "clusterrole", "decides", *role)
    await kubectl("create", "clusterrolebinding", "decides", "--clusterrole=decides", "--user=eve")
    refused = await kubectl.run("certificate", "approve", "dora", "--as=eve")
    assert "user not permitted to approve requests with signerName" in refused.err
