"""Kubernetes' own CEL functions, written in Python: quantity, url, ip, cidr, semver, lists, regex.

The binding has no opaque values, so that a quantity (and every other value of these libraries) is
a CEL map with one marked entry of normal form: equal values are equal maps. Not offered, because
the binding cannot express them: `format.*`, `indexOf` and `lastIndexOf` on lists, `string()` of
these values, and sums of durations; expressions that use them do not compile, or fail by name.
Source: k8s.io/apiserver/pkg/cel/library.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from cel_expr_python import cel

from towpath.machinery.quantities import parse_quantity

_T = cel.Type
_VALUE = _T.Map(_T.STRING, _T.DYN)
_STRINGS = _T.List(_T.STRING)
_ANY_LIST = _T.List(_T.DYN)

Value = dict[str, Any]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

QUANTITY, URL, IP, CIDR, SEMVER = "quantity", "url", "ip", "cidr", "semver"


def function_declarations() -> list[Any]:
    """One FunctionDecl per name: the binding wants all overloads of a name together."""
    return [cel.FunctionDecl(name, overloads) for name, overloads in _overloads().items()]


@cache
def _overloads() -> dict[str, list[Any]]:
    result: dict[str, list[Any]] = {}
    for name, parameters, returns, is_member, function in _declarations():
        overloads = result.setdefault(name, [])
        identity = f"towpath_{name.replace('.', '_')}_{len(overloads)}"
        overloads.append(
            cel.Overload(identity, returns, list(parameters), is_member, impl=function)
        )
    return result


_Declaration = tuple[str, tuple[Any, ...], Any, bool, Callable[..., Any]]


def _declarations() -> Iterable[_Declaration]:
    yield from _quantity_library()
    yield from _url_library()
    yield from _address_library()
    yield from _semver_library()
    yield from _list_library()
    yield from _regex_library()


def _is(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _member(name: str, returns: Any, function: Callable[..., Any], *more: Any) -> _Declaration:
    return (name, (_VALUE, *more), returns, True, function)


def _plain(name: str, returns: Any, function: Callable[..., Any], *parameters: Any) -> _Declaration:
    return (name, parameters, returns, False, function)


def _kind_of(value: Value) -> str:
    return next(iter(value), "")


def _part(value: Value, kind: str, function: str) -> Any:
    if kind not in value:
        raise ValueError(f"no such overload: {function}() on a {_kind_of(value) or 'map'}")
    return value[kind]


# Quantities: the exact amount as a fraction, written as text.


def _quantity(text: str) -> Value:
    return {QUANTITY: str(parse_quantity(text))}


def _amount(value: Value, function: str = QUANTITY) -> Fraction:
    return Fraction(_part(value, QUANTITY, function))


def _as_integer(value: Value) -> int:
    amount = _amount(value, "asInteger")
    if amount.denominator != 1 or not -(1 << 63) <= amount < 1 << 63:
        raise ValueError("cannot convert value to integer")
    return int(amount)


def _compare(left: Value, right: Value) -> int:
    """compareTo and its kin serve quantities and versions."""
    if SEMVER in left and SEMVER in right:
        one, other = _precedence(left[SEMVER]), _precedence(right[SEMVER])
        return (one > other) - (one < other)
    one_amount, other_amount = _amount(left, "compareTo"), _amount(right, "compareTo")
    return (one_amount > other_amount) - (one_amount < other_amount)


def _quantity_library() -> Iterable[_Declaration]:
    def total(left: Value, right: Value | int, sign: int) -> Value:
        added = Fraction(right) if isinstance(right, int) else _amount(right)
        return {QUANTITY: str(_amount(left) + sign * added)}

    def sign_of(value: Value) -> int:
        amount = _amount(value, "sign")
        return (amount > 0) - (amount < 0)

    yield _plain("quantity", _VALUE, _quantity, _T.STRING)
    yield _plain("isQuantity", _T.BOOL, _is(_quantity), _T.STRING)
    yield _member("sign", _T.INT, sign_of)
    yield _member("isInteger", _T.BOOL, lambda value: _amount(value).denominator == 1)
    yield _member("asInteger", _T.INT, _as_integer)
    yield _member("asApproximateFloat", _T.DOUBLE, lambda value: float(_amount(value)))
    for other in (_VALUE, _T.INT):
        yield _member("add", _VALUE, lambda one, two: total(one, two, 1), other)
        yield _member("sub", _VALUE, lambda one, two: total(one, two, -1), other)
    yield _member("compareTo", _T.INT, _compare, _VALUE)
    yield _member("isLessThan", _T.BOOL, lambda one, two: _compare(one, two) < 0, _VALUE)
    yield _member("isGreaterThan", _T.BOOL, lambda one, two: _compare(one, two) > 0, _VALUE)


# URLs: the text itself, parsed when asked.


def _url(text: str) -> Value:
    parts = urlsplit(text)
    is_relative_path = not parts.scheme and text.startswith("/") and not text.startswith("//")
    if not text or (not is_relative_path and not (parts.scheme and (parts.netloc or parts.path))):
        raise ValueError(f"URL parse error during conversion from string: parse {text!r}: invalid")
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise ValueError("URL parse error during conversion from string: invalid character")
    _ = parts.port
    return {URL: text}


def _split(value: Value, function: str) -> SplitResult:
    text: str = _part(value, URL, function)
    return urlsplit(text)


def _url_library() -> Iterable[_Declaration]:
    def hostname(value: Value) -> str:
        host = _split(value, "getHostname").netloc.rpartition("@")[2]
        if host.startswith("["):
            return host[1:].partition("]")[0]
        return host.partition(":")[0]

    def port(value: Value) -> str:
        found = _split(value, "getPort").port
        return "" if found is None else str(found)

    yield _plain("url", _VALUE, _url, _T.STRING)
    yield _plain("isURL", _T.BOOL, _is(_url), _T.STRING)
    yield _member("getScheme", _T.STRING, lambda value: _split(value, "getScheme").scheme)
    yield _member(
        "getHost", _T.STRING, lambda value: _split(value, "getHost").netloc.rpartition("@")[2]
    )
    yield _member("getHostname", _T.STRING, hostname)
    yield _member("getPort", _T.STRING, port)
    yield _member("getEscapedPath", _T.STRING, lambda value: _split(value, "getEscapedPath").path)
    yield _member(
        "getQuery",
        _T.Map(_T.STRING, _STRINGS),
        lambda value: parse_qs(_split(value, "getQuery").query, keep_blank_values=True),
    )


# Addresses and networks: their canonical text.


def _address(text: str) -> _Address:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        raise ValueError(
            f"IP Address {text!r} parse error: mapped and zoned addresses are not allowed"
        )
    return address


def _ip(text: str) -> Value:
    return {IP: str(_address(text))}


def _cidr(text: str) -> Value:
    address, _, length = text.partition("/")
    network = ipaddress.ip_network(text, strict=False)
    if not length.isdigit():
        raise ValueError(f"network address parse error: {text!r}")
    return {CIDR: f"{_address(address)}/{network.prefixlen}"}


def _network(value: Value, function: str) -> _Network:
    return ipaddress.ip_network(_part(value, CIDR, function), strict=False)


def _contains_ip(value: Value, address: Value | str) -> bool:
    text = address if isinstance(address, str) else _part(address, IP, "containsIP")
    found = _address(text)
    network = _network(value, "containsIP")
    return found.version == network.version and found in network


def _contains_cidr(value: Value, other: Value | str) -> bool:
    outer = _network(value, "containsCIDR")
    inner = _network(_cidr(other) if isinstance(other, str) else other, "containsCIDR")
    return (
        outer.version == inner.version
        and outer.prefixlen <= inner.prefixlen
        and inner.network_address in outer
    )


def _test_address(attribute: str) -> Callable[[Value], bool]:
    return lambda value: bool(getattr(_address(_part(value, IP, attribute)), attribute))


def _is_global_unicast(value: Value) -> bool:
    """Go's meaning: not multicast, loopback, link-local, unspecified or broadcast."""
    address = _address(_part(value, IP, "isGlobalUnicast"))
    return not (
        address.is_multicast
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or str(address) == "255.255.255.255"
    )


def _is_link_local_multicast(value: Value) -> bool:
    address = _address(_part(value, IP, "isLinkLocalMulticast"))
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.IPv4Network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02


def _address_library() -> Iterable[_Declaration]:
    yield _plain("ip", _VALUE, _ip, _T.STRING)
    yield _plain("isIP", _T.BOOL, _is(_ip), _T.STRING)
    yield _plain("ip.isCanonical", _T.BOOL, lambda text: _ip(text)[IP] == text, _T.STRING)
    yield _member("family", _T.INT, lambda value: _address(_part(value, IP, "family")).version)
    yield _member("isUnspecified", _T.BOOL, _test_address("is_unspecified"))
    yield _member("isLoopback", _T.BOOL, _test_address("is_loopback"))
    yield _member("isLinkLocalUnicast", _T.BOOL, _test_address("is_link_local"))
    yield _member("isLinkLocalMulticast", _T.BOOL, _is_link_local_multicast)
    yield _member("isGlobalUnicast", _T.BOOL, _is_global_unicast)
    yield _plain("cidr", _VALUE, _cidr, _T.STRING)
    yield _plain("isCIDR", _T.BOOL, _is(_cidr), _T.STRING)
    for other in (_VALUE, _T.STRING):
        yield _member("containsIP", _T.BOOL, _contains_ip, other)
        yield _member("containsCIDR", _T.BOOL, _contains_cidr, other)
    yield _member("ip", _VALUE, lambda value: _ip(_part(value, CIDR, "ip").partition("/")[0]))
    yield _member("masked", _VALUE, lambda value: {CIDR: str(_network(value, "masked"))})
    yield _member("prefixLength", _T.INT, lambda value: _network(value, "prefixLength").prefixlen)


# Semantic versions: the text without build metadata, which does not count for equality.

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?\Z"
)


def _semver(text: str, normalize: bool = False) -> Value:
    found = _SEMVER.match(_normalized(text) if normalize else text)
    if found is None:
        raise ValueError(f"semver parse error: {text!r} is not a semantic version")
    core = f"{found[1]}.{found[2]}.{found[3]}"
    return {SEMVER: f"{core}-{found[4]}" if found[4] else core}


def _normalized(text: str) -> str:
    """`v1.02` as `1.2.0`."""
    core, dash, rest = text.removeprefix("v").partition("-")
    if not dash:
        core, dash, rest = core.partition("+")
    numbers = [part.lstrip("0") or "0" for part in core.split(".")]
    numbers += ["0"] * (3 - len(numbers))
    return ".".join(numbers) + dash + rest


def _precedence(text: str) -> tuple[Any, ...]:
    core, _, pre_release = text.partition("-")
    numbers = tuple(int(part) for part in core.split("."))
    if not pre_release:
        return (numbers, 1, ())
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre_release.split(".")
    )
    return (numbers, 0, parts)


def _semver_library() -> Iterable[_Declaration]:
    def number(position: int, name: str) -> Callable[[Value], int]:
        return lambda value: int(_part(value, SEMVER, name).partition("-")[0].split(".")[position])

    yield _plain("semver", _VALUE, _semver, _T.STRING)
    yield _plain("semver", _VALUE, _semver, _T.STRING, _T.BOOL)
    yield _plain("isSemver", _T.BOOL, _is(_semver), _T.STRING)
    yield _plain(
        "isSemver",
        _T.BOOL,
        lambda text, normalize: _is(lambda inner: _semver(inner, normalize))(text),
        _T.STRING,
        _T.BOOL,
    )
    for position, name in enumerate(("major", "minor", "patch")):
        yield _member(name, _T.INT, number(position, name))


# Lists and regular expressions.


def _list_library() -> Iterable[_Declaration]:
    def on_list(name: str, returns: Any, function: Callable[..., Any]) -> _Declaration:
        return (name, (_ANY_LIST,), returns, True, function)

    def extreme(pick: Callable[[list[Any]], Any], name: str) -> Callable[[list[Any]], Any]:
        def find(items: list[Any]) -> Any:
            if not items:
                raise ValueError(f"{name} called on empty list")
            return pick(items)

        return find

    def is_sorted(items: list[Any]) -> bool:
        return all(left <= right for left, right in pairwise(items))

    yield on_list("isSorted", _T.BOOL, is_sorted)
    yield on_list("sum", _T.DYN, sum)
    yield on_list("min", _T.DYN, extreme(min, "min"))
    yield on_list("max", _T.DYN, extreme(max, "max"))


def _regex_library() -> Iterable[_Declaration]:
    def find(text: str, pattern: str) -> str:
        found = _compiled(pattern).search(text)
        return found.group() if found else ""

    def find_all(text: str, pattern: str, count: int = -1) -> list[str]:
        found = [match.group() for match in _compiled(pattern).finditer(text)]
        return found if count < 0 else found[:count]

    yield ("find", (_T.STRING, _T.STRING), _T.STRING, True, find)
    yield ("findAll", (_T.STRING, _T.STRING), _STRINGS, True, find_all)
    yield ("findAll", (_T.STRING, _T.STRING, _T.INT), _STRINGS, True, find_all)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"Illegal regex: {error}") from None
