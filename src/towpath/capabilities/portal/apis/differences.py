"""What has changed between two versions of an API, and whom it breaks. Pure.

Breaking is what a client that was right before cannot do any more: an operation that is gone, an
input that is needed now, a type that takes less, an answer without what was in it. Risky is what a
client may not expect: an answer of another type, a value that was never there. Types are compared
as they are written; that a number may stand where an integer did is known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from towpath.capabilities.portal.apis.definition import (
    Body,
    Definition,
    Field,
    Operation,
    Shape,
    flat,
)

DIFFERENCES_MAX = 500
_WIDER = {
    ("integer", "number"),
    ("integer (int32)", "integer (int64)"),
    ("integer (int32)", "integer"),
    ("integer (int64)", "integer"),
    ("number (float)", "number (double)"),
}
"""What takes everything that the other takes."""


class Severity(IntEnum):
    BREAKING = 0
    RISKY = 1
    COMPATIBLE = 2


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    severity: Severity
    where: str
    sentence: str


def differences(old: Definition, new: Definition) -> list[Difference]:
    """The worst first."""
    found = [
        *_operations(old.operations, new.operations),
        *_shapes(old.shapes, new.shapes, new.language),
    ]
    return sorted(dict.fromkeys(found))[:DIFFERENCES_MAX]


def _operations(old: Sequence[Operation], new: Sequence[Operation]) -> Iterator[Difference]:
    before = {one.key: one for one in old}
    after = {one.key: one for one in new}
    for key, one in before.items():
        if key not in after:
            told = " It was deprecated." if one.deprecated else ""
            yield Difference(Severity.BREAKING, key, f"The operation was removed.{told}")
        else:
            yield from _operation(one, after[key])
    for key in after.keys() - before.keys():
        yield Difference(Severity.COMPATIBLE, key, "A new operation.")


def _operation(old: Operation, new: Operation) -> Iterator[Difference]:
    where = new.key
    if new.deprecated and not old.deprecated:
        yield Difference(Severity.COMPATIBLE, where, "It is deprecated now.")
    yield from _sent(where, old.inputs, new.inputs)
    yield from _bodies(where, old.bodies, new.bodies)
    yield from _answers(where, old.answers, new.answers)


def _bodies(where: str, old: Sequence[Body], new: Sequence[Body]) -> Iterator[Difference]:
    before, after = {one.media: one for one in old}, {one.media: one for one in new}
    if after and not before:
        needed = any(field.required for one in new for field in one.fields)
        severity = Severity.BREAKING if needed else Severity.RISKY
        yield Difference(severity, where, "It takes a body now.")
        return
    for media, body in before.items():
        if media in after:
            yield from _type(where, "The body", body.type, after[media].type, is_sent=True)
            yield from _sent(where, body.fields, after[media].fields)
        else:
            said = f"A body of {media or body.type} is not taken any more."
            yield Difference(Severity.BREAKING, where, said)


def _answers(where: str, old: Sequence[Body], new: Sequence[Body]) -> Iterator[Difference]:
    before = {(one.code, one.media): one for one in old}
    after = {(one.code, one.media): one for one in new}
    for (code, media), body in before.items():
        called = " ".join(filter(None, (code, media))) or "what it answers"
        found = after.get((code, media))
        if found is None:
            is_good = code.startswith("2") or not code
            severity = Severity.BREAKING if is_good else Severity.RISKY
            yield Difference(severity, where, f"The answer {called} was removed.")
            continue
        yield from _type(where, f"The answer {code}".strip(), body.type, found.type, is_sent=False)
        yield from _received(where, body.fields, found.fields)
    for code, media in after.keys() - before.keys():
        called = " ".join(filter(None, (code, media)))
        if called:
            yield Difference(Severity.COMPATIBLE, where, f"A new answer {called}.")


def _sent(where: str, old: Sequence[Field], new: Sequence[Field]) -> Iterator[Difference]:
    """What a client sends: it may not become more, nor be taken less."""
    before, after = _by_path(old), _by_path(new)
    for path, field in after.items():
        known = before.get(path)
        if known is None:
            if _is_below_new(path, before, after):
                continue
            needed = field.required
            severity = Severity.BREAKING if needed else Severity.COMPATIBLE
            said = f"{path} is new and required." if needed else f"{path} may be given."
            yield Difference(severity, where, said)
            continue
        if field.required and not known.required:
            yield Difference(Severity.BREAKING, where, f"{path} is required now.")
        if known.required and not field.required:
            yield Difference(Severity.COMPATIBLE, where, f"{path} may be left out now.")
        yield from _type(where, path, known.type, field.type, is_sent=True)
        yield from _values(where, path, known.values, field.values, is_sent=True)
    for path in before.keys() - after.keys():
        if not _is_below_new(path, after, before):
            yield Difference(Severity.RISKY, where, f"{path} is not taken any more.")


def _received(where: str, old: Sequence[Field], new: Sequence[Field]) -> Iterator[Difference]:
    """What a client gets: it may not become less."""
    before, after = _by_path(old), _by_path(new)
    for path, known in before.items():
        field = after.get(path)
        if field is None:
            if not _is_below_new(path, after, before):
                yield Difference(Severity.BREAKING, where, f"{path} is not answered any more.")
            continue
        if known.required and not field.required:
            yield Difference(Severity.RISKY, where, f"{path} may be missing in the answer now.")
        yield from _type(where, path, known.type, field.type, is_sent=False)
        yield from _values(where, path, known.values, field.values, is_sent=False)
    for path in after.keys() - before.keys():
        if not _is_below_new(path, before, after):
            yield Difference(Severity.COMPATIBLE, where, f"{path} is answered too.")


def _by_path(fields: Sequence[Field]) -> dict[str, Field]:
    return {f"{one.place} {path}".strip(): one for path, one in flat(fields)}


def _is_below_new(path: str, known: dict[str, Field], these: dict[str, Field]) -> bool:
    """Part of something that is all new: that is said once."""
    above = path.rpartition(".")[0]
    return bool(above) and above in these and above not in known


def _type(where: str, what: str, old: str, new: str, *, is_sent: bool) -> Iterator[Difference]:
    if old == new:
        return
    narrow, wide = (old, new) if is_sent else (new, old)
    said = f"{what}: {old or 'nothing'} became {new or 'nothing'}"
    if _takes(wide, narrow):
        yield Difference(Severity.COMPATIBLE, where, f"{said}, which takes more.")
    else:
        yield Difference(Severity.BREAKING, where, f"{said}.")


def _takes(wide: str, narrow: str) -> bool:
    """Whether everything of the one type is of the other too."""
    if (narrow, wide) in _WIDER or wide == "anything":
        return True
    # GraphQL says by a mark that something is never null.
    if narrow.endswith("!") and (wide in (narrow[:-1],) or _takes(wide, narrow[:-1])):
        return True
    parts = set(wide.split(" or "))
    return len(parts) > 1 and set(narrow.split(" or ")) <= parts


def _values(
    where: str, what: str, old: Sequence[str], new: Sequence[str], *, is_sent: bool
) -> Iterator[Difference]:
    gone = [value for value in old if value not in new] if new else []
    more = [value for value in new if value not in old] if old else []
    if not old and new:
        severity = Severity.BREAKING if is_sent else Severity.COMPATIBLE
        yield Difference(severity, where, f"{what} is only one of {', '.join(new)} now.")
    if gone:
        severity = Severity.BREAKING if is_sent else Severity.COMPATIBLE
        yield Difference(severity, where, f"{what} is never {', '.join(gone)} any more.")
    if more:
        severity = Severity.COMPATIBLE if is_sent else Severity.RISKY
        yield Difference(severity, where, f"{what} may be {', '.join(more)} too.")


def _shapes(old: Sequence[Shape], new: Sequence[Shape], language: str) -> Iterator[Difference]:
    """Of GraphQL and gRPC, whose operations name their types; elsewhere they hold their fields."""
    if not language.startswith(("GraphQL", "gRPC", "Protocol")):
        return
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    for name, shape in before.items():
        if name not in after:
            yield Difference(Severity.BREAKING, name, f"The {shape.type} was removed.")
            continue
        found = after[name]
        if language.startswith("GraphQL"):
            yield from (_sent if shape.is_input else _received)(name, shape.fields, found.fields)
            yield from _values(name, name, shape.values, found.values, is_sent=False)
            for value in set(shape.values) - set(found.values):
                yield Difference(Severity.BREAKING, name, f"{value} was removed.")
        else:
            yield from _on_the_wire(name, shape, found)
    for name in after.keys() - before.keys():
        yield Difference(Severity.COMPATIBLE, name, f"A new {after[name].type}.")


def _on_the_wire(where: str, old: Shape, new: Shape) -> Iterator[Difference]:
    """Messages are told apart by numbers: a name may change, what a number stands for may not."""
    before = {one.number: one for one in old.fields}
    after = {one.number: one for one in new.fields}
    for number, field in before.items():
        found = after.get(number)
        if found is None:
            said = f"The field {field.name} = {number} was removed."
            yield Difference(Severity.BREAKING, where, said)
        elif found.type != field.type:
            said = f"The field {number} was {field.type} {field.name}, and is {found.type} now."
            yield Difference(Severity.BREAKING, where, said)
        elif found.name != field.name:
            said = f"The field {number} was called {field.name}, and is {found.name} now."
            yield Difference(Severity.RISKY, where, said)
    for number in after.keys() - before.keys():
        field = after[number]
        severity = Severity.BREAKING if field.required else Severity.COMPATIBLE
        yield Difference(severity, where, f"The field {field.name} = {number} is new.")
    for value in set(old.values) - set(new.values):
        yield Difference(Severity.BREAKING, where, f"{value} was removed.")
    for value in set(new.values) - set(old.values):
        yield Difference(Severity.RISKY, where, f"{value} is new.")
