"""ConfigMaps and Secrets: what they hold, and what may not change in them."""

import base64
import binascii

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, too_long
from towpath.machinery.errors import BadRequest, Cause
from towpath.machinery.go_json import json_mistake
from towpath.machinery.names import content_key_errors
from towpath.machinery.objects import RawObject

CONTENT_BYTES_MAX = 1024 * 1024
OPAQUE = "Opaque"
OF_ACCOUNT = "kubernetes.io/service-account-token"
NAMED_ACCOUNT = "kubernetes.io/service-account.name"
BASIC_AUTH = "kubernetes.io/basic-auth"
BASIC_AUTH_KEYS = frozenset(("username", "password"))
"""One of the two is enough."""
DOCKER_TYPES = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")
REQUIRED_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _default_secret(obj: RawObject) -> None:
    obj.setdefault("type", OPAQUE)
    texts = obj.pop("stringData", None)
    if texts is None:
        return
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise BadRequest("stringData must be a map of strings")
    data = obj.get("data") or {}
    obj["data"] = data
    for name, text in texts.items():
        data[name] = base64.b64encode(text.encode()).decode()


def _validate_keys(field: str, data: RawObject) -> list[Cause]:
    return [
        invalid_value(f"{field}[{name}]", name, words)
        for name in data
        for words in content_key_errors(name)
    ]


def _validate_secret(obj: RawObject, old: RawObject | None) -> list[Cause]:
    data = obj.get("data") or {}
    causes: list[Cause] = []
    if old is not None:
        if obj.get("type") != old.get("type"):
            causes.append(invalid_value("type", obj.get("type"), "field is immutable"))
        causes += _validate_immutable(obj, old, ("data",))
    causes += _validate_keys("data", data)
    size = 0
    for name, text in data.items():
        try:
            size += len(base64.b64decode(text or "", validate=True))
        except (binascii.Error, TypeError, ValueError):
            # The value stays out of the message: it is a secret, if a badly written one.
            causes.append(Cause("FieldValueInvalid", "Invalid value: not base64", f"data[{name}]"))
    if size > CONTENT_BYTES_MAX:
        causes.append(too_long("data", CONTENT_BYTES_MAX))
    if obj.get("type") == OF_ACCOUNT:
        annotations = obj["metadata"].get("annotations") or {}
        if not annotations.get(NAMED_ACCOUNT):
            causes.append(required(f"metadata.annotations[{NAMED_ACCOUNT}]"))
    if obj.get("type") == BASIC_AUTH and not BASIC_AUTH_KEYS & data.keys():
        causes += [required(f"data[{name}]") for name in sorted(BASIC_AUTH_KEYS, reverse=True)]
    for name in REQUIRED_KEYS.get(obj.get("type", OPAQUE), ()):
        if name not in data:
            causes.append(required(f"data[{name}]"))
    return causes + _docker_causes(obj.get("type", OPAQUE), data)


def _docker_causes(kind: str, data: RawObject) -> list[Cause]:
    """What a registry's settings hold has to be JSON; what it is stays untold."""
    if kind not in DOCKER_TYPES or REQUIRED_KEYS[kind][0] not in data:
        return []
    (name,) = REQUIRED_KEYS[kind]
    try:
        text = base64.b64decode(data[name] or "").decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return []
    mistake = json_mistake(text)
    if not mistake:
        return []
    return [invalid_value(f"data[{name}]", "<secret contents redacted>", mistake)]


def _validate_config_map(obj: RawObject, old: RawObject | None) -> list[Cause]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    causes = _validate_keys("data", data) + _validate_keys("binaryData", binary)
    causes += [
        invalid_value(f"data[{name}]", value, "must be a string")
        for name, value in data.items()
        if not isinstance(value, str)
    ]
    causes += [
        invalid_value(f"data[{name}]", name, "duplicate of key present in binaryData")
        for name in data
        if name in binary
    ]
    if sum(len(str(value).encode()) for value in (*data.values(), *binary.values())) > (
        CONTENT_BYTES_MAX
    ):
        causes.append(too_long("[]", CONTENT_BYTES_MAX))
    if old is not None:
        causes += _validate_immutable(obj, old, ("data", "binaryData"))
    return causes


def _validate_immutable(obj: RawObject, old: RawObject, fields: tuple[str, ...]) -> list[Cause]:
    """Once `immutable` is true it stays so, and so does the content."""
    if not old.get("immutable"):
        return []
    words = "field is immutable when `immutable` is set"
    causes = []
    if not obj.get("immutable"):
        causes.append(forbidden("immutable", words))
    causes += [
        forbidden(field, words)
        for field in fields
        if (obj.get(field) or {}) != (old.get(field) or {})
    ]
    return causes


CONFIG_MAP = Behaviour(validate=_validate_config_map)
SECRET = Behaviour(default=_default_secret, validate=_validate_secret)
