"""String formats that a kube-apiserver checks in custom resources; every other format is ignored.

Source: apiextensions-apiserver's list of supported formats and kube-openapi's strfmt.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

from towpath.machinery.durations import parse_duration
from towpath.machinery.remembering import remember_short

_HEX = "[0-9a-f]"
_HOSTNAME = re.compile(
    r"([^\W_]((-?[^\W_]{0,62})?)|([^\W_](([^\W_]|-){0,61}[^\W_])?\.)+[^\W\d_]{2,63})\Z"
)
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))\Z")
_LOOSE_DURATION = re.compile(
    r"\d+\s*(ns|nano|us|µs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|wk|week)", re.IGNORECASE
)


def _matches(pattern: str, flags: int = 0) -> Callable[[str], bool]:
    compiled = re.compile(rf"(?:{pattern})\Z", flags)
    return lambda text: compiled.match(text) is not None


def _uuid(third: str, fourth: str) -> Callable[[str], bool]:
    return _matches(
        f"{_HEX}{{8}}-?{_HEX}{{4}}-?{third}-?{fourth}-?{_HEX}{{12}}", re.IGNORECASE | re.ASCII
    )


def _is_hostname(text: str) -> bool:
    parts = text.split(".")
    return _HOSTNAME.match(text) is not None and len(text) <= 255 and max(map(len, parts)) <= 63


def _is_ip(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _is_uri(text: str) -> bool:
    """Go's url.ParseRequestURI: an absolute URI or an absolute path."""
    if not text or any(ord(char) < 32 or ord(char) == 127 or char == " " for char in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _is_email(text: str) -> bool:
    address = text.rsplit("<", 1)[-1].rstrip("> ").strip()
    local, at, domain = address.rpartition("@")
    return bool(at and local and domain) and " " not in address


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return bool(text)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


@remember_short(1024)
def _is_date_time(text: str) -> bool:
    """Those of metadata are read with every write, and those of one second are the same."""
    day, separator, clock = text.lower().partition("t")
    if not separator or not _is_date(day) or (found := _CLOCK.match(clock)) is None:
        return False
    return found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return _LOOSE_DURATION.search(text) is not None
    return True


def _is_isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits) is None:
        return False
    values = [10 if char == "X" else int(char) for char in digits]
    return sum(weight * value for weight, value in enumerate(values, 1)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if re.fullmatch(r"[0-9]{13}", digits) is None:
        return False
    return sum((3 if at % 2 else 1) * int(char) for at, char in enumerate(digits)) % 10 == 0


def _is_credit_card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not 13 <= len(digits) <= 16 or digits[0] not in "23456":
        return False
    doubled = [int(char) * (2 if at % 2 else 1) for at, char in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


_COLOUR_PART = r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"

FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches(f"{_HEX}{{24}}", re.IGNORECASE),
    "uri": _is_uri,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": _is_ip(4),
    "ipv6": _is_ip(6),
    "cidr": _is_cidr,
    "mac": _matches(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4}", re.I),
    "uuid": _uuid(f"{_HEX}{{4}}", f"{_HEX}{{4}}"),
    "uuid3": _uuid(f"3{_HEX}{{3}}", f"{_HEX}{{4}}"),
    "uuid4": _uuid(f"4{_HEX}{{3}}", f"[89ab]{_HEX}{{3}}"),
    "uuid5": _uuid(f"5{_HEX}{{3}}", f"[89ab]{_HEX}{{3}}"),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "creditcard": _is_credit_card,
    "ssn": _matches(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matches(rf"rgb\({_COLOUR_PART},{_COLOUR_PART},{_COLOUR_PART}\)"),
    "byte": _is_base64,
    "date": _is_date,
    "duration": _is_duration,
    "date-time": _is_date_time,
    "datetime": _is_date_time,
    "k8s-short-name": _matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"),
    "k8s-long-name": _matches(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9.]*[a-z0-9])?"),
}
