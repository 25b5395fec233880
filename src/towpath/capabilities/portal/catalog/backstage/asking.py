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
DEPTH_MAX = 32
ORDERS = {"asc": False, "desc": True}

Parameters = Mapping[str, Sequence[str]]


def parameters_of(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name.removesuffix("[]"), []).append(value)
    return found


def single(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name)
    if values and len(values) > 1:
        raise BadRequest(f"Invalid {name}, not a string")
    return values[0] if values else None


def whole_number(parameters: Parameters, name: str) -> int | None:
    text = single(parameters, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or text != str(int(text[:18] or "0")):
        raise BadRequest(f"Invalid {name}, not an integer")
    return int(text)


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
    if not isinstance(query, dict):
        raise BadRequest("Query must be an object")
    return _bounded(_predicate(query, DEPTH_MAX))


def _predicate(query: Any, depth: int) -> Condition:
    if not isinstance(query, dict):
        raise BadRequest(
            "Invalid query: top-level primitive values are not supported, wrap the value in a"
            f' field expression, e.g. {{"kind": {_told(query)}}}'
        )
    if depth == 0:
        raise BadRequest(f"Invalid query: nested deeper than {DEPTH_MAX}")
    match query:
        case {"$not": inner, **rest} if not rest:
            return Never(_predicate(inner, depth - 1))
        case {"$all": list(inner), **rest} if not rest:
            # Of nothing it is nothing there, where one would expect everything.
            return Every(tuple(_predicate(one, depth - 1) for one in inner)) if inner else Some()
        case {"$any": list(inner), **rest} if not rest:
            return Some(tuple(_predicate(one, depth - 1) for one in inner))
    return Every(tuple(_field(key, value) for key, value in query.items()))


def _field(key: str, value: Any) -> Condition:
    if key.startswith("$"):
        raise BadRequest(f"Invalid query: {key!r} cannot be used there")
    match value:
        case str() | int() | float():
            return Is(key, (text_of(value),))
        case {"$exists": bool(exists), **rest} if not rest:
            return Has(key) if exists else Never(Has(key))
        case {"$in": list(values), **rest} if not rest and all(map(_is_plain, values)):
            return Is(key, tuple(map(text_of, values)))
        case {"$contains": str() | int() | float() as inner, **rest} if not rest:
            return Is(key, (text_of(inner),))
        case {"$hasPrefix": str(prefix), **rest} if not rest:
            return Begins(key, prefix)
    raise BadRequest(
        f'Invalid query: field "{key}" must have a primitive value, or one of the operators'
        f" $exists, $in, $contains or $hasPrefix, but has {_told(value)}"
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


CURRENT_USER = "__current_user__"


# -- fields ---------------------------------------------------------------------------------------


def fields_of(texts: Sequence[str]) -> tuple[str, ...]:
    fields = tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
    if any("[" in field for field in fields):
        raise BadRequest("invalid fields, array type fields are not supported")
    return fields


def pruned(entity: bytes, fields: Sequence[str]) -> bytes:
    """Only these parts of it; a key may have dots in itself, as those of annotations do."""
    known = orjson.loads(entity)
    kept: dict[str, Any] = {}
    for field in fields:
        path = _path(known, field)
        if path is not None:
            value, into = known, kept
            for name in path[:-1]:
                value, into = value[name], into.setdefault(name, {})
            into[path[-1]] = value[path[-1]]
    return orjson.dumps(kept)


def _path(entity: Any, field: str) -> list[str] | None:
    path: list[str] = []
    name = ""
    for part in field.split("."):
        name = f"{name}.{part}" if name else part
        if isinstance(entity, dict) and name in entity:
            path.append(name)
            entity, name = entity[name], ""
    return path if path and not name else None


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
    limit, offset = whole_number(parameters, "limit"), whole_number(parameters, "offset")
    after = single(parameters, "after")
    if after is not None:
        said = _decoded(after, "Malformed after cursor, could not be parsed")
        limit, offset = said.get("limit", limit), said.get("offset", offset)
        if not all(one is None or (type(one) is int and one >= 0) for one in (limit, offset)):
            raise BadRequest("Malformed after cursor, limit and offset must be numbers")
    question = Question(filter_of(parameters), order=order, limit=limit, offset=offset or 0)
    return question, fields_of(parameters.get("fields", ()))


def _order(text: str) -> By:
    way, colon, key = text.partition(":")
    if way not in ORDERS or not (colon and key):
        raise BadRequest(f'Invalid order parameter "{text}", expected "<asc or desc>:<field name>"')
    return By(key, ORDERS[way])


def after_cursor(limit: int, offset: int) -> str:
    return _encoded({"limit": limit, "offset": offset})


def page_of(parameters: Parameters) -> Asked:
    """Of GET /entities/by-query. With a cursor, only fields and limit are taken from the rest."""
    cursor = single(parameters, "cursor")
    fields = fields_of(parameters.get("fields", ()))
    limit = whole_number(parameters, "limit")
    if cursor is not None:
        return _continued(cursor, fields, limit)
    term = single(parameters, "fullTextFilterTerm") or ""
    keys = [key for text in parameters.get("fullTextFilterFields", ()) for key in text.split(",")]
    told: tuple[Any, ...] = (
        list(parameters.get("filter", ())),
        None,
        list(parameters.get("orderField", ())),
        [term, keys],
    )
    return _asked(told, fields, limit, whole_number(parameters, "offset") or 0)


def page_of_body(body: Mapping[str, Any]) -> Asked:
    """Of POST /entities/by-query."""
    fields = fields_of(_texts(body, "fields"))
    limit, offset = body.get("limit"), body.get("offset")
    for name, number in (("limit", limit), ("offset", offset)):
        if not (number is None or (type(number) is int and number >= 0)):
            raise BadRequest(f"Invalid {name}, not an integer")
    if "cursor" in body:
        if not isinstance(body["cursor"], str) or not body["cursor"]:
            raise BadRequest("Cursor cannot be empty")
        return _continued(body["cursor"], fields, limit)
    text = body.get("fullTextFilter") or {}
    if not isinstance(text, dict) or not isinstance(text.get("term", ""), str):
        raise BadRequest("Invalid fullTextFilter, expected an object with a term")
    told: tuple[Any, ...] = (
        [],
        body.get("query"),
        _texts(body, "orderField"),
        [text.get("term", ""), _texts(text, "fields")],
    )
    return _asked(told, fields, limit, offset or 0)


def facets_of_body(body: Mapping[str, Any]) -> tuple[list[str], Condition]:
    facets = [facet for facet in _texts(body, "facets") if facet]
    if not facets:
        raise BadRequest("Missing or empty facets parameter")
    query = body.get("query")
    return facets, EVERYTHING if query is None else predicate_of(query)


def cursor_of(asked: Asked, place: Place, first: Place, total: int, *, back: bool) -> str:
    return _encoded(
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
        limit=LIMIT_DEFAULT if limit is None else limit,
        offset=offset,
    )
    return Asked(question, fields, told)


def _order_field(text: str) -> By:
    key, comma, way = text.partition(",")
    if not key or (comma and way not in ORDERS):
        raise BadRequest("Invalid order field order, must be asc or desc")
    return By(key, ORDERS[way] if comma else False)


def _continued(cursor: str, fields: tuple[str, ...], limit: int | None) -> Asked:
    said = _decoded(cursor, "Malformed cursor")
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


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    value = body.get(name)
    if value is None:
        return []
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in texts):
        raise BadRequest(f"Invalid {name}, not a string")
    return texts


def _encoded(said: Any) -> str:
    return base64.b64encode(orjson.dumps(said)).decode()


def _decoded(text: str, complaint: str) -> dict[str, Any]:
    try:
        padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        said = orjson.loads(base64.b64decode(padded))
    except (binascii.Error, ValueError) as error:
        raise BadRequest(complaint) from error
    if not isinstance(said, dict):
        raise BadRequest(complaint)
    return said
