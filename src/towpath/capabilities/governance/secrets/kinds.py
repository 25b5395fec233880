"""ExternalSecret and SecretStore, as External Secrets Operator has them."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    Resource,
    custom_resource_definition,
)
from towpath.machinery.objects import RawObject

GROUP = "external-secrets.io"
EXTERNAL_SECRET = Resource(GROUP, "v1", "ExternalSecret", "externalsecrets")
SECRET_STORE = Resource(GROUP, "v1", "SecretStore", "secretstores")

_TEXT: RawObject = {"type": "string"}
_REMOTE: RawObject = {
    "type": "object",
    "required": ["key"],
    "properties": {
        "key": _TEXT,
        "property": _TEXT,
        "version": _TEXT,
        "decodingStrategy": {
            "type": "string",
            "enum": ["None", "Auto", "Base64", "Base64URL"],
            "default": "None",
        },
        "conversionStrategy": {"type": "string", "default": "Default"},
        "metadataPolicy": {"type": "string", "enum": ["None", "Fetch"], "default": "None"},
    },
}
_TEMPLATE: RawObject = {
    "type": "object",
    "properties": {
        "type": _TEXT,
        "engineVersion": {"type": "string", "enum": ["v2"], "default": "v2"},
        "mergePolicy": {"type": "string", "enum": ["Replace", "Merge"], "default": "Replace"},
        "metadata": {
            "type": "object",
            "properties": {
                "labels": {"type": "object", "additionalProperties": _TEXT},
                "annotations": {"type": "object", "additionalProperties": _TEXT},
            },
        },
        "data": {"type": "object", "additionalProperties": _TEXT},
    },
}
_SPEC: RawObject = {
    "type": "object",
    "properties": {
        "secretStoreRef": {
            "type": "object",
            "properties": {
                "name": _TEXT,
                "kind": {
                    "type": "string",
                    "enum": ["SecretStore", "ClusterSecretStore"],
                    "default": "SecretStore",
                },
            },
        },
        "refreshInterval": {"type": "string", "default": "1h0m0s"},
        "refreshPolicy": {
            "type": "string",
            "enum": ["CreatedOnce", "Periodic", "OnChange"],
        },
        "target": {
            "type": "object",
            "default": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "properties": {
                "name": _TEXT,
                "immutable": {"type": "boolean"},
                "creationPolicy": {
                    "type": "string",
                    "enum": ["Owner", "Orphan", "Merge", "None", "CreateOrMerge"],
                    "default": "Owner",
                },
                "deletionPolicy": {
                    "type": "string",
                    "enum": ["Delete", "Merge", "Retain"],
                    "default": "Retain",
                },
                "template": _TEMPLATE,
            },
        },
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["secretKey", "remoteRef"],
                "properties": {"secretKey": _TEXT, "remoteRef": _REMOTE},
            },
        },
        "dataFrom": {
            "type": "array",
            "items": {"type": "object", "properties": {"extract": _REMOTE}},
        },
    },
}
_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "conditions": CONDITIONS_SCHEMA,
        "observedGeneration": {"type": "integer"},
        "refreshTime": {"type": "string", "format": "date-time"},
        "syncedResourceVersion": _TEXT,
        "binding": {"type": "object", "properties": {"name": _TEXT}},
    },
}
_KEY_SELECTOR: RawObject = {
    "type": "object",
    "properties": {"name": _TEXT, "key": _TEXT, "namespace": _TEXT},
}
_KUBERNETES: RawObject = {
    "type": "object",
    "properties": {
        "remoteNamespace": {"type": "string", "default": "default"},
        "server": {
            "type": "object",
            "properties": {
                "url": {"type": "string", "default": "kubernetes.default"},
                "caBundle": {"type": "string", "format": "byte"},
                "caProvider": {
                    "type": "object",
                    "required": ["type", "name"],
                    "properties": {
                        "type": {"type": "string", "enum": ["Secret", "ConfigMap"]},
                        "name": _TEXT,
                        "key": _TEXT,
                        "namespace": _TEXT,
                    },
                },
            },
        },
        "auth": {
            "type": "object",
            "properties": {
                "token": {"type": "object", "properties": {"bearerToken": _KEY_SELECTOR}}
            },
        },
    },
}

KINDS = (
    custom_resource_definition(
        EXTERNAL_SECRET,
        spec=_SPEC,
        status=_STATUS,
        short_names=["es"],
        categories=["external-secrets"],
        columns=[
            Column("StoreType", ".spec.secretStoreRef.kind"),
            Column("Store", ".spec.secretStoreRef.name"),
            Column("Refresh Interval", ".spec.refreshInterval"),
            Column("Status", ".status.conditions[?(@.type=='Ready')].reason"),
            Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
            AGE,
        ],
        rules=[
            {
                "rule": "!(has(self.spec.target) && self.spec.target.deletionPolicy == 'Delete' && "
                "self.spec.target.creationPolicy in ['Merge', 'CreateOrMerge', 'None'])",
                "message": "deletionPolicy=Delete must not be used when the controller doesn't own "
                "the secret. Please set creationPolicy=Owner",
            },
            {
                "rule": "!(has(self.spec.target) && self.spec.target.deletionPolicy == 'Merge' && "
                "self.spec.target.creationPolicy == 'None')",
                "message": "deletionPolicy=Merge must not be used with creationPolicy=None. There "
                "is no Secret to merge with",
            },
        ],
    ),
    custom_resource_definition(
        SECRET_STORE,
        spec={
            "type": "object",
            "required": ["provider"],
            "properties": {
                "provider": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {"kubernetes": _KUBERNETES},
                    "x-kubernetes-preserve-unknown-fields": True,
                }
            },
        },
        status={"type": "object", "properties": {"conditions": CONDITIONS_SCHEMA}},
        short_names=["ss"],
        categories=["external-secrets"],
        columns=[
            Column("Status", ".status.conditions[?(@.type=='Ready')].reason"),
            Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
            AGE,
        ],
    ),
)
