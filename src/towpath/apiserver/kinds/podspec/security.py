"""As whom containers run, and what their kernel lets them do.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

import re
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import INT32_MAX, between, local_path, maybe_one_of, named
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    required,
    too_long,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import subdomain_errors
from towpath.machinery.objects import RawObject

PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
PROFILE_PATH_MAX = 4095
SYSCTL_MAX = 253
SYSCTL_FORMAT = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = re.compile(SYSCTL_FORMAT)
PROC_MOUNTS = ("Default", "Unmasked")
POLICIES_OF_PODS = (
    ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
    ("supplementalGroupsPolicy", ("Merge", "Strict")),
    ("seLinuxChangePolicy", ("Recursive",)),
)


def validate_security(
    context: RawObject | None, field: str, *, host_users: bool
) -> Iterator[Cause]:
    """Of a container."""
    if context is None:
        return
    for name in ("runAsUser", "runAsGroup"):
        yield from between(f"{field}.{name}", context.get(name), 0, INT32_MAX)
    yield from maybe_one_of(f"{field}.procMount", context.get("procMount"), PROC_MOUNTS)
    if host_users and context.get("procMount") == "Unmasked":
        words = "`hostUsers` must be false to use `Unmasked`"
        yield invalid_value(f"{field}.procMount", "Unmasked", words)
    yield from _seccomp(context.get("seccompProfile"), f"{field}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        yield from _escalation(context, field)
    yield from _windows(context.get("windowsOptions"), f"{field}.windowsOptions")
    yield from _app_armor(context.get("appArmorProfile"), f"{field}.appArmorProfile")


def _escalation(context: RawObject, field: str) -> Iterator[Cause]:
    begin = "cannot set `allowPrivilegeEscalation` to false and"
    if context.get("privileged"):
        yield invalid_value(field, context, f"{begin} `privileged` to true")
    if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
        yield invalid_value(field, context, f"{begin} `capabilities.Add` CAP_SYS_ADMIN")


def validate_pod_security(spec: RawObject, field: str) -> Iterator[Cause]:
    context = spec.get("securityContext")
    if context is None:
        return
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from between(f"{field}.{name}", context.get(name), 0, INT32_MAX)
    for position, group in enumerate(context.get("supplementalGroups") or ()):
        yield from between(f"{field}.supplementalGroups[{position}]", group, 0, INT32_MAX)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        words = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid_value(f"{field}.shareProcessNamespace", True, words)
    yield from _sysctls(spec, context.get("sysctls") or [], f"{field}.sysctls")
    for name, supported in POLICIES_OF_PODS:
        yield from maybe_one_of(f"{field}.{name}", context.get(name), supported)
    yield from _seccomp(context.get("seccompProfile"), f"{field}.seccompProfile")
    yield from _windows(context.get("windowsOptions"), f"{field}.windowsOptions")
    yield from _app_armor(context.get("appArmorProfile"), f"{field}.appArmorProfile")


def _sysctls(spec: RawObject, settings: list[RawObject], field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for position, setting in enumerate(settings):
        where, name = f"{field}[{position}].name", setting.get("name") or ""
        if not name:
            yield required(where)
        elif len(name) > SYSCTL_MAX or not _SYSCTL.fullmatch(name):
            words = f"must have at most {SYSCTL_MAX} characters and match regex ^{SYSCTL_FORMAT}$"
            yield invalid_value(where, name, words)
        elif name in seen:
            yield duplicate(where, name)
        seen.add(name)
        if spec.get("hostNetwork") and name.replace("/", ".").startswith("net."):
            yield invalid_value(where, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") and name.replace("/", ".").startswith(("kernel.", "fs.mqueue.")):
            yield invalid_value(where, name, "may not be specified when 'hostIPC' is true")


def _profile_type(profile: RawObject, field: str, of: str) -> Iterator[Cause]:
    if not (found := profile.get("type") or ""):
        yield required(f"{field}.type", f"type is required when {of} is set")
    elif found not in PROFILES:
        yield unsupported(f"{field}.type", found, PROFILES)


def _seccomp(profile: RawObject | None, field: str) -> Iterator[Cause]:
    if profile is None:
        return
    yield from _profile_type(profile, field, "seccompProfile")
    where, path = f"{field}.localhostProfile", profile.get("localhostProfile")
    if profile.get("type") != "Localhost":
        if path is not None:
            yield invalid_value(where, profile, "can only be set when seccomp type is Localhost")
    elif path is None:
        yield required(where, "must be set when seccomp type is Localhost")
    else:
        yield from local_path(where, path)


def _app_armor(profile: RawObject | None, field: str) -> Iterator[Cause]:
    if profile is None:
        return
    yield from _profile_type(profile, field, "appArmorProfile")
    where, path = f"{field}.localhostProfile", profile.get("localhostProfile")
    match profile.get("type"):
        case "Localhost":
            if path is not None and path != path.strip():
                yield invalid_value(where, path, "must not be padded with whitespace")
            elif not path:
                yield required(where, "must be set when AppArmor type is Localhost")
            elif len(path) > PROFILE_PATH_MAX:
                yield too_long(where, PROFILE_PATH_MAX)
        case "RuntimeDefault" | "Unconfined" if path is not None:
            yield invalid_value(where, path, "can only be set when AppArmor type is Localhost")


def _windows(options: RawObject | None, field: str) -> Iterator[Cause]:
    """No process of ours runs on Windows: names are looked at as far as their spelling goes."""
    if options is None:
        return
    if (name := options.get("gmsaCredentialSpecName")) is not None:
        yield from named(f"{field}.gmsaCredentialSpecName", name, subdomain_errors(name))
    for empty in ("gmsaCredentialSpec", "runAsUserName"):
        if options.get(empty) == "":
            yield invalid_value(f"{field}.{empty}", "", f"{empty} cannot be an empty string")


def validate_host_processes(spec: RawObject, field: str) -> Iterator[Cause]:
    """On Windows either all containers of a pod are processes of its node, or none is."""

    def says(holder: RawObject) -> bool | None:
        options = (holder.get("securityContext") or {}).get("windowsOptions") or {}
        found: bool | None = options.get("hostProcess")
        return found

    whole, count, on_host = says(spec), 0, 0
    for where, container in containers_in(spec, field):
        count += 1
        own = says(container)
        if whole is not None and own is not None and own != whole:
            words = (
                "pod hostProcess value must be identical if both are specified, was "
                f"{str(whole).lower()}"
            )
            yield invalid_value(f"{where}.securityContext.windowsOptions.hostProcess", own, words)
        on_host += bool(whole if own is None else own)
    if not on_host:
        return
    if on_host != count:
        words = "If pod contains any hostProcess containers then all containers must be HostProcess"
        yield invalid_value(field, "", f"{words} containers")
    if not spec.get("hostNetwork"):
        words = "hostNetwork must be true if pod contains any hostProcess containers"
        yield invalid_value(f"{field}.hostNetwork", False, words)


def containers_in(spec: RawObject, path: str) -> Iterator[tuple[str, RawObject]]:
    """Every container of a pod, and where it stands."""
    for name in ("initContainers", "containers", "ephemeralContainers"):
        for position, container in enumerate(spec.get(name) or ()):
            yield f"{path}.{name}[{position}]", container


_NOT_ON_WINDOWS = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy"),
    *("sysctls", "runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy"),
    *("seLinuxChangePolicy", "capabilities", "readOnlyRootFilesystem", "privileged"),
    *("allowPrivilegeEscalation", "procMount"),
)
_NOT_OF_WINDOWS_PODS = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")


def validate_system(spec: RawObject, path: str) -> Iterator[Cause]:
    """What a pod says of the other operating system."""
    system = (spec.get("os") or {}).get("name")
    holders = [(path, spec), *containers_in(spec, path)]
    for where, holder in holders:
        context, field = holder.get("securityContext") or {}, f"{where}.securityContext"
        if system == "linux" and context.get("windowsOptions") is not None:
            words = "windows options cannot be set for a linux pod"
            yield forbidden(f"{field}.windowsOptions", words)
        for name in _NOT_ON_WINDOWS if system == "windows" else ():
            if context.get(name) not in (None, []):
                yield forbidden(f"{field}.{name}", "cannot be set for a windows pod")
    for name in _NOT_OF_WINDOWS_PODS if system == "windows" else ():
        if spec.get(name) is not None and (spec[name] or name not in ("hostPID", "hostIPC")):
            yield forbidden(f"{path}.{name}", "cannot be set for a windows pod")
