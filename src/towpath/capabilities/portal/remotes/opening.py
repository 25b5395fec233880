"""The door to a repository's host: with its secret, as far as that may be sent there."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from towpath.capabilities.portal.remotes.kinds import REMOTE_REPOSITORY
from towpath.client.protocols import Client
from towpath.engines.git.hosts import PROPOSING
from towpath.engines.git.hosts.door import Door
from towpath.engines.git.hosts.port import Credential, Place
from towpath.engines.outbound import OutboundAnswer, OutboundRefused, OutboundRequest
from towpath.hooks.outbound import HOSTS_ANNOTATION, data_of, hosts_of, outbound
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Stalled

TIMEOUT_S = 120.0
"""Of one request: a first fetch is all of a repository."""


@dataclass(frozen=True, slots=True)
class Opened:
    door: Door
    place: Place
    remote: RawObject

    @property
    def branch(self) -> str:
        branch: str = self.remote["spec"]["branch"]
        return branch

    @property
    def main(self) -> str:
        return f"refs/heads/{self.branch}"


async def opened(api: Client, project: str, name: str) -> Opened:
    """Raises Stalled, in words for who has to change something."""
    try:
        remote = await api.get(REMOTE_REPOSITORY, name, project)
    except NotFound as error:
        raise Stalled(
            "NoRepository", f"spec.repository: {project} has no RemoteRepository {name}"
        ) from error
    return await opened_of(api, remote)


async def opened_of(api: Client, remote: RawObject) -> Opened:
    """Raises Stalled."""
    spec = remote["spec"]
    secret = await _secret(api, remote)
    hosts = hosts_of(secret)
    client = replace(await outbound(api), timeout_s=TIMEOUT_S)

    async def send(request: OutboundRequest) -> OutboundAnswer:
        parts = urlsplit(request.url)
        host = parts.netloc.lower()
        if (host if parts.scheme == "https" else f"http://{host}") not in hosts:
            raise OutboundRefused(
                f"the Secret {spec['secret']} may not be sent to {host}; annotate it with "
                f"{HOSTS_ANNOTATION}: {host if parts.scheme == 'https' else f'http://{host}'}"
            )
        return await client.send(request)

    data = data_of(secret)
    credential = Credential(
        data.get("token") or data.get("password") or "", data.get("username", "")
    )
    if not credential.token:
        raise Stalled(
            "NoToken",
            f"spec.secret: the Secret {spec['secret']} has neither the key token nor the key "
            "password",
        )
    host = PROPOSING[spec["host"]](spec.get("url") or "")
    place = Place(spec.get("owner", "").strip("/"), spec["repository"])
    return Opened(Door(send, host, credential), place, remote)


async def _secret(api: Client, remote: RawObject) -> RawObject:
    name = remote["spec"]["secret"]
    try:
        return await api.get(SECRET, name, remote["metadata"]["namespace"])
    except NotFound as error:
        raise Stalled(
            "NoSecret",
            f"spec.secret: there is no Secret {name} in {remote['metadata']['namespace']}",
        ) from error
