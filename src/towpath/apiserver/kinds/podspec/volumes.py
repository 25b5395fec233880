"""Volumes of pods: where what is in them comes from.

Source of the rules: pkg/apis/core/validation of Kubernetes, whose spelling of fields this keeps
where it is not that of the API (`persistentDisk`, `downwarAPI`).
"""

import re
from collections.abc import Callable, Iterator

from towpath.apiserver.kinds.checks import file_mode, file_path, local_path, named, no_backsteps
from towpath.apiserver.kinds.podspec.environment import (
    FIELDS_OF_FILES,
    field_reference,
    resource_reference,
)
from towpath.apiserver.kinds.storage.claims import claim_causes
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
    annotation_causes,
    label_causes,
    label_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

Check = Callable[[RawObject, str], Iterator[Cause]]
HOST_PATH_TYPES = (
    *("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File"),
    *("FileOrCreate", "Socket"),
)
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
TOKEN_S_MIN, TOKEN_S_MAX = 600, 1 << 32
DRIVER_NAME_MAX = 63
PARTITION_MAX = 255
ADDRESS_MAX = 64
DUPLICATE_PATHS = "conflicting duplicate paths"
_QUALIFIED_NAMES = (
    ("iqn", re.compile(r"iqn\.\d{4}-\d{2}\.([0-9A-Za-z.-]+)(:[^,;*&$|\s]+)$")),
    ("eui", re.compile(r"^eui.[0-9A-Za-z]{16}$")),
    ("naa", re.compile(r"^naa.[0-9A-Za-z]{32}$")),
)
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:]*")


def validate_volumes(spec: RawObject, path: str, causes: list[Cause]) -> dict[str, RawObject]:
    """Those that can be mounted, by name."""
    found: dict[str, RawObject] = {}
    for index, volume in enumerate(spec.get("volumes") or ()):
        field = f"{path}.volumes[{index}]"
        name = volume.get("name") or ""
        wrong = list(_volume_source(volume, field))
        if not name:
            wrong.append(required(f"{field}.name"))
        else:
            wrong += named(f"{field}.name", name, label_errors(name))
        if name in found:
            wrong.append(duplicate(f"{field}.name", name))
        if not wrong:
            found[name] = volume
        causes += wrong
    return found


def _volume_source(volume: RawObject, field: str) -> Iterator[Cause]:
    given = [name for name in SOURCES if volume.get(name) is not None]
    if not given:
        yield required(field, "must specify a volume type")
        return
    for name in given[1:]:
        shown = MISSPELT.get(name, name)
        yield forbidden(f"{field}.{shown}", "may not specify more than 1 volume type")
    name = given[0]
    shown = "persistentDisk" if name == "gcePersistentDisk" else name
    yield from SOURCES[name](volume[name], f"{field}.{shown}")
    disk = volume.get("iscsi") or {}
    address = f"{volume.get('name') or ''}:{disk.get('targetPortal') or ''}"
    if disk.get("initiatorName") is not None and len(address) > ADDRESS_MAX:
        words = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
            "iscsi.initiatorName is specified."
        )
        yield invalid_value(f"{field}.name", volume.get("name") or "", words)


MISSPELT = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}


def needs(*names: str) -> Check:
    """A source that only has to say some things."""

    def check(source: RawObject, field: str) -> Iterator[Cause]:
        for name in names:
            if not source.get(name):
                yield required(f"{field}.{name}")

    return check


def _secret_of(name: str, *needed: str) -> Check:
    """A source that has to say some things, and the name of its secret if it has one."""

    def check(source: RawObject, field: str) -> Iterator[Cause]:
        yield from needs(*needed)(source, field)
        if (secret := source.get(name)) is not None and not secret.get("name"):
            yield required(f"{field}.{name}.name")

    return check


def _empty(source: RawObject, field: str) -> Iterator[Cause]:
    limit = source.get("sizeLimit")
    if limit is not None and parse_quantity(str(limit)) < 0:
        words = "SizeLimit field must be a valid resource quantity"
        yield forbidden(f"{field}.sizeLimit", words)


def _host_path(source: RawObject, field: str) -> Iterator[Cause]:
    path = source.get("path")
    if not path:
        yield required(f"{field}.path")
        return
    yield from no_backsteps(f"{field}.path", path)
    if (found := source.get("type", "")) not in HOST_PATH_TYPES:
        yield unsupported(f"{field}.type", found, HOST_PATH_TYPES)


def _repository(source: RawObject, field: str) -> Iterator[Cause]:
    yield from needs("repository")(source, field)
    yield from local_path(f"{field}.directory", source.get("directory") or "")


def _disk(needed: str) -> Check:
    def check(source: RawObject, field: str) -> Iterator[Cause]:
        yield from needs(needed)(source, field)
        if not 0 <= (partition := source.get("partition", 0)) <= PARTITION_MAX:
            words = f"must be between 1 and {PARTITION_MAX}, inclusive"
            yield invalid_value(f"{field}.partition", partition, words)

    return check


def _content(own_name: str) -> Check:
    """Of a ConfigMap or a Secret."""

    def check(source: RawObject, field: str) -> Iterator[Cause]:
        yield from needs(own_name)(source, field)
        yield from file_mode(f"{field}.defaultMode", source.get("defaultMode"))
        yield from _items(source, field)

    return check


def _items(source: RawObject, field: str) -> Iterator[Cause]:
    for position, item in enumerate(source.get("items") or ()):
        where, path = f"{field}.items[{position}]", item.get("path") or ""
        yield from needs("key", "path")(item, where)
        yield from file_path(f"{where}.path", path)
        yield from file_mode(f"{where}.mode", item.get("mode"))


def _network_files(source: RawObject, field: str) -> Iterator[Cause]:
    yield from needs("server", "path")(source, field)
    if not (path := source.get("path") or "").startswith("/"):
        yield invalid_value(f"{field}.path", path, "must be an absolute path")


def _network_disk(source: RawObject, field: str) -> Iterator[Cause]:
    yield from needs("targetPortal", "iqn")(source, field)
    if name := source.get("iqn"):
        yield from _qualified_name(name, f"{field}.iqn")
    yield from _unit(source.get("lun", 0), f"{field}.lun")
    has_password = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if has_password and source.get("secretRef") is None:
        yield required(f"{field}.secretRef")
    if (name := source.get("initiatorName")) is not None:
        yield from _qualified_name(name, f"{field}.initiatorname")


def _qualified_name(name: str, field: str) -> Iterator[Cause]:
    format_of = dict(_QUALIFIED_NAMES).get(name[:3])
    if format_of is None:
        words = "must be valid format starting with iqn, eui, or naa"
        yield invalid_value(field, name, words)
    elif not format_of.search(name):
        yield invalid_value(field, name, "must be valid format")


def _unit(number: int, field: str) -> Iterator[Cause]:
    if not 0 <= number <= PARTITION_MAX:
        yield invalid_value(field, number, f"must be between 0 and {PARTITION_MAX}, inclusive")


def _fibre(source: RawObject, field: str) -> Iterator[Cause]:
    targets, names = source.get("targetWWNs") or [], source.get("wwids") or []
    where = f"{field}.targetWWNs"
    if not targets and not names:
        yield required(where, "must specify either targetWWNs or wwids, but not both")
    if targets and names:
        words = "targetWWNs and wwids can not be specified simultaneously"
        yield invalid_value(where, targets, words)
    if targets and source.get("lun") is None:
        yield required(f"{field}.lun", "lun is required if targetWWNs is specified")
    elif targets:
        yield from _unit(source["lun"], f"{field}.lun")


def _dataset(source: RawObject, field: str) -> Iterator[Cause]:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID") or ""
    if not name and not uuid:
        yield required(field, "one of datasetName and datasetUUID is required")
    if name and uuid:
        words = "datasetName and datasetUUID can not be specified simultaneously"
        yield invalid_value(field, "resource", words)
    if "/" in name:
        yield invalid_value(f"{field}.datasetName", name, "must not contain '/'")


def _registry(source: RawObject, field: str) -> Iterator[Cause]:
    words = "must be a host:port pair or multiple pairs separated by commas"
    registry = source.get("registry") or ""
    if not registry:
        yield required(f"{field}.registry", words)
    elif len(source.get("tenant") or "") > 64:
        too_wide = "must be a UUID and may not exceed a length of 64 characters"
        yield required(f"{field}.tenant", too_wide)
    else:
        for pair in registry.split(","):
            if not _HOST_AND_PORT.fullmatch(pair):
                yield invalid_value(f"{field}.registry", registry, words)
    yield from needs("volume")(source, field)


def _downward(source: RawObject, field: str) -> Iterator[Cause]:
    yield from file_mode(f"{field}.defaultMode", source.get("defaultMode"))
    for item in source.get("items") or ():
        yield from _downward_file(item, field)


def _downward_file(item: RawObject, field: str) -> Iterator[Cause]:
    yield from needs("path")(item, field)
    yield from file_path(f"{field}.path", item.get("path") or "")
    of_pod, of_container = item.get("fieldRef"), item.get("resourceFieldRef")
    if of_pod is not None:
        yield from field_reference(of_pod, f"{field}.fieldRef", FIELDS_OF_FILES)
        if of_container is not None:
            words = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield invalid_value(field, "resource", words)
    elif of_container is not None:
        where = f"{field}.resourceFieldRef"
        yield from resource_reference(of_container, where, names_container=True)
    else:
        yield required(field, "one of fieldRef and resourceFieldRef is required")
    yield from file_mode(f"{field}.mode", item.get("mode"))


def _flexible(source: RawObject, field: str) -> Iterator[Cause]:
    yield from needs("driver")(source, field)
    for key in source.get("options") or {}:
        if f".{key.split('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            words = "kubernetes.io and k8s.io namespaces are reserved"
            yield invalid_value(f"{field}.options[{key}]", key, words)


def _azure_disk(source: RawObject, field: str) -> Iterator[Cause]:
    yield from needs("diskName", "diskURI")(source, field)
    for name, words in (
        ("cachingMode", ("None", "ReadOnly", "ReadWrite")),
        ("kind", ("Dedicated", "Managed", "Shared")),
    ):
        if (found := source.get(name)) is not None and found not in words:
            yield unsupported(f"{field}.{name}", found, words)
    address, is_managed = source.get("diskURI") or "", source.get("kind") == "Managed"
    begin, shape = ("/subscriptions/", MANAGED_DISK) if is_managed else ("https://", BLOB_DISK)
    if source.get("kind") is not None and not address.startswith(begin):
        yield unsupported(f"{field}.diskURI", address, (shape,))


MANAGED_DISK = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/"
    "{disk-id}"
)
BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def _named_volume(source: RawObject, field: str) -> Iterator[Cause]:
    for name in ("volumeName", "volumeNamespace"):
        if text := source.get(name):
            yield from named(f"{field}.{name}", text, label_errors(text))
        elif name == "volumeName":
            yield required(f"{field}.{name}")
    yield from _secret_of("secretRef")(source, field)


def _driver(source: RawObject, field: str) -> Iterator[Cause]:
    name = source.get("driver") or ""
    if not name:
        yield required(f"{field}.driver")
    else:
        if len(name) > DRIVER_NAME_MAX:
            yield too_long(f"{field}.driver", DRIVER_NAME_MAX)
        yield from named(f"{field}.driver", name, subdomain_errors(name.lower()))
    if (secret := source.get("nodePublishSecretRef")) is not None:
        if not secret.get("name"):
            yield required(f"{field}.nodePublishSecretRef.name")
        else:
            own = secret["name"]
            yield from named(f"{field}.name", own, subdomain_errors(own))


def _ephemeral(source: RawObject, field: str) -> Iterator[Cause]:
    where, template = f"{field}.volumeClaimTemplate", source.get("volumeClaimTemplate")
    if template is None:
        yield required(where)
        return
    metadata = template.get("metadata") or {}
    yield from annotation_causes(metadata.get("annotations") or {}, f"{where}.metadata.annotations")
    yield from label_causes(metadata.get("labels") or {}, f"{where}.metadata.labels")
    for name in metadata:
        if name not in ("annotations", "labels") and metadata[name] not in (None, "", [], 0):
            yield forbidden(f"{where}.metadata.{name}", "cannot be set")
    yield from claim_causes(template.get("spec") or {}, f"{where}.spec")


def _image(source: RawObject, field: str) -> Iterator[Cause]:
    if (policy := source.get("pullPolicy")) not in PULL_POLICIES:
        yield unsupported(f"{field}.pullPolicy", policy or "", PULL_POLICIES)


def _projected(source: RawObject, field: str) -> Iterator[Cause]:
    """Several sources in one folder."""
    yield from file_mode(f"{field}.defaultMode", source.get("defaultMode"))
    taken: set[str] = set()
    for position, projection in enumerate(source.get("sources") or ()):
        where = f"{field}.sources[{position}]"
        given = [name for name in PROJECTIONS if projection.get(name) is not None]
        for name in given:
            yield from _projection(name, projection[name], where, field, taken)
        if len(given) > 1:
            yield forbidden(where, "may not specify more than 1 volume type per source")


PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken")


def _projection(
    name: str, source: RawObject, where: str, field: str, taken: set[str]
) -> Iterator[Cause]:
    if name == "serviceAccountToken":
        yield from _token(source, f"{where}.{name}", field)
        return
    if name == "downwardAPI":
        for item in source.get("items") or ():
            yield from _downward_file(item, f"{where}.{name}")
    else:
        yield from needs("name")(source, f"{where}.{name}")
        yield from _items(source, f"{where}.{name}")
    for item in source.get("items") or ():
        path = item.get("path")
        if path and path in taken:
            shown = path if name == "downwardAPI" else source.get("name") or ""
            yield invalid_value(field, shown, DUPLICATE_PATHS)
        taken.add(path)


def _token(source: RawObject, where: str, field: str) -> Iterator[Cause]:
    seconds, path = source.get("expirationSeconds", 0), source.get("path") or ""
    if seconds < TOKEN_S_MIN:
        words = "may not specify a duration less than 10 minutes"
        yield invalid_value(f"{where}.expirationSeconds", seconds, words)
    if seconds > TOKEN_S_MAX:
        words = "may not specify a duration larger than 2^32 seconds"
        yield invalid_value(f"{where}.expirationSeconds", seconds, words)
    if not path:
        yield required(f"{field}.path")
    else:
        yield from file_path(f"{field}.path", path)


SOURCES: dict[str, Check] = {
    "emptyDir": _empty,
    "hostPath": _host_path,
    "gitRepo": _repository,
    "gcePersistentDisk": _disk("pdName"),
    "awsElasticBlockStore": _disk("volumeID"),
    "secret": _content("secretName"),
    "nfs": _network_files,
    "iscsi": _network_disk,
    "glusterfs": needs("endpoints", "path"),
    "flocker": _dataset,
    "persistentVolumeClaim": needs("claimName"),
    "rbd": needs("monitors", "image"),
    "cinder": _secret_of("secretRef", "volumeID"),
    "cephfs": needs("monitors"),
    "quobyte": _registry,
    "downwardAPI": _downward,
    "fc": _fibre,
    "flexVolume": _flexible,
    "configMap": _content("name"),
    "azureFile": needs("secretName", "shareName"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "azureDisk": _azure_disk,
    "storageos": _named_volume,
    "projected": _projected,
    "scaleIO": needs("gateway", "system", "volumeName"),
    "csi": _driver,
    "ephemeral": _ephemeral,
    "image": _image,
}
"""In the order in which they are looked at: the first is the one that is meant."""
