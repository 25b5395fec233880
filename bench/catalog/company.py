"""A company's catalogue, drawn with a seed: so many entities, of the kinds and shapes of real ones.

Half of it are components, each in a system, owned by a team, with APIs that it provides and
consumes and resources that it depends on; teams have parents and people. The same seed and number
give the same entities everywhere.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

SEED = 20_260_101
PER_FILE = 50
SHARES = {
    "Group": 0.03,
    "User": 0.1,
    "Domain": 0.005,
    "System": 0.03,
    "API": 0.15,
    "Resource": 0.13,
}
"""The rest are components."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _words(
    "account billing cart catalogue checkout claim contract coupon customer delivery "
    "device invoice ledger loyalty mandate notification offer order partner payment "
    "pricing product profile quote refund report review route schedule search session "
    "shipment stock subscription tax ticket tracking voucher warehouse"
)
ROLES = _words(
    "api gateway worker service sync importer exporter engine store frontend backend "
    "scheduler proxy adapter monitor processor indexer cache bridge portal"
)
VERBS = _words("collects stores computes shows forwards checks imports exports plans watches")
FIRST_NAMES = _words("ada alan barbara carl dana edith emil fatima grace hugo ines ivan jana karl")
LAST_NAMES = _words("berg diaz fischer garcia haddad ito jansen kowalski lund moreau novak okoye")
TAGS = _words(
    "java python go typescript kotlin rust kafka grpc rest postgres batch pci gdpr tier-1"
)
LIFECYCLES = ("production", "production", "production", "experimental", "deprecated")
TYPES = {
    "Component": ("service", "service", "service", "website", "library", "data-pipeline"),
    "API": ("openapi", "openapi", "grpc", "asyncapi", "graphql"),
    "Resource": ("database", "s3-bucket", "topic", "cache"),
    "Group": ("team", "team", "business-unit"),
}
Descriptor = dict[str, Any]


@dataclass
class Company:
    descriptors: list[Descriptor] = field(default_factory=list)

    @cached_property
    def names_of_components(self) -> list[str]:
        return self._names("Component")

    @cached_property
    def names_of_groups(self) -> list[str]:
        return self._names("Group")

    def _names(self, kind: str) -> list[str]:
        return [one["metadata"]["name"] for one in self.descriptors if one["kind"] == kind]


def company(entities: int, seed: int = SEED) -> Company:
    drawn = random.Random(seed)
    counts = {kind: max(1, round(share * entities)) for kind, share in SHARES.items()}
    counts["Component"] = max(1, entities - sum(counts.values()))
    names = {kind: [*_names(drawn, kind, count)] for kind, count in counts.items()}
    descriptors = [
        _DESCRIBED[kind](drawn, names, number)
        for kind in ("Group", "User", "Domain", "System", "API", "Resource", "Component")
        for number in range(counts[kind])
    ]
    return Company(descriptors[:entities])


def write(descriptors: Sequence[Descriptor], folder: Path) -> None:
    """As files of a few dozen entities, as a repository of definitions has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(descriptors), PER_FILE):
        path = folder / f"part-{start // PER_FILE:05}" / "catalog-info.yaml"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            yaml.dump_all(
                descriptors[start : start + PER_FILE],
                file,
                Dumper=yaml.CSafeDumper,
                sort_keys=False,
                explicit_start=True,
            )


def _names(drawn: random.Random, kind: str, count: int) -> Iterator[str]:
    for number in range(count):
        if kind == "User":
            yield f"{drawn.choice(FIRST_NAMES)}.{drawn.choice(LAST_NAMES)}-{number}"
        else:
            yield f"{drawn.choice(NOUNS)}-{drawn.choice(ROLES)}-{kind[0].lower()}{number}"


def _entity(
    drawn: random.Random, kind: str, name: str, spec: Descriptor, **metadata: Any
) -> Descriptor:
    annotations = {
        "backstage.io/source-location": f"url:https://git.example.com/acme/{name}/",
        "backstage.io/techdocs-ref": "dir:.",
        "acme.example/cost-centre": f"cc-{drawn.randrange(400)}",
    }
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "title": name.replace("-", " ").replace(".", " ").title(),
            "description": f"{drawn.choice(VERBS).capitalize()} every {drawn.choice(NOUNS)} "
            f"that a {drawn.choice(NOUNS)} {drawn.choice(ROLES)} needs.",
            "annotations": annotations,
            "labels": {"acme.example/tier": str(drawn.randrange(4))},
            **metadata,
        },
        "spec": spec,
    }


def _some(drawn: random.Random, names: Sequence[str], most: int) -> list[str]:
    return [drawn.choice(names) for _ in range(drawn.randrange(most + 1))]


Names = dict[str, list[str]]


def _group(drawn: random.Random, names: Names, number: int) -> Descriptor:
    spec: Descriptor = {"type": drawn.choice(TYPES["Group"]), "children": []}
    if number:
        spec["parent"] = names["Group"][drawn.randrange(number)]
    return _entity(drawn, "Group", names["Group"][number], spec)


def _user(drawn: random.Random, names: Names, number: int) -> Descriptor:
    name = names["User"][number]
    shown = name.partition("-")[0].replace(".", " ").title()
    profile = {"displayName": shown, "email": f"{name}@acme.example"}
    spec = {"profile": profile, "memberOf": [drawn.choice(names["Group"])]}
    return _entity(drawn, "User", name, spec)


def _owned(drawn: random.Random, names: Names, kind: str, number: int, **spec: Any) -> Descriptor:
    """Some teams own much, most own little."""
    teams = names["Group"]
    owner = teams[min(int(drawn.expovariate(4 / len(teams))), len(teams) - 1)]
    tags = sorted(set(_some(drawn, TAGS, 4)))
    return _entity(
        drawn,
        kind,
        names[kind][number],
        {"owner": owner, **spec},
        tags=tags,
        links=[{"url": f"https://acme.example/{names[kind][number]}", "title": "Dashboard"}],
    )


def _domain(drawn: random.Random, names: Names, number: int) -> Descriptor:
    return _owned(drawn, names, "Domain", number)


def _system(drawn: random.Random, names: Names, number: int) -> Descriptor:
    return _owned(drawn, names, "System", number, domain=drawn.choice(names["Domain"]))


def _api(drawn: random.Random, names: Names, number: int) -> Descriptor:
    kind = drawn.choice(TYPES["API"])
    return _owned(
        drawn,
        names,
        "API",
        number,
        type=kind,
        lifecycle=drawn.choice(LIFECYCLES),
        system=drawn.choice(names["System"]),
        definition=f"{kind}: definition of {names['API'][number]}\n" * 8,
    )


def _resource(drawn: random.Random, names: Names, number: int) -> Descriptor:
    kind = drawn.choice(TYPES["Resource"])
    return _owned(drawn, names, "Resource", number, type=kind, system=drawn.choice(names["System"]))


def _component(drawn: random.Random, names: Names, number: int) -> Descriptor:
    return _owned(
        drawn,
        names,
        "Component",
        number,
        type=drawn.choice(TYPES["Component"]),
        lifecycle=drawn.choice(LIFECYCLES),
        system=drawn.choice(names["System"]),
        providesApis=sorted(set(_some(drawn, names["API"], 2))),
        consumesApis=sorted(set(_some(drawn, names["API"], 3))),
        dependsOn=sorted({f"resource:{name}" for name in _some(drawn, names["Resource"], 2)}),
    )


_DESCRIBED = {
    "Group": _group,
    "User": _user,
    "Domain": _domain,
    "System": _system,
    "API": _api,
    "Resource": _resource,
    "Component": _component,
}
