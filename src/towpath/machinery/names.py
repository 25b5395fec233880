"""Which names, labels and annotations the API accepts, and how it says no.

Source of rules and wording: k8s.io/apimachinery/pkg/api/validate/content and
pkg/api/validation/objectmeta.go. Functions return messages; an empty list means valid.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from towpath.machinery.causes import (
    forbidden,
    invalid_value,
    required,
    show,
    too_long,
)
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.remembering import remember_short

Check = Callable[[str], list[str]]

PORT_MAX = 65535
_LABEL_FORMAT = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_FORMAT = rf"{_LABEL_FORMAT}(\.{_LABEL_FORMAT})*"
_SEARCH_LABEL_FORMAT = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH_FORMAT = rf"{_SEARCH_LABEL_FORMAT}(\.{_SEARCH_LABEL_FORMAT})*"
_KEY_FORMAT = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE_FORMAT = f"({_KEY_FORMAT})?"
_DNS1035_FORMAT = "[a-z]([-a-z0-9]*[a-z0-9])?"

_LABEL = re.compile(_LABEL_FORMAT)
_SUBDOMAIN = re.compile(_SUBDOMAIN_FORMAT)
_SEARCH = re.compile(_SEARCH_FORMAT)
_KEY = re.compile(_KEY_FORMAT)
_VALUE = re.compile(_VALUE_FORMAT)
_DNS1035 = re.compile(_DNS1035_FORMAT)

_ENDS = "and must start and end with an alphanumeric character"
_KEY_WORDS = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"

ANNOTATIONS_BYTES_MAX = 256 * 1024


def _regex_words(words: str, pattern: str, *examples: str) -> str:
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{words} (e.g. {listed}regex used for validation is '{pattern}')"


def _length_words(length_max: int, unit: str = "bytes") -> str:
    return f"must be no more than {length_max} {unit}"


def label_errors(text: str) -> list[str]:
    """An RFC 1123 label: names of namespaces and of most things that become a host name."""
    errors = [_length_words(63, "characters")] if len(text) > 63 else []
    if not _LABEL.fullmatch(text):
        if _SUBDOMAIN.fullmatch(text):
            errors.append("must not contain dots")
        else:
            words = (
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
                f"or '-', {_ENDS}"
            )
            errors.append(_regex_words(words, _LABEL_FORMAT, "my-name", "123-abc"))
    return errors


def subdomain_errors(text: str) -> list[str]:
    """An RFC 1123 subdomain: names of nearly everything."""
    errors = [_length_words(253, "characters")] if len(text) > 253 else []
    if not _SUBDOMAIN.fullmatch(text):
        words = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'-' or '.', {_ENDS}"
        )
        errors.append(_regex_words(words, _SUBDOMAIN_FORMAT, "example.com"))
    return errors


def search_domain_errors(text: str) -> list[str]:
    """A domain in which a pod looks names up: a subdomain that may have underscores."""
    errors = [_length_words(253, "characters")] if len(text) > 253 else []
    if not _SEARCH.fullmatch(text):
        words = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'_', '-' or '.', {_ENDS}"
        )
        errors.append(_regex_words(words, _SEARCH_FORMAT, "example.com"))
    return errors


def dns1035_errors(text: str) -> list[str]:
    """An RFC 1035 label: names of services."""
    errors = [_length_words(63, "characters")] if len(text) > 63 else []
    if not _DNS1035.fullmatch(text):
        words = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character"
        )
        errors.append(_regex_words(words, _DNS1035_FORMAT, "my-name", "abc-123"))
    return errors


def path_segment_errors(text: str) -> list[str]:
    """Names of roles and bindings: anything that fits into a URL path."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def qualified_name_errors(text: str) -> list[str]:
    """Keys of labels and annotations, names of finalizers: `[prefix/]name`."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        words = _regex_words(_KEY_WORDS, _KEY_FORMAT, "MyName", "my.name", "123-abc")
        return [
            f"a valid label key {words} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        ]
    errors = []
    if slash and not prefix:
        errors.append("prefix part must be non-empty")
    elif slash:
        errors += [f"prefix part {words}" for words in subdomain_errors(prefix)]
    if not name:
        errors.append("name part must be non-empty")
    elif len(name) > 63:
        errors.append(f"name part {_length_words(63)}")
    if not _KEY.fullmatch(name):
        words = _regex_words(_KEY_WORDS, _KEY_FORMAT, "MyName", "my.name", "123-abc")
        errors.append(f"name part {words}")
    return errors


def label_value_errors(text: str) -> list[str]:
    errors = [_length_words(63)] if len(text) > 63 else []
    if not _VALUE.fullmatch(text):
        words = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', "
            f"'_' or '.', {_ENDS}"
        )
        errors.append(_regex_words(words, _VALUE_FORMAT, "MyValue", "my_value", "12345"))
    return errors


def port_number_errors(port: int) -> list[str]:
    return [] if 1 <= port <= PORT_MAX else [f"must be between 1 and {PORT_MAX}, inclusive"]


def port_name_errors(text: str) -> list[str]:
    errors = [_length_words(15, "characters")] if len(text) > 15 else []
    if not re.fullmatch(r"[-a-z0-9]+", text):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", text):
        errors.append("must contain at least one letter (a-z)")
    if "--" in text:
        errors.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def content_key_errors(text: str) -> list[str]:
    """Keys of ConfigMaps and Secrets."""
    errors = [_length_words(253, "characters")] if len(text) > 253 else []
    if not re.fullmatch(r"[-._a-zA-Z0-9]+", text):
        words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(_regex_words(words, "[-._a-zA-Z0-9]+", "key.name", "KEY_NAME", "key-name"))
    if text == ".":
        errors.append("must not be '.'")
    elif text == "..":
        errors.append("must not be '..'")
    elif text.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def environment_name_errors(text: str) -> list[str]:
    if all(" " <= char <= "~" and char != "=" for char in text):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters "
        "other than '='"
    ]


def address_errors(text: str) -> list[str]:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def network_errors(text: str) -> list[str]:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        valid = False
    else:
        valid = "/" in text
    return [] if valid else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def check_metadata(
    obj: RawObject, *, namespaced: bool, name_errors: Check = subdomain_errors
) -> list[Cause]:
    """Everything that may be wrong with metadata when an object is created."""
    metadata: RawObject = obj.get("metadata") or {}
    causes = generated_name_causes(metadata, name_errors)
    if not metadata.get("name"):
        causes.append(required("metadata.name", "name or generateName is required"))
    else:
        name = metadata["name"]
        causes += [invalid_value("metadata.name", name, each) for each in name_errors(name)]
    generation = metadata.get("generation", 0)
    if isinstance(generation, int) and generation < 0:
        too_small = "must be greater than or equal to 0"
        causes.append(invalid_value("metadata.generation", generation, too_small))
    if namespaced:
        causes += _check_namespace(metadata.get("namespace"))
    elif metadata.get("namespace"):
        causes.append(forbidden("metadata.namespace", "not allowed on this type"))
    return causes + check_metadata_maps(metadata)


def generated_name_causes(metadata: RawObject, name_errors: Check) -> list[Cause]:
    """What the server appends is valid by itself; only the prefix has to be."""
    prefix = metadata.get("generateName") or ""
    words = name_errors(prefix.removesuffix("-") or prefix) if prefix else []
    return [invalid_value("metadata.generateName", prefix, each) for each in words]


def _check_namespace(name: Any) -> list[Cause]:
    if not name:
        return [required("metadata.namespace")]
    return [invalid_value("metadata.namespace", name, each) for each in label_errors(name)]


# The same few keys and values come with every write.
@remember_short(4096)
def _is_qualified_name(key: str) -> bool:
    return not qualified_name_errors(key)


@remember_short(4096)
def _is_label_value(value: str) -> bool:
    return not label_value_errors(value)


def label_causes(labels: RawObject, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in labels.items():
        if not _is_qualified_name(key):
            causes += [invalid_value(field, key, each) for each in qualified_name_errors(key)]
        if not _is_label_value(value):
            causes += [invalid_value(field, value, each) for each in label_value_errors(value)]
    return causes


def annotation_causes(annotations: RawObject, field: str) -> list[Cause]:
    causes: list[Cause] = []
    size = 0
    for key, value in annotations.items():
        # Keys of annotations may be written in capitals.
        causes += [invalid_value(field, key, each) for each in qualified_name_errors(key.lower())]
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_BYTES_MAX:
        causes.append(too_long(field, ANNOTATIONS_BYTES_MAX))
    return causes


def check_metadata_maps(metadata: RawObject) -> list[Cause]:
    """Labels, annotations, owner references and finalizers: checked at every write."""
    causes = _check_maps_and_owners(metadata)
    field: str = "metadata.finalizers"
    finalizers: list[str] = metadata.get("finalizers") or []
    for finalizer in finalizers:
        causes += [
            invalid_value(field, finalizer, each) for each in qualified_name_errors(finalizer)
        ]
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        words = "finalizer orphan and foregroundDeletion cannot be both set"
        causes.append(invalid_value(field, finalizers, words))
    return causes


def _check_maps_and_owners(metadata: RawObject) -> list[Cause]:
    causes = label_causes(metadata.get("labels") or {}, "metadata.labels")
    causes += annotation_causes(metadata.get("annotations") or {}, "metadata.annotations")
    return causes + _check_owners(metadata.get("ownerReferences") or [])


NO_OWNERS = frozenset({("", "v1", "Event")})


def _check_owners(references: list[RawObject]) -> list[Cause]:
    causes: list[Cause] = []
    controllers = []
    for reference in references:
        # A kube-apiserver does not say which of them it means.
        field = "metadata.ownerReferences"
        group, _, version = (reference.get("apiVersion") or "").rpartition("/")
        if not version or "/" in group:
            shown = reference.get("apiVersion") or ""
            causes.append(invalid_value(f"{field}.apiVersion", shown, "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not reference.get(name):
                causes.append(invalid_value(f"{field}.{name}", "", "must not be empty"))
        if (group, version, reference.get("kind")) in NO_OWNERS:
            words = f"{group}/{version}, Kind={reference['kind']} is disallowed from being an owner"
            causes.append(invalid_value(field, reference, words))
        if reference.get("controller"):
            controllers.append(reference)
    if len(controllers) > 1:
        first, second = (f"{owner['kind']}/{owner['name']}" for owner in controllers[:2])
        words = (
            'Only one reference can have Controller set to true. Found "true" in references '
            f"for {first} and {second}"
        )
        causes.append(invalid_value("metadata.ownerReferences", references, words))
    return causes


STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


UNQUALIFIED = "name is neither a standard finalizer name nor is it fully qualified"


def unqualified_finalizers(metadata: RawObject) -> list[Cause]:
    """Built-in kinds want a finalizer's name to say whose it is; kinds of others need not."""
    return [
        invalid_value(f"metadata.finalizers[{position}]", name, UNQUALIFIED)
        for position, name in enumerate(metadata.get("finalizers") or ())
        if not is_qualified_finalizer(name)
    ]


def is_qualified_finalizer(name: str) -> bool:
    return "/" in name or name in STANDARD_FINALIZERS


GONE_FROM_CREATION = ("deletionTimestamp", "deletionGracePeriodSeconds")


def check_metadata_update(obj: RawObject, old: RawObject) -> list[Cause]:
    """What may not change once an object exists, and what has to be right all the same."""
    new_metadata, old_metadata = obj.get("metadata") or {}, old.get("metadata") or {}
    causes: list[Cause] = []
    if old_metadata.get("deletionTimestamp"):
        known = set(old_metadata.get("finalizers") or ())
        added = [name for name in new_metadata.get("finalizers") or () if name not in known]
        if added:
            words = (
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{', '.join(show(name) for name in added)}}}"
            )
            causes.append(forbidden("metadata.finalizers", words))
    for name in ("name", "namespace", "uid", "creationTimestamp", *GONE_FROM_CREATION):
        before, after = old_metadata.get(name), new_metadata.get(name)
        if after is not None and after != before and (before or name in GONE_FROM_CREATION):
            causes.append(invalid_value(f"metadata.{name}", after, "field is immutable"))
    return causes + _check_maps_and_owners(new_metadata)
