"""What a CustomResourceDefinition may say: its names, versions, columns, paths and conversion.

Source: apiextensions-apiserver's validation. A kube-apiserver keeps what all versions have in
common at an older place, and names it there.
"""

import re
from collections.abc import Iterator, Sequence

from towpath.apiserver.kinds.admission.client_configs import check_client
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    required,
    too_many,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import dns1035_errors, subdomain_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas import structural_errors
from towpath.machinery.schemas.fieldpaths import PathInvalid, resolve

SCOPES = ("Cluster", "Namespaced")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = (*("byte", "date", "date-time", "double", "float", "int32", "int64", "password"),)
STRATEGIES = ("None", "Webhook")
REVIEW_VERSIONS = ("v1", "v1beta1")
SELECTABLE_MAX = 8
DEPRECATION_CHARACTERS_MAX = 256
APPROVAL = "api-approved.kubernetes.io"
_PROTECTED = re.compile(r"(.*\.)?(k8s|kubernetes)\.io\Z")
Causes = Iterator[Cause]


def definition_causes(spec: RawObject, old: RawObject | None) -> Causes:
    versions: list[RawObject] = spec.get("versions") or []
    yield from _group(spec.get("group") or "")
    if not spec.get("scope"):
        yield required("spec.scope")
    elif spec["scope"] not in SCOPES:
        yield unsupported("spec.scope", spec["scope"], SCOPES)
    before = {one["name"]: one for one in (old or {}).get("versions") or ()}
    for index, version in enumerate(versions):
        yield from _version(spec, version, index, before.get(version.get("name") or ""))
    if versions and (first := versions[0].get("name")) and (errors := dns1035_errors(first)):
        yield invalid_value("spec.version", first, ",".join(errors))
    names = [version.get("name") for version in versions]
    if len(set(names)) != len(names):
        yield invalid_value("spec.versions", versions, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        words = "must have exactly one version marked as storage version"
        yield invalid_value("spec.versions", versions, words)
    yield from _stored(versions)
    yield from _names(spec.get("names") or {}, "spec.names")
    yield from _conversion(spec.get("conversion") or {}, "spec.conversion")
    if spec.get("preserveUnknownFields"):
        words = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        yield invalid_value("spec.preserveUnknownFields", True, words)


def _group(group: str) -> Causes:
    if not group:
        yield required("spec.group")
    elif errors := subdomain_errors(group):
        yield invalid_value("spec.group", group, ",".join(errors))
    elif "." not in group:
        yield invalid_value("spec.group", group, "should be a domain with at least one dot")


def _names(names: RawObject, field: str) -> Causes:
    for name in ("plural", "singular", "kind", "listKind"):
        if not names.get(name):
            yield required(f"{field}.{name}")
    for name in ("plural", "singular"):
        if (found := names.get(name)) and (errors := dns1035_errors(found)):
            yield invalid_value(f"{field}.{name}", found, ",".join(errors))
    for name in ("kind", "listKind"):
        if (found := names.get(name)) and (errors := dns1035_errors(found.lower())):
            words = "may have mixed case, but should otherwise match: " + ",".join(errors)
            yield invalid_value(f"{field}.{name}", found, words)
    for name in ("shortNames", "categories"):
        for index, found in enumerate(names.get(name) or ()):
            if errors := dns1035_errors(found):
                yield invalid_value(f"{field}.{name}[{index}]", found, ",".join(errors))
        if name == "shortNames" and names.get("kind") and names["kind"] == names.get("listKind"):
            words = "kind and listKind may not be the same"
            yield invalid_value(f"{field}.listKind", names["listKind"], words)


# -- versions ------------------------------------------------------------------------------------


def _place(spec: RawObject, index: int, name: str, common: str) -> str:
    """Where errors about a version's part are: one place when all versions agree."""
    parts = [version.get(name) for version in spec["versions"]]
    same = all(part == parts[0] for part in parts)
    return f"spec.{common}" if same else f"spec.versions[{index}].{name}"


def _stored(versions: list[RawObject]) -> Iterator[Cause]:
    """Of several versions that are to be stored the first is."""
    wanted = [version for version in versions if version.get("storage")]
    known = {version.get("name") for version in wanted[:1]}
    if not wanted:
        words = "must have at least one stored version"
        yield invalid_value("status.storedVersions", None, words)
    for version in versions:
        name = version.get("name")
        if version.get("storage") and name not in known:
            words = f"must have the storage version {name}"
            yield invalid_value("status.storedVersions", version, words)
        known.discard(name)


def _version(spec: RawObject, version: RawObject, index: int, old: RawObject | None) -> Causes:
    field = f"spec.versions[{index}]"
    name = version.get("name") or ""
    if errors := dns1035_errors(name):
        yield invalid_value(f"{field}.name", name, ",".join(errors))
    yield from _deprecation(version, f"{field}.deprecationWarning")
    shared = index > 0
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    place = _place(spec, index, "schema", "validation")
    if schema is None:
        yield required(f"{field}.schema.openAPIV3Schema")
    elif not (shared and place == "spec.validation"):
        unchanged = old is not None and old.get("schema") == version.get("schema")
        statuses = "status" in (version.get("subresources") or {})
        where = f"{place}.openAPIV3Schema"
        yield from structural_errors(schema, where, costs=not unchanged, has_status=statuses)
    for part, common, check in (
        ("subresources", "subresources", _subresources),
        ("additionalPrinterColumns", "additionalPrinterColumns", _columns),
    ):
        place = _place(spec, index, part, common)
        if version.get(part) and not (shared and place == f"spec.{common}"):
            yield from check(version[part], place)
    place = _place(spec, index, "selectableFields", "selectableFields")
    fields = version.get("selectableFields")
    if fields and not (shared and place == "spec.selectableFields"):
        yield from _selectable(fields, schema or {}, place)


def _deprecation(version: RawObject, field: str) -> Causes:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        yield invalid_value(field, warning, "can only be set for deprecated versions")
        return
    if len(warning.encode()) > DEPRECATION_CHARACTERS_MAX:
        words = f"must be <= {DEPRECATION_CHARACTERS_MAX} characters long"
        yield invalid_value(field, warning, words)
    if not warning:
        yield invalid_value(field, warning, "must not be an empty string")
    place = next((at for at, char in enumerate(warning) if not char.isprintable()), None)
    if place is not None:
        words = (
            "must only contain printable UTF-8 characters; non-printable character found at index "
            f"{place}"
        )
        yield invalid_value(field, warning, words)


def _simple_path(path: str, field: str) -> Causes:
    if not path.startswith("."):
        yield invalid_value(field, path, "must be a simple json path starting with .")


def _subresources(subresources: RawObject, field: str) -> Causes:
    scale = subresources.get("scale")
    if scale is None:
        return
    for name, below, words in (
        ("specReplicasPath", (".spec.",), "should be a json path under .spec"),
        ("statusReplicasPath", (".status.",), "should be a json path under .status"),
        (
            "labelSelectorPath",
            (".spec.", ".status."),
            "should be a json path under either .spec or .status",
        ),
    ):
        path, where = scale.get(name) or "", f"{field}.scale.{name}"
        if not path:
            if name != "labelSelectorPath":
                yield required(where)
        elif causes := [*_simple_path(path, where)]:
            yield from causes
        elif not path.startswith(below):
            yield invalid_value(where, path, words)


def _columns(columns: Sequence[RawObject], field: str) -> Causes:
    for index, column in enumerate(columns):
        where = f"{field}[{index}]"
        if not column.get("name"):
            yield required(f"{where}.name")
        kind, shape = column.get("type") or "", column.get("format") or ""
        words = f"must be one of {','.join(COLUMN_TYPES)}"
        if not kind:
            yield required(f"{where}.type", words)
        elif kind not in COLUMN_TYPES:
            yield invalid_value(f"{where}.type", kind, words)
        if shape and shape not in COLUMN_FORMATS:
            words = f"must be one of {','.join(COLUMN_FORMATS)}"
            yield invalid_value(f"{where}.format", shape, words)
        if not column.get("jsonPath"):
            yield required(f"{where}.JSONPath")
        else:
            yield from _simple_path(column["jsonPath"], f"{where}.JSONPath")


def _selectable(fields: Sequence[RawObject], schema: RawObject, field: str) -> Causes:
    known: set[str] = set()
    for index, selectable in enumerate(fields):
        where, path = f"{field}[{index}].jsonPath", selectable.get("jsonPath") or ""
        if not path:
            yield required(where)
            continue
        try:
            printed, found = resolve(path, schema, brackets=False)
        except PathInvalid as error:
            yield invalid_value(where, path, f"is an invalid path: {error}")
            continue
        if printed.partition(".")[0] == "metadata":
            yield invalid_value(where, path, "must not point to fields in metadata")
        if found.get("type") not in ("string", "boolean", "integer"):
            words = (
                "must point to a field of type string, boolean or integer. Enum string fields and "
                "strings with formats are allowed."
            )
            yield invalid_value(where, path, words)
        if printed in known:
            yield duplicate(where, path)
        known.add(printed)
    if len(known) > SELECTABLE_MAX:
        yield too_many(field, len(known), SELECTABLE_MAX)


# -- conversion ----------------------------------------------------------------------------------


def _conversion(conversion: RawObject, field: str) -> Causes:
    strategy = conversion.get("strategy", "None")
    webhook = conversion.get("webhook")
    config = (webhook or {}).get("clientConfig")
    versions = (webhook or {}).get("conversionReviewVersions") or []
    if not strategy:
        yield required(f"{field}.strategy")
    elif strategy not in STRATEGIES:
        yield unsupported(f"{field}.strategy", strategy, STRATEGIES)
    if strategy != "Webhook":
        if config is not None:
            words = "should not be set when strategy is not set to Webhook"
            yield forbidden(f"{field}.webhookClientConfig", words)
        if versions:
            words = "should not be set when strategy is not set to Webhook"
            yield forbidden(f"{field}.conversionReviewVersions", words)
        return
    if config is None:
        words = "required when strategy is set to Webhook"
        yield required(f"{field}.webhookClientConfig", words)
    else:
        yield from check_client(f"{field}.webhookClientConfig", config)
    yield from _review_versions(versions, f"{field}.conversionReviewVersions")


def _review_versions(versions: list[str], field: str) -> Causes:
    if not versions:
        yield required(field)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid_value(f"{field}[{index}]", version, "duplicate version")
            continue
        for words in dns1035_errors(version):
            yield invalid_value(f"{field}[{index}]", version, words)
    if not set(versions) & set(REVIEW_VERSIONS):
        words = f"must include at least one of {', '.join(REVIEW_VERSIONS)}"
        yield invalid_value(field, versions, words)


# -- changes -------------------------------------------------------------------------------------


def change_causes(spec: RawObject, old: RawObject, *, established: bool) -> Causes:
    """What other objects depend on never changes."""
    fields = [("spec.group", ("group",)), ("spec.names.plural", ("names", "plural"))]
    if established:
        fields = [("spec.scope", ("scope",)), ("spec.names.kind", ("names", "kind")), *fields]
    for field, steps in fields:
        new, before = spec, old
        for step in steps:
            new, before = new.get(step) or {}, before.get(step) or {}
        if new != before:
            yield invalid_value(field, new, "field is immutable")


def stored_version_causes(stored: Sequence[str], versions: Sequence[RawObject]) -> Causes:
    """Nothing may be stored in a version that nobody can read any more."""
    names = {version.get("name") for version in versions}
    for index, version in enumerate(stored):
        if version not in names:
            words = (
                f"missing from spec.versions; {version} was previously a storage version, and must "
                "remain in spec.versions until a storage migration ensures no data remains "
                f"persisted in {version} and removes {version} from status.storedVersions"
            )
            yield invalid_value(f"status.storedVersions[{index}]", version, words)


def approval_causes(obj: RawObject) -> Causes:
    """Kubernetes' own groups need a word that somebody has looked at the API."""
    group = (obj.get("spec") or {}).get("group") or ""
    if _PROTECTED.match(group) is None:
        return
    field = f"metadata.annotations[{APPROVAL}]"
    reference = "see https://github.com/kubernetes/enhancements/pull/1111"
    approval = (obj["metadata"].get("annotations") or {}).get(APPROVAL)
    if approval is None:
        words = f'protected groups must have approval annotation "{APPROVAL}", {reference}'
        yield required(field, words)
    elif not approval.startswith(("https://", "http://", "unapproved")):
        words = (
            f'protected groups must have approval annotation "{APPROVAL}" with either a URL or a '
            f'reason starting with "unapproved", {reference}'
        )
        yield invalid_value(field, approval, words)
