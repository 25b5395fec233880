"""Sequences nobody wrote: random requests about one kind, drawn from one source of chance.

A sequence is about two or three objects of one kind, so that requests meet what earlier ones left.
The verbs come in all their forms: options, selectors, four kinds of patch, dry runs, wrong bodies.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
from tests.conformance.asked import CRDS, PARTIAL, TABLE, Object, established, served
from tests.conformance.built_in import BUILT_IN
from tests.conformance.choices import (
    ACCEPTS,
    DELETE_BODIES,
    DELETE_OPTIONS,
    DIRECTIVES,
    LIST_OPTIONS,
    MANAGERS,
    METADATA,
    PARTS,
    WRITE_OPTIONS,
)
from tests.conformance.mutations import at, mutated, places
from tests.conformance.schemas import CUSTOM_KINDS, GROUP, CustomKind
from tests.conformance.sides import (
    APPLY,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Step,
    delete,
    get,
    patch,
    post,
    put,
)

from towpath.machinery import builtins

Json = Any
NAMES = ("a", "b")
STEPS_MAX = 14


@dataclass(frozen=True, slots=True)
class About:
    """The kind that a sequence is about."""

    example: Object
    collection: str
    reference: str = ""
    """Its type in the tables of built-in kinds."""
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    custom: CustomKind | None = None

    def name(self, name: str) -> str:
        return name if self.namespaced else f"{{ns}}-{name}"

    def path(self, name: str) -> str:
        return f"{self.collection}/{self.name(name)}"

    def object(self, name: str) -> Object:
        made = copy.deepcopy(self.example)
        made["metadata"] = {"name": self.name(name), "labels": {"app": "a"}}
        return made


def _built_in(version: str, kind: str) -> About:
    group, _, short = version.rpartition("/")
    found = builtins.find(group, short, kind)
    assert found is not None
    where = "{ns}" if found.resource.namespaced else ""
    return About(
        BUILT_IN[(version, kind)],
        found.resource.path(where),
        found.struct,
        found.resource.namespaced,
        tuple(name for name in found.subresources if name in ("status", "scale")),
    )


def _custom(kind: CustomKind) -> About:
    return About(
        {"apiVersion": f"{GROUP}/{kind.version}", "kind": kind.kind, **kind.example},
        f"/apis/{GROUP}/{kind.version}/namespaces/{{ns}}/{kind.plural}",
        subresources=tuple(kind.subresources),
        custom=kind,
    )


ABOUT: dict[str, About] = {
    **{kind: _built_in(version, kind) for version, kind in BUILT_IN},
    **{kind.kind: _custom(kind) for kind in CUSTOM_KINDS},
}


def define(kind: CustomKind) -> list[Step]:
    """Once for all sequences: whoever comes later finds it there."""
    definition = kind.definition()
    name = definition["metadata"]["name"]
    return [
        post(CRDS, definition, quiet=True),
        get(f"{CRDS}/{name}", until=established, quiet=True),
        get(_custom(kind).collection, until=served, quiet=True),
    ]


def mutations(random: Random, kind: str, count: int = 8) -> list[Step]:
    """Creations and replacements of one kind with a mistake or two in each."""
    about = ABOUT[kind]
    steps = define(about.custom) if about.custom else []
    whole = about.object("a")
    steps.append(post(about.collection, whole, query={"fieldManager": "one"}))
    for number in range(count):
        query = _some(random, {"fieldValidation": ("Strict", "Ignore", "Warn")}, 0.3)
        if random.random() < 0.6:
            made = {**mutated(about.object(f"c{number}"), random, about.reference)}
            steps.append(post(about.collection, made, query={"dryRun": "All", **query}))
        else:
            made = mutated(whole, random, about.reference)
            steps.append(put(about.path("a"), made, query={"dryRun": "All", **query}))
    return steps


def sequence(random: Random, kind: str) -> list[Step]:
    """Any requests about one kind."""
    about = ABOUT[kind]
    steps = define(about.custom) if about.custom else _given(kind)
    steps.append(post(about.collection, about.object("a"), query=_write_query(random)))
    for _ in range(random.randrange(3, STEPS_MAX)):
        asked = random.choices(list(REQUESTS), weights=list(REQUESTS.values()))[0]
        steps.append(asked(random, about))
        if asked is _remove and kind == "Namespace":
            # Its controller takes long to empty it: lifecycles.py waits for that.
            return steps
        if asked in (_remove, _remove_all):
            steps += [get(about.path(name), until=_settled, quiet=True) for name in NAMES]
    steps.append(get(about.collection, query={} if about.namespaced else _mine(about)))
    return steps


def _given(kind: str) -> list[Step]:
    """What controllers put into every new namespace is there before its kind is asked for."""
    name = "default" if kind == "ServiceAccount" else ""
    return [get(ABOUT[kind].path(name), until=served, quiet=True)] if name else []


def _settled(status: int, body: Json) -> bool:
    """Who collects garbage has done with what is being deleted."""
    metadata = body.get("metadata", {})
    if status != 200 or "deletionTimestamp" not in metadata:
        return True
    return not {*metadata.get("finalizers", ())} & {"orphan", "foregroundDeletion"}


def _mine(about: About) -> dict[str, str]:
    """Of a collection that all sequences share, only what this one has made."""
    return {"fieldSelector": f"metadata.name={about.name('a')}"}


def _some(random: Random, options: dict[str, tuple[str, ...]], chance: float) -> dict[str, str]:
    return {
        name: random.choice(values) for name, values in options.items() if random.random() < chance
    }


def _write_query(random: Random) -> dict[str, str]:
    return {"fieldManager": random.choice(MANAGERS), **_some(random, WRITE_OPTIONS, 0.12)}


def _named(random: Random) -> str:
    return random.choice((*NAMES, *NAMES, *NAMES, "absent"))


def _accept(random: Random) -> str:
    return random.choice(ACCEPTS) if random.random() < 0.3 else "application/json"


def _create(random: Random, about: About) -> Step:
    made = about.object(random.choice(NAMES))
    _touch_metadata(made["metadata"], random)
    if random.random() < 0.4:
        made = {**made, **mutated(made, random, about.reference)}
    return post(about.collection, made, query=_write_query(random), accept=_accept(random))


def _touch_metadata(metadata: Object, random: Random) -> None:
    if random.random() < 0.4:
        name = random.choice(list(METADATA))
        metadata[name] = copy.deepcopy(random.choice(METADATA[name]))


def _replace(random: Random, about: About) -> Step:
    name = _named(random)
    how = random.randrange(4)
    seed = random.getrandbits(32)
    part = random.choice(about.subresources) if about.subresources and how == 3 else ""

    def change(live: Object) -> Object:
        again = Random(seed)
        if "metadata" not in live or not isinstance(live["metadata"], dict):
            return about.object(name)
        if live.get("kind") == "Status":
            live = about.object(name)
        live = _sorted(live)
        _touch_metadata(live["metadata"], again)
        live["metadata"].pop("managedFields", None)
        if how == 1:
            live = {**live, **mutated(_bare(live), again, about.reference)}
        elif how == 2:
            live["metadata"].pop("resourceVersion", None)
        return live

    path = about.path(name) + (f"/{part}" if part else "")
    return put(path, change, query=_write_query(random), accept=_accept(random))


def _sorted(value: Json) -> Json:
    """What is drawn of it must not hang on the order in which a server writes fields."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


def _bare(live: Object) -> Object:
    return {name: value for name, value in live.items() if name not in ("metadata", "status")}


def _merge(random: Random, about: About) -> Step:
    return _patched(random, about, MERGE)


def _strategic(random: Random, about: About) -> Step:
    return _patched(random, about, STRATEGIC)


def _patched(random: Random, about: About, content_type: str) -> Step:
    body = _part(random, about)
    if content_type == STRATEGIC and random.random() < 0.4:
        found = [p for p in places(body) if isinstance(at(body, p), dict)]
        holder = at(body, random.choice(found)) if found else body
        directive = random.choice(DIRECTIVES)
        holder.update(copy.deepcopy(directive))
    if random.random() < 0.4:
        _touch_metadata(body.setdefault("metadata", {}), random)
    name = _named(random)
    part = (
        f"/{random.choice(about.subresources)}"
        if about.subresources and not random.randrange(5)
        else ""
    )
    if part:
        body.update(random.choice(PARTS))
    return patch(
        about.path(name) + part,
        body,
        content_type,
        query=_write_query(random),
        accept=_accept(random),
    )


def _part(random: Random, about: About) -> Object:
    """A part of an object: one branch of the example, changed."""
    whole = _bare(about.object("a"))
    for name in ("apiVersion", "kind"):
        whole.pop(name)
    paths = list(places(whole))
    if not paths:
        return {"metadata": {"labels": {"more": "1"}}}
    path = list(random.choice(paths))
    value = copy.deepcopy(at(whole, tuple(path)))
    if random.random() < 0.6:
        value = random.choice((None, mutated({"v": value}, random).get("v"), value))
    while path:
        step = path.pop()
        if isinstance(step, int):
            holder = at(whole, tuple(path))[step]
            keys = (
                {k: v for k, v in holder.items() if isinstance(v, str | int)}
                if isinstance(holder, dict)
                else {}
            )
            value = [{**keys, **value} if isinstance(value, dict) else value]
        else:
            value = {step: value}
    return value if isinstance(value, dict) else {"spec": value}


def _json_patch(random: Random, about: About) -> Step:
    whole = about.object("a")
    paths = list(places(whole))
    operations = []
    for _ in range(random.choice((1, 1, 2, 3))):
        steps = random.choice(paths)
        pointer = "".join("/" + str(s).replace("~", "~0").replace("/", "~1") for s in steps)
        pointer = random.choice(
            (pointer, pointer, pointer, pointer + "/-", pointer + "/none", "", "x")
        )
        operation = random.choice(("add", "replace", "remove", "test", "move", "copy", "what"))
        made: Object = {"op": operation, "path": pointer}
        if operation in ("add", "replace", "test") and random.random() < 0.95:
            made["value"] = random.choice((at(whole, steps), "new", 1, None, {"a": "b"}))
        if operation in ("move", "copy"):
            made["from"] = "/metadata/labels/app"
        operations.append(made)
    return patch(about.path(_named(random)), operations, JSON_PATCH, query=_write_query(random))


def _apply(random: Random, about: About) -> Step:
    name = random.choice(NAMES)
    body = about.object(name)
    del body["metadata"]["labels"]
    for key in [key for key in body if key not in ("apiVersion", "kind", "metadata")]:
        if random.random() < 0.3:
            del body[key]
    if random.random() < 0.3:
        _touch_metadata(body["metadata"], random)
    if random.random() < 0.5:
        body = {**body, **mutated(body, random, about.reference)}
    query = {
        "fieldManager": random.choice(MANAGERS),
        **_some(random, {"force": ("true", "true", "false", "x")}, 0.4),
    }
    query |= _some(random, {"dryRun": ("All",), "fieldValidation": ("Strict", "Ignore")}, 0.1)
    if random.random() < 0.04:
        del query["fieldManager"]
    part = ""
    if "status" in about.subresources and random.random() < 0.15:
        part = "/status"
        body.update(random.choice(PARTS))
    return Step("PATCH", about.path(name) + part, body, query=query, content_type=APPLY)


def _remove(random: Random, about: About) -> Step:
    body = random.choice(DELETE_BODIES) if random.random() < 0.4 else None
    query = _some(random, DELETE_OPTIONS, 0.12)
    return delete(about.path(_named(random)), body, query=query, accept=_accept(random))


def _remove_all(random: Random, about: About) -> Step:
    query = _some(random, DELETE_OPTIONS, 0.1) | _some(
        random, {name: LIST_OPTIONS[name] for name in ("labelSelector", "fieldSelector")}, 0.3
    )
    if not about.namespaced:
        query |= {"fieldSelector": f"metadata.name={about.name('a')}"}
    return delete(about.collection, query=query)


def _read(random: Random, about: About) -> Step:
    part = f"/{random.choice((*about.subresources, 'none'))}" if not random.randrange(6) else ""
    query = _some(
        random,
        {
            "pretty": ("true",),
            "resourceVersion": ("0", "1", "x"),
            "includeObject": ("None", "Object", "x"),
        },
        0.1,
    )
    return get(about.path(_named(random)) + part, query=query, accept=_accept(random))


def _list(random: Random, about: About) -> Step:
    query = _some(random, LIST_OPTIONS, 0.15)
    query.pop("sendInitialEvents", None) if random.random() < 0.7 else None
    if not about.namespaced:
        query |= _mine(about)
    return get(about.collection, query=query, accept=_accept(random))


def _watch(random: Random, about: About) -> Step:
    query = _some(random, {name: LIST_OPTIONS[name] for name in WATCHED}, 0.2)
    if not about.namespaced:
        query |= _mine(about)
    query |= {"watch": random.choice(("true", "1", "true")), "timeoutSeconds": "1"}
    return get(
        about.collection,
        query=query,
        accept=random.choice(("application/json", "application/json", TABLE, PARTIAL)),
    )


WATCHED = (
    "resourceVersion",
    "labelSelector",
    "fieldSelector",
    "sendInitialEvents",
    "resourceVersionMatch",
)


def _bad_body(random: Random, about: About) -> Step:
    text = orjson.dumps(about.object("c")).decode()
    body = random.choice(
        (
            *("", "{", "[]", "null", "3", '"x"', "not: json", text[:-1], text + "x", text + text),
            text.replace('"app":"a"', '"app":"a","app":"b"'),
            text.replace('"metadata":', '"metadata":{"name":"c"},"metadata":'),
            text.replace('"kind":', '"Kind":'),
            text.replace('"apiVersion":', '"ApiVersion":'),
            text.replace('"a"', '"\\ud800"'),
            text.replace('"name":', '"Name":'),
        )
    )
    content_type = random.choice(
        (
            "application/json",
            "application/json",
            "application/yaml",
            "text/plain",
            "",
            "application/json; charset=utf-8",
        )
    )
    if random.random() < 0.3:
        types = (
            MERGE,
            STRATEGIC,
            JSON_PATCH,
            APPLY,
            "application/json",
            "application/merge-patch+yaml",
        )
        return patch(about.path("a"), body, random.choice(types), query={"fieldManager": "one"})
    return post(about.collection, body, content_type=content_type)


def _other_method(random: Random, about: About) -> Step:
    method = random.choice(("POST", "PUT", "PATCH", "OPTIONS", "HEAD", "DELETE"))
    path = random.choice(
        (
            about.collection,
            about.path("a"),
            about.path("a") + "/none",
            about.path("a") + "/status",
            about.collection + "/",
        )
    )
    if method == "DELETE" and not about.namespaced and path.rstrip("/") == about.collection:
        method = "PUT"
    if method == "DELETE":
        method = "HEAD"
    return Step(method, path, about.object("b") if method in ("POST", "PUT") else None)


Request = Callable[[Random, About], Step]
REQUESTS: dict[Request, float] = {
    _create: 3,
    _replace: 4,
    _merge: 3,
    _strategic: 3,
    _json_patch: 2,
    _apply: 6,
    _remove: 2.5,
    _remove_all: 0.5,
    _read: 2,
    _list: 3,
    _watch: 0.3,
    _bad_body: 1,
    _other_method: 0.5,
}
