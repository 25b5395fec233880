"""The managed resources of provider-sql's namespaced PostgreSQL API.

Source: crossplane-contrib/provider-sql, group postgresql.sql.m.crossplane.io.
"""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    Resource,
    custom_resource_definition,
)
from towpath.machinery.objects import RawObject

GROUP = "postgresql.sql.m.crossplane.io"
DATABASE = Resource(GROUP, "v1alpha1", "Database", "databases")
ROLE = Resource(GROUP, "v1alpha1", "Role", "roles")
GRANT = Resource(GROUP, "v1alpha1", "Grant", "grants")
PROVIDER_CONFIG = Resource(GROUP, "v1alpha1", "ProviderConfig", "providerconfigs")
CLUSTER_PROVIDER_CONFIG = Resource(
    GROUP, "v1alpha1", "ClusterProviderConfig", "clusterproviderconfigs", namespaced=False
)

EXTERNAL_NAME = "crossplane.io/external-name"

_REFERENCE: RawObject = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}},
}
_SECRET_KEY: RawObject = {
    "type": "object",
    "required": ["name", "key"],
    "properties": {"name": {"type": "string"}, "key": {"type": "string"}},
}


def _managed(for_provider: RawObject) -> RawObject:
    """The spec that every managed resource has, around its own parameters."""
    return {
        "type": "object",
        "required": ["forProvider"],
        "properties": {
            "forProvider": {"type": "object", **for_provider},
            "managementPolicies": {
                "type": "array",
                "default": ["*"],
                "items": {
                    "type": "string",
                    "enum": ["Observe", "Create", "Update", "Delete", "LateInitialize", "*"],
                },
            },
            "providerConfigRef": {
                "type": "object",
                "default": {"kind": "ClusterProviderConfig", "name": "default"},
                "required": ["kind", "name"],
                "properties": {
                    "kind": {
                        "type": "string",
                        "enum": ["ProviderConfig", "ClusterProviderConfig"],
                    },
                    "name": {"type": "string"},
                },
            },
            "writeConnectionSecretToRef": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}},
            },
        },
    }


def _status(at_provider: RawObject | None = None) -> RawObject:
    return {
        "type": "object",
        "properties": {
            "conditions": CONDITIONS_SCHEMA,
            "observedGeneration": {"type": "integer"},
            "atProvider": at_provider or {"type": "object"},
        },
    }


_READY = Column("READY", ".status.conditions[?(@.type=='Ready')].status")
_SYNCED = Column("SYNCED", ".status.conditions[?(@.type=='Synced')].status")
_NAME = Column("EXTERNAL-NAME", r".metadata.annotations.crossplane\.io/external-name")
_CATEGORIES = ("crossplane", "managed", "sql")

_DATABASE: RawObject = {
    "properties": {
        "owner": {"type": "string"},
        "template": {"type": "string"},
        "encoding": {"type": "string"},
        "lcCollate": {"type": "string"},
        "lcCType": {"type": "string"},
        "tablespace": {"type": "string"},
        "connectionLimit": {"type": "integer"},
        "allowConnections": {"type": "boolean"},
        "isTemplate": {"type": "boolean"},
    }
}
_ROLE: RawObject = {
    "properties": {
        "connectionLimit": {"type": "integer"},
        "privileges": {
            "type": "object",
            "properties": {
                name: {"type": "boolean"}
                for name in (
                    "superUser",
                    "inherit",
                    "createDb",
                    "createRole",
                    "login",
                    "replication",
                    "bypassRls",
                )
            },
        },
        "passwordSecretRef": _SECRET_KEY,
    }
}
_GRANT: RawObject = {
    "properties": {
        "privileges": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": "^[A-Z]+( [A-Z]+)*$"},
        },
        "role": {"type": "string"},
        "roleRef": _REFERENCE,
        "database": {"type": "string"},
        "databaseRef": _REFERENCE,
        "revokePublicOnDb": {"type": "boolean"},
    }
}
_PROVIDER_CONFIG: RawObject = {
    "type": "object",
    "required": ["credentials"],
    "properties": {
        "credentials": {
            "type": "object",
            "required": ["source"],
            "properties": {
                "source": {"type": "string", "enum": ["PostgreSQLConnectionSecret"]},
                "connectionSecretRef": _REFERENCE,
            },
        },
        "defaultDatabase": {"type": "string", "default": "postgres"},
        "sslMode": {
            "type": "string",
            "enum": ["disable", "require", "verify-ca", "verify-full"],
            "default": "verify-full",
        },
    },
}

KINDS = (
    custom_resource_definition(
        DATABASE,
        spec=_managed(_DATABASE),
        status=_status(),
        columns=[_READY, _SYNCED, _NAME, AGE],
        categories=_CATEGORIES,
    ),
    custom_resource_definition(
        ROLE,
        spec=_managed(_ROLE),
        status=_status(),
        columns=[_READY, _SYNCED, _NAME, AGE],
        categories=_CATEGORIES,
    ),
    custom_resource_definition(
        GRANT,
        spec=_managed(_GRANT),
        status=_status(),
        columns=[
            _READY,
            _SYNCED,
            Column("ROLE", ".spec.forProvider.role"),
            Column("DATABASE", ".spec.forProvider.database"),
            AGE,
        ],
        categories=_CATEGORIES,
    ),
    custom_resource_definition(
        PROVIDER_CONFIG, spec=_PROVIDER_CONFIG, status=_status(), columns=[AGE]
    ),
    custom_resource_definition(
        CLUSTER_PROVIDER_CONFIG, spec=_PROVIDER_CONFIG, status=_status(), columns=[AGE]
    ),
)
