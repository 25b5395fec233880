#!/usr/bin/env python3
"""Derive src/towpath/machinery/builtins/tables/*.txt from the published Go types of Kubernetes.

    go mod download k8s.io/api@v0.35.4 k8s.io/apimachinery@v0.35.4 \\
        k8s.io/apiextensions-apiserver@v0.35.4
    python tools/builtin_tables.py

Only facts are taken: names and types of fields, protobuf numbers, list types, keys, merge
strategies, declared defaults. No text of the sources is kept. One line is one field:

    <json name> <protobuf number> <type> [flags]

Flags: `!` required, `*` a pointer in Go (zero values are kept), `+` written also when it is empty
(Go never omits structs, for example), `inline`, `atomic`,
`list=set|atomic|map:k1,k2`, `merge` or `merge=<key>`, `retainKeys`, `=<default as JSON>`,
`as=<name>` for an Any that has a published name of its own,
`enum=<values as JSON>` for a text, or a list of texts, that only has some values.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "v0.35.4"
TABLES = Path(__file__).parent.parent / "src/towpath/machinery/builtins/tables"

PACKAGES = {
    "meta/v1": ("k8s.io/apimachinery", "pkg/apis/meta/v1"),
    "apiextensions/v1": ("k8s.io/apiextensions-apiserver", "pkg/apis/apiextensions/v1"),
    **{
        name: ("k8s.io/api", name)
        for name in (
            *("core/v1", "apps/v1", "batch/v1", "networking/v1", "policy/v1", "autoscaling/v1"),
            *("autoscaling/v2", "discovery/v1", "rbac/v1", "coordination/v1", "events/v1"),
            *("admissionregistration/v1", "admissionregistration/v1beta1"),
            *("node/v1", "resource/v1"),
            *("authentication/v1", "authorization/v1", "flowcontrol/v1"),
            *("scheduling/v1", "storage/v1", "certificates/v1"),
        )
    },
}

ROOTS = {
    "meta/v1": (
        *("DeleteOptions", "Status", "ListMeta", "ObjectMeta", "CreateOptions", "UpdateOptions"),
        *("PatchOptions", "ListOptions", "PartialObjectMetadata"),
        *("APIVersions", "APIGroupList", "APIGroup", "APIResourceList"),
    ),
    "core/v1": (
        *("Namespace", "Node", "Pod", "Service", "Endpoints", "ConfigMap", "Secret", "Event"),
        *("ServiceAccount", "ResourceQuota", "LimitRange", "PersistentVolumeClaim"),
        *("PersistentVolume", "PodTemplate", "ReplicationController"),
    ),
    "apps/v1": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision"),
    "batch/v1": ("Job", "CronJob"),
    "networking/v1": ("Ingress", "IngressClass", "NetworkPolicy", "ServiceCIDR", "IPAddress"),
    "node/v1": ("RuntimeClass",),
    "resource/v1": ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"),
    "policy/v1": ("PodDisruptionBudget", "Eviction"),
    "autoscaling/v1": ("Scale", "HorizontalPodAutoscaler"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "discovery/v1": ("EndpointSlice",),
    "rbac/v1": ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    "coordination/v1": ("Lease",),
    "scheduling/v1": ("PriorityClass",),
    "flowcontrol/v1": ("FlowSchema", "PriorityLevelConfiguration"),
    "storage/v1": (
        *("StorageClass", "CSIDriver", "CSINode", "CSIStorageCapacity", "VolumeAttachment"),
        "VolumeAttributesClass",
    ),
    "events/v1": ("Event",),
    "certificates/v1": ("CertificateSigningRequest",),
    "apiextensions/v1": ("CustomResourceDefinition",),
    "admissionregistration/v1": (
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    ),
    "admissionregistration/v1beta1": (
        *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    ),
    "authentication/v1": ("TokenReview", "TokenRequest", "SelfSubjectReview"),
    "authorization/v1": (
        *("SubjectAccessReview", "SelfSubjectAccessReview", "LocalSubjectAccessReview"),
        "SelfSubjectRulesReview",
    ),
}

SCALARS = {"string", "bool", "int32", "int64", "uint8", "float64", "int"}
SPECIAL = {
    "metav1.Time": "Time",
    "metav1.MicroTime": "MicroTime",
    "metav1.Duration": "string",
    "metav1.FieldsV1": "Any",
    "intstr.IntOrString": "IntOrString",
    "resource.Quantity": "Quantity",
    "runtime.RawExtension": "Any",
    "runtime.Object": "Any",
    "types.UID": "string",
    "JSON": "Any",
    "FieldsV1": "Any",
    "Time": "Time",
    "MicroTime": "MicroTime",
    "JSONSchemaPropsOrArray": "Any",
    "JSONSchemaPropsOrBool": "Any",
    "JSONSchemaPropsOrStringArray": "Any",
    "[]byte": "bytes",
    "int": "int64",
}
ALIASES = {
    "v1": "core/v1",
    "corev1": "core/v1",
    "apiv1": "core/v1",
    "metav1": "meta/v1",
    "authenticationv1": "authentication/v1",
    "rbacv1": "rbac/v1",
    "types": "",
}
FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.\[\]*]+)\s+`([^`]*)`")
CONSTANT = re.compile(
    r'^\s*(?:const )?\w+\s+(?P<type>\w+)\s*=\s*"(?P<value>[^"]*)"'
    r'|^\s*\w+\s*=\s*(?P<called>\w+)\("(?P<given>[^"]*)"\)'
)
TAG = re.compile(r'(\w+):"([^"]*)"')


@dataclass
class Struct:
    lines: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)


@dataclass
class Package:
    name: str
    structs: dict[str, Struct] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    atomic: set[str] = field(default_factory=set)
    enums: dict[str, set[str]] = field(default_factory=dict)
    raw: dict[str, list[tuple[list[str], str, str, dict[str, str]]]] = field(default_factory=dict)


def source_folder(module: str, folder: str) -> Path:
    cache = subprocess.run(["go", "env", "GOMODCACHE"], check=True, capture_output=True, text=True)  # noqa: S607
    return Path(cache.stdout.strip()) / f"{module}@{VERSION}" / folder


def parse(name: str, folder: Path) -> Package:
    package = Package(name)
    for path in sorted(folder.glob("types*.go")) + sorted(folder.glob("*_types.go")):
        if "generated" not in path.name and not path.name.endswith("_test.go"):
            parse_file(package, path.read_text())
    return package


def parse_file(package: Package, text: str) -> None:
    comments: list[str] = []
    constants: list[tuple[str, str]] = []
    struct = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("//"):
            comments.append(stripped[2:].strip())
            continue
        if struct:
            if line.startswith("}"):
                struct = ""
            elif (found := FIELD.match(line)) is not None:
                tags = dict(TAG.findall(found[3]))
                package.raw[struct].append((comments, found[1] or "", found[2], tags))
        elif (found := re.match(r"type (\w+) struct\s*\{", line)) is not None:
            struct = "" if line.endswith("{}") else found[1]
            package.raw[found[1]] = []
            if "+structType=atomic" in comments:
                package.atomic.add(found[1])
        elif (found := re.match(r"type (\w+) (=\s*)?([\w.\[\]*]+)", line)) is not None:
            package.named[found[1]] = found[3]
            if "+enum" in comments:
                package.enums[found[1]] = set()
        elif (found := CONSTANT.match(line)) is not None:
            constants.append(
                (found["type"] or found["called"], found["value"] or found["given"] or "")
            )
        comments = []
    for enum, value in constants:
        if enum in package.enums:
            package.enums[enum].add(value)


def resolve(packages: dict[str, Package], package: str, go_type: str) -> str:
    """A Go type in the tables' words, named types of scalars resolved."""
    go_type = go_type.removeprefix("*")
    if go_type in SPECIAL and not (go_type == "JSON" and package != "apiextensions/v1"):
        return SPECIAL[go_type]
    if go_type in SCALARS:
        return go_type
    if go_type.startswith("[]"):
        return "[]" + resolve(packages, package, go_type[2:])
    if (found := re.match(r"map\[[\w.]+\](.*)", go_type)) is not None:
        return "map:" + resolve(packages, package, found[1])
    prefix, _, name = go_type.rpartition(".")
    home = ALIASES[prefix] if prefix else package
    if prefix == "v1" and package.endswith("/v1beta1"):
        home = package.replace("v1beta1", "v1")
    if not home:
        return "string"
    if name in packages[home].named:
        return resolve(packages, home, packages[home].named[name])
    if f"{home}:{name}" == "meta/v1:FieldsV1":
        return "Any"
    return name if home == package else f"{home}.{name}"


def bare(resolved: str) -> str:
    """What is in the lists and maps."""
    return resolved.replace("[]", "").replace("map:", "")


def convert(packages: dict[str, Package], package: Package, name: str) -> Struct:
    result = Struct()
    if name in package.named:
        raise KeyError(f"{package.name}.{name} is only another name")
    for comments, go_name, go_type, tags in package.raw[name]:
        json_name, *options = tags.get("json", "").split(",")
        is_inline = "inline" in options
        if go_type.endswith("TypeMeta") or (not json_name and not is_inline) or json_name == "-":
            continue
        number = tags.get("protobuf", ",0").split(",")[1]
        if not number.isdigit():
            continue
        resolved = resolve(packages, package.name, go_type)
        json_name = json_name or go_name or resolved.rpartition(".")[2]
        flags = field_flags(comments, go_type, resolved, options, tags, is_inline)
        published = re.split(r"[.\]*]", package.named.get(go_type, go_type))[-1]
        if bare(resolved) == "Any" and published not in ("RawExtension", "Object"):
            flags.append(f"as={published}")
        if values := enum_values(packages, package.name, go_type):
            flags.append("enum=" + json.dumps(sorted(values), separators=(",", ":")))
        result.lines.append(" ".join([f" {json_name}", number, resolved, *flags]))
        used = bare(resolved)
        if used[0].isupper() and used not in (
            "Time",
            "MicroTime",
            "Any",
            "Quantity",
            "IntOrString",
        ):
            used = f"{package.name}.{used}"
        if "." in used:
            result.uses.add(used)
    return result


def field_flags(
    comments: list[str],
    go_type: str,
    resolved: str,
    options: list[str],
    tags: dict[str, str],
    is_inline: bool,
) -> list[str]:
    marks = dict(
        mark[1:].split("=", 1) for mark in comments if mark.startswith("+") and "=" in mark
    )
    flags = []
    if is_inline:
        flags.append("inline")
    elif "+required" in comments or not {"omitempty", "+optional"} & {*options, *comments}:
        flags.append("!")
    if go_type.startswith("*"):
        flags.append("*")
    if not is_inline and is_always_written(go_type, resolved, options):
        flags.append("+")
    if resolved.startswith("[]"):
        keys = [mark.partition("=")[2] for mark in comments if mark.startswith("+listMapKey=")]
        list_type = marks.get("listType", "")
        if list_type == "map":
            flags.append("list=map:" + ",".join(keys))
        elif list_type:
            flags.append(f"list={list_type}")
    if marks.get("mapType") == "atomic" or marks.get("structType") == "atomic":
        flags.append("atomic")
    strategy = tags.get("patchStrategy", "").split(",")
    if "merge" in strategy:
        key = tags.get("patchMergeKey", "")
        flags.append(f"merge={key}" if key else "merge")
    if "retainKeys" in strategy:
        flags.append("retainKeys")
    if "default" in marks and not marks["default"].startswith("ref("):
        flags.append("=" + marks["default"])
    return flags


def enum_values(packages: dict[str, Package], package: str, go_type: str) -> set[str]:
    prefix, _, name = go_type.lstrip("[]*").rpartition(".")
    home = ALIASES.get(prefix, "") if prefix else package
    if prefix == "v1" and package.endswith("/v1beta1"):
        home = package.replace("v1beta1", "v1")
    return packages[home].enums.get(name, set()) if home else set()


def is_always_written(go_type: str, resolved: str, options: list[str]) -> bool:
    is_struct = resolved not in SCALARS | {"bytes"} and not resolved.startswith(("[]", "map:"))
    if "omitzero" in options:
        return False
    return "omitempty" not in options or (is_struct and not go_type.startswith("*"))


def reachable(packages: dict[str, Package]) -> dict[str, dict[str, Struct]]:
    waiting = [f"{package}.{name}" for package, names in ROOTS.items() for name in names]
    found: dict[str, dict[str, Struct]] = {package: {} for package in PACKAGES}
    while waiting:
        package_name, _, name = waiting.pop().rpartition(".")
        if name in found[package_name]:
            continue
        struct = convert(packages, packages[package_name], name)
        found[package_name][name] = struct
        waiting.extend(struct.uses)
    return found


def main() -> int:
    packages = {
        name: parse(name, source_folder(module, folder))
        for name, (module, folder) in PACKAGES.items()
    }
    TABLES.mkdir(parents=True, exist_ok=True)
    for package, structs in reachable(packages).items():
        module = PACKAGES[package][0]
        lines = [f"# Facts of {module} {VERSION}, {package}. Made by tools/builtin_tables.py."]
        for name in sorted(structs):
            atomic = " atomic" if name in packages[package].atomic else ""
            lines += [f"{name}{atomic}", *structs[name].lines]
        (TABLES / f"{package.replace('/', '_')}.txt").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
