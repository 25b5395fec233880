"""The API server that a scenario runs on: the embedded one, or with `--api=kube` a real one.

Both are asked for the same few things, so that a scenario does not know which it has.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from towpath.client.protocols import Client
from towpath.hooks.platform import TokenIssuer
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, Authorize, UserInfo


def definition(group: str, kind: str, properties: RawObject) -> RawObject:
    """A namespaced custom kind with a status; its plural is its name with an s."""
    plural = f"{kind.lower()}s"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [version],
        },
    }


class ScenarioApi(Protocol):
    """apiserver.front.Front and engines.kube.KubeFront."""

    def client(self, user: UserInfo = PLATFORM) -> Client: ...

    @property
    def authorize(self) -> Authorize: ...

    @property
    def tokens(self) -> TokenIssuer: ...

    async def run(self) -> None: ...


class HasClients(Protocol):
    def client(self, user: UserInfo = PLATFORM) -> Client: ...


class OpenApi(Protocol):
    """An API server that serves `kinds`, for scenarios that need no more than clients of it."""

    def __call__(self, *, kinds: list[RawObject]) -> AbstractAsyncContextManager[HasClients]: ...
