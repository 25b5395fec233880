"""A client of any Kubernetes API server over HTTPS: raw dictionaries, streaming watches.

Errors of the server are the StatusError family; a server that cannot be reached is Unavailable,
which every caller retries anyway. Connections are kept and shared by all identities.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from towpath.client.kubeconfig import Connection
from towpath.client.protocols import (
    Client,
    EventType,
    ObjectList,
    ObjectTable,
    PatchType,
    Propagation,
    TableColumn,
    TableRow,
    WatchEvent,
)
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import Conflict, NotFound, StatusError, Unavailable, from_status
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, key_of

Resources = list[Resource]
Entries = list[RawObject]
Patch = RawObject | list[RawObject]
Headers = tuple[tuple[str, str], ...]
Query = dict[str, str | int]

APPLY = "application/apply-patch+yaml"
JSON = "application/json"
TABLE = "application/json;g=meta.k8s.io;v=v1;as=Table"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
WATCH_S_MIN, WATCH_S_MAX = 300, 600
"""How long one watch request lives, at random; then the generator ends, as after any close."""
CONNECTIONS_MAX = 256
REPLACE_TRIES = 20
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class KubernetesClient:
    """Implements client.protocols.Client. Close it with `aclose()` or `async with`."""

    def __init__(
        self, connection: Connection, *, manager: str = "towpath", strict: bool = False
    ) -> None:
        """`strict`: a write with a field that its kind does not have is refused, not cut down."""
        timeout = httpx2.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        headers = {"accept": JSON, "user-agent": f"{manager}/1"}
        if urlsplit(connection.server).hostname in LOOPBACK:
            headers["accept-encoding"] = "identity"
        if connection.token:
            headers["authorization"] = f"Bearer {connection.token}"
        secure = connection.server.startswith("https:")
        transport = httpx2.AsyncHTTPTransport(
            verify=connection.tls_context() if secure else False,
            limits=httpx2.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=CONNECTIONS_MAX,
                keepalive_expiry=30.0,
            ),
            retries=1,
        )
        extensions = {"sni_hostname": connection.server_name} if connection.server_name else None
        self._http = httpx2.AsyncClient(
            headers=headers, timeout=timeout, transport=transport, trust_env=False
        )
        self._extensions = extensions
        self._server = connection.server
        self._manager = manager
        self._strict = strict
        self._headers: Headers = ()
        self._known: dict[str, Entries] = {}

    async def __aenter__(self) -> "KubernetesClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    def acting_as(self, username: str, groups: tuple[str, ...] = ()) -> Client:
        """Shares connections with this client, which has to be closed, not the new one."""
        client = KubernetesClient.__new__(KubernetesClient)
        client.__dict__.update(self.__dict__)
        client._headers = (
            ("impersonate-user", username),
            *(("impersonate-group", group) for group in groups),
        )
        return client

    async def get(self, resource: Resource, name: str, namespace: str = "") -> RawObject:
        return await self._call("GET", resource.path(namespace, name))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectList:
        query: Query = {
            "labelSelector": labels,
            "fieldSelector": fields,
            "limit": limit,
            "continue": continue_token,
        }
        answer = await self._call("GET", resource.path(namespace), query=query)
        for item in answer["items"] or ():
            # Built-in kinds come without them in a list of a real API server.
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        metadata = answer["metadata"]
        # Lists that are computed (ComponentStatus, metrics) have no version to watch from.
        version = metadata.get("resourceVersion") or ""
        return ObjectList(answer["items"] or [], version, metadata.get("continue") or "")

    async def table(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        name: str = "",
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectTable:
        query: Query = {
            "labelSelector": labels,
            "fieldSelector": fields,
            "limit": limit,
            "continue": continue_token,
            "includeObject": "Object" if name else "Metadata",
        }
        path = resource.path(namespace, name)
        answer = await self._call("GET", path, query=query, accept=TABLE)
        if answer["kind"] != "Table":
            raise Unavailable(f"{self._server} does not serve {path} as a table")
        columns = [
            TableColumn(one["name"], one["type"], one["priority"], one["description"])
            for one in answer["columnDefinitions"]
        ]
        rows = [TableRow(row["cells"], row["object"]) for row in answer["rows"] or ()]
        return ObjectTable(columns, rows, answer["metadata"].get("continue") or "")

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        since: str,
        labels: str = "",
        fields: str = "",
    ) -> AsyncGenerator[WatchEvent, None]:
        seconds = random.randint(WATCH_S_MIN, WATCH_S_MAX)  # noqa: S311
        query: Query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "labelSelector": labels,
            "fieldSelector": fields,
            "timeoutSeconds": seconds,
        }
        request = self._request("GET", resource.path(namespace), query=query)
        request.extensions["timeout"] = {
            **request.extensions["timeout"],
            "read": seconds + ANSWER_TIMEOUT_S,
        }
        response = await self._send(request, stream=True)
        try:
            if response.status_code >= 400:
                await response.aread()
                raise _error(response)
            async for line in _lines(response):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise from_status(event["object"])
                yield WatchEvent(EventType(event["type"]), event["object"])
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        finally:
            await response.aclose()

    async def pod_log(
        self,
        name: str,
        namespace: str,
        *,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        since: str = "",
        tail_lines: int = 0,
        timestamps: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        query: Query = {"container": container, "tailLines": tail_lines, "sinceTime": since}
        if previous:
            query["previous"] = "true"
        if timestamps:
            query["timestamps"] = "true"
        if follow:
            query["follow"] = "true"
        request = self._request("GET", POD.path(namespace, name, "log"), query=query)
        if follow:
            request.extensions["timeout"] = {**request.extensions["timeout"], "read": None}
        response = await self._send(request, stream=True)
        try:
            if response.status_code >= 400:
                await response.aread()
                raise _error(response)
            async for line in _lines(response):
                yield line
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        finally:
            await response.aclose()

    async def create(
        self, resource: Resource, obj: RawObject, *, dry_run: bool = False
    ) -> RawObject:
        path = resource.path(obj["metadata"].get("namespace", ""))
        return await self._call("POST", path, query=self._write(dry_run), body=obj)

    async def update(
        self, resource: Resource, obj: RawObject, *, subresource: str = ""
    ) -> RawObject:
        key = key_of(obj)
        path = resource.path(key.namespace, key.name, subresource)
        if obj["metadata"].get("resourceVersion"):
            return await self._call("PUT", path, query=self._write(), body=obj)
        for left in reversed(range(REPLACE_TRIES)):
            current = await self.get(resource, key.name, key.namespace)
            version = current["metadata"]["resourceVersion"]
            wanted = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
            try:
                return await self._call("PUT", path, query=self._write(), body=wanted)
            except Conflict:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def patch(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        patch: Patch,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
    ) -> RawObject:
        path = resource.path(namespace, name, subresource)
        return await self._call(
            "PATCH", path, query=self._write(), body=patch, content_type=patch_type.value
        )

    async def apply(
        self,
        resource: Resource,
        obj: RawObject,
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        strict: bool = False,
    ) -> RawObject:
        key = key_of(obj)
        query = self._write(dry_run) | {"fieldManager": manager}
        if force:
            query["force"] = "true"
        if strict:
            query["fieldValidation"] = "Strict"
        path = resource.path(key.namespace, key.name, subresource)
        return await self._call("PATCH", path, query=query, body=obj, content_type=APPLY)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        propagation: Propagation = Propagation.BACKGROUND,
        grace_period_s: int | None = None,
    ) -> None:
        options: RawObject = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation.value,
        }
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        await self._call("DELETE", resource.path(namespace, name), body=options)

    async def resolve(self, api_version: str, kind: str) -> Resource:
        found = _find(self._known.get(api_version, []), api_version, kind)
        if found is None:
            path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            try:
                answer = await self._call("GET", path)
                self._known[api_version] = answer["resources"]
            except NotFound:
                self._known.pop(api_version, None)
            found = _find(self._known.get(api_version, []), api_version, kind)
        if found is None:
            raise NotFound(f'no matches for kind "{kind}" in version "{api_version}"')
        return found

    async def resources(self) -> Resources:
        found: dict[tuple[str, str], Resource] = {}
        for root in ("/api", "/apis"):
            answer = await self._call("GET", root, accept=AGGREGATED)
            if "items" not in answer:
                raise Unavailable(f"{self._server} does not serve aggregated discovery")
            for resource in _aggregated(answer):
                found.setdefault((resource.group, resource.plural), resource)
        return [*found.values()]

    def _write(self, dry_run: bool = False) -> Query:
        query: Query = {"fieldManager": self._manager}
        if dry_run:
            query["dryRun"] = "All"
        if self._strict:
            query["fieldValidation"] = "Strict"
        return query

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = "",
    ) -> httpx2.Request:
        headers = [*self._headers]
        if body is not None:
            headers.append(("content-type", content_type))
        if accept:
            headers.append(("accept", accept))
        return self._http.build_request(
            method,
            self._server + path,
            params={name: value for name, value in (query or {}).items() if value} or None,
            headers=headers,
            content=None if body is None else orjson.dumps(body),
            extensions=self._extensions,
        )

    async def _call(self, method: str, path: str, **parts: Any) -> RawObject:
        response = await self._send(self._request(method, path, **parts))
        if response.status_code >= 400:
            raise _error(response)
        answer: RawObject = orjson.loads(response.content)
        return answer

    async def _send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        try:
            return await self._http.send(request, stream=stream)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unavailable:
        reason = str(error) or type(error).__name__
        return Unavailable(f"cannot reach the API server {self._server}: {reason}")


async def _lines(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Lines as they arrive; chunks end anywhere."""
    rest = b""
    async for chunk in response.aiter_bytes():
        if b"\n" not in chunk:
            rest += chunk
            continue
        first, *complete, last = chunk.split(b"\n")
        for line in (rest + first, *complete):
            if line:
                yield line
        rest = last
        await asyncio.sleep(0)


def _error(response: httpx2.Response) -> StatusError:
    try:
        status = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return from_status({"code": response.status_code, **status})
    text = response.text.strip()[:200] or response.reason_phrase
    return from_status({"code": response.status_code, "message": text})


def _find(entries: Sequence[RawObject], api_version: str, kind: str) -> Resource | None:
    for entry in entries:
        if entry["kind"] == kind and "/" not in entry["name"]:
            group, _, version = api_version.rpartition("/")
            return Resource(group, version, kind, entry["name"], entry["namespaced"])
    return None


def _aggregated(answer: RawObject) -> Iterator[Resource]:
    for group in answer["items"]:
        name = group["metadata"].get("name") or ""
        for version in group["versions"]:
            for entry in version["resources"]:
                if "list" not in entry["verbs"]:
                    continue
                yield Resource(
                    name,
                    version["version"],
                    entry["responseKind"]["kind"],
                    entry["resource"],
                    entry["scope"] == "Namespaced",
                )
