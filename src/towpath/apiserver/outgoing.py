"""Calls of ours to webhooks, of admission and of conversion: one answer to one body, over HTTPS.

Where a `service` is named, one of its ready endpoints is called, with the service's name in TLS.
"""

import asyncio
import base64
import random
import ssl
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
from msgspec import Struct

from towpath.apiserver.core import Core
from towpath.apiserver.encoding import dumps, loads
from towpath.machinery.objects import RawObject, labels_of

ANSWER_BYTES_MAX = 3 * 1024 * 1024
SERVICE_LABEL = "kubernetes.io/service-name"


class CallFailed(Exception):
    """The webhook could not be asked; `str()` says why."""


class Place(Struct, frozen=True):
    url: str
    """As errors name it."""
    address: str
    """The same, where it really is."""
    name: str
    """The name that its certificate must have, with the port if it is not 443."""


async def ask(
    core: Core, config: RawObject, body: RawObject, *, timeout_s: float, query: str = ""
) -> Any:
    """What the webhook of a clientConfig answers. Raises CallFailed."""
    # With the first webhook: it is a tenth of what the API server loads.
    import httpx2

    place = _place(core, config, query)
    try:
        async with asyncio.timeout(timeout_s):
            return await _post(place, dumps(body), config.get("caBundle") or "")
    except TimeoutError:
        raise CallFailed(f'Post "{place.url}": context deadline exceeded') from None
    except _ServerError as error:
        raise CallFailed(str(error)) from error
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise CallFailed(f'Post "{place.url}": {error or type(error).__name__}') from error


async def _post(place: Place, body: bytes, ca_bundle: str) -> Any:
    import httpx2

    context = await asyncio.to_thread(_tls, ca_bundle)
    headers = {"content-type": "application/json", "host": place.name}
    named = {"sni_hostname": place.name.partition(":")[0]}
    async with (
        httpx2.AsyncClient(verify=context, trust_env=False, timeout=None) as http,
        http.stream(
            "POST", place.address, content=body, headers=headers, extensions=named
        ) as response,
    ):
        received = b""
        async for piece in response.aiter_bytes():
            received += piece
            if len(received) > ANSWER_BYTES_MAX:
                raise ValueError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        if response.status_code // 100 != 2:
            raise _ServerError(response.status_code, received[:1000].decode(errors="replace"))
    return loads(received)


class _ServerError(Exception):
    def __init__(self, code: int, text: str) -> None:
        words = orjson.dumps(text.strip()).decode()
        if code >= 500:
            why = f"an error on the server ({words}) has prevented the request from succeeding"
        else:
            why = f"the server answered {code}: {words}"
        super().__init__(why)


@lru_cache(maxsize=64)
def _tls(ca_bundle: str) -> ssl.SSLContext:
    pem = base64.b64decode(ca_bundle).decode() if ca_bundle else None
    return ssl.create_default_context(cadata=pem)


# -- where it is ---------------------------------------------------------------------------------


def _place(core: Core, config: RawObject, query: str) -> Place:
    if url := config.get("url"):
        return Place(url + query, url + query, urlsplit(url).netloc)
    service = config["service"]
    port, path = int(service.get("port") or 443), service.get("path") or "/"
    name = f"{service['name']}.{service['namespace']}.svc"
    url = f"https://{name}:{port}{path}{query}"
    try:
        address, target = _endpoint(core, service["namespace"], service["name"], port)
    except LookupError as error:
        raise CallFailed(f'Post "{url}": {error.args[0]}') from None
    return Place(url, f"https://{address}:{target}{path}{query}", name)


def _endpoint(core: Core, namespace: str, name: str, wanted: int) -> tuple[str, int]:
    """Address and port of a ready endpoint of the service. Raises LookupError."""
    stored = core.store.get("core/services", f"{namespace}/{name}")
    if stored is None:
        raise LookupError(f'service "{name}" not found')
    ports = loads(stored.value)["spec"].get("ports") or ()
    found = next((one for one in ports if one["port"] == wanted), None)
    if found is None:
        raise LookupError(f'service "{name}" has no port {wanted}')
    ready = [
        (address, int(port["port"]))
        for _, entry in core.store.scan("discovery.k8s.io/endpointslices", f"{namespace}/")
        for slice_ in (loads(entry.value),)
        if labels_of(slice_).get(SERVICE_LABEL) == name
        for port in slice_.get("ports") or ()
        if (port.get("name") or "") == (found.get("name") or "")
        for endpoint in slice_.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    ]
    if not ready:
        raise LookupError(f'no endpoints available for service "{name}"')
    return random.choice(ready)  # noqa: S311 - which of equals is asked
