"""PostgreSQLInstance: a database with a role of its own, in the server that the platform has.

The Composition is ordinary Crossplane: it runs unchanged under the real one with provider-sql.
Names in the server hold eight characters of the composite's uid, so that the database of a new
instance is never the one that an earlier instance of the same name left behind.
"""

from towpath.capabilities.infrastructure.offerings.kinds import (
    DESCRIPTION,
    POSTGRESQL_INSTANCE,
    TITLE,
)
from towpath.machinery.objects import RawObject

_SQL = "postgresql.sql.m.crossplane.io/v1alpha1"
_PROVIDER = {"kind": "ClusterProviderConfig", "name": "default"}
_EXTERNAL_NAME = "metadata.annotations[crossplane.io/external-name]"

CONNECTIONS = {"small": 20, "medium": 50, "large": 100}
"""How many connections an instance of each size may hold at once."""

DEFINITION: RawObject = {
    "apiVersion": "apiextensions.crossplane.io/v2",
    "kind": "CompositeResourceDefinition",
    "metadata": {
        "name": f"{POSTGRESQL_INSTANCE.plural}.{POSTGRESQL_INSTANCE.group}",
        "annotations": {
            TITLE: "PostgreSQL database",
            DESCRIPTION: "A database with a role of its own, in the server that the platform has. "
            "Ready within seconds.",
        },
    },
    "spec": {
        "group": POSTGRESQL_INSTANCE.group,
        "scope": "Namespaced",
        "names": {
            "kind": POSTGRESQL_INSTANCE.kind,
            "plural": POSTGRESQL_INSTANCE.plural,
            "shortNames": ["pg"],
        },
        "versions": [
            {
                "name": POSTGRESQL_INSTANCE.version,
                "served": True,
                "referenceable": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "default": {},
                                "properties": {
                                    "size": {
                                        "type": "string",
                                        "enum": list(CONNECTIONS),
                                        "default": "small",
                                        "description": "How much of the server it may use.",
                                    },
                                    "deletionPolicy": {
                                        "type": "string",
                                        "enum": ["Delete", "Orphan"],
                                        "default": "Delete",
                                        "description": "Orphan keeps the data when this goes.",
                                    },
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {"database": {"type": "string"}},
                            },
                        },
                    }
                },
                "additionalPrinterColumns": [
                    {"name": "SIZE", "type": "string", "jsonPath": ".spec.size"},
                    {"name": "DATABASE", "type": "string", "jsonPath": ".status.database"},
                ],
            }
        ],
    },
}


def _from_composite(source: str, target: str, *transforms: RawObject) -> RawObject:
    return {
        "type": "FromCompositeFieldPath",
        "fromFieldPath": source,
        "toFieldPath": target,
        "transforms": list(transforms),
    }


def _server_name(target: str) -> RawObject:
    """The name in the server, at most 54 characters: `<name>-<8 of uid>`."""
    return {
        "type": "CombineFromComposite",
        "combine": {
            "variables": [{"fromFieldPath": "metadata.name"}, {"fromFieldPath": "metadata.uid"}],
            "strategy": "string",
            "string": {"fmt": "%.45s-%.8s"},
        },
        "toFieldPath": target,
        "policy": {"fromFieldPath": "Required"},
    }


_NAME = _from_composite("metadata.name", "metadata.name")
_LIMIT = _from_composite(
    "spec.size", "spec.forProvider.connectionLimit", {"type": "map", "map": CONNECTIONS}
)
_POLICIES = _from_composite(
    "spec.deletionPolicy",
    "spec.managementPolicies",
    {
        "type": "map",
        "map": {"Delete": ["*"], "Orphan": ["Observe", "Create", "Update", "LateInitialize"]},
    },
)
_KEY_OF = {"host": "endpoint", "port": "port", "username": "username", "password": "password"}

_ROLE: RawObject = {
    "name": "role",
    "base": {
        "apiVersion": _SQL,
        "kind": "Role",
        "spec": {
            "forProvider": {"privileges": {"login": True}},
            "providerConfigRef": _PROVIDER,
        },
    },
    "patches": [
        _NAME,
        _server_name(_EXTERNAL_NAME),
        _LIMIT,
        _POLICIES,
        _from_composite(
            "metadata.name",
            "spec.writeConnectionSecretToRef.name",
            {"type": "string", "string": {"type": "Format", "fmt": "%s-role"}},
        ),
    ],
    "connectionDetails": [
        {"name": name, "type": "FromConnectionSecretKey", "fromConnectionSecretKey": key}
        for name, key in _KEY_OF.items()
    ],
}
_DATABASE: RawObject = {
    "name": "database",
    "base": {
        "apiVersion": _SQL,
        "kind": "Database",
        "spec": {"forProvider": {}, "providerConfigRef": _PROVIDER},
    },
    "patches": [
        _NAME,
        _server_name(_EXTERNAL_NAME),
        _server_name("spec.forProvider.owner"),
        _LIMIT,
        _POLICIES,
        {
            "type": "ToCompositeFieldPath",
            "fromFieldPath": _EXTERNAL_NAME,
            "toFieldPath": "status.database",
        },
    ],
    "connectionDetails": [
        {"name": "name", "type": "FromFieldPath", "fromFieldPath": _EXTERNAL_NAME}
    ],
}
_GRANT: RawObject = {
    "name": "grant",
    "base": {
        "apiVersion": _SQL,
        "kind": "Grant",
        "spec": {
            "forProvider": {"privileges": ["CONNECT"], "revokePublicOnDb": True},
            "providerConfigRef": _PROVIDER,
        },
    },
    "patches": [
        _NAME,
        _from_composite("metadata.name", "spec.forProvider.roleRef.name"),
        _from_composite("metadata.name", "spec.forProvider.databaseRef.name"),
    ],
}

COMPOSITION: RawObject = {
    "apiVersion": "apiextensions.crossplane.io/v1",
    "kind": "Composition",
    "metadata": {"name": "postgresql-shared-server", "labels": {"provider": "postgresql"}},
    "spec": {
        "compositeTypeRef": {
            "apiVersion": POSTGRESQL_INSTANCE.api_version,
            "kind": POSTGRESQL_INSTANCE.kind,
        },
        "mode": "Pipeline",
        "pipeline": [
            {
                "step": "patch-and-transform",
                "functionRef": {"name": "function-patch-and-transform"},
                "input": {
                    "apiVersion": "pt.fn.crossplane.io/v1beta1",
                    "kind": "Resources",
                    "resources": [_ROLE, _DATABASE, _GRANT],
                },
            }
        ],
    },
}

OBJECTS = (DEFINITION, COMPOSITION)
