"""The fields of metadata, which every object has, whatever its own schema says."""

from towpath.machinery.objects import RawObject

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_TEXTS = {"type": "object", "additionalProperties": {**_TEXT, "nullable": True}}
"""A null in them is an empty text, as Go reads it."""

OBJECT_META: RawObject = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("name", "generateName", "namespace", "selfLink", "uid"), _TEXT),
        "resourceVersion": _TEXT,
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _TIME),
        "generation": {"type": "integer"},
        "deletionGracePeriodSeconds": {"type": "integer"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": {
                "type": "object",
                "properties": {
                    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
                    "controller": {"type": "boolean"},
                    "blockOwnerDeletion": {"type": "boolean"},
                },
            },
        },
        "managedFields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    **dict.fromkeys(("manager", "operation", "apiVersion", "fieldsType"), _TEXT),
                    "subresource": _TEXT,
                    "time": _TIME,
                    "fieldsV1": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            },
        },
    },
}
