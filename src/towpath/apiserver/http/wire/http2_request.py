"""The head of a request over HTTP/2: checked by the rules of RFC 9113, and taken apart."""

import re
from collections.abc import Iterable

Header = tuple[bytes, bytes]

PSEUDO = frozenset({b":method", b":scheme", b":path", b":authority"})
OF_CONNECTION = frozenset(
    {b"connection", b"transfer-encoding", b"keep-alive", b"upgrade", b"proxy-connection"}
)
_NAME = re.compile(rb"[^\x00-\x20A-Z:\x7f-\xff]+")


class Malformed(ValueError):
    """No request, or one that means two things."""


def request_of(headers: Iterable[Header]) -> tuple[bytes, bytes, list[Header]]:
    """Method, target and what HTTP/1.1 has as headers. Raises Malformed."""
    pseudo: dict[bytes, bytes] = {}
    plain: list[Header] = []
    cookies: list[bytes] = []
    hosts: set[bytes] = set()
    for name, value in headers:
        if b"\0" in value or b"\r" in value or b"\n" in value or value.strip(b" \t") != value:
            raise Malformed(f"the value of {name!r} has characters that no value may have")
        if name[:1] == b":":
            if name not in PSEUDO or name in pseudo or plain or cookies:
                raise Malformed(f"{name!r} is unknown, comes twice, or comes too late")
            pseudo[name] = value
        elif _NAME.fullmatch(name) is None or name in OF_CONNECTION:
            raise Malformed(f"{name!r} is no name of a header here")
        elif name == b"te" and value.lower() != b"trailers":
            raise Malformed("te may be trailers, and nothing else")
        elif name == b"cookie":
            cookies.append(value)
        elif name == b"host":
            hosts.add(value)
        else:
            plain.append((name, value))
    if b":authority" in pseudo:
        hosts.add(pseudo[b":authority"])
    method, target = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    if not (method and target and b":scheme" in pseudo and len(hosts) == 1):
        raise Malformed("a request has one method, one path, one scheme and one host")
    plain.append((b"host", hosts.pop()))
    if cookies:
        plain.append((b"cookie", b"; ".join(cookies)))
    return method, target, plain
