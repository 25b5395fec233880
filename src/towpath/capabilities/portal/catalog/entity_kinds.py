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


Judge = Callable[[RawObject], Iterator[tuple[str, str]]]
"""What is wrong with a descriptor beside what every kind has in common: field and sentence."""


def _no_more(_: RawObject) -> Iterator[tuple[str, str]]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind:
    """What spec must have, and what it refers to."""

    required: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    api_versions: tuple[str, ...] = BACKSTAGE
    types: Mapping[str, "Kind"] = field(default_factory=dict)
    """What holds instead where spec.type is one of these."""
    judge: Judge = _no_more

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


_OWNER = Field("owner", "ownedBy", "Group")
_SYSTEM = Field("system", "partOf", "System")
_DEPENDS_ON = Field("dependsOn", "dependsOn", many=True)
_DEPENDENCY_OF = Field("dependencyOf", "dependencyOf", many=True)
_OWNED_BY = ("type", "lifecycle", "owner")

_API = Kind((*_OWNED_BY, "definition"), (_OWNER, _SYSTEM), (*BACKSTAGE, "backstage.io/v1alpha2"))
_REMOTE_API = replace(_API, required=(*_OWNED_BY, "remotes"))
_AI_RESOURCE = Kind(_OWNED_BY, (_OWNER, _SYSTEM))


def _ai_resource(required: tuple[str, ...] = (), *fields: Field) -> Kind:
    return Kind((*_OWNED_BY, *required), (_OWNER, _SYSTEM, *fields))


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
    "System": Kind(("owner",), (_OWNER, Field("domain", "partOf", "Domain"))),
    "Domain": Kind(("owner",), (_OWNER, Field("subdomainOf", "partOf", "Domain"))),
    "AiResource": replace(
        _AI_RESOURCE,
        types={
            "skill": _ai_resource((), Field("dependsOn", "dependsOn", "AiResource", many=True)),
            "rule": _ai_resource(("category", "rationale")),
            "plugin": _ai_resource(
                ("skills",), Field("skills", "hasSkill", "AiResource", many=True)
            ),
            "marketplace": _ai_resource(
                ("plugins",), Field("plugins", "hasPlugin", "AiResource", many=True)
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
            Field("parent", "childOf", "Group"),
            Field("children", "parentOf", "Group", many=True),
            Field("members", "hasMember", "User", many=True),
        ),
    ),
    "User": Kind((), (Field("memberOf", "memberOf", "Group", many=True),)),
    "Location": Kind(),
}
"""In the order in which people look for them."""

STANDARD = Model(KINDS)
