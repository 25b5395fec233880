"""The embedded registry on a real socket, and small images to put into it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.people import People
from tests.served import served

from towpath.engines.registry.embedded import EmbeddedRegistry
from towpath.engines.registry.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


@dataclass
class RegistryWorld:
    registry: EmbeddedRegistry
    url: str
    people: People
    client: httpx2.AsyncClient

    async def put_blob(self, name: str, content: bytes) -> str:
        digest = sha256(content)
        answer = await self.client.post(
            f"/v2/{name}/blobs/uploads/", params={"digest": digest}, content=content
        )
        assert answer.status_code == 201, answer.text
        return digest

    async def put_image(
        self,
        name: str,
        tag: str,
        layers: tuple[bytes, ...] = (),
        **manifest_fields: object,
    ) -> str:
        """Push an image and answer its digest."""
        diff_ids = [sha256(gzip.decompress(layer)) for layer in layers]
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": ["A=b"]},
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        ).encode()
        for content in (config, *layers):
            await self.put_blob(name, content)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, OCI_CONFIG),
            "layers": [descriptor(layer, OCI_LAYER_GZIP) for layer in layers],
            **manifest_fields,
        }
        answer = await self.put_manifest(name, tag, manifest)
        assert answer.status_code == 201, answer.text
        return answer.headers["docker-content-digest"]

    async def put_manifest(
        self, name: str, reference: str, manifest: object, media_type: str = OCI_MANIFEST
    ) -> httpx2.Response:
        return await self.client.put(
            f"/v2/{name}/manifests/{reference}",
            content=json.dumps(manifest).encode(),
            headers={"Content-Type": media_type},
        )


@pytest.fixture
async def registry_world(tmp_path: Path) -> AsyncIterator[RegistryWorld]:
    people = People({("alice", "get", "images"), ("alice", "update", "images")})
    people.rights.add(("carol", "get", "images"))
    registry = EmbeddedRegistry(
        tmp_path / "registry", people.authenticate, people.authorize, blob_bytes_max=8 * 2**20
    )
    async with (
        served(registry.app) as url,
        httpx2.AsyncClient(
            base_url=url, auth=("alice", "token-alice"), trust_env=False, timeout=30
        ) as client,
    ):
        yield RegistryWorld(registry, url, people, client)
