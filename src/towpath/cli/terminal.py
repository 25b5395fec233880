"""What a command is given: the API as the person who types, and their screen."""

import ssl
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson

from towpath.cli import output
from towpath.cli.connection import Reach
from towpath.client.kubernetes import KubernetesClient
from towpath.client.protocols import Client
from towpath.hooks.commands import NO_PLATFORM, CommandError
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import Unavailable, from_status
from towpath.machinery.kinds import Resource

SELF_REVIEW = Resource(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
)
MANAGER = "towpath-cli"
READ_TIMEOUT_S = 30.0


class CommandTerminal:
    """hooks.commands.Terminal over a connection. `async with` closes what was opened."""

    def __init__(self, reach: Reach, form: str) -> None:
        self._reach = reach
        self._form = form
        self._stack = AsyncExitStack()
        self._api: KubernetesClient | None = None
        self._portal_http: httpx2.AsyncClient | None = None
        self._portal = ""
        self._user = ""

    async def __aenter__(self) -> "CommandTerminal":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def api(self) -> Client:
        if self._api is None:
            self._api = KubernetesClient(self._reach.platform, manager=MANAGER, strict=True)
            self._stack.push_async_callback(self._api.aclose)
        return self._api

    def cluster(self, name: str) -> Client:
        client = KubernetesClient(self._reach.cluster(name), manager=MANAGER, strict=True)
        self._stack.push_async_callback(client.aclose)
        return client

    async def user(self) -> str:
        if not self._user:
            review = await self.api.create(SELF_REVIEW, SELF_REVIEW.object(""))
            self._user = review["status"]["userInfo"]["username"]
        return self._user

    @property
    def token(self) -> str:
        """What we identify ourselves with, for programs that we sign in: git."""
        return self._reach.platform.token

    @property
    def kubeconfig(self) -> Path | None:
        """The file that says who we are; None where the environment does."""
        return self._reach.file

    async def read(self, path: str, **parameters: str) -> Any:
        http = await self._http()
        response = await http.get(await self._address(path, parameters))
        return _decoded(response.status_code, response.content)

    async def follow(self, path: str, **parameters: str) -> AsyncIterator[Any]:
        http, address = await self._http(), await self._address(path, parameters)
        try:
            async with http.stream("GET", address, timeout=None) as response:
                if response.status_code != httpx2.codes.OK:
                    _decoded(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    if line:
                        yield orjson.loads(line)
        except httpx2.TransportError as error:
            raise Unavailable(f"the platform cannot be reached: {error}") from error

    async def post(self, path: str, content: Mapping[str, str]) -> Any:
        """A question to the portal that changes something, such as making a sign-in link."""
        http = await self._http()
        address = f"{await self.portal()}{path}"
        response = await http.post(address, content=orjson.dumps(dict(content)))
        return _decoded(response.status_code, response.content)

    async def portal(self) -> str:
        """The portal's address, as the platform publishes it."""
        if not self._portal:
            info = await self.api.get(CONFIG_MAP, "towpath", "kube-public")
            self._portal = info["data"]["portal"]
        return self._portal

    def show(
        self,
        data: Any,
        rows: Sequence[Mapping[str, str]] | None = None,
        *,
        words: Sequence[str] = (),
    ) -> None:
        if self._form in ("json", "yaml"):
            output.write_data(output.without_managed_fields(data), self._form)
        elif self._form == "name":
            output.write_names(data)
        elif rows is None:
            output.write_data(data, "yaml")
        else:
            output.write_table(rows, wide=self._form == "wide", words=words)

    def say(self, text: str) -> None:
        output.say(text)

    def confirm(self, question: str) -> bool:
        if not sys.stdin.isatty():
            return False
        output.say(f"{question} [y/N]")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def ask(self, question: str, default: str = "") -> str | None:
        if not sys.stdin.isatty():
            return None
        output.say(f"{question} [{default}]" if default else question)
        return sys.stdin.readline().strip() or default

    async def _http(self) -> httpx2.AsyncClient:
        """The portal's client. Loading the system's authorities takes longer than most commands,
        so that is done where there is TLS."""
        if self._portal_http is None:
            secure = (await self.portal()).startswith("https:")
            self._portal_http = httpx2.AsyncClient(
                headers={"authorization": f"Bearer {self.token}"},
                timeout=READ_TIMEOUT_S,
                trust_env=False,
                verify=True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            )
            self._stack.push_async_callback(self._portal_http.aclose)
        return self._portal_http

    async def _address(self, path: str, parameters: Mapping[str, str]) -> str:
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{await self.portal()}/api/v1/{path.lstrip('/')}{query}"


def _decoded(code: int, content: bytes) -> Any:
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise CommandError(
            f"the portal answered {code} with something that is not JSON",
            exit_code=NO_PLATFORM,
        ) from error
    if code >= httpx2.codes.BAD_REQUEST:
        raise from_status(data)
    return data
