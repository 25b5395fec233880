"""The specs of pods and of templates of pods: defaults, and what is refused.

The same functions serve every kind that carries a template; paths in causes begin where the
caller says. Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import (
    GREATER_THAN_ZERO,
    INT32_MAX,
    between,
    maybe_one_of,
    named,
    one_of,
)
from towpath.apiserver.kinds.podspec.affinity import affinity_causes, label_key_causes
from towpath.apiserver.kinds.podspec.containers import validate_containers
from towpath.apiserver.kinds.podspec.handlers import PROBES
from towpath.apiserver.kinds.podspec.images import pull_policy
from towpath.apiserver.kinds.podspec.resources import validate_pod_resources, validate_resources
from towpath.apiserver.kinds.podspec.security import (
    containers_in,
    validate_host_processes,
    validate_pod_security,
    validate_system,
)
from towpath.apiserver.kinds.podspec.volumes import validate_volumes
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    required,
    too_long,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    address_errors,
    annotation_causes,
    label_causes,
    label_errors,
    label_value_errors,
    qualified_name_errors,
    search_domain_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

GRACE_PERIOD_S = 30
FILE_MODE = 0o644
TOKEN_S = 3600
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
NAMESERVERS_MAX, SEARCHES_MAX, SEARCH_LENGTH_MAX = 3, 32, 2048
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
NODE_POLICIES = ("Honor", "Ignore")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SYSTEMS = ("linux", "windows")
HOSTNAME_MAX = 64
NAMED_FIELDS = (
    ("serviceAccountName", subdomain_errors),
    ("nodeName", subdomain_errors),
    ("hostname", label_errors),
    ("subdomain", label_errors),
    ("priorityClassName", subdomain_errors),
)
FILES = ("secret", "configMap", "projected", "downwardAPI")
SWITCHED_OFF = ("workloadRef",)


def default_pod_spec(spec: RawObject) -> None:
    _fill(spec, "restartPolicy", "Always")
    _fill(spec, "dnsPolicy", "ClusterFirst")
    _fill(spec, "schedulerName", "default-scheduler")
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = GRACE_PERIOD_S
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        # The second is the older name.
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for _, container in containers_in(spec, ""):
        _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def default_template(spec: RawObject) -> None:
    """The template of what makes pods."""
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        default_pod_spec(template["spec"])


def prepare_template(holder: RawObject) -> None:
    prepare_pod_spec((holder.get("template") or {}).get("spec") or {})


def prepare_pod_spec(spec: RawObject) -> None:
    """Fields of features that Kubernetes has switched off are dropped."""
    for name in SWITCHED_OFF:
        spec.pop(name, None)
    for _, container in containers_in(spec, ""):
        (container.get("lifecycle") or {}).pop("stopSignal", None)


def _fill(holder: RawObject, name: str, default: str) -> None:
    """An empty text is none."""
    if not holder.get(name):
        holder[name] = default


def _default_container(container: RawObject) -> None:
    _fill(container, "terminationMessagePath", "/dev/termination-log")
    _fill(container, "terminationMessagePolicy", "File")
    _fill(container, "imagePullPolicy", pull_policy(container.get("image") or ""))
    if container.get("resources") is None:
        container["resources"] = {}
    for port in container.get("ports") or ():
        _fill(port, "protocol", "TCP")
    for variable in container.get("env") or ():
        _default_field_reference(variable.get("valueFrom") or {})
    for name in PROBES:
        if (probe := container.get(name)) is not None:
            _default_probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _default_http_get(hook)


def _default_field_reference(holder: RawObject) -> None:
    if (field := holder.get("fieldRef")) is not None:
        _fill(field, "apiVersion", "v1")


def _default_probe(probe: RawObject) -> None:
    for name, default in (
        *(("timeoutSeconds", 1), ("periodSeconds", 10)),
        *(("successThreshold", 1), ("failureThreshold", 3)),
    ):
        if not probe.get(name):
            probe[name] = default
    if (grpc := probe.get("grpc")) is not None:
        grpc.setdefault("service", "")
    _default_http_get(probe)


def _default_http_get(handler: RawObject) -> None:
    if (http := handler.get("httpGet")) is not None:
        _fill(http, "path", "/")
        _fill(http, "scheme", "HTTP")


def _default_volume(volume: RawObject) -> None:
    if all(volume[name] is None for name in volume if name != "name"):
        volume["emptyDir"] = {}
    if (path := volume.get("hostPath")) is not None:
        path.setdefault("type", "")
    for name in FILES:
        if (source := volume.get(name)) is not None:
            source.setdefault("defaultMode", FILE_MODE)
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _default_field_reference(item)
    for projection in (volume.get("projected") or {}).get("sources") or ():
        for item in (projection.get("downwardAPI") or {}).get("items") or ():
            _default_field_reference(item)
        if (token := projection.get("serviceAccountToken")) is not None:
            token.setdefault("expirationSeconds", TOKEN_S)
    for name, defaults in DEFAULTS_OF_DISKS.items():
        if (source := volume.get(name)) is not None:
            for field, default in defaults.items():
                if source.get(field) in (None, ""):
                    source[field] = default
    if (image := volume.get("image")) is not None:
        _fill(image, "pullPolicy", pull_policy(image.get("reference") or ""))
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is not None:
        template.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


DEFAULTS_OF_DISKS: dict[str, RawObject] = {
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {
        "cachingMode": "ReadWrite",
        "kind": "Shared",
        "fsType": "ext4",
        "readOnly": False,
    },
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def validate_template(template: RawObject, path: str) -> Iterator[Cause]:
    """The metadata and the spec of a pod template."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    yield from label_causes(metadata.get("labels") or {}, f"{path}.labels")
    yield from annotation_causes(metadata.get("annotations") or {}, f"{path}.annotations")
    yield from validate_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        words = "ephemeral containers not allowed in pod template"
        yield forbidden(f"{path}.spec.ephemeralContainers", words)


def validate_pod_spec(spec: RawObject, path: str, *, of_pod: bool = False) -> Iterator[Cause]:
    """In the order of a kube-apiserver."""
    causes: list[Cause] = []
    volumes = validate_volumes(spec, path, causes)
    yield from causes
    yield from _claims(spec.get("resourceClaims") or [], f"{path}.resourceClaims")
    yield from validate_containers(spec, path, volumes)
    claims = tuple(claim.get("name") or "" for claim in spec.get("resourceClaims") or ())
    yield from validate_pod_resources(spec, f"{path}.resources", claims)
    yield from _ports_of_host(spec, path, of_pod=of_pod)
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), DNS_POLICIES)
    yield from label_causes(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from validate_pod_security(spec, f"{path}.securityContext")
    yield from affinity_causes(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _dns(spec, f"{path}.dnsConfig")
    yield from _gates(spec, path)
    yield from _spreads(spec, f"{path}.topologySpreadConstraints")
    yield from validate_host_processes(spec, path)
    yield from _own_users(spec, path)
    yield from _own_hostname(spec, f"{path}.hostnameOverride")
    for name, errors in NAMED_FIELDS:
        if text := spec.get(name):
            yield from named(f"{path}.{name}", text, errors(text))
    yield from between(
        f"{path}.activeDeadlineSeconds", spec.get("activeDeadlineSeconds"), 1, INT32_MAX
    )
    for position, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _toleration(toleration, f"{path}.tolerations[{position}]")
    yield from _aliases(spec, f"{path}.hostAliases")
    if (text := spec.get("runtimeClassName")) is not None:
        yield from named(f"{path}.runtimeClassName", text, subdomain_errors(text))
    if (policy := spec.get("preemptionPolicy")) is not None:
        yield from one_of(f"{path}.preemptionPolicy", policy, PREEMPTION_POLICIES)
    overhead = {"limits": spec.get("overhead")}
    yield from validate_resources(overhead, f"{path}.overhead")
    yield from _system(spec, path)


def _claims(claims: list[RawObject], field: str) -> Iterator[Cause]:
    """Devices that the pod claims."""
    seen: set[str] = set()
    for position, claim in enumerate(claims):
        where, name = f"{field}[{position}]", claim.get("name") or ""
        if not name:
            yield required(f"{where}.name")
        elif name in seen:
            yield duplicate(f"{where}.name", name)
        else:
            yield from named(f"{where}.name", name, label_errors(name))
            seen.add(name)
        given = [one for one in CLAIM_SOURCES if claim.get(one) is not None]
        if len(given) > 1:
            words = f"at most one of `{CLAIM_SOURCES[0]}` or `{CLAIM_SOURCES[1]}` may be specified"
            yield invalid_value(where, claim, words)
        if not given:
            words = f"must specify one of: `{CLAIM_SOURCES[0]}`, `{CLAIM_SOURCES[1]}`"
            yield invalid_value(where, claim, words)
        for one in given:
            yield from named(f"{where}.{one}", claim[one], subdomain_errors(claim[one]))


CLAIM_SOURCES = ("resourceClaimName", "resourceClaimTemplateName")


def _ports_of_host(spec: RawObject, path: str, *, of_pod: bool) -> Iterator[Cause]:
    for position, container in enumerate(
        spec.get("containers") or () if spec.get("hostNetwork") else ()
    ):
        for index, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort", 0)
            if (of_pod or host) and host != port.get("containerPort", 0):
                field = f"{path}.containers[{position}].ports[{index}].hostPort"
                words = "must match `containerPort` when `hostNetwork` is true"
                yield invalid_value(field, host, words)


def _dns(spec: RawObject, field: str) -> Iterator[Cause]:
    config = spec.get("dnsConfig")
    servers = (config or {}).get("nameservers") or []
    if spec.get("dnsPolicy") == "None" and config is None:
        yield required(field, "must provide `dnsConfig` when `dnsPolicy` is None")
        return
    if spec.get("dnsPolicy") == "None" and not servers:
        words = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        yield required(f"{field}.nameservers", words)
        return
    if len(servers) > NAMESERVERS_MAX:
        words = f"must not have more than {NAMESERVERS_MAX} nameservers"
        yield invalid_value(f"{field}.nameservers", servers, words)
    for position, server in enumerate(servers):
        yield from named(f"{field}.nameservers[{position}]", server, address_errors(server))
    searches = (config or {}).get("searches") or []
    where = f"{field}.searches"
    if len(searches) > SEARCHES_MAX:
        yield invalid_value(where, searches, f"must not have more than {SEARCHES_MAX} search paths")
    if len(" ".join(searches)) > SEARCH_LENGTH_MAX:
        words = (
            f"must not have more than {SEARCH_LENGTH_MAX} characters (including spaces) in the "
            "search list"
        )
        yield invalid_value(where, searches, words)
    for position, search in enumerate(searches):
        domain = search.removesuffix(".")
        if search != ".":
            yield from named(f"{where}[{position}]", domain, search_domain_errors(domain))
    for position, option in enumerate((config or {}).get("options") or ()):
        if not option.get("name"):
            yield required(f"{field}.options[{position}]", "must not be empty")


def _gates(spec: RawObject, path: str) -> Iterator[Cause]:
    for position, gate in enumerate(spec.get("readinessGates") or ()):
        field, name = f"{path}.readinessGates[{position}]", gate.get("conditionType") or ""
        yield from named(f"{field}.conditionType", name, qualified_name_errors(name))
    seen: set[str] = set()
    for position, gate in enumerate(spec.get("schedulingGates") or ()):
        field, name = f"{path}.schedulingGates[{position}]", gate.get("name") or ""
        yield from named(field, name, qualified_name_errors(name))
        if name in seen:
            yield duplicate(field, name)
        seen.add(name)


def _spreads(spec: RawObject, field: str) -> Iterator[Cause]:
    constraints = spec.get("topologySpreadConstraints") or []
    for position, constraint in enumerate(constraints):
        where = f"{field}[{position}]"
        yield from _spread(constraint, where)
        pair = _pair(constraint)
        if any(_pair(later) == pair for later in constraints[position + 1 :]):
            shown = f"{{{pair[0]}, {pair[1]}}}"
            yield duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", shown)


def _pair(constraint: RawObject) -> tuple[str, str]:
    return constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""


def _spread(constraint: RawObject, field: str) -> Iterator[Cause]:
    if constraint.get("maxSkew", 0) <= 0:
        yield invalid_value(f"{field}.maxSkew", constraint.get("maxSkew", 0), GREATER_THAN_ZERO)
    key, found = _pair(constraint)
    if not key:
        yield required(f"{field}.topologyKey", "can not be empty")
    else:
        yield from named(f"{field}.topologyKey", key, qualified_name_errors(key))
    yield from maybe_one_of(f"{field}.whenUnsatisfiable", found, UNSATISFIABLE)
    domains = constraint.get("minDomains")
    if domains is not None and domains <= 0:
        yield invalid_value(f"{field}.minDomains", domains, GREATER_THAN_ZERO)
    if domains is not None and found != "DoNotSchedule":
        words = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {found}"
        yield invalid_value(f"{field}.minDomains", domains, words)
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        yield from maybe_one_of(f"{field}.{name}", constraint.get(name), NODE_POLICIES)
    selector, keys = constraint.get("labelSelector"), constraint.get("matchLabelKeys") or []
    yield from label_key_causes(keys, [], selector, field)
    if selector is not None:
        yield from selector_causes(selector, f"{field}.labelSelector")


def _own_users(spec: RawObject, path: str) -> Iterator[Cause]:
    """Users of its own fit a pod only that shares no namespace with its node."""
    if spec.get("hostUsers") is not False:
        return
    words = "when `hostUsers` is false"
    for name, shown in (("hostNetwork",) * 2, ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(name):
            yield forbidden(f"{path}.{shown}", words)
    for where, container in containers_in(spec, path):
        if container.get("volumeDevices"):
            yield forbidden(f"{where}.volumeDevices", words)


def _own_hostname(spec: RawObject, field: str) -> Iterator[Cause]:
    name = spec.get("hostnameOverride")
    if name is None:
        return
    for other in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(other):
            yield forbidden(field, f"may not be specified when {other} is true")
    if len(name) > HOSTNAME_MAX:
        yield too_long(field, HOSTNAME_MAX)
    yield from named(field, name, subdomain_errors(name))


def _toleration(toleration: RawObject, field: str) -> Iterator[Cause]:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    effect, value = toleration.get("effect") or "", toleration.get("value") or ""
    if key:
        yield from named(f"{field}.key", key, qualified_name_errors(key))
    elif operator != "Exists":
        words = (
            "operator must be Exists when `key` is empty, which means "
            '"match all values and all keys"'
        )
        yield invalid_value(f"{field}.operator", operator, words)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid_value(f"{field}.effect", effect, words)
    match operator:
        case "Equal" | "":
            if errors := label_value_errors(value):
                yield invalid_value(f"{field}.operator", value, ";".join(errors))
        case "Exists":
            if value:
                words = "value must be empty when `operator` is 'Exists'"
                yield invalid_value(f"{field}.operator", value, words)
        case "Lt" | "Gt":
            yield unsupported(f"{field}.operator", operator, ("Equal", "Exists", "Lt", "Gt"))
        case _:
            yield unsupported(f"{field}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in EFFECTS:
        yield unsupported(f"{field}.effect", effect, EFFECTS)


def _aliases(spec: RawObject, field: str) -> Iterator[Cause]:
    for position, alias in enumerate(spec.get("hostAliases") or ()):
        where, address = f"{field}[{position}]", alias.get("ip") or ""
        yield from named(f"{where}.ip", address, address_errors(address))
        for number, host in enumerate(alias.get("hostnames") or ()):
            yield from named(f"{where}.hostnames[{number}]", host, subdomain_errors(host))


def _system(spec: RawObject, path: str) -> Iterator[Cause]:
    if (system := spec.get("os")) is None:
        return
    if not (found := system.get("name") or ""):
        yield required(f"{path}.os.name")
    elif found not in SYSTEMS:
        yield unsupported(f"{path}.os", found, SYSTEMS)
    else:
        yield from validate_system(spec, path)
