"""An application as an OCI image: dependencies and sources as layers, on a base or for one.

Where no base is stacked, the image says so in the label `dev.towpath.image.base=declared`: it runs
on a local cluster with the host's interpreter, and not by itself in a container.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.engines.registry.builder.application import (
    Application,
    BuildError,
    find_application,
)
from towpath.engines.registry.builder.base_image import Base, architecture
from towpath.engines.registry.builder.dependencies import (
    FOLDER,
    DependencyLayer,
    dependency_layer,
    own_layer,
)
from towpath.engines.registry.builder.ignore import included_files
from towpath.engines.registry.builder.static_site import SERVER_PACKAGES, site_entries
from towpath.engines.registry.builder.tars import Entry, LayerFacts, layer_bytes
from towpath.engines.registry.client import Content, RegistryClient

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
BASE_LABEL = "dev.towpath.image.base"
DEFAULT_BASE = "docker.io/library/python"

_USER = "65532:65532"
_ENTRY_BYTES_MAX = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the sources come from. The time is the commit's; 0 when nobody knows."""

    revision: str = ""
    source: str = ""
    time_s: int = 0

    @property
    def created(self) -> str:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class BuiltImage:
    digest: str
    manifest: bytes
    contents: list[Content] = field(repr=False)
    """Everything the manifest refers to; the base's layers first."""
    title: str = ""

    def push(self, client: RegistryClient, name: str, tag: str) -> None:
        """Raises RegistryRefused."""
        for content in self.contents:
            client.push_blob(name, content)
        client.push_manifest(name, tag or self.digest, self.manifest, MANIFEST_TYPE)


@dataclass(frozen=True, slots=True)
class _Layer:
    facts: LayerFacts
    content: Content
    purpose: str


def build_image(
    source: Path,
    *,
    cache: Path,
    origin: Origin,
    base: Base | None = None,
    base_name: str = "",
    say: Callable[[str], None] = lambda text: None,
) -> BuiltImage:
    """Build what is in the folder. Raises BuildError.

    `base` is stacked below; without it `base_name` is only declared.
    """
    application = find_application(source)
    layers: list[_Layer] = []
    dependencies = _dependencies(application, cache / "dependencies", say)
    if dependencies is not None:
        blob = dependencies.blob
        layers.append(_layer(dependencies.facts, lambda: blob.open("rb"), "dependencies"))
    packed, facts = layer_bytes(_application_entries(application), origin.time_s)
    layers.append(_layer(facts, lambda: io.BytesIO(packed), "application"))
    name = base_name or application.base or _default_base()
    config = _json(_config(application, layers, origin, base))
    manifest = _json(_manifest(config, layers, origin, base, name))
    contents = [
        *(base.contents() if base else ()),
        *(layer.content for layer in layers),
        Content(_digest(config), len(config), CONFIG_TYPE, lambda: io.BytesIO(config)),
    ]
    return BuiltImage(_digest(manifest), manifest, contents, application.title)


def _dependencies(
    application: Application, cache: Path, say: Callable[[str], None]
) -> DependencyLayer | None:
    """What it is locked to; of a static site, what its server needs."""
    if application.kind == "python":
        return dependency_layer(application.folder, cache, say)
    return own_layer(SERVER_PACKAGES, cache)


def _layer(facts: LayerFacts, open_: Callable[[], Any], purpose: str) -> _Layer:
    return _Layer(facts, Content(facts.digest, facts.size, LAYER_TYPE, open_), purpose)


def _application_entries(application: Application) -> list[Entry]:
    if application.kind == "static":
        return _within_limits(site_entries(application.folder))
    return _within_limits(_source_entries(application))


def _within_limits(entries: Iterable[Entry]) -> list[Entry]:
    """Raises BuildError before more is held in memory than an image may have."""
    kept: list[Entry] = []
    size = 0
    for entry in entries:
        content = entry.content
        size += len(content) if isinstance(content, bytes) else content.stat().st_size
        if size > _ENTRY_BYTES_MAX:
            raise BuildError(
                f"The application has more than {_ENTRY_BYTES_MAX // 2**20} MiB of files: "
                "name what does not belong into the image in .dockerignore"
            )
        kept.append(entry)
    return kept


def _source_entries(application: Application) -> Iterator[Entry]:
    root = application.folder.resolve()
    for path in included_files(application.folder):
        file = application.folder / path
        if file.is_symlink():
            if not file.resolve().is_relative_to(root):
                raise BuildError(f"{path} is a link to a place outside the application")
            yield Entry(f"app/{path}", b"", link=os.readlink(file))  # noqa: PTH115
        else:
            yield Entry(f"app/{path}", file, bool(file.stat().st_mode & 0o100))


def _config(
    application: Application, layers: list[_Layer], origin: Origin, base: Base | None
) -> dict[str, Any]:
    below = base.config if base else {}
    settings = dict(below.get("config") or {})
    paths = [f"/{FOLDER}"]
    if application.kind == "python":
        paths.append("/app/src" if (application.folder / "src").is_dir() else "/app")
    ours = {
        # In a container of its own; a local cluster gives each pod another address.
        "HOST": "0.0.0.0",  # noqa: S104
        "PYTHONPATH": ":".join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    kept = [text for text in settings.get("Env") or () if text.partition("=")[0] not in ours]
    settings["Env"] = [*kept, *(f"{key}={value}" for key, value in ours.items())]
    settings["WorkingDir"] = "/app"
    settings["User"] = _USER
    settings.pop("Entrypoint", None)
    settings["Cmd"] = list(application.command)
    labels = {
        **(settings.get("Labels") or {}),
        **_origin_labels(origin),
        "org.opencontainers.image.title": application.title,
        BASE_LABEL: "stacked" if base else "declared",
    }
    settings["Labels"] = dict(sorted(labels.items()))
    rootfs = below.get("rootfs") or {}
    history = [
        {"created": origin.created, "created_by": f"towpath image build: {layer.purpose}"}
        for layer in layers
    ]
    diff_ids = [*(rootfs.get("diff_ids") or ()), *(layer.facts.diff_id for layer in layers)]
    return {
        "created": origin.created,
        "architecture": below.get("architecture") or architecture(),
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [*(below.get("history") or ()), *history],
    }


def _manifest(
    config: bytes, layers: list[_Layer], origin: Origin, base: Base | None, base_name: str
) -> dict[str, Any]:
    name, _, digest = base_name.partition("@")
    annotations = {**_origin_labels(origin), "org.opencontainers.image.base.name": name}
    if base or digest:
        annotations["org.opencontainers.image.base.digest"] = base.digest if base else digest
    ours = [
        {
            "mediaType": LAYER_TYPE,
            "digest": layer.facts.digest,
            "size": layer.facts.size,
            "annotations": {"dev.towpath.image.layer": layer.purpose},
        }
        for layer in layers
    ]
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": _digest(config), "size": len(config)},
        "layers": [*(base.layers if base else ()), *ours],
        "annotations": annotations,
    }


def _origin_labels(origin: Origin) -> dict[str, str]:
    labels = {"org.opencontainers.image.created": origin.created}
    if origin.revision:
        labels["org.opencontainers.image.revision"] = origin.revision
    if origin.source:
        labels["org.opencontainers.image.source"] = origin.source
    return labels


def _default_base() -> str:
    import sys

    return f"{DEFAULT_BASE}:{sys.version_info.major}.{sys.version_info.minor}-slim"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
