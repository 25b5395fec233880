"""Where an image goes: its registry, its name there, who pushes, and how it is called in Git."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.engines.registry.client import Credentials
from towpath.engines.registry.port import LOGICAL_HOST
from towpath.hooks.commands import CommandError

TOKEN_USER = "towpath"  # noqa: S105 (a user name)

_DOCKER_NAMES = {"docker.io": "https://index.docker.io/v1/"}


@dataclass(frozen=True, slots=True)
class Destination:
    host: str
    """The registry's address, "" when none is known: then the image can be built but not pushed."""
    name: str
    shown_host: str
    """The platform's own registry is shown by its logical host, which every cluster maps."""

    def reference(self, digest: str) -> str:
        return "/".join(part for part in (self.shown_host, f"{self.name}@{digest}") if part)


def find_destination(
    registry: str, project: str, workload: str, environment: Mapping[str, str]
) -> Destination:
    """`registry` is `host[:port][/prefix]`; what is not given comes from TOWPATH_* variables."""
    platform_host = environment.get("TOWPATH_REGISTRY", "")
    project = project or environment.get("TOWPATH_PROJECT", "")
    workload = workload or environment.get("TOWPATH_WORKLOAD", "")
    if not workload:
        raise CommandError(
            "It is not known which workload this image is for",
            hint="Give --workload NAME (and --project NAME), or set TOWPATH_WORKLOAD.",
        )
    host, _, prefix = (registry or platform_host).partition("/")
    ours = not registry or registry == platform_host or host == LOGICAL_HOST
    if ours and not project:
        raise CommandError(
            f"It is not known to which project {workload} belongs",
            hint="Give --project NAME, or set TOWPATH_PROJECT.",
        )
    name = "/".join(part for part in (prefix, project, workload) if part)
    if host == LOGICAL_HOST:
        host = platform_host
    return Destination(host, name, LOGICAL_HOST if ours else host)


def find_credentials(
    host: str, username: str, password: str, environment: Mapping[str, str]
) -> Credentials | None:
    """What was given, else the platform's token for its own registry, else Docker's config."""
    if username or password:
        return Credentials(username or TOKEN_USER, password)
    token = environment.get("TOWPATH_TOKEN", "")
    if token and host == environment.get("TOWPATH_REGISTRY", ""):
        return Credentials(TOKEN_USER, token)
    return _from_docker(host, environment)


def _from_docker(host: str, environment: Mapping[str, str]) -> Credentials | None:
    home = environment.get("HOME", "")
    folder = environment.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    file = Path(folder) / "config.json"
    if not folder or not file.is_file():
        return None
    try:
        config = json.loads(file.read_text())
        known = config.get("auths") or {}
        entry = known.get(_DOCKER_NAMES.get(host, host)) or known.get(f"https://{host}") or {}
        if "auth" in entry:
            name, _, secret = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
            return Credentials(name, secret)
    except (ValueError, AttributeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    if host in (config.get("credHelpers") or {}) or (config.get("credsStore") and entry):
        raise CommandError(
            f"{file} keeps the credentials of {host} in a credential helper, which is not read",
            hint="Give --username NAME --password-stdin.",
        )
    return None
