"""The kinds of Backstage's catalogue as data: what they must say, and which relations it makes.

Pure. A `Model` is what descriptors are judged by: these kinds, and those that EntityKind objects
add. References are filled in per field: an owner is a Group, a system a System, and what something
depends on has no kind of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from towpath.machinery.objects import RawObject
from towpath.records.contract import PAIRS

BACKSTAGE = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
SCAFFOLDER = ("scaffolder.backstage.io/v1beta3", "backstage.io/v1beta2")

OF_PEOPLE = frozenset({"Group", "User"})
"""Who people are is told by the platform, unless its engineers trust a source with it."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of spec that refers to other entities, and the relation that it tells."""

    name: str
    relation: str
    default_kind: str = ""
    many: bool = False
    kinds: tuple[str, ...] = ()
    """A reference to another kind than these is let through, and tells no relation."""


Judge = Callable[[RawObject], Iterator[tuple[str, str]]]
"""What is wrong with a descriptor beside what every kind has in common: field and sentence."""


def _no_more(_: RawObject) -> Iterator[tuple[str, str]]:
    return iter(())


def _profile(descriptor: RawObject) -> Iterator[tuple[str, str]]:
    profile = descriptor["spec"].get("profile", {})
    if not isinstance(profile, dict):
        yield "spec.profile", "must be an object"
        return
    for name in ("displayName", "email", "picture"):
        if not is_text(profile.get(name, "a text")):
            yield f"spec.profile.{name}", "must be a text that is not empty, or be left out"


def _presence(descriptor: RawObject) -> Iterator[tuple[str, str]]:
    presence = descriptor["spec"].get("presence", "required")
    if presence not in ("required", "optional"):
        yield "spec.presence", f"must be required or optional, not {presence!r}"


def _remotes(descriptor: RawObject) -> Iterator[tuple[str, str]]:
    remotes = descriptor["spec"]["remotes"]
    if not isinstance(remotes, list) or not remotes:
        yield "spec.remotes", "must be a list of at least one object with a type and a url"
        return
    for index, remote in enumerate(remotes):
        names = ("type", "url")
        if not isinstance(remote, dict) or not all(is_text(remote.get(name)) for name in names):
            yield f"spec.remotes[{index}]", "must be an object with a type and a url"


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


@dataclass(frozen=True, slots=True)
class Kind:
    """What spec must have, and what it refers to."""

    required: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    api_versions: tuple[str, ...] = BACKSTAGE
    types: Mapping[str, "Kind"] = field(default_factory=dict)
    """What holds instead where spec.type is one of these."""
    judge: Judge = _no_more
    texts: tuple[str, ...] = ()
    """What need not be there, and is a text that is not empty when it is."""
    lists: tuple[str, ...] = ()
    """What need not be there, and is a list of such texts when it is."""

    def of_type(self, spec_type: object) -> "Kind":
        return self.types.get(spec_type, self) if isinstance(spec_type, str) else self


@dataclass(frozen=True, slots=True)
class Model:
    """Kinds by name, and the two names of every relation."""

    kinds: Mapping[str, Kind]
    pairs: tuple[tuple[str, str], ...] = PAIRS

    @property
    def inverse(self) -> Mapping[str, str]:
        return {one: other for pair in self.pairs for one, other in (pair, pair[::-1])}

    def with_kinds(
        self, kinds: Mapping[str, Kind], pairs: Sequence[tuple[str, str]] = ()
    ) -> "Model":
        return Model({**kinds, **self.kinds}, tuple(dict.fromkeys((*self.pairs, *pairs))))


_OWNER = Field("owner", "ownedBy", "Group", kinds=("Group", "User"))
_SYSTEM = Field("system", "partOf", "System")
_DEPENDS_ON = Field("dependsOn", "dependsOn", many=True)
_DEPENDENCY_OF = Field("dependencyOf", "dependencyOf", many=True)
_OWNED_BY = ("type", "lifecycle", "owner")

_API = Kind((*_OWNED_BY, "definition"), (_OWNER, _SYSTEM), (*BACKSTAGE, "backstage.io/v1alpha2"))
_REMOTE_API = replace(_API, required=(*_OWNED_BY, "remotes"), judge=_remotes)
_AI_RESOURCE = Kind(_OWNED_BY, (_OWNER, _SYSTEM))


def _of_ai(name: str, relation: str) -> Field:
    return Field(name, relation, "AiResource", many=True, kinds=("AiResource",))


def _ai_resource(
    required: tuple[str, ...] = (), *fields: Field, texts: tuple[str, ...] = (), lists: str = ""
) -> Kind:
    return Kind(
        (*_OWNED_BY, *required),
        (_OWNER, _SYSTEM, *fields),
        texts=texts,
        lists=tuple(lists.split()),
    )


KINDS: Mapping[str, Kind] = {
    "Component": Kind(
        _OWNED_BY,
        (
            _OWNER,
            _SYSTEM,
            Field("subcomponentOf", "partOf", "Component"),
            Field("providesApis", "providesApi", "API", many=True),
            Field("consumesApis", "consumesApi", "API", many=True),
            _DEPENDS_ON,
            _DEPENDENCY_OF,
        ),
    ),
    "API": replace(_API, types={"mcp-server": _REMOTE_API, "ai-model-server": _REMOTE_API}),
    "Resource": Kind(("type", "owner"), (_OWNER, _SYSTEM, _DEPENDS_ON, _DEPENDENCY_OF)),
    "System": Kind(("owner",), (_OWNER, Field("domain", "partOf", "Domain")), texts=("type",)),
    "Domain": Kind(("owner",), (_OWNER, Field("subdomainOf", "partOf", "Domain")), texts=("type",)),
    "AiResource": replace(
        _AI_RESOURCE,
        types={
            "skill": _ai_resource(
                (),
                _of_ai("dependsOn", "dependsOn"),
                texts=("allowedTools", "license", "compatibility"),
                lists="disciplines categories agents",
            ),
            "rule": _ai_resource(("category", "rationale"), lists="disciplines"),
            "plugin": _ai_resource(("skills",), _of_ai("skills", "hasPart"), texts=("version",)),
            "marketplace": _ai_resource(
                ("plugins",), _of_ai("plugins", "hasPart"), texts=("version",)
            ),
        },
    ),
    "Environment": Kind((), (_OWNER, _SYSTEM)),
    "Capability": Kind(
        ("identifier",),
        (_OWNER,),
        (*BACKSTAGE, "build.dfds.cloud/v1alpha1", "build.dfds.cloud/v1beta1"),
    ),
    "Template": Kind(("type",), (_OWNER,), SCAFFOLDER),
    "Group": Kind(
        ("type", "children"),
        (
            Field("parent", "childOf", "Group", kinds=("Group",)),
            Field("children", "parentOf", "Group", many=True, kinds=("Group",)),
            Field("members", "hasMember", "User", many=True, kinds=("User",)),
        ),
        judge=_profile,
    ),
    "User": Kind(
        ("memberOf",),
        (Field("memberOf", "memberOf", "Group", many=True, kinds=("Group",)),),
        judge=_profile,
    ),
    "Location": Kind(texts=("type", "target"), lists=("targets",), judge=_presence),
}
"""In the order in which people look for them."""

STANDARD = Model(KINDS)
