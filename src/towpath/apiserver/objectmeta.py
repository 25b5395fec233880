"""What the server itself keeps in metadata, and which names, labels and owners it accepts."""

import re
import secrets
import uuid

from towpath.machinery.causes import invalid_value, required, too_long
from towpath.machinery.conditions import now
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

GENERATED_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
GENERATED_LENGTH = 5
GENERATED_BASE_MAX = 63 - GENERATED_LENGTH
NAME_MAX = 253
LABEL_MAX = 63
ANNOTATIONS_BYTES_MAX = 256 * 1024

SERVER_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
"""Clients may send these; what counts is what the server knows."""

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUBDOMAIN_PATTERN = re.compile(_SUBDOMAIN)

_NAMES: dict[str, tuple[re.Pattern[str], int, str]] = {
    "subdomain": (
        re.compile(_SUBDOMAIN),
        NAME_MAX,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "
        rf"regex used for validation is '{_LABEL}(\.{_LABEL})*')",
    ),
    "label": (
        re.compile(_LABEL),
        LABEL_MAX,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
        f"regex used for validation is '{_LABEL}')",
    ),
    "label1035": (
        re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?"),
        LABEL_MAX,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
        "an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ),
    "path": (re.compile(r"(?!\.{1,2}$)[^/%]+"), NAME_MAX, "may not contain '/' or '%'"),
}


def generated_name(base: str) -> str:
    suffix = "".join(secrets.choice(GENERATED_ALPHABET) for _ in range(GENERATED_LENGTH))
    return base[:GENERATED_BASE_MAX] + suffix


def begin(obj: RawObject, namespace: str, *, counts_generations: bool) -> None:
    """The metadata of an object that is about to exist."""
    metadata: RawObject = obj["metadata"]
    for name in SERVER_FIELDS:
        metadata.pop(name, None)
    if namespace:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now()
    if counts_generations:
        metadata["generation"] = 1
    drop_empty(metadata)


def carry_over(obj: RawObject, old: RawObject) -> None:
    """The metadata of an existing object that no client can change."""
    metadata, known = obj["metadata"], old["metadata"]
    for name in ("namespace", *SERVER_FIELDS):
        if name in known:
            metadata[name] = known[name]
        else:
            metadata.pop(name, None)
    if "generateName" in known:
        metadata.setdefault("generateName", known["generateName"])
    drop_empty(metadata)


def drop_empty(metadata: RawObject) -> None:
    """Absent and empty are the same for these; only one of them may be stored."""
    for name in ("labels", "annotations", "ownerReferences", "finalizers", "managedFields"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def check(obj: RawObject, name_pattern: str, namespaced: bool) -> list[Cause]:
    metadata = obj["metadata"]
    causes = _check_name(metadata.get("name", ""), name_pattern)
    if namespaced and not metadata.get("namespace"):
        causes.append(required("metadata.namespace"))
    causes += _check_labels(metadata.get("labels"))
    causes += _check_annotations(metadata.get("annotations"))
    causes += _check_owners(metadata.get("ownerReferences"))
    causes += _check_finalizers(metadata.get("finalizers"))
    return causes


def _check_name(name: str, name_pattern: str) -> list[Cause]:
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    pattern, length_max, why = _NAMES[name_pattern]
    if len(name) > length_max:
        why = f"must be no more than {length_max} bytes"
        return [invalid_value("metadata.name", name, why)]
    if not pattern.fullmatch(name):
        return [invalid_value("metadata.name", name, why)]
    return []


def _check_qualified(field: str, name: object) -> list[Cause]:
    prefix, _, rest = str(name).rpartition("/")
    if prefix and not (_SUBDOMAIN_PATTERN.fullmatch(prefix) and len(prefix) <= NAME_MAX):
        return [
            invalid_value(field, str(name), "prefix part must be a lowercase RFC 1123 subdomain")
        ]
    if len(rest) > LABEL_MAX:
        return [
            invalid_value(field, str(name), f"name part must be no more than {LABEL_MAX} bytes")
        ]
    if not _QUALIFIED.fullmatch(rest):
        why = (
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start "
            "and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
            "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
        return [invalid_value(field, str(name), why)]
    return []


def _check_string_map(field: str, value: object) -> list[Cause]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        return [invalid_value(field, value, "must be a map of strings")]
    return []


def _check_labels(labels: object) -> list[Cause]:
    field = "metadata.labels"
    if not labels:
        return []
    if causes := _check_string_map(field, labels):
        return causes
    assert isinstance(labels, dict)
    for key, value in labels.items():
        causes += _check_qualified(field, key)
        if len(value) > LABEL_MAX:
            causes.append(invalid_value(field, value, f"must be no more than {LABEL_MAX} bytes"))
        elif not _LABEL_VALUE.fullmatch(value):
            why = (
                "a valid label must be an empty string or consist of alphanumeric characters, "
                "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
                "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            )
            causes.append(invalid_value(field, value, why))
    return causes


def _check_annotations(annotations: object) -> list[Cause]:
    field = "metadata.annotations"
    if not annotations:
        return []
    if causes := _check_string_map(field, annotations):
        return causes
    assert isinstance(annotations, dict)
    for key in annotations:
        causes += _check_qualified(field, str(key).lower())
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > ANNOTATIONS_BYTES_MAX:
        causes.append(too_long(field, ANNOTATIONS_BYTES_MAX))
    return causes


def _check_owners(references: object) -> list[Cause]:
    field = "metadata.ownerReferences"
    if not references:
        return []
    if not isinstance(references, list):
        return [invalid_value(field, references, "must be a list")]
    causes = [
        required(f"{field}[{index}].{part}", "must not be empty")
        for index, reference in enumerate(references)
        for part in ("apiVersion", "kind", "name", "uid")
        if not reference.get(part)
    ]
    if sum(bool(reference.get("controller")) for reference in references) > 1:
        why = "Only one reference can have Controller set to true"
        causes.append(invalid_value(field, references, why))
    return causes


def _check_finalizers(finalizers: object) -> list[Cause]:
    field = "metadata.finalizers"
    if not finalizers:
        return []
    if not isinstance(finalizers, list):
        return [invalid_value(field, finalizers, "must be a list")]
    return [cause for name in finalizers for cause in _check_qualified(field, name)]
