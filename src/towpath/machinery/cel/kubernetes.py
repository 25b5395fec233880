"""Kubernetes' own functions: quantity, url, ip, cidr, semver and format.

Source: k8s.io/apiserver/pkg/cel/library.
"""

import ipaddress
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from msgspec import Struct

from towpath.machinery.cel.errors import CelError
from towpath.machinery.cel.functions import Library
from towpath.machinery.cel.values import INT_MAX, INT_MIN, NONE, Opt
from towpath.machinery.formats import FORMATS
from towpath.machinery.names import (
    dns1035_errors,
    label_errors,
    label_value_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.quantities import parse_quantity

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Quantity(Struct, frozen=True):
    TYPE_NAME = "kubernetes.Quantity"
    amount: Fraction


class Url(Struct, frozen=True):
    TYPE_NAME = "kubernetes.URL"
    text: str

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.text)

    @property
    def host(self) -> str:
        return self.parts.netloc.rpartition("@")[2]


class Ip(Struct, frozen=True):
    TYPE_NAME = "net.IP"
    address: _Address

    def __len__(self) -> int:
        return len(self.address.packed)


class Cidr(Struct, frozen=True):
    TYPE_NAME = "net.CIDR"
    address: _Address
    network: _Network


class Semver(Struct, frozen=True):
    TYPE_NAME = "kubernetes.Semver"
    core: tuple[int, ...]
    pre_release: str

    @property
    def precedence(self) -> tuple[Any, ...]:
        if not self.pre_release:
            return (self.core, 1, ())
        parts = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in self.pre_release.split(".")
        )
        return (self.core, 0, parts)


class Format(Struct, frozen=True, eq=False):
    TYPE_NAME = "kubernetes.NamedFormat"
    name: str
    errors: Callable[[str], list[str]]
    pattern_length: int


KUBERNETES = Library(
    {"Quantity": Quantity, "URL": Url, "IP": Ip, "CIDR": Cidr, "Semver": Semver, "Format": Format}
)


def _strict(parse: Callable[..., Any]) -> Callable[..., Any]:
    """What cannot be parsed is an error of the expression."""

    def run(*args: Any) -> Any:
        try:
            return parse(*args)
        except ValueError as error:
            raise CelError(str(error)) from None

    return run


def _is(parse: Callable[..., Any]) -> Callable[..., bool]:
    def run(*args: Any) -> bool:
        try:
            parse(*args)
        except (ValueError, CelError):
            return False
        return True

    return run


# -- quantities ----------------------------------------------------------------------------------


def _quantity(text: str) -> Quantity:
    try:
        return Quantity(parse_quantity(text))
    except ValueError:
        raise ValueError(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from None


def _as_integer(value: Quantity) -> int:
    if value.amount.denominator != 1 or not INT_MIN <= value.amount <= INT_MAX:
        raise CelError("cannot convert value to integer")
    return int(value.amount)


def _declare_quantities() -> None:
    add = KUBERNETES.add
    add("quantity", "string_to_quantity", "(string) Quantity", _strict(_quantity))
    add("isQuantity", "is_quantity_string", "(string) bool", _is(_quantity))
    # A function and no method there too, whatever its documentation says.
    add("sign", "quantity_sign", "(Quantity) int", lambda one: (one.amount > 0) - (one.amount < 0))
    add(
        "isInteger",
        "quantity_is_integer",
        "Quantity.() bool",
        lambda one: one.amount.denominator == 1 and INT_MIN <= one.amount <= INT_MAX,
    )
    add("asInteger", "quantity_get_int", "Quantity.() int", _as_integer)
    add(
        "asApproximateFloat",
        "quantity_get_float",
        "Quantity.() double",
        lambda one: float(one.amount),
    )
    for name, sign in (("add", 1), ("sub", -1)):
        add(name, f"quantity_{name}", "Quantity.(Quantity) Quantity", _sum_of_quantities(sign))
        add(name, f"quantity_{name}_int", "Quantity.(int) Quantity", _sum_with_integer(sign))
    for name, holds in _ORDERS.items():
        result = "int" if name == "compareTo" else "bool"
        add(name, f"quantity_{name}", f"Quantity.(Quantity) {result}", _by(holds, "amount"))
        add(name, f"semver_{name}", f"Semver.(Semver) {result}", _by(holds, "precedence"))


def _sum_of_quantities(sign: int) -> Callable[[Quantity, Quantity], Quantity]:
    return lambda one, two: Quantity(one.amount + sign * two.amount)


def _sum_with_integer(sign: int) -> Callable[[Quantity, int], Quantity]:
    return lambda one, two: Quantity(one.amount + sign * two)


_ORDERS: dict[str, Callable[[int], Any]] = {
    "compareTo": lambda order: order,
    "isGreaterThan": lambda order: order > 0,
    "isLessThan": lambda order: order < 0,
}


def _by(holds: Callable[[int], Any], attribute: str) -> Callable[[Any, Any], Any]:
    def run(one: Any, two: Any) -> Any:
        left, right = getattr(one, attribute), getattr(two, attribute)
        return holds((left > right) - (left < right))

    return run


# -- URLs ----------------------------------------------------------------------------------------


def _url(text: str) -> Url:
    parts = urlsplit(text)
    is_path = not parts.scheme and text.startswith("/") and not text.startswith("//")
    if not is_path and not (parts.scheme and (parts.netloc or parts.path)):
        words = "empty url" if not text else "invalid URI for request"
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": {words}')
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise ValueError("URL parse error during conversion from string: invalid character in URL")
    _ = parts.port
    return Url(text)


def _hostname(value: Url) -> str:
    if value.host.startswith("["):
        return value.host[1:].partition("]")[0]
    return value.host.partition(":")[0]


def _port(value: Url) -> str:
    found = value.parts.port
    return "" if found is None else str(found)


def _declare_urls() -> None:
    add = KUBERNETES.add
    add("url", "string_to_url", "(string) URL", _strict(_url))
    add("isURL", "is_url_string", "(string) bool", _is(_url))
    parts: dict[str, Callable[[Url], str]] = {
        "getScheme": lambda value: value.parts.scheme,
        "getHost": lambda value: value.host,
        "getHostname": _hostname,
        "getPort": _port,
        "getEscapedPath": lambda value: quote(value.parts.path, safe="/%:@!$&'()*+,;=~"),
    }
    for name, run in parts.items():
        add(name, f"url_{name}", "URL.() string", run)
    add(
        "getQuery",
        "url_get_query",
        "URL.() map(string,list(string))",
        lambda value: parse_qs(value.parts.query, keep_blank_values=True),
    )


# -- addresses and networks ----------------------------------------------------------------------


def _address(text: str) -> _Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(
            f'IP Address "{text}" parse error during conversion from string: '
            f'ParseAddr("{text}"): unable to parse IP'
        ) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
        if address.scope_id:
            raise ValueError(f'IP address "{text}" with zone value is not allowed')
    return address


def _ip(text: str) -> Ip:
    return Ip(_address(text))


def _cidr(text: str) -> Cidr:
    address, slash, length = text.partition("/")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        slash = ""
    if not slash or not length.isdigit():
        raise ValueError(
            "network address parse error during conversion from string: "
            f'netip.ParsePrefix("{text}")'
        )
    return Cidr(_address(address), network)


def _contains_ip(value: Cidr, other: Ip | str) -> bool:
    address = _address(other) if isinstance(other, str) else other.address
    return address.version == value.network.version and address in value.network


def _contains_cidr(value: Cidr, other: Cidr | str) -> bool:
    inner = (_cidr(other) if isinstance(other, str) else other).network
    outer = value.network
    return (
        outer.version == inner.version
        and outer.prefixlen <= inner.prefixlen
        and inner.network_address in outer
    )


def _is_global_unicast(value: Ip) -> bool:
    """Go's meaning: not multicast, loopback, link-local, unspecified or broadcast."""
    address = value.address
    return not (
        address.is_multicast
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or str(address) == "255.255.255.255"
    )


def _is_link_local_multicast(value: Ip) -> bool:
    address = value.address
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.IPv4Network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02


def _declare_addresses() -> None:
    add = KUBERNETES.add
    add("ip", "string_to_ip", "(string) IP", _strict(_ip))
    add("isIP", "is_ip", "(string) bool", _is(_ip))
    add("ip.isCanonical", "ip_is_canonical", "(string) bool", _strict(_is_canonical))
    tests: dict[str, Callable[[Ip], Any]] = {
        "isUnspecified": lambda one: one.address.is_unspecified,
        "isLoopback": lambda one: one.address.is_loopback,
        "isLinkLocalMulticast": _is_link_local_multicast,
        "isLinkLocalUnicast": lambda one: one.address.is_link_local,
        "isGlobalUnicast": _is_global_unicast,
    }
    for name, run in tests.items():
        add(name, f"ip_{name}", "IP.() bool", run)
    add("family", "ip_family", "IP.() int", lambda one: one.address.version)
    add("string", "ip_to_string", "(IP) string", lambda one: str(one.address))
    add("cidr", "string_to_cidr", "(string) CIDR", _strict(_cidr))
    add("isCIDR", "is_cidr", "(string) bool", _is(_cidr))
    add("containsIP", "cidr_contains_ip_string", "CIDR.(string) bool", _strict(_contains_ip))
    add("containsIP", "cidr_contains_ip_ip", "CIDR.(IP) bool", _contains_ip)
    add("containsCIDR", "cidr_contains_cidr_string", "CIDR.(string) bool", _strict(_contains_cidr))
    add("containsCIDR", "cidr_contains_cidr", "CIDR.(CIDR) bool", _contains_cidr)
    add("ip", "cidr_ip", "CIDR.() IP", lambda one: Ip(one.address))
    add("prefixLength", "cidr_prefix_length", "CIDR.() int", lambda one: one.network.prefixlen)
    add(
        "masked",
        "cidr_masked",
        "CIDR.() CIDR",
        lambda one: Cidr(one.network.network_address, one.network),
    )
    add(
        "string",
        "cidr_to_string",
        "(CIDR) string",
        lambda one: f"{one.address}/{one.network.prefixlen}",
    )


def _is_canonical(text: str) -> bool:
    return str(_address(text)) == text


# -- versions ------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?\Z"
)


def _semver(text: str, normalize: bool = False) -> Semver:
    found = _SEMVER.match(_normalized(text) if normalize else text)
    if found is None:
        raise ValueError("No Major.Minor.Patch elements found")
    return Semver((int(found[1]), int(found[2]), int(found[3])), found[4] or "")


def _normalized(text: str) -> str:
    """`v1.02` as `1.2.0`."""
    core, dash, rest = text.removeprefix("v").partition("-")
    if not dash:
        core, dash, rest = core.partition("+")
    numbers = [part.lstrip("0") or "0" for part in core.split(".")]
    numbers += ["0"] * (3 - len(numbers))
    return ".".join(numbers) + dash + rest


def _declare_versions() -> None:
    add = KUBERNETES.add
    add("semver", "string_to_semver", "(string) Semver", _strict(_semver))
    add("semver", "string_bool_to_semver", "(string, bool) Semver", _strict(_semver))
    add("isSemver", "is_semver_string", "(string) bool", _is(_semver))
    add("isSemver", "is_semver_string_bool", "(string, bool) bool", _is(_semver))
    for place, name in enumerate(("major", "minor", "patch")):
        add(name, f"semver_{name}", "Semver.() int", _number_at(place))


def _number_at(place: int) -> Callable[[Semver], int]:
    return lambda value: value.core[place]


# -- formats -------------------------------------------------------------------------------------


def _prefix(errors: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A prefix of a name may end with a dash."""
    return lambda text: errors(f"{text[:-1]}a" if text.endswith("-") and len(text) > 1 else text)


def _known(name: str, words: str) -> Callable[[str], list[str]]:
    return lambda text: [] if FORMATS[name](text) else [words]


_NAMED = {
    "dns1123Label": Format("DNS1123Label", label_errors, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", subdomain_errors, 60),
    "dns1035Label": Format("DNS1035Label", dns1035_errors, 30),
    "qualifiedName": Format("QualifiedName", qualified_name_errors, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(label_errors), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(subdomain_errors), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(dns1035_errors), 30),
    "labelValue": Format("LabelValue", label_value_errors, 40),
    "uri": Format("URI", _known("uri", "invalid URI for request"), 700),
    "uuid": Format("uuid", _known("uuid", "does not match the UUID format"), 105),
    "byte": Format("byte", _known("byte", "invalid base64"), 84),
    "date": Format("date", _known("date", "invalid date"), 100),
    "datetime": Format("datetime", _known("date-time", "invalid datetime"), 100),
}


def _validate(found: Format, text: str) -> Opt:
    errors = found.errors(text)
    return Opt(errors) if errors else NONE


def _named(name: str) -> Opt:
    found = _NAMED.get(name)
    return NONE if found is None else Opt(found)


def _declare_formats() -> None:
    add = KUBERNETES.add
    add("validate", "format-validate", "Format.(string) optional(list(string))", _validate)
    add("format.named", "format-named", "(string) optional(Format)", _named)
    for name, found in _NAMED.items():
        add(f"format.{name}", f"format.{name}", "() Format", _constant(found))


def _constant(found: Format) -> Callable[[], Format]:
    return lambda: found


_declare_quantities()
_declare_urls()
_declare_addresses()
_declare_versions()
_declare_formats()
