"""How this host reaches the network: proxies, certificates and package indexes.

Steps get nothing of the platform's environment but these, for without them no package can be
fetched behind a company's proxy. Credentials in their addresses are masked in logs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY")
CERTIFICATES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
)
INDEXES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "NPM_CONFIG_REGISTRY",
    "GOPROXY",
)

_CREDENTIALS = re.compile(r"//(?:[^/@\s:]*:)?([^/@\s]+)@")


@dataclass(frozen=True, slots=True)
class HostNetwork:
    variables: Mapping[str, str]
    readable: tuple[Path, ...]
    secrets: tuple[str, ...]


def host_network(environment: Mapping[str, str]) -> HostNetwork:
    names = (*PROXIES, *(name.lower() for name in PROXIES), *CERTIFICATES, *INDEXES)
    variables = {name: environment[name] for name in names if environment.get(name)}
    paths = {Path(variables[name]) for name in CERTIFICATES if name in variables}
    readable = sorted(path for path in paths if path.is_absolute() and path.exists())
    secrets = {found for value in variables.values() for found in _CREDENTIALS.findall(value)}
    return HostNetwork(variables, tuple(readable), tuple(sorted(secrets)))
