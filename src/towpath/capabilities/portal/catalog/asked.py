"""What an address of the catalogue asks for, and the addresses beside it. Pure.

Everything is in the query: filters, words, order, columns. Kinds are components unless said
otherwise; an owner may also be `me`, `none` (nobody is named) or `unknown` (nobody has that name).
What is computed of a kind is filtered, sorted and shown by as `computed.<name>`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from towpath.capabilities.portal.catalog.entity_kinds import KINDS
from towpath.hooks.showing import own_references
from towpath.machinery.errors import BadRequest
from towpath.machinery.users import UserInfo
from towpath.records.contract import HEALTHS, EntityFilter
from towpath.records.properties import COMPUTED

CATALOG = "/catalog"
FACETS = ("kind", "health", "owner", "project", "type", "lifecycle", "tag")
COLUMNS = {
    "health": "Health",
    "owner": "Owner",
    "project": "Project",
    "type": "Type",
    "lifecycle": "Lifecycle",
    "runs": "What runs",
    "tags": "Tags",
    "kind": "Kind",
}
"""That one can choose; the name is always there."""
USUAL_COLUMNS = ("health", "owner", "project", "type")
SORTED_BY = ("name", "health", "owner", "project", "type", "lifecycle", "kind")
ALL_KINDS = "all"
FIRST_KIND = "Component"
MINE, NOBODY, UNKNOWN = "me", "none", "unknown"
QUERY_CHARACTERS_MAX = 1000

_SPELLING = {kind.lower(): kind for kind in KINDS}
_KEPT = (*FACETS, "q", "sort", "columns")


@dataclass(frozen=True, slots=True)
class Asked:
    query: Mapping[str, str]
    """The parts of the address that say what is shown, without where the page begins."""
    token: str = ""

    @property
    def text(self) -> str:
        return self.query.get("q", "")

    @property
    def sort(self) -> str:
        return self.query.get("sort", "")

    @property
    def columns(self) -> tuple[str, ...]:
        if "columns" not in self.query:
            return USUAL_COLUMNS
        chosen = self.query["columns"].split(",")
        computed = (name for name in chosen if name.startswith(COMPUTED))
        return tuple(dict.fromkeys((*(name for name in COLUMNS if name in chosen), *computed)))

    @property
    def kind(self) -> str:
        kind = self.query.get("kind", FIRST_KIND)
        return _SPELLING.get(kind.lower(), kind)

    @property
    def is_narrowed(self) -> bool:
        return any(name in self.query for name in (*FACETS[1:], "q")) or bool(self.computed)

    @property
    def computed(self) -> tuple[str, ...]:
        """The computed properties that are filtered by."""
        return tuple(name for name in self.query if name.startswith(COMPUTED))

    def chosen(self, name: str) -> str:
        return self.kind if name == "kind" else self.query.get(name, "")

    def address(self, **changes: str) -> str:
        """Of the same list with something else in it; "" takes a part away."""
        query = {**self.query, **changes}
        return address({name: value for name, value in query.items() if value})

    def where(self, user: UserInfo, unknown_owners: Sequence[str] = ()) -> EntityFilter:
        """`unknown_owners` are those that `owner=unknown` stands for."""
        fields: dict[str, tuple[str, ...]] = {
            name: (self.query[name],) for name in (*FACETS, *self.computed) if name in self.query
        }
        if self.kind == ALL_KINDS:
            fields.pop("kind", None)
        else:
            fields["kind"] = (self.kind,)
        owner = self.query.get("owner", "")
        if owner == MINE:
            fields["owner"] = own_references(user)
        elif owner == NOBODY:
            fields["owner"] = ("",)
        elif owner == UNKNOWN:
            fields["owner"] = tuple(unknown_owners)
        elif owner:
            fields["owner"] = (owner.lower(),)
        return EntityFilter(fields, self.text)


def asked_of(parameters: Mapping[str, str]) -> Asked:
    computed = sorted(name for name in parameters if name.startswith(COMPUTED))
    query = {name: parameters[name] for name in (*_KEPT, *computed) if parameters.get(name)}
    if (health := query.get("health", HEALTHS[0])) not in HEALTHS:
        raise BadRequest(f"health: {health!r} is none of {', '.join(HEALTHS)}")
    by = query.get("sort", "name").removeprefix("-")
    if by not in SORTED_BY and not by.startswith(COMPUTED):
        raise BadRequest(f"sort: {by!r} is none of {', '.join(SORTED_BY)}")
    chosen = [one for one in query.get("columns", "").split(",") if one]
    if unknown := [one for one in chosen if one not in COLUMNS and not one.startswith(COMPUTED)]:
        raise BadRequest(f"columns: {unknown[0]!r} is none of {', '.join(COLUMNS)}")
    return Asked(query, parameters.get("continue", ""))


def kept_query(text: str) -> str:
    """Of what somebody wants to keep, as much as this catalogue understands."""
    if len(text) > QUERY_CHARACTERS_MAX:
        raise BadRequest(f"the query is longer than {QUERY_CHARACTERS_MAX} characters")
    return urlencode(asked_of(dict(parse_qsl(text))).query)


def address(query: Mapping[str, str]) -> str:
    return f"{CATALOG}?{urlencode(query)}" if query else CATALOG
