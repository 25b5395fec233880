"""What a commit says should be: files become manifests, each known by what it is and where.

A file that does not parse, a document that is no object, a kind listed twice: each is an error
that names the file, and no part of the commit is applied. Nothing here reads Git or the cluster.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from towpath.capabilities.delivery.gitops.kinds import (
    HOOK_ANNOTATION,
    SYNC_WAVE_ANNOTATION,
    TRACKING_ANNOTATION,
    tracking_id,
)
from towpath.engines.git.port import File
from towpath.machinery.documents import DocumentError, load_documents
from towpath.machinery.objects import RawObject, annotations_of


class ManifestError(ValueError):
    """The commit cannot be synced; `str()` names the file and what to correct."""


@dataclass(frozen=True, slots=True, order=True)
class ResourceId:
    """What a manifest is about. A cluster-scoped object has namespace ""."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    id: ResourceId
    version: str
    obj: RawObject
    file: str

    @property
    def wave(self) -> int:
        return wave_of(self.obj)

    @property
    def api_version(self) -> str:
        return f"{self.id.group}/{self.version}" if self.id.group else self.version


def wave_of(obj: RawObject) -> int:
    try:
        return int(annotations_of(obj).get(SYNC_WAVE_ANNOTATION, "0"))
    except ValueError:
        return 0


def resource_id(obj: RawObject) -> ResourceId:
    metadata = obj["metadata"]
    group = obj["apiVersion"].rpartition("/")[0]
    return ResourceId(group, obj["kind"], metadata.get("namespace", ""), metadata["name"])


def parse_manifests(files: Mapping[str, File], *, recurse: bool = False) -> list[Manifest]:
    """Raises ManifestError."""
    manifests = [
        manifest
        for path in sorted(files)
        if _is_manifest(path, recurse=recurse)
        for manifest in _in_file(path, files[path].content)
    ]
    seen: dict[ResourceId, str] = {}
    for manifest in manifests:
        if manifest.id in seen:
            raise ManifestError(
                f"{manifest.file}: {manifest.id} is already in {seen[manifest.id]}; keep one"
            )
        seen[manifest.id] = manifest.file
    return manifests


def _is_manifest(path: str, *, recurse: bool) -> bool:
    return path.endswith((".yaml", ".yml", ".json")) and (recurse or "/" not in path)


def _in_file(path: str, content: bytes) -> Iterable[Manifest]:
    try:
        documents = load_documents(content)
    except DocumentError as error:
        raise ManifestError(f"{path}: {error}") from error
    for document in documents:
        yield from _objects(path, document)


def _objects(path: str, document: object) -> Iterable[Manifest]:
    if not isinstance(document, dict):
        raise ManifestError(f"{path}: a document in it is not an object")
    if document.get("kind") == "List" and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _objects(path, item)
        return
    for name in ("apiVersion", "kind"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise ManifestError(f"{path}: an object in it has no {name}")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ManifestError(f"{path}: {document['kind']} has no metadata.name")
    if hook := (metadata.get("annotations") or {}).get(HOOK_ANNOTATION):
        raise ManifestError(
            f"{path}: the hook {hook!r} is not implemented by the embedded engine; use sync waves"
        )
    version = document["apiVersion"].rpartition("/")[2]
    yield Manifest(resource_id(document), version, document, path)


def placed(manifest: Manifest, application: str, namespace: str, *, namespaced: bool) -> Manifest:
    """The manifest with its namespace filled in and our tracking annotation on it."""
    identity = manifest.id
    if namespaced and not identity.namespace:
        identity = ResourceId(identity.group, identity.kind, namespace, identity.name)
    if not namespaced:
        identity = ResourceId(identity.group, identity.kind, "", identity.name)
    metadata = dict(manifest.obj["metadata"])
    if identity.namespace:
        metadata["namespace"] = identity.namespace
    tracked = tracking_id(
        application,
        identity.group,
        identity.kind,
        identity.namespace or namespace,
        identity.name,
    )
    metadata["annotations"] = {**(metadata.get("annotations") or {}), TRACKING_ANNOTATION: tracked}
    obj = {**manifest.obj, "metadata": metadata}
    return Manifest(identity, manifest.version, obj, manifest.file)


def tracked_by(obj: RawObject) -> str:
    """The Application that manages the object; "" when none does.

    An annotation that names another object was copied along, and is ignored.
    """
    application, _, rest = annotations_of(obj).get(TRACKING_ANNOTATION, "").partition(":")
    kind, _, place = rest.partition(":")
    identity = resource_id(obj)
    namespace, _, name = place.partition("/")
    if kind != f"{identity.group}/{identity.kind}" or name != identity.name:
        return ""
    if identity.namespace and namespace != identity.namespace:
        return ""
    return application


_KIND_CLASSES: tuple[frozenset[str], ...] = (
    frozenset({"Namespace", "CustomResourceDefinition", "ResourceQuota", "LimitRange"}),
    frozenset(
        {
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "ConfigMap",
            "Secret",
            "ExternalSecret",
            "PersistentVolumeClaim",
            "Service",
            "NetworkPolicy",
        }
    ),
)


def kind_class(kind: str) -> int:
    """Kinds of a lower class are applied before those of a higher one, in the same wave."""
    for index, kinds in enumerate(_KIND_CLASSES):
        if kind in kinds:
            return index
    return len(_KIND_CLASSES)


def in_waves(manifests: Iterable[Manifest]) -> list[list[list[Manifest]]]:
    """Waves in order; in each, the classes of kinds in order; in each, by kind and name."""
    waves: dict[int, dict[int, list[Manifest]]] = {}
    for manifest in sorted(manifests, key=lambda found: (found.id.kind, found.id)):
        classes = waves.setdefault(manifest.wave, {})
        classes.setdefault(kind_class(manifest.id.kind), []).append(manifest)
    return [[classes[number] for number in sorted(classes)] for _, classes in sorted(waves.items())]


def digest(manifests: Sequence[Manifest]) -> str:
    """The same for the same desired state, whatever the commit."""
    content = orjson.dumps(
        [found.obj for found in sorted(manifests, key=lambda found: found.id)],
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.sha256(content).hexdigest()[:32]
