"""Cluster: a place where workloads run, and which engine does what there (DESIGN 12.16)."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

CLUSTER = towpath_resource("Cluster", "clusters", namespaced=False)

LOCAL = "local"
"""The name of the local cluster that the platform starts with."""

IN_CLUSTER = "in-cluster"
"""Argo CD's name for the API server it runs on: for us the platform's own API."""

ENGINES = ("gitops", "compositions", "secrets", "policy", "schemas")

_SPEC: RawObject = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "type": "string",
            "enum": ["local", "kubernetes"],
            "description": "local: run by the platform itself; kubernetes: any conformant cluster.",
        },
        "description": {
            "type": "string",
            "maxLength": 1000,
            "description": "What it is for, in a sentence.",
        },
        "server": {
            "type": "string",
            "description": "The API's address; of a local cluster it is computed and stays empty.",
        },
        "engines": {
            "type": "object",
            "description": "embedded: our engine; external: another controller, ours steps aside.",
            "default": {},
            "properties": {
                engine: {
                    "type": "string",
                    "enum": ["embedded", "external"],
                    "default": "embedded",
                    "description": f"Who does the work of {engine} there.",
                }
                for engine in ENGINES
            },
        },
        "registry": {
            "type": "string",
            "description": "The host that stands for registry.towpath.dev there; empty: ours.",
        },
        "trust": {
            "type": "string",
            "enum": ["multi", "single"],
            "default": "multi",
            "description": "single: more than one project may use a cluster without isolation.",
        },
    },
}

_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "version": {"type": "string", "description": "Of its API server."},
        "isolation": {"type": "string", "description": "uid, userns or none."},
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

_RULES: tuple[RawObject, ...] = (
    {
        "rule": "self.spec.type == oldSelf.spec.type",
        "message": "a cluster's type cannot be changed; make another Cluster",
    },
    {
        "rule": "self.spec.type == 'local' || "
        "(has(self.spec.server) && size(self.spec.server) > 0)",
        "message": "a cluster of type kubernetes needs spec.server, the address of its API",
    },
    {
        "rule": "self.metadata.name != 'in-cluster'",
        "message": "in-cluster is Argo CD's name for the platform's own API; choose another name",
    },
)

CLUSTER_CRD = custom_resource_definition(
    CLUSTER,
    spec=_SPEC,
    status=_STATUS,
    columns=(
        Column("Type", ".spec.type"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Version", ".status.version"),
        Column("Isolation", ".status.isolation", priority=1),
        AGE,
    ),
    categories=("towpath",),
    rules=_RULES,
)

KINDS = (CLUSTER_CRD,)


def engine_of(cluster: RawObject, engine: str) -> str:
    """`embedded` or `external`."""
    engines: dict[str, str] = cluster["spec"].get("engines") or {}
    return engines.get(engine, "embedded")
