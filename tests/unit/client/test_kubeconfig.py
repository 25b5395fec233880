"""Kubeconfigs and the environment: what is read, what is refused by name, what is written."""

import base64
import stat
from pathlib import Path

import pytest

from towpath.apiserver.authn.pki import open_pki
from towpath.client.kubeconfig import (
    Connection,
    KubeconfigError,
    contexts_of,
    from_environment,
    from_kubeconfig,
    write_kubeconfig,
)
from towpath.machinery.documents import dump_document

PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


def write(folder: Path, user: dict[str, object], **cluster: object) -> Path:
    path = folder / "config"
    path.write_text(
        dump_document(
            {
                "current-context": "here",
                "contexts": [
                    {
                        "name": "here",
                        "context": {"cluster": "c", "user": "u", "namespace": "demo"},
                    }
                ],
                "clusters": [{"name": "c", "cluster": {"server": "https://x:6443/", **cluster}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return path


def test_what_we_write_is_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    for token in ("old", "new"):
        write_kubeconfig(
            path,
            server="https://localhost:8443",
            clusters=["local"],
            token=token,
            ca_pem=PEM.encode(),
        )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["kubeconfig"]
    assert contexts_of(path) == ["platform", "local"]
    assert from_kubeconfig(path) == Connection("https://localhost:8443", "new", PEM)
    local = from_kubeconfig(path, context="local")
    assert local.server == "https://localhost:8443/clusters/local"


def test_data_wins_over_files_and_files_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    (tmp_path / "token").write_text("from-file\n")
    path = write(tmp_path, {"tokenFile": "token"}, **{"certificate-authority": "ca.pem"})
    connection = from_kubeconfig(path)
    assert (connection.token, connection.ca_pem) == ("from-file", PEM)
    assert (connection.server, connection.namespace) == ("https://x:6443", "demo")
    other = base64.b64encode(b"other").decode()
    fields = {"certificate-authority": "ca.pem", "certificate-authority-data": other}
    assert from_kubeconfig(write(tmp_path, {}, **fields)).ca_pem == "other"


@pytest.mark.parametrize("field", ["exec", "auth-provider", "username"])
def test_other_ways_to_sign_in_are_refused_by_name(tmp_path: Path, field: str) -> None:
    with pytest.raises(KubeconfigError, match=field):
        from_kubeconfig(write(tmp_path, {field: {"command": "x"}}))


@pytest.mark.parametrize(
    ("text", "context"),
    [
        pytest.param("[]", "", id="a list"),
        pytest.param("a: [", "", id="broken YAML"),
        pytest.param("contexts: []", "", id="no current context"),
        pytest.param("contexts: []", "elsewhere", id="an unknown context"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, context: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeconfigError):
        from_kubeconfig(path, context=context)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="absent"):
        from_kubeconfig(tmp_path / "absent")
    with pytest.raises(KubeconfigError, match="TOWPATH_CA_FILE"):
        from_environment({"TOWPATH_SERVER": "https://x", "TOWPATH_CA_FILE": "/absent"})


def test_the_environment_needs_no_file(tmp_path: Path) -> None:
    assert from_environment({}) is None
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(PEM)
    found = from_environment(
        {
            "TOWPATH_SERVER": "https://localhost:8443/",
            "TOWPATH_TOKEN": "t",
            "TOWPATH_CA_FILE": str(ca_file),
        }
    )
    assert found == Connection("https://localhost:8443", "t", PEM)


def test_a_client_certificate_is_loaded_and_left_nowhere(tmp_path: Path) -> None:
    pki = open_pki(tmp_path / "pki")
    connection = Connection(
        "https://x",
        ca_pem=pki.ca_pem.decode(),
        certificate_pem=pki.certificate_file.read_text(),
        key_pem=pki.key_file.read_text(),
    )
    assert connection.tls_context().check_hostname
