"""The Score v1b1 format as a JSON Schema of our own making, from the facts of the specification.

`files` and `volumes` are maps by target path; the older form, lists with a `target`, still loads.
"""

from towpath.machinery.objects import RawObject

_LABEL = "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"
_WORD = "^[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$"
_ID = r"^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*$"
_ANNOTATION = (
    r"^(([a-z0-9][a-z0-9-]{0,61}[a-z0-9])(\.[a-z0-9][a-z0-9-]{0,61}[a-z0-9])*/)?"
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]$"
)


def _closed(properties: RawObject, required: tuple[str, ...] = ()) -> RawObject:
    schema: RawObject = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if required:
        schema["required"] = list(required)
    return schema


def _map_of(value: RawObject, names: RawObject, at_least: int = 0) -> RawObject:
    schema: RawObject = {"type": "object", "propertyNames": names, "additionalProperties": value}
    if at_least:
        schema["minProperties"] = at_least
    return schema


_TEXT: RawObject = {"type": "string"}
_SOME_TEXT: RawObject = {"type": "string", "minLength": 1}
_TEXTS: RawObject = {"type": "array", "items": _TEXT}
_PORT: RawObject = {"type": "integer", "minimum": 1, "maximum": 65535}
_NAME: RawObject = {"type": "string", "minLength": 2, "maxLength": 63, "pattern": _LABEL}
_ANNOTATIONS = _map_of(_TEXT, {"minLength": 2, "maxLength": 316, "pattern": _ANNOTATION})

_SERVICE_PORT = _closed(
    {"port": _PORT, "protocol": {"type": "string", "enum": ["TCP", "UDP"]}, "targetPort": _PORT},
    required=("port",),
)

_LIMITS = _closed(
    {
        "memory": {"type": "string", "pattern": r"^[1-9]\d*(K|M|G|T|Ki|Mi|Gi|Ti)?$"},
        "cpu": {"type": "string", "minLength": 1, "pattern": r"^\d*(?:m|\.\d+)?$"},
    }
)

_FILE_FIELDS: RawObject = {
    "mode": {"type": "string", "pattern": "^0?[0-7]{3}$"},
    "source": _SOME_TEXT,
    "content": _TEXT,
    "binaryContent": _TEXT,
    "noExpand": {"type": "boolean"},
}
_ONE_CONTENT = [
    {"required": ["source"]},
    {"required": ["content"]},
    {"required": ["binaryContent"]},
]
_FILES: RawObject = {
    "if": {"type": "array"},
    "then": {
        "type": "array",
        "items": {
            **_closed({"target": _SOME_TEXT, **_FILE_FIELDS}, required=("target",)),
            "oneOf": _ONE_CONTENT,
        },
    },
    "else": _map_of({**_closed(_FILE_FIELDS), "oneOf": _ONE_CONTENT}, {"minLength": 1}),
}

_VOLUME_FIELDS: RawObject = {
    "source": _TEXT,
    "path": _TEXT,
    "readOnly": {"type": "boolean"},
}
_VOLUMES: RawObject = {
    "if": {"type": "array"},
    "then": {
        "type": "array",
        "items": _closed({"target": _TEXT, **_VOLUME_FIELDS}, required=("source", "target")),
    },
    "else": _map_of(_closed(_VOLUME_FIELDS, required=("source",)), {"minLength": 1}),
}

_HTTP_PROBE = _closed(
    {
        "host": _SOME_TEXT,
        "scheme": {"type": "string", "enum": ["HTTP", "HTTPS"]},
        "path": _TEXT,
        "port": _PORT,
        "httpHeaders": {
            "type": "array",
            "items": _closed(
                {"name": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, "value": _SOME_TEXT}
            ),
        },
    },
    required=("port", "path"),
)
_PROBE = _closed({"httpGet": _HTTP_PROBE, "exec": _closed({"command": _TEXTS}, ("command",))})

_CONTAINER = _closed(
    {
        "image": _SOME_TEXT,
        "command": _TEXTS,
        "args": _TEXTS,
        "variables": _map_of(_TEXT, {"minLength": 1, "pattern": "^[^=]+$"}),
        "files": _FILES,
        "volumes": _VOLUMES,
        "resources": _closed({"limits": _LIMITS, "requests": _LIMITS}),
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
    },
    required=("image",),
)

_RESOURCE = _closed(
    {
        "type": {"type": "string", "minLength": 2, "maxLength": 63, "pattern": _WORD},
        "class": {"type": "string", "minLength": 2, "maxLength": 63, "pattern": _WORD},
        "id": {"type": "string", "minLength": 2, "maxLength": 63, "pattern": _ID},
        "metadata": {"type": "object", "properties": {"annotations": _ANNOTATIONS}},
        "params": {"type": "object"},
    },
    required=("type",),
)

SCORE_SCHEMA: RawObject = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_closed(
        {
            "apiVersion": {"const": "score.dev/v1b1"},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": _NAME, "annotations": _ANNOTATIONS},
            },
            "service": _closed({"ports": _map_of(_SERVICE_PORT, _NAME)}),
            "containers": _map_of(_CONTAINER, _NAME, at_least=1),
            "resources": _map_of(_RESOURCE, _NAME),
        },
        required=("apiVersion", "metadata", "containers"),
    ),
}
