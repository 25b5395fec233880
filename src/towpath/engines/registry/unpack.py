"""Images of the embedded registry, laid out for processes: each once, whole or not at all."""

import asyncio
import shutil
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import orjson

from towpath.engines.registry.blobs import parse_digest
from towpath.engines.registry.images import Images
from towpath.engines.registry.layers import LayerTree, link_tree
from towpath.engines.registry.manifests import INDEXES, LAYER_MARK, Manifest
from towpath.engines.registry.port import LOGICAL_HOST, ImageError, ImageInvalid, ImageNotFound
from towpath.engines.registry.references import parse_reference

_BYTES_MAX = 8 * 2**30
_ABANDONED_S = 3600.0
_THREADS = 2


class EmbeddedImages:
    """An ImageUnpacker on the embedded registry's files.

    `address` is what the registry's logical host stands for just now; references by it work too.
    """

    def __init__(self, images: Images, address: Callable[[], str] = str) -> None:
        self._images = images
        self._address = address
        self._locks: weakref.WeakValueDictionary[Path, asyncio.Lock] = weakref.WeakValueDictionary()
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def unpack(self, reference: str, target: Path) -> dict[str, object]:
        """Lay the image into `target` unless it is there already; answers its OCI config.

        Raises ImageNotFound, ImageInvalid, ImageError.
        """
        lock = self._locks.get(target)
        if lock is None:
            lock = self._locks[target] = asyncio.Lock()
        async with lock:
            return await anyio.to_thread.run_sync(
                self._unpack, reference, target, limiter=self._threads
            )

    def _unpack(self, reference: str, target: Path) -> dict[str, object]:
        try:
            manifest = self._find(reference)
            config = orjson.loads(self._images.blobs.read(manifest.blobs[0]))
            if not target.is_dir():
                self._lay(manifest, target)
        except FileNotFoundError as error:
            raise ImageNotFound(f"A part of {reference} is not here any more") from error
        except orjson.JSONDecodeError as error:
            raise ImageInvalid(f"The config of {reference} is not JSON") from error
        except OSError as error:
            raise ImageError(f"{reference} could not be unpacked: {error.strerror}") from error
        return cast(dict[str, object], config)

    def _find(self, reference: str) -> Manifest:
        parsed = parse_reference(reference)
        if parsed.host not in (LOGICAL_HOST, self._address()):
            raise ImageNotFound(
                f"{reference} is not in the platform's registry: a local cluster runs images of "
                f"{LOGICAL_HOST} only"
            )
        manifest = self._images.get(parsed.name, parsed.version)
        if manifest.media_type in INDEXES:
            if len(manifest.manifests) != 1:
                raise ImageInvalid(f"{reference} is for several platforms; name one by its digest")
            manifest = self._images.get(parsed.name, manifest.manifests[0])
        return manifest

    def _lay(self, manifest: Manifest, target: Path) -> None:
        with _draft_of(target) as draft:
            parts = _layers_to_run(manifest)
            paths = [self._images.blobs.path(parse_digest(part["digest"])) for part in parts]
            tree = LayerTree(draft, _BYTES_MAX)
            if len(paths) > 1:
                # The lowest layer (the dependencies) outlives many versions of an application.
                link_tree(self._kept_layer(paths.pop(0), target.parent / ".layers"), draft)
            for path in paths:
                tree.lay(path)

    def _kept_layer(self, layer: Path, folder: Path) -> Path:
        target = folder / layer.name
        if not target.is_dir():
            with _draft_of(target) as draft:
                LayerTree(draft, _BYTES_MAX).lay(layer)
        return target


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` by one rename when the block is left without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    draft.mkdir(mode=0o755)
    try:
        yield draft
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.is_dir():  # else another process was faster, and that is as good
            raise


def _layers_to_run(manifest: Manifest) -> list[dict[str, Any]]:
    """Our own layers where the builder marked them: a local cluster is the base itself."""
    layers: list[dict[str, Any]] = manifest.content["layers"]
    ours = [part for part in layers if LAYER_MARK in (part.get("annotations") or {})]
    return ours or layers


def _remove_abandoned(target: Path) -> None:
    """Drafts of a process that was killed; a shared cache may hold living ones of another."""
    for draft in target.parent.glob(f".{target.name}.*"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(draft, ignore_errors=True)
