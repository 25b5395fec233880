"""What a request asks for: filters, predicates, orders, fields and cursors, read as Backstage does.

Pure. A filter is `key=value` or `key`, a comma is an AND, a further parameter an OR; a key that
comes twice in one filter may have either value. A predicate is JSON: `$all`, `$any`, `$not`, and
keys with a value, `$exists`, `$in`, `$contains` or `$hasPrefix`. All else is refused by name.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from towpath.machinery.errors import BadRequest
from towpath.records.flattening import text_of
from towpath.records.questions import (
    EVERYTHING,
    Begins,
    By,
    Condition,
    Every,
    Has,
    Is,
    Never,
    Place,
    Question,
    Some,
)

LIMIT_DEFAULT = 200
"""Of by-query. Backstage's own text says 20, its code 200."""
CONDITIONS_MAX = 1000
NUMBER_MAX = 2**53
DEPTH_MAX = 32
ORDERS = {"asc": False, "desc": True}

Parameters = Mapping[str, Sequence[str]]


def parameters_of(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name.removesuffix("[]"), []).append(value)
    return found


def _single(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name)
    return values[0] if values else None


def _number(parameters: Parameters, name: str) -> int | None:
    text = _single(parameters, name)
    return None if text is None else min(int(text[:18]), NUMBER_MAX)


# -- filters --------------------------------------------------------------------------------------


def filter_of(parameters: Parameters) -> Condition:
    sets = [_filter_set(text) for text in parameters.get("filter", ())]
    known = [one for one in sets if one is not None]
    return _bounded(Some(tuple(known))) if known else EVERYTHING


def _filter_set(text: str) -> Condition | None:
    values: dict[str, list[str]] = {}
    for statement in (part.strip() for part in text.split(",")):
        if not statement:
            continue
        key, equals, value = statement.partition("=")
        if not key.strip():
            raise BadRequest(
                f"Invalid filter, '{statement}' is not a valid statement"
                " (expected a string on the form a=b or a= or a)"
            )
        of_key = values.setdefault(key.strip(), [])
        if equals:
            of_key.append(value.strip())
    if not values:
        return None
    return Every(
        tuple(Is(key, tuple(of_key)) if of_key else Has(key) for key, of_key in values.items())
    )


def predicate_of(query: Any) -> Condition:
    return _bounded(_predicate(query, DEPTH_MAX))


def _predicate(query: Any, depth: int) -> Condition:
    if _is_plain(query):
        raise BadRequest(
            "Invalid filter predicate: top-level primitive values are not supported. Wrap the value"
            f' in a field expression, e.g. {{ "kind": {_told(query)} }}'
        )
    if not isinstance(query, dict):
        raise BadRequest(f"Invalid query: an object is needed, not {_told(query)}")
    if depth == 0:
        raise BadRequest(f"Invalid query: nested deeper than {DEPTH_MAX}")
    match query:
        case {"$not": inner, **rest} if not rest:
            return Never(_predicate(inner, depth - 1))
        case {"$all": list(inner), **rest} if not rest:
            return Every(tuple(_predicate(one, depth - 1) for one in inner))
        case {"$any": list(inner), **rest} if not rest:
            return Some(tuple(_predicate(one, depth - 1) for one in inner))
    return Every(tuple(_field(key, value) for key, value in query.items()))


def _field(key: str, value: Any) -> Condition:
    """Where several operators stand in one object, the first of this order counts, as there."""
    if key.startswith("$"):
        raise BadRequest(f"Invalid query: {key!r} cannot be used there")
    match value:
        case str() | int() | float():
            return Is(key, (text_of(value),))
        case {"$exists": bool(exists)}:
            return Has(key) if exists else Never(Has(key))
        case {"$in": list(values)} if all(map(_is_plain, values)):
            return Is(key, tuple(map(text_of, values)))
        case {"$contains": str() | int() | float() as inner}:
            return Is(key, (text_of(inner),))
        case {"$contains": dict(inner)}:
            return _contained(key, inner)
        case {"$hasPrefix": str(prefix)}:
            return Begins(key, prefix)
    raise BadRequest(
        f'Invalid query: field "{key}" must have a primitive value, or one of the operators'
        f" $exists, $in, $contains or $hasPrefix, but has {_told(value)}"
    )


def _contained(key: str, inner: Mapping[str, Any]) -> Condition:
    """`relations` contains one of that type, and perhaps to one of these."""
    if key.lower() != "relations":
        raise BadRequest(f'Object form of $contains is not supported for field "{key}"')
    told = {name.lower(): value for name, value in inner.items()}
    for name in inner:
        if name.lower() not in ("type", "targetref"):
            raise BadRequest(
                f'Unsupported key "{name}" in $contains for "relations".'
                ' Only "type" and "targetRef" are supported'
            )
    kind = told.get("type")
    if not isinstance(kind, str) or not kind:
        raise BadRequest('The $contains operator for "relations" requires a "type" string property')
    match told.get("targetref"):
        case None if "targetref" not in told:
            return Has(f"relations.{kind}")
        case str(target):
            return Is(f"relations.{kind}", (target,))
        case {"$in": []}:
            raise BadRequest('Empty "$in" array for $contains on "relations" is not allowed')
        case {"$in": list(targets), **rest} if not rest and all(
            isinstance(one, str) for one in targets
        ):
            return Is(f"relations.{kind}", tuple(targets))
        case other:
            raise BadRequest(
                'Unsupported value in $contains for "relations": expected a string or'
                f' {{ "$in": [strings] }}, but got {_told(other)}'
            )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _told(value: Any) -> str:
    return orjson.dumps(value).decode()[:200]


def _bounded(where: Condition) -> Condition:
    if _size(where) > CONDITIONS_MAX:
        raise BadRequest(f"Invalid filter, more than {CONDITIONS_MAX} conditions")
    return where


def _size(where: Condition) -> int:
    match where:
        case Every(of) | Some(of):
            return 1 + sum(map(_size, of))
        case Never(one):
            return 1 + _size(one)
        case Is(_, values):
            return len(values)
    return 1


def with_owners(where: Condition, owners: Sequence[str]) -> Condition:
    """`relations.ownedBy=__current_user__` is the visitor, or a group of theirs."""
    match where:
        case Every(of):
            return Every(tuple(with_owners(one, owners) for one in of))
        case Some(of):
            return Some(tuple(with_owners(one, owners) for one in of))
        case Never(one):
            return Never(with_owners(one, owners))
        case Is(key, values) if key.lower() == "relations.ownedby" and CURRENT_USER in values:
            return Is(key, (*(value for value in values if value != CURRENT_USER), *owners))
    return where


def is_personal(where: Condition) -> bool:
    """Whether it is about the visitor, however it was written: an address hides it in a cursor."""
    return with_owners(where, ()) != where


CURRENT_USER = "__current_user__"


# -- fields ---------------------------------------------------------------------------------------


def fields_of(texts: Sequence[str]) -> tuple[str, ...]:
    fields = tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
    for field in fields:
        if "[" in field:
            raise BadRequest(f'Invalid field "{field}", array type fields are not supported')
    return fields


def pruned(entity: bytes, fields: Sequence[str]) -> bytes:
    """Only these parts of it; a key may have dots in itself, as those of annotations do."""
    known = orjson.loads(entity)
    kept: dict[str, Any] = {}
    for field in fields:
        path = _path(known, field)
        if path is not None:
            _keep(kept, known, path)
    return orjson.dumps(kept)


def _keep(into: Any, value: Any, path: list[str]) -> None:
    """An item of a list is kept at its place, with nothing before it."""
    name, *rest = path
    at: str | int = int(name) if isinstance(value, list) else name
    inner = value[at]
    if isinstance(into, list):
        into += [None] * (int(at) + 1 - len(into))
        is_new = into[int(at)] is None
    else:
        is_new = name not in into
    if not rest:
        into[at] = inner
        return
    if is_new:
        into[at] = [] if isinstance(inner, list) else {}
    _keep(into[at], inner, rest)


def _path(entity: Any, field: str) -> list[str] | None:
    path: list[str] = []
    name = ""
    for part in field.split("."):
        name = f"{name}.{part}" if name else part
        if isinstance(entity, dict) and name in entity:
            path.append(name)
            entity, name = entity[name], ""
        elif isinstance(entity, list) and _is_place(name, entity):
            path.append(name)
            entity, name = entity[int(name)], ""
    return path if path and not name else None


def _is_place(name: str, items: list[Any]) -> bool:
    return name.isdecimal() and len(name) < 10 and int(name) < len(items)


# -- questions ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of by-query: the question, what a cursor repeats of it, and where it began."""

    question: Question
    fields: tuple[str, ...] = ()
    told: tuple[Any, ...] = ()
    """Filters, predicate, order and text as they were asked for."""
    first: Place | None = None
    """Where the very first page begins, None while this is it."""
    total: int | None = None


def listed(parameters: Parameters) -> tuple[Question, tuple[str, ...]]:
    """Of GET /entities: without a limit, all of them."""
    order = tuple(_order(text) for text in parameters.get("order", ()))
    limit, offset = _number(parameters, "limit"), _number(parameters, "offset")
    after = _single(parameters, "after")
    if after is not None:
        said = decoded(after, "Malformed after cursor, could not be parsed")
        limit, offset = said.get("limit", limit), said.get("offset", offset)
        for name, number, article in (("limit", limit, "an"), ("offset", offset, "a")):
            if not (number is None or (type(number) is int and 0 <= number <= NUMBER_MAX)):
                raise BadRequest(f"Malformed after cursor, {name} was not {article} number")
    elif limit == 0:
        raise BadRequest("Invalid limit, must be greater than zero")
    is_paged = not (limit is None and offset is None)
    question = Question(
        filter_of(parameters),
        # All of them at once are asked for like a page of by-query, which sorts by one key.
        order=order if is_paged else order[:1],
        only_sorted=not is_paged,
        limit=limit,
        offset=offset or 0,
    )
    return question, fields_of(parameters.get("fields", ()))


def _order(text: str) -> By:
    way, colon, key = text.partition(":")
    if way not in ORDERS or not (colon and key):
        raise BadRequest(f'Invalid order parameter "{text}", expected "<asc or desc>:<field name>"')
    return By(key, ORDERS[way])


def after_cursor(limit: int, offset: int) -> str:
    return encoded({"limit": limit, "offset": offset})


def page_of(parameters: Parameters) -> Asked:
    """Of GET /entities/by-query. With a cursor, only fields and limit are taken from the rest."""
    cursor = _single(parameters, "cursor")
    fields = fields_of(parameters.get("fields", ()))
    limit = _number(parameters, "limit")
    if cursor is not None:
        return _continued(cursor, fields, limit)
    term = _single(parameters, "fullTextFilterTerm") or ""
    keys = [key for text in parameters.get("fullTextFilterFields", ()) for key in text.split(",")]
    filters, orders = (list(parameters.get(name, ())) for name in ("filter", "orderField"))
    asked = _asked(
        (filters, None, orders, [term, keys]),
        fields,
        limit,
        _number(parameters, "offset") or 0,
    )
    return _counted(asked, _single(parameters, "totalItems"))


def page_of_body(body: Mapping[str, Any]) -> Asked:
    """Of POST /entities/by-query, which its description has let through."""
    fields = fields_of(body.get("fields", ()))
    limit, offset = (_whole(body, name) for name in ("limit", "offset"))
    if "cursor" in body:
        if not body["cursor"]:
            raise BadRequest("Cursor cannot be empty")
        return _continued(body["cursor"], fields, limit)
    text = body.get("fullTextFilter", {})
    orders = [f"{one['field']},{one['order']}" for one in body.get("orderBy", ())]
    asked = _asked(
        ([], body.get("query"), orders, [text.get("term", ""), text.get("fields", [])]),
        fields,
        limit,
        offset or 0,
    )
    return _counted(asked, body.get("totalItems"))


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    number = body.get(name)
    if not (number is None or (type(number) is int and 0 <= number <= NUMBER_MAX)):
        raise BadRequest(f"Invalid {name}, not a whole number that is zero or greater")
    return number


def _counted(asked: Asked, total: str | None) -> Asked:
    """Who does not want the number of all is told 0, on further pages too."""
    return replace(asked, total=0) if total == "exclude" else asked


def facets_of_body(body: Mapping[str, Any]) -> tuple[list[str], Condition]:
    facets = [facet for facet in body["facets"] if facet]
    if not facets:
        raise BadRequest("Missing or empty facets parameter")
    query = body.get("query")
    return facets, EVERYTHING if query is None else predicate_of(query)


def cursor_of(asked: Asked, place: Place, first: Place, total: int, *, back: bool) -> str:
    return encoded(
        {
            "told": asked.told,
            "at": [place.value, place.number],
            "first": [first.value, first.number],
            "back": back,
            "total": total,
        }
    )


def _asked(told: tuple[Any, ...], fields: tuple[str, ...], limit: int | None, offset: int) -> Asked:
    filters, query, orders, (term, keys) = told
    where = filter_of({"filter": filters}) if query is None else predicate_of(query)
    order = tuple(_order_field(text) for text in orders[:1])
    term = term.strip()
    # Without fields, what is sorted by is looked through, as there; else the uid.
    text_keys = tuple(keys) or ((order[0].key,) if order else ("metadata.uid",))
    question = Question(
        where,
        text=term,
        text_keys=text_keys if term else (),
        order=order,
        only_sorted=True,
        limit=LIMIT_DEFAULT if limit is None else limit,
        offset=offset,
    )
    return Asked(question, fields, told)


def _order_field(text: str) -> By:
    key, comma, way = text.rpartition(",") if "," in text else (text, "", "")
    if comma and way not in ORDERS:
        raise BadRequest("Invalid order field order, must be asc or desc")
    return By(key, ORDERS[way] if comma else False)


def _continued(cursor: str, fields: tuple[str, ...], limit: int | None) -> Asked:
    said = decoded(cursor, "Malformed cursor")
    try:
        filters, query, orders, (term, keys) = said["told"]
        texts = (*filters, *orders, term, *keys)
        at, first = (Place(*_checked(said[name])) for name in ("at", "first"))
        back, total = said["back"], said["total"]
        is_right = all(isinstance(one, str) for one in texts) and type(total) is int
    except (KeyError, TypeError, ValueError):
        is_right = False
    if not is_right or type(back) is not bool:
        raise BadRequest("Malformed cursor")
    asked = _asked((filters, query, orders, [term, keys]), fields, limit, 0)
    question = asked.question
    question = replace(question, before=at) if back else replace(question, after=at)
    return replace(asked, question=question, first=first, total=total)


def _checked(place: Any) -> tuple[str | None, int]:
    value, number = place
    if not (value is None or isinstance(value, str)) or type(number) is not int or number < 0:
        raise ValueError(place)
    return value, min(number, 2**32 - 2)


def encoded(said: Any) -> str:
    return base64.b64encode(orjson.dumps(said)).decode()


def decoded(text: str, complaint: str) -> dict[str, Any]:
    try:
        padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        said = orjson.loads(base64.b64decode(padded))
    except (binascii.Error, ValueError) as error:
        raise BadRequest(complaint) from error
    if not isinstance(said, dict):
        raise BadRequest(complaint)
    return said
