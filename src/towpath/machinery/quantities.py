"""Kubernetes quantities (`500m`, `1.5Gi`, `2e3`), exactly.

Source: k8s.io/apimachinery/pkg/api/resource. A quantity is a number and a notation: binary (Ki,
Mi...), decimal (n, u, m, k, M...) or decimal exponent (e3). Nothing below a nano is kept: smaller
amounts are rounded away from zero, under the theory that who wants a little should get a little.
"""

import re
from fractions import Fraction

from msgspec import Struct

from towpath.machinery.remembering import remember_short

_PATTERN = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([a-zA-Z]*[-+]?[0-9]*)\Z", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)\Z")
_NANO = Fraction(1, 10**9)
_BINARY_MAX = (1 << 63) - 1

FORMAT_WORDS = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
SUFFIX_WORDS = "unable to parse quantity's suffix"


class Quantity(Struct, frozen=True):
    value: Fraction
    notation: str = "decimal"
    """`decimal`, `binary` or `exponent`: how it is written."""

    def __str__(self) -> str:
        return _format(self.value, self.notation)


def parse_quantity(text: str) -> Fraction:
    """The amount. Raises ValueError in Kubernetes' words."""
    return read_quantity(text).value


def canonical(text: str) -> str:
    """As the API stores it: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`. Raises ValueError."""
    return str(read_quantity(text))


def format_quantity(value: Fraction | int, like: str = "") -> str:
    """An amount in the notation of another quantity; decimal when there is none."""
    notation = read_quantity(like).notation if like else "decimal"
    return _format(Fraction(value), notation)


@remember_short(1024)
def read_quantity(text: str) -> Quantity:
    """Raises ValueError."""
    found = _PATTERN.match(text)
    if found is None:
        raise ValueError(FORMAT_WORDS)
    sign, digits, suffix = found.groups()
    amount = Fraction(digits.rstrip(".") if not digits.startswith(".") else f"0{digits}")
    if suffix in _DECIMAL:
        amount, notation = amount * _power(10, _DECIMAL[suffix]), "decimal"
    elif suffix in _BINARY:
        amount, notation = amount * (1 << _BINARY[suffix]), "binary"
    elif (exponent := _EXPONENT.match(suffix)) is not None and len(suffix) < 6:
        amount, notation = amount * _power(10, int(exponent[1])), "exponent"
    else:
        raise ValueError(SUFFIX_WORDS)
    if amount % _NANO:
        amount = (amount // _NANO + 1) * _NANO
    if notation == "binary":
        amount = min(amount, Fraction(_BINARY_MAX))
        notation = "decimal" if 0 < amount < 1 else notation
    return Quantity(-amount if sign == "-" else amount, notation)


def _power(base: int, exponent: int) -> Fraction:
    return Fraction(base**exponent) if exponent >= 0 else Fraction(1, base**-exponent)


def _format(value: Fraction, notation: str) -> str:
    if value == 0:
        return "0"
    if notation == "binary" and (abs(value) < 1024 or value.denominator != 1):
        notation = "decimal"
    if notation == "binary":
        return _format_binary(int(value))
    exponent = 18
    while (value / _power(10, exponent)).denominator != 1:
        exponent -= 3
    mantissa = int(value / _power(10, exponent))
    if notation == "decimal":
        return f"{mantissa}{_DECIMAL_SUFFIX[exponent]}"
    return f"{mantissa}e{exponent}" if exponent else str(mantissa)


def _format_binary(value: int) -> str:
    for suffix, exponent in reversed(_BINARY.items()):
        if value % (1 << exponent) == 0:
            return f"{value >> exponent}{suffix}"
    return str(value)
