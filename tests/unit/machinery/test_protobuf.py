"""Bodies as a real kubectl 1.37 sent them."""

import base64
from typing import Any

import pytest

from towpath.machinery import protobuf
from towpath.machinery.errors import BadRequest, UnsupportedMediaType

SECRET = "azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBeBIAGgAiACoAMgA4AEIAEgYKAWESAWIaABoAIgA="
NAMESPACE = "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhkKEQoBeBIAGgAiACoAMgA4AEIAEgAaAgoAGgAiAA=="
DEPLOYMENT = (
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EqcBChsKAXgSABoAIgAqADIAOABCAFoICgNhcHASAXgSeggC"
    "EgoKCAoDYXBwEgF4GmIKGgoAEgAaACIAKgAyADgAQgBaCAoDYXBwEgF4EkQSJgoBaRIBaSoAMgoKABAAGFAi"
    "ACoAQgBqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBACICCgAoADgAGgwIABAA"
    "GAAgACgAOAAaACIA"
)
BUDGET = (
    "azhzAAogCglwb2xpY3kvdjESE1BvZERpc3J1cHRpb25CdWRnZXQSNgoRCgF4EgAaACIAKgAyADgAQgASFQoJ"
    "CAEQABoDNTAlEggKBgoBYRIBYhoKCAAYACAAKAAwABoAIgA="
)
SERVICE = (
    "azhzAAoNCgJ2MRIHU2VydmljZRJjChsKAXgSABoAIgAqADIAOABCAFoICgNhcHASAXgSQAobCgc4MC04MDgw"
    "EgNUQ1AYUCIHCAAQkD8aACgAEggKA2FwcBIBeBoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA=="
)
QUOTA = (
    "azhzAAoTCgJ2MRINUmVzb3VyY2VRdW90YRI0ChEKAXgSABoAIgAqADIAOABCABIdCgoKA2NwdRIDCgExCg8K"
    "Bm1lbW9yeRIFCgMxR2kaABoAIgA="
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            SECRET,
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "x"},
                "data": {"a": "Yg=="},
            },
            id="a secret's bytes become base64",
        ),
        pytest.param(
            NAMESPACE,
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": "x"},
                "spec": {},
                "status": {},
            },
            id="empty structs stay",
        ),
        pytest.param(
            DEPLOYMENT,
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "x", "labels": {"app": "x"}},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "x"}},
                    "template": {
                        "metadata": {"labels": {"app": "x"}},
                        "spec": {
                            "containers": [
                                {
                                    "name": "i",
                                    "image": "i",
                                    "ports": [{"containerPort": 80}],
                                    "resources": {},
                                }
                            ]
                        },
                    },
                    "strategy": {},
                },
                "status": {},
            },
            id="zeros that Go would leave out are left out",
        ),
    ],
)
def test_bodies(body: str, expected: dict[str, Any]) -> None:
    assert protobuf.decode(base64.b64decode(body)) == expected


@pytest.mark.parametrize("body", [SECRET, NAMESPACE, DEPLOYMENT, BUDGET, SERVICE, QUOTA])
def test_what_kubectl_wrote_is_written_the_same(body: str) -> None:
    whole = base64.b64decode(body)
    assert protobuf.encode(protobuf.decode(whole)) == whole


def test_no_kind_of_ours_is_written() -> None:
    assert protobuf.encode({"apiVersion": "towpath.dev/v1alpha1", "kind": "Workload"}) is None


def test_special_messages() -> None:
    budget = protobuf.decode(base64.b64decode(BUDGET))
    assert budget["spec"]["minAvailable"] == "50%"
    service = protobuf.decode(base64.b64decode(SERVICE))
    assert service["spec"]["ports"] == [
        {"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080}
    ]
    quota = protobuf.decode(base64.b64decode(QUOTA))
    assert quota["spec"]["hard"] == {"cpu": "1", "memory": "1Gi"}


def test_what_cannot_be_read() -> None:
    whole = base64.b64decode(SECRET)
    with pytest.raises(BadRequest):
        protobuf.decode(b"{}")
    with pytest.raises(BadRequest):
        protobuf.decode(whole[: len(whole) // 2])
    with pytest.raises(UnsupportedMediaType):
        protobuf.decode(whole.replace(b"Secret", b"Sacred"))
