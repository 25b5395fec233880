"""Where webhooks are: a URL, or a service of the cluster; of admission and of conversion."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from towpath.machinery.causes import invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import subdomain_errors
from towpath.machinery.objects import RawObject

PORT_MAX = 65535


def check_client(field: str, config: RawObject) -> Iterator[Cause]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield required(field, "exactly one of url or service is required")
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme != "https":
            words = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
            yield invalid_value(f"{field}.url", parts.scheme, words)
        if not parts.netloc:
            yield invalid_value(f"{field}.url", url, "host must be specified")
        if "@" in parts.netloc:
            user = parts.netloc.rpartition("@")[0]
            words = "user information is not permitted in the URL"
            yield invalid_value(f"{field}.url", user, words)
        for name, part in (("fragments", parts.fragment), ("query parameters", parts.query)):
            if part:
                yield invalid_value(f"{field}.url", part, f"{name} are not permitted in the URL")
    if service is not None:
        yield from _check_service(f"{field}.service", service)


def _check_service(field: str, service: RawObject) -> Iterator[Cause]:
    for key in ("name", "namespace"):
        if not service.get(key):
            yield required(f"{field}.{key}")
    port, path = service.get("port", 443), service.get("path") or "/"
    if not 1 <= port <= PORT_MAX:
        words = f"port is not valid: must be between 1 and {PORT_MAX}, inclusive"
        yield invalid_value(f"{field}.port", port, words)
    if path == "/":
        return
    if not path.startswith("/"):
        yield invalid_value(f"{field}.path", path, "must start with a '/'")
    for index, step in enumerate(path[1:].removesuffix("/").split("/")):
        if not step:
            yield invalid_value(f"{field}.path", path, f"segment[{index}] may not be empty")
            continue
        for words in subdomain_errors(step):
            yield invalid_value(f"{field}.path", path, f"segment[{index}]: {words}")
