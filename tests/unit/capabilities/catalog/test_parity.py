"""A catalogue as broad as an organisation's, with the traps of the formats, read as Backstage does.

The entities are written for these tests.
"""

from typing import Any

import pytest

from towpath.capabilities.portal.catalog.descriptors import parse_entities
from towpath.capabilities.portal.catalog.entity_kinds import KINDS, STANDARD
from towpath.capabilities.portal.catalog.transfer import read_file, written
from towpath.machinery.documents import load_documents

ORGANISATION = """
apiVersion: backstage.io/v1alpha1
kind: Domain
metadata: {name: Freight, description: Everything that moves}
spec: {owner: harbour-office, subdomainOf: company}
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: berth-planning, namespace: harbour, labels: {tier: gold, empty: ""}}
spec: {owner: default/harbour-office, domain: default/freight}
---
apiVersion: backstage.io/v1beta1
kind: Component
metadata:
  name: Berth.Planner_2--api
  namespace: harbour
  title: Berth planner
  tags: [c++, "go:1-26", c#, "k8s+istio"]
  links: [{url: "https://example.com/board", title: Board, icon: dashboard, type: board}]
  annotations: {"example.com/on-call": "anna", backstage.io/techdocs-ref: "dir:."}
  anything: {that: [people, add]}
spec:
  type: service
  lifecycle: production
  owner: Group:Default/Harbour-Office
  system: Berth-Planning
  subcomponentOf: planner
  providesApis: [berths, api:other/tides]
  consumesApis: [API:default/weather]
  dependsOn: [resource:berths-db, "resource:default/arn:aws:s3:::berths"]
  dependencyOf: [component:default/crane]
  custom: {stays: true}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: berths, namespace: harbour}
spec: {type: grpc, lifecycle: experimental, owner: "user:anna", definition: 'syntax = "proto3";'}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: harbour-tools}
spec:
  type: mcp-server
  lifecycle: experimental
  owner: harbour-office
  remotes: [{type: streamable-http, url: "https://tools.example.com/mcp"}]
---
apiVersion: backstage.io/v1alpha2
kind: API
metadata: {name: models}
spec:
  type: ai-model-server
  lifecycle: production
  owner: harbour-office
  remotes: [{type: openai, url: "https://models.example.com"}]
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: berths-db, namespace: harbour}
spec: {type: database, owner: default/harbour-office, dependencyOf: [component:planner]}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: harbour-office}
spec:
  type: team
  profile: {displayName: Harbour office, email: harbour@example.com}
  parent: ops
  children: [tugs]
  members: [anna, harbour/ben]
  leader: anna
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: anna}
spec: {profile: {displayName: Anna A.}, memberOf: [harbour-office, harbour/night-watch]}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: ben}
spec: {memberOf: []}
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: more}
spec: {targets: ["./more/*.yaml", "https://example.com/all.yaml"]}
---
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: new-crane}
spec: {type: service, owner: harbour-office, parameters: [], steps: []}
---
apiVersion: backstage.io/v1alpha1
kind: Environment
metadata: {name: quay-7}
spec: {owner: harbour-office}
---
apiVersion: backstage.io/v1alpha1
kind: AiResource
metadata: {name: read-tides}
spec: {type: skill, lifecycle: production, owner: harbour-office, dependsOn: [read-clocks]}
---
apiVersion: backstage.io/v1alpha1
kind: AiResource
metadata: {name: no-secrets}
spec: {type: rule, lifecycle: production, owner: harbour-office, category: safety, rationale: law}
---
apiVersion: backstage.io/v1alpha1
kind: AiResource
metadata: {name: tide-tools}
spec: {type: plugin, lifecycle: production, owner: harbour-office, skills: [read-tides]}
---
apiVersion: backstage.io/v1alpha1
kind: AiResource
metadata: {name: shop-of-tools}
spec: {type: marketplace, lifecycle: production, owner: harbour-office, plugins: [tide-tools]}
---
apiVersion: build.dfds.cloud/v1alpha1
kind: Capability
metadata: {name: mooring}
spec: {identifier: mooring-automation-xavgy}
"""

TOLD = {
    "domain:default/freight": {
        ("ownedBy", "group:default/harbour-office"),
        ("partOf", "domain:default/company"),
    },
    "system:harbour/berth-planning": {
        ("ownedBy", "group:default/harbour-office"),
        ("partOf", "domain:default/freight"),
    },
    "component:harbour/berth.planner_2--api": {
        ("ownedBy", "group:default/harbour-office"),
        ("partOf", "system:harbour/berth-planning"),
        ("partOf", "component:harbour/planner"),
        ("providesApi", "api:harbour/berths"),
        ("providesApi", "api:other/tides"),
        ("consumesApi", "api:default/weather"),
        ("dependsOn", "resource:harbour/berths-db"),
        ("dependsOn", "resource:default/arn:aws:s3:::berths"),
        ("dependencyOf", "component:default/crane"),
    },
    "api:harbour/berths": {("ownedBy", "user:harbour/anna")},
    "api:default/harbour-tools": {("ownedBy", "group:default/harbour-office")},
    "api:default/models": {("ownedBy", "group:default/harbour-office")},
    "resource:harbour/berths-db": {
        ("ownedBy", "group:default/harbour-office"),
        ("dependencyOf", "component:harbour/planner"),
    },
    "group:default/harbour-office": {
        ("childOf", "group:default/ops"),
        ("parentOf", "group:default/tugs"),
        ("hasMember", "user:default/anna"),
        ("hasMember", "user:harbour/ben"),
    },
    "user:default/anna": {
        ("memberOf", "group:default/harbour-office"),
        ("memberOf", "group:harbour/night-watch"),
    },
    "user:default/ben": set(),
    "location:default/more": set(),
    "template:default/new-crane": {("ownedBy", "group:default/harbour-office")},
    "environment:default/quay-7": {("ownedBy", "group:default/harbour-office")},
    "airesource:default/read-tides": {
        ("ownedBy", "group:default/harbour-office"),
        ("dependsOn", "airesource:default/read-clocks"),
    },
    "airesource:default/no-secrets": {("ownedBy", "group:default/harbour-office")},
    "airesource:default/tide-tools": {
        ("ownedBy", "group:default/harbour-office"),
        ("hasPart", "airesource:default/read-tides"),
    },
    "airesource:default/shop-of-tools": {
        ("ownedBy", "group:default/harbour-office"),
        ("hasPart", "airesource:default/tide-tools"),
    },
    "capability:default/mooring": set(),
}


def documents() -> list[Any]:
    return load_documents(ORGANISATION)


def test_every_kind_is_read_with_its_relations() -> None:
    parsed = parse_entities(documents())
    assert parsed.errors == ()
    told = {
        entity.ref: {(relation.type, relation.target) for relation in entity.relations}
        for entity in parsed.entities
    }
    assert told == TOLD
    assert {entity.kind for entity in parsed.entities} == set(KINDS)
    assert {relation for relations in told.values() for relation, _ in relations} <= set(
        STANDARD.inverse
    )


def test_nothing_that_an_author_wrote_is_lost() -> None:
    parsed = parse_entities(documents())
    assert [entity.descriptor for entity in parsed.entities] == documents()


WRONG = {
    "an mcp server without remotes": (
        "API",
        {"type": "mcp-server", "lifecycle": "x", "owner": "a"},
        "spec.remotes",
    ),
    "an api without a definition": (
        "API",
        {"type": "openapi", "lifecycle": "x", "owner": "a"},
        "spec.definition",
    ),
    "a rule without a reason": (
        "AiResource",
        {"type": "rule", "lifecycle": "x", "owner": "a", "category": "c"},
        "spec.rationale",
    ),
    "a plugin without skills": (
        "AiResource",
        {"type": "plugin", "lifecycle": "x", "owner": "a"},
        "spec.skills",
    ),
    "a group without children": ("Group", {"type": "team"}, "spec.children"),
    "a dependency without a kind": (
        "Component",
        {"type": "s", "lifecycle": "x", "owner": "a", "dependsOn": ["db"]},
        "spec.dependsOn[0]",
    ),
    "a kind in small letters": ("component", {}, "kind"),
    "a template of another api": ("Template", {"type": "s"}, "apiVersion"),
    "no spec": ("System", None, "spec"),
}


@pytest.mark.parametrize(("kind", "spec", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_upstream_refuses_is_refused_by_its_field(kind: str, spec: Any, field: str) -> None:
    document: dict[str, Any] = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "x"},
    }
    if spec is not None:
        document["spec"] = spec
    parsed = parse_entities([document])
    assert parsed.entities == ()
    assert field in [error.field for error in parsed.errors]


@pytest.mark.parametrize("form", ["yaml", "json", "csv"])
def test_out_and_in_again_is_the_same(form: str) -> None:
    entities = [
        {
            **document,
            "relations": [{"type": "ownedBy", "targetRef": "group:default/a"}],
            "metadata": {
                **document["metadata"],
                "uid": "u",
                "etag": "e",
                "annotations": {
                    **(document["metadata"].get("annotations") or {}),
                    "backstage.io/managed-by-location": "url:https://example.com",
                },
            },
        }
        for document in documents()
    ]
    assert read_file(written(entities, form), f".{form}") == documents()


def test_a_cell_is_never_a_formula() -> None:
    document = {**documents()[0]}
    document["metadata"] = {"name": "x", "title": "=HYPERLINK(1)"}
    assert "'=HYPERLINK" in written([document], "csv")
