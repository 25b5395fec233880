"""Label and field selectors: parsed once, matched many times.

The grammar and its errors are those of k8s.io/apimachinery/pkg/{labels,fields}.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from towpath.machinery.causes import invalid_value, quote
from towpath.machinery.errors import BadRequest, Cause
from towpath.machinery.names import label_value_errors, qualified_name_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.remembering import remember_short

_TOKEN = re.compile(r"\s*(==|!=|=|!|>|<|\(|\)|,|[^\s=!<>(),]+|$)")
_SYMBOLS = frozenset(("==", "!=", "=", "!", ">", "<", "(", ")", ",", ""))
_OPERATORS = {
    "=": "in",
    "==": "in",
    "in": "in",
    "!=": "notin",
    "notin": "notin",
    ">": "gt",
    "<": "lt",
}
_OPERATOR_WORDS = "in, notin, =, ==, !=, gt, lt"


class Requirement(Struct, frozen=True):
    """One condition on one label. Operators: in, notin, exists, !, gt, lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.key)
        match self.operator:
            case "in":
                return found in self.values
            case "notin":
                return found not in self.values
            case "exists":
                return found is not None
            case "!":
                return found is None
            case _:
                return self._compares(found)

    def _compares(self, found: str | None) -> bool:
        try:
            left, right = int(found or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return left > right if self.operator == "gt" else left < right

    def __str__(self) -> str:
        values = sorted(self.values)
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == 'gt' else '<'}{values[0]}"
            case "in" if len(values) == 1:
                return f"{self.key}={values[0]}"
            case "notin" if len(values) == 1:
                return f"{self.key}!={values[0]}"
            case _:
                return f"{self.key} {self.operator} ({','.join(values)})"


class LabelSelector(Struct, frozen=True):
    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    @property
    def everything(self) -> bool:
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.nothing:
            return False
        # A loop: all() with a generator costs twice as much, and this is the list's hot path.
        for requirement in self.requirements:  # noqa: SIM110
            if not requirement.matches(labels):
                return False
        return True

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


class _Tokens:
    """The words of a selector, one ahead."""

    def __init__(self, text: str) -> None:
        self._words = _TOKEN.findall(text)
        self._at = 0

    def peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self) -> str:
        word = self.peek()
        self._at += 1
        return word

    def identifier(self, expected: str = "identifier") -> str:
        word = self.take()
        if word in _SYMBOLS:
            raise ValueError(f"found '{word}', expected: {expected}")
        return word


@remember_short(1024)
def parse_labels(text: str) -> LabelSelector:
    """The string form: `a=b,c!=d,e in (f,g),!h,i`. Raises BadRequest."""
    tokens = _Tokens(text)
    requirements: list[Requirement] = []
    while word := tokens.peek():
        if word in _SYMBOLS and word != "!":
            raise BadRequest(f"found '{word}', expected: !, identifier, or 'end of string'")
        try:
            requirements.append(_requirement(tokens))
        except ValueError as error:
            raise BadRequest(f"unable to parse requirement: {error}") from None
        separator = tokens.take()
        if separator == "":
            break
        if separator != ",":
            raise BadRequest(f"found '{separator}', expected: ',' or 'end of string'")
        after = tokens.peek()
        if after in _SYMBOLS and after != "!":
            raise BadRequest(f"found '{after}', expected: identifier after ','")
    return LabelSelector(tuple(requirements))


def _requirement(tokens: _Tokens) -> Requirement:
    negated = tokens.peek() == "!" and bool(tokens.take())
    key = tokens.identifier()
    if negated:
        return _checked(Requirement(key, "!"))
    if tokens.peek() in ("", ","):
        return _checked(Requirement(key, "exists"))
    word = tokens.take()
    operator = _OPERATORS.get(word)
    if operator is None:
        raise ValueError(f"found '{word}', expected: {_OPERATOR_WORDS}")
    values = _set_values(tokens) if word in ("in", "notin") else {_exact_value(tokens)}
    return _checked(Requirement(key, operator, frozenset(values)))


def _set_values(tokens: _Tokens) -> set[str]:
    word = tokens.take()
    if word != "(":
        raise ValueError(f"found '{word}' expected: '('")
    values: set[str] = set()
    value = ""
    while True:
        word = tokens.take()
        if word in (",", ")"):
            values.add(value)
            value = ""
            if word == ")":
                return values
        elif word in _SYMBOLS or value:
            raise ValueError(f"found '{word}', expected: ',' or ')'")
        else:
            value = word


def _exact_value(tokens: _Tokens) -> str:
    return "" if tokens.peek() in ("", ",") else tokens.identifier()


def _checked(requirement: Requirement) -> Requirement:
    causes = _requirement_causes(requirement)
    if causes:
        raise ValueError(f"{causes[0].field}: {causes[0].message}")
    return requirement


def _requirement_causes(requirement: Requirement, path: str = "") -> list[Cause]:
    prefix = f"{path}." if path else ""
    causes = []
    if words := qualified_name_errors(requirement.key):
        causes.append(
            invalid_value(f"{prefix}key" if path else "<nil>", requirement.key, "; ".join(words))
        )
    values = sorted(requirement.values)
    if requirement.operator in ("in", "notin") and not values:
        words_empty = "for 'in', 'notin' operators, values set can't be empty"
        causes.append(invalid_value(f"{prefix}values", values, words_empty))
    for position, value in enumerate(values):
        field = f"{prefix}values[{position}]"
        if requirement.operator in ("gt", "lt") and not value.lstrip("-").isdigit():
            words_int = "for 'Gt', 'Lt' operators, the value must be an integer"
            causes.append(invalid_value(field, value, words_int))
        if words := label_value_errors(value):
            causes.append(invalid_value(f"{field}[{requirement.key}]", value, "; ".join(words)))
    return causes


_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def from_object(selector: RawObject | None) -> LabelSelector:
    """A LabelSelector as objects carry it: None is nothing, {} everything. Raises BadRequest."""
    if selector is None:
        return NOTHING
    requirements = [
        Requirement(key, "in", frozenset((value,)))
        for key, value in sorted((selector.get("matchLabels") or {}).items())
    ]
    for raw in selector.get("matchExpressions") or ():
        operator = _OBJECT_OPERATORS.get(raw.get("operator"))
        if operator is None:
            name = quote(str(raw.get("operator")))
            raise BadRequest(f"{name} is not a valid label selector operator")
        requirements.append(
            Requirement(raw.get("key", ""), operator, frozenset(raw.get("values") or ()))
        )
    for requirement in requirements:
        if causes := _requirement_causes(requirement):
            raise BadRequest(f"{causes[0].field}: {causes[0].message}")
    return LabelSelector(tuple(requirements))


def selector_causes(selector: RawObject, path: str) -> list[Cause]:
    """What is wrong with a LabelSelector inside an object, for a 422."""
    causes: list[Cause] = []
    for key, value in (selector.get("matchLabels") or {}).items():
        field = f"{path}.matchLabels"
        causes += [invalid_value(field, key, each) for each in qualified_name_errors(key)]
        causes += [invalid_value(field, value, each) for each in label_value_errors(value)]
    for position, raw in enumerate(selector.get("matchExpressions") or ()):
        field = f"{path}.matchExpressions[{position}]"
        operator, values = raw.get("operator") or "", raw.get("values") or []
        if operator not in _OBJECT_OPERATORS:
            causes.append(
                invalid_value(f"{field}.operator", operator, "not a valid selector operator")
            )
        elif operator in ("In", "NotIn") and not values:
            words = "must be specified when `operator` is 'In' or 'NotIn'"
            causes.append(
                Cause("FieldValueRequired", f"Required value: {words}", f"{field}.values")
            )
        elif operator in ("Exists", "DoesNotExist") and values:
            words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(Cause("FieldValueForbidden", f"Forbidden: {words}", f"{field}.values"))
        key = raw.get("key", "")
        causes += [invalid_value(f"{field}.key", key, each) for each in qualified_name_errors(key)]
        for index, value in enumerate(values):
            where = f"{field}.values[{index}]"
            causes += [invalid_value(where, value, each) for each in label_value_errors(value)]
    return causes


class FieldTerm(Struct, frozen=True):
    path: str
    value: str
    equal: bool = True

    def matches(self, obj: RawObject) -> bool:
        return (field_value(obj, self.path) == self.value) is self.equal


class FieldSelector(Struct, frozen=True):
    terms: tuple[FieldTerm, ...] = ()

    @property
    def everything(self) -> bool:
        return not self.terms

    def matches(self, obj: RawObject) -> bool:
        for term in self.terms:  # noqa: SIM110
            if not term.matches(obj):
                return False
        return True

    def exact(self, path: str) -> str | None:
        """The one value that `path` must have, when the selector asks for one."""
        for term in self.terms:
            if term.path == path and term.equal:
                return term.value
        return None

    def check(self, allowed: Collection[str]) -> None:
        """Raises BadRequest when a field is asked for that this kind cannot be selected by."""
        for term in self.terms:
            if term.path not in allowed:
                raise BadRequest(f"field label not supported: {term.path}")

    def __str__(self) -> str:
        return ",".join(
            f"{term.path}{'=' if term.equal else '!='}{term.value}" for term in self.terms
        )


def field_value(obj: RawObject, path: str) -> str:
    """The field as selectors see it: text; absent is empty; booleans and numbers as JSON."""
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_TERM = re.compile(r"((?:[^=!,\\]|\\.)*)(==|!=|=)((?:[^,\\]|\\.)*)\Z")
_SPLIT = re.compile(r"(?:[^,\\]|\\.)+")
_ESCAPED = re.compile(r"\\(.)")


@remember_short(1024)
def parse_fields(text: str) -> FieldSelector:
    """`metadata.name=a,status.phase!=Running`. Raises BadRequest."""
    terms = []
    for part in _SPLIT.findall(text):
        found = _TERM.match(part)
        if found is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
        if "=" in _ESCAPED.sub("", found[3]):
            raise BadRequest("invalid field selector: unescaped character in value: 61")
        value = _ESCAPED.sub(r"\1", found[3])
        if found[1] or value:
            # A term of nothing is true of everything.
            terms.append(FieldTerm(found[1], value, found[2] != "!="))
    return FieldSelector(tuple(terms))
