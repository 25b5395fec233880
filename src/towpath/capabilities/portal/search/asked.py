"""What somebody types into the search box: words, and `name:value` to narrow down. Pure.

`kind:api owner:me payments` are APIs of mine with that word. `in:docs` looks at one sort of things.
What is not the name of a filter is a word like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from towpath.hooks.showing import own_references
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.machinery.users import UserInfo
from towpath.records.contract import EntityFilter

FIELDS = ("kind", "owner", "type", "tag", "project", "system", "lifecycle", "health", "namespace")
SORTS = {"catalog": "Catalog", "docs": "Docs", "api": "APIs", "more": "Runs, actions and places"}
"""The sorts of things that are found, and what each is called."""
_SORT_OF_WORD = {
    "docs": "docs",
    "doc": "docs",
    "apis": "api",
    "operation": "api",
    "entity": "catalog",
    "action": "more",
    "run": "more",
}
"""Kinds that are none of the catalogue's, and what `in:` also understands."""
NOBODY = "none"
MINE = "me"


@dataclass(frozen=True, slots=True)
class Asked:
    words: str
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of entities, as the index names them."""
    sort: str = ""
    """One of SORTS; "" is all of them."""

    def looks_at(self, sort: str) -> bool:
        """What narrows entities down says that one of them is meant."""
        if self.fields:
            return sort == "catalog"
        return self.sort in ("", sort)

    @property
    def entities(self) -> EntityFilter:
        return EntityFilter(self.fields, self.words)


def asked_of(text: str, user: UserInfo, sort: str = "") -> Asked:
    words: list[str] = []
    fields: dict[str, tuple[str, ...]] = {}
    for word in text.split():
        name, colon, value = word.partition(":")
        name = name.lower()
        if name == "in" and _sort(value):
            sort = _sort(value)
        elif name == "kind" and value.lower() in _SORT_OF_WORD:
            sort = _SORT_OF_WORD[value.lower()]
        elif colon and value and name in FIELDS:
            values = tuple(one for part in value.split(",") for one in _stored(name, part, user))
            fields[name] = fields.get(name, ()) + values
        else:
            words.append(word)
    return Asked(" ".join(words), fields, sort)


def _sort(value: str) -> str:
    value = value.lower()
    return value if value in SORTS else _SORT_OF_WORD.get(value, "")


def _stored(name: str, value: str, user: UserInfo) -> Sequence[str]:
    """A value as the index may have it."""
    match name:
        case "kind":
            return tuple(dict.fromkeys((value, value.capitalize(), value.upper())))
        case "owner" if value.lower() == MINE:
            return own_references(user)
        case "owner" if value.lower() == NOBODY:
            return ("",)
        case "owner":
            return _references(value.lower(), ("group", "user"))
        case "system":
            return _references(value.lower(), ("system",))
        case "health":
            return (value.capitalize(),)
        case _:
            return (value,)


def _references(value: str, kinds: Sequence[str]) -> Sequence[str]:
    if ":" in value:
        return (value,)
    place = value if "/" in value else f"{DEFAULT_NAMESPACE}/{value}"
    return tuple(f"{kind}:{place}" for kind in kinds)
