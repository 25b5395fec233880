"""A repository of another host made known to a platform, with all that it needs for it."""

import base64
from typing import Any

from tests.git_hosts import OWNERS
from tests.git_there import REPOSITORY, GitHostOfOthers
from towpath.capabilities.portal.remotes.kinds import REMOTE_REPOSITORY
from towpath.client.protocols import Client
from towpath.hooks.outbound import ALLOWED, HOSTS_ANNOTATION
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE, SECRET
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject


async def follow(api: Client, host: GitHostOfOthers, project: str, name: str) -> None:
    await _make(api, NAMESPACE, NAMESPACE.object(SYSTEM_NAMESPACE))
    allow = {"allow": host.url.removeprefix("http://")}
    await _make(api, CONFIG_MAP, CONFIG_MAP.object(ALLOWED, SYSTEM_NAMESPACE, data=allow))
    secret = SECRET.object("there", project)
    secret["metadata"]["annotations"] = {HOSTS_ANNOTATION: host.url}
    data = {"username": "ann", "password": host.token}
    secret["data"] = {key: base64.b64encode(one.encode()).decode() for key, one in data.items()}
    await _make(api, SECRET, secret)
    owner: dict[str, Any] = {"owner": OWNERS[host.kind]} if OWNERS[host.kind] else {}
    spec = {"host": host.kind, "url": host.url, "repository": REPOSITORY, "secret": "there"}
    remote = REMOTE_REPOSITORY.object(name, project, spec={**spec, **owner, "interval": "1s"})
    await _make(api, REMOTE_REPOSITORY, remote)


async def _make(api: Client, resource: Resource, obj: RawObject) -> None:
    try:
        await api.create(resource, obj)
    except AlreadyExists:
        return
