"""The endpoints that are not about resources: the version, and what verifies our tokens."""

import platform
from functools import cache

import orjson

from towpath.apiserver.http.discovery import Document
from towpath.machinery.objects import RawObject

KUBERNETES_MINOR = 35
"""The version of Kubernetes whose protocol is spoken; clients choose what they send by it."""
TEXT = b"text/plain; charset=utf-8"


@cache
def towpath_version() -> str:
    # Loaded with the first question: reading metadata takes the parser of e-mail.
    from importlib.metadata import version

    return version("towpath")


@cache
def version_info() -> dict[str, str]:
    return {
        "major": "1",
        "minor": str(KUBERNETES_MINOR),
        "emulationMajor": "1",
        "emulationMinor": str(KUBERNETES_MINOR),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": str(KUBERNETES_MINOR - 1),
        "gitVersion": f"v1.{KUBERNETES_MINOR}.0+towpath.{towpath_version()}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{_architecture()}",
    }


@cache
def version_document() -> Document:
    return Document(orjson.dumps(version_info(), option=orjson.OPT_INDENT_2))


ISSUER_PATHS = frozenset({"/.well-known/openid-configuration", "/openid/v1/jwks"})
ISSUER_HEADERS = ((b"cache-control", b"public, max-age=3600"),)


def issuer_document(path: str, issuer: str, keys: RawObject, address: str) -> tuple[bytes, bytes]:
    """What others verify tokens of service accounts with; body and content type."""
    if path == "/openid/v1/jwks":
        return orjson.dumps(keys), b"application/jwk-set+json"
    configuration = {
        "issuer": issuer,
        "jwks_uri": f"{address}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
    return orjson.dumps(configuration), b"application/json"


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
