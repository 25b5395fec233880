"""The OCI distribution API of the embedded registry, by its specification, over a real socket."""

import asyncio
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.contract.registry.conftest import descriptor, layer_of, sha256

from towpath.engines.registry.blobs import Draft
from towpath.engines.registry.embedded import EmbeddedRegistry
from towpath.engines.registry.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST

APP = "demo/order-service"
EMPTY = "application/vnd.oci.empty.v1+json"


def code_of(answer: Any) -> str:
    code: str = answer.json()["errors"][0]["code"]
    return code


async def test_the_version_check_needs_a_sign_in(registry_world: Any) -> None:
    answer = await registry_world.client.get("/v2/")
    assert (answer.status_code, answer.json()) == (200, {})
    answer = await registry_world.client.get("/v2/", auth=None, headers={"Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="towpath"'
    assert code_of(answer) == "UNAUTHORIZED"
    bearer = {"Authorization": "Bearer token-alice"}
    assert (await registry_world.client.get("/v2/", auth=None, headers=bearer)).status_code == 200


async def test_an_image_that_was_pushed_can_be_pulled(registry_world: Any) -> None:
    layer = layer_of({"app/main.py": b"print('hello')"})
    digest = await registry_world.put_image(APP, "v1", (layer,))
    for reference in ("v1", digest):
        answer = await registry_world.client.get(f"/v2/{APP}/manifests/{reference}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == OCI_MANIFEST
        assert answer.headers["docker-content-digest"] == digest
        assert sha256(answer.content) == digest
        head = await registry_world.client.head(f"/v2/{APP}/manifests/{reference}")
        assert head.headers["content-length"] == str(len(answer.content))
    blob = await registry_world.client.get(f"/v2/{APP}/blobs/{sha256(layer)}")
    assert blob.content == layer
    head = await registry_world.client.head(f"/v2/{APP}/blobs/{sha256(layer)}")
    assert head.headers["content-length"] == str(len(layer))


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        pytest.param("bytes=0-3", 206, b"0123", id="from the beginning"),
        pytest.param("bytes=5-", 206, b"56789", id="to the end"),
        pytest.param("bytes=-2", 206, b"89", id="the last bytes"),
        pytest.param("bytes=8-100", 206, b"89", id="past the end"),
        pytest.param("bytes=10-", 416, None, id="behind the end"),
        pytest.param("bytes=x", 416, None, id="rubbish"),
    ],
)
async def test_parts_of_a_blob(
    registry_world: Any, asked: str, status: int, expected: bytes | None
) -> None:
    digest = await registry_world.put_blob(APP, b"0123456789")
    answer = await registry_world.client.get(f"/v2/{APP}/blobs/{digest}", headers={"Range": asked})
    assert answer.status_code == status
    if expected is not None:
        assert answer.content == expected


async def test_an_upload_in_chunks(registry_world: Any) -> None:
    client = registry_world.client
    answer = await client.post(f"/v2/{APP}/blobs/uploads/")
    assert answer.status_code == 202
    place = answer.headers["location"]
    chunk = {"Content-Range": "0-4"}
    answer = await client.patch(place, content=b"01234", headers=chunk)
    assert (answer.status_code, answer.headers["range"]) == (202, "0-4")
    answer = await client.patch(place, content=b"again", headers=chunk)
    assert answer.status_code == 416
    answer = await client.get(place)
    assert (answer.status_code, answer.headers["range"]) == (204, "0-4")
    digest = sha256(b"0123456789")
    answer = await client.put(
        place, params={"digest": digest}, content=b"56789", headers={"Content-Range": "5-9"}
    )
    assert answer.status_code == 201
    assert (await client.get(f"/v2/{APP}/blobs/{digest}")).content == b"0123456789"
    assert (await client.get(place)).status_code == 404


async def test_an_upload_can_be_cancelled(registry_world: Any) -> None:
    answer = await registry_world.client.post(f"/v2/{APP}/blobs/uploads/")
    place = answer.headers["location"]
    assert (await registry_world.client.delete(place)).status_code == 204
    answer = await registry_world.client.put(place, params={"digest": sha256(b"")})
    assert (answer.status_code, code_of(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_wrong_digest_leaves_nothing(registry_world: Any) -> None:
    wrong = sha256(b"something else")
    answer = await registry_world.client.post(
        f"/v2/{APP}/blobs/uploads/", params={"digest": wrong}, content=b"content"
    )
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    for digest in (wrong, sha256(b"content")):
        answer = await registry_world.client.get(f"/v2/{APP}/blobs/{digest}")
        assert (answer.status_code, code_of(answer)) == (404, "BLOB_UNKNOWN")


async def test_a_blob_that_is_too_large_is_refused(registry_world: Any) -> None:
    answer = await registry_world.client.post(f"/v2/{APP}/blobs/uploads/")
    big = b"x" * (9 * 2**20)
    answer = await registry_world.client.put(
        answer.headers["location"], params={"digest": sha256(big)}, content=big
    )
    assert (answer.status_code, code_of(answer)) == (413, "SIZE_INVALID")


async def test_a_blob_is_mounted_from_another_image(registry_world: Any) -> None:
    digest = await registry_world.put_blob("demo/base", b"layer")
    for name, source in (("demo/a", {"from": "demo/base"}), ("demo/b", {})):
        answer = await registry_world.client.post(
            f"/v2/{name}/blobs/uploads/", params={"mount": digest, **source}
        )
        assert answer.status_code == 201
        assert (await registry_world.client.get(f"/v2/{name}/blobs/{digest}")).content == b"layer"


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"mount": sha256(b"layer"), "from": "demo/other"}, id="the wrong source"),
        pytest.param({"mount": sha256(b"unknown"), "from": "demo/base"}, id="an unknown blob"),
    ],
)
async def test_what_cannot_be_mounted_is_uploaded(
    registry_world: Any, parameters: dict[str, str]
) -> None:
    await registry_world.put_blob("demo/base", b"layer")
    answer = await registry_world.client.post("/v2/demo/a/blobs/uploads/", params=parameters)
    assert answer.status_code == 202


async def test_a_blob_of_an_image_that_one_may_not_read_is_not_mounted(
    registry_world: Any,
) -> None:
    digest = await registry_world.put_blob("demo/base", b"layer")
    registry_world.people.rights.add(("mallory", "update", "images"))
    answer = await registry_world.client.post(
        "/v2/demo/a/blobs/uploads/",
        params={"mount": digest, "from": "demo/base"},
        auth=("x", "token-mallory"),
    )
    assert answer.status_code == 202


async def test_rights_are_asked_by_project_and_image(registry_world: Any) -> None:
    await registry_world.put_image(APP, "v1")
    name, question = registry_world.people.asked[-1]
    assert name == "alice"
    assert (question.verb, question.group, question.resource) == (
        "update",
        "registry.towpath.dev",
        "images",
    )
    assert (question.namespace, question.name) == ("demo", "order-service")
    as_carol = {"auth": ("carol", "token-carol")}
    answer = await registry_world.client.get(f"/v2/{APP}/manifests/v1", **as_carol)
    assert answer.status_code == 200
    answer = await registry_world.client.post(f"/v2/{APP}/blobs/uploads/", **as_carol)
    assert (answer.status_code, code_of(answer)) == (403, "DENIED")
    answer = await registry_world.client.get(f"/v2/{APP}/manifests/v1", auth=("x", "token-mallory"))
    assert (answer.status_code, code_of(answer)) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    ("manifest", "media_type", "code"),
    [
        pytest.param([], OCI_MANIFEST, "MANIFEST_INVALID", id="not an object"),
        pytest.param({"schemaVersion": 1}, OCI_MANIFEST, "MANIFEST_INVALID", id="schema 1"),
        pytest.param({"schemaVersion": 2}, "text/plain", "MANIFEST_INVALID", id="a wrong type"),
        pytest.param(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []},
            OCI_MANIFEST,
            "MANIFEST_INVALID",
            id="another type inside than outside",
        ),
        pytest.param(
            {"schemaVersion": 2, "config": {"digest": "x", "size": 1}, "layers": []},
            OCI_MANIFEST,
            "MANIFEST_INVALID",
            id="a broken digest",
        ),
        pytest.param(
            {"schemaVersion": 2, "config": descriptor(b"absent", OCI_CONFIG), "layers": []},
            OCI_MANIFEST,
            "MANIFEST_BLOB_UNKNOWN",
            id="a config that was not pushed",
        ),
        pytest.param(
            {"schemaVersion": 2, "manifests": [descriptor(b"absent", OCI_MANIFEST)]},
            OCI_INDEX,
            "MANIFEST_BLOB_UNKNOWN",
            id="an index of nothing",
        ),
    ],
)
async def test_a_manifest_that_cannot_be_true_is_refused(
    registry_world: Any, manifest: object, media_type: str, code: str
) -> None:
    answer = await registry_world.put_manifest(APP, "v1", manifest, media_type)
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert (await registry_world.client.get(f"/v2/{APP}/manifests/v1")).status_code == 404


async def test_a_manifest_under_another_digest_is_refused(registry_world: Any) -> None:
    await registry_world.put_image(APP, "v1")
    body = (await registry_world.client.get(f"/v2/{APP}/manifests/v1")).content
    answer = await registry_world.put_manifest(APP, sha256(b"other"), json.loads(body))
    assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("/v2/alone/manifests/v1", 400, "NAME_INVALID", id="no project"),
        pytest.param("/v2/Demo/X/manifests/v1", 400, "NAME_INVALID", id="upper case"),
        pytest.param("/v2/demo/%2e%2e/manifests/v1", 400, "NAME_INVALID", id="traversal"),
        pytest.param(f"/v2/{APP}/blobs/sha256:12", 400, "DIGEST_INVALID", id="a short digest"),
        pytest.param(f"/v2/{APP}/manifests/..", 404, "NAME_UNKNOWN", id="a tag of dots"),
        pytest.param(f"/v2/{APP}/tags/list", 404, "NAME_UNKNOWN", id="an unknown image"),
        pytest.param("/v2/nonsense", 404, "NAME_UNKNOWN", id="no image path"),
    ],
)
async def test_a_wrong_address(registry_world: Any, path: str, status: int, code: str) -> None:
    answer = await registry_world.client.get(path)
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_tags_come_in_order_and_in_pages(registry_world: Any) -> None:
    await registry_world.put_image(APP, "b")
    for tag in ("a", "c", "d"):
        await registry_world.put_image(APP, tag)
    place: str = f"/v2/{APP}/tags/list?n=3"
    answer = await registry_world.client.get(place)
    assert answer.json() == {"name": APP, "tags": ["a", "b", "c"]}
    following = answer.links["next"]["url"]
    answer = await registry_world.client.get(following)
    assert answer.json()["tags"] == ["d"]
    assert "next" not in answer.links


async def test_a_tag_moves_and_a_digest_stays(registry_world: Any) -> None:
    first = await registry_world.put_image(APP, "latest")
    second = await registry_world.put_image(APP, "latest", (layer_of({"x": b"1"}),))
    client = registry_world.client
    answer = await client.head(f"/v2/{APP}/manifests/latest")
    assert answer.headers["docker-content-digest"] == second
    assert (await client.head(f"/v2/{APP}/manifests/{first}")).status_code == 200


async def test_deleting_a_tag_keeps_the_manifest_and_the_other_way_takes_both(
    registry_world: Any,
) -> None:
    digest = await registry_world.put_image(APP, "one")
    await registry_world.put_image(APP, "two")
    client = registry_world.client
    assert (await client.delete(f"/v2/{APP}/manifests/one")).status_code == 202
    assert (await client.head(f"/v2/{APP}/manifests/two")).status_code == 200
    assert (await client.delete(f"/v2/{APP}/manifests/{digest}")).status_code == 202
    for reference in ("two", digest):
        assert (await client.head(f"/v2/{APP}/manifests/{reference}")).status_code == 404
    assert (await client.delete(f"/v2/{APP}/manifests/{digest}")).status_code == 404


async def test_referrers_are_found_by_their_subject(registry_world: Any) -> None:
    digest = await registry_world.put_image(APP, "v1")
    body = (await registry_world.client.get(f"/v2/{APP}/manifests/{digest}")).content
    empty = b"{}"
    await registry_world.put_blob(APP, empty)
    answer = await registry_world.put_manifest(
        APP,
        "sbom",
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/spdx+json",
            "config": descriptor(empty, EMPTY),
            "layers": [descriptor(empty, EMPTY)],
            "subject": descriptor(body, OCI_MANIFEST),
            "annotations": {"a": "b"},
        },
    )
    assert answer.headers["oci-subject"] == digest
    client = registry_world.client
    found = (await client.get(f"/v2/{APP}/referrers/{digest}")).json()
    assert [item["artifactType"] for item in found["manifests"]] == ["application/spdx+json"]
    assert found["manifests"][0]["annotations"] == {"a": "b"}
    answer = await client.get(f"/v2/{APP}/referrers/{digest}", params={"artifactType": "other"})
    assert answer.json()["manifests"] == []
    assert answer.headers["oci-filters-applied"] == "artifactType"
    unknown = await client.get(f"/v2/{APP}/referrers/{sha256(b'nothing')}")
    assert (unknown.status_code, unknown.json()["manifests"]) == (200, [])


async def test_an_index_of_images(registry_world: Any) -> None:
    await registry_world.put_image(APP, "amd64")
    body = (await registry_world.client.get(f"/v2/{APP}/manifests/amd64")).content
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(body, OCI_MANIFEST)],
    }
    assert (await registry_world.put_manifest(APP, "all", index, OCI_INDEX)).status_code == 201
    answer = await registry_world.client.get(f"/v2/{APP}/manifests/all")
    assert answer.headers["content-type"] == OCI_INDEX


async def test_garbage_is_what_no_image_uses(registry_world: Any) -> None:
    layer = layer_of({"kept": b"1"})
    await registry_world.put_image(APP, "v1", (layer,))
    lost = await registry_world.put_blob(APP, b"lost")
    registry = registry_world.registry
    assert await registry.collect(grace_s=3600) == 0
    assert await registry.collect(grace_s=0) == 1
    client = registry_world.client
    assert (await client.head(f"/v2/{APP}/blobs/{lost}")).status_code == 404
    assert (await client.head(f"/v2/{APP}/blobs/{sha256(layer)}")).status_code == 200
    await registry.remove(APP)
    assert await registry.collect(grace_s=0) == 3
    assert (await client.head(f"/v2/{APP}/manifests/v1")).status_code == 404


async def skopeo(*arguments: str, home: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "skopeo",
        "--insecure-policy",
        *arguments,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
async def test_skopeo_copies_out_and_in(registry_world: Any, tmp_path: Path) -> None:
    layer = layer_of({"app/main.py": b"print('hello')"})
    digest = await registry_world.put_image(APP, "v1", (layer,))
    host = registry_world.url.removeprefix("http://")
    code, output = await skopeo(
        "copy", "--src-tls-verify=false", "--src-creds", "alice:token-alice",
        f"docker://{host}/{APP}@{digest}", f"oci:{tmp_path}/layout:v1", home=tmp_path,
    )  # fmt: skip
    assert code == 0, output
    code, output = await skopeo(
        "copy", "--dest-tls-verify=false", "--dest-creds", "alice:token-alice",
        f"oci:{tmp_path}/layout:v1", f"docker://{host}/demo/copied:v2", home=tmp_path,
    )  # fmt: skip
    assert code == 0, output
    code, output = await skopeo(
        "inspect", "--tls-verify=false", "--creds", "alice:token-alice",
        f"docker://{host}/demo/copied:v2", home=tmp_path,
    )  # fmt: skip
    assert code == 0, output
    assert json.loads(output)["Digest"] == digest
    code, output = await skopeo(
        "inspect", "--tls-verify=false", "--no-creds", f"docker://{host}/{APP}:v1", home=tmp_path
    )
    assert code != 0
    assert OCI_LAYER_GZIP in (await registry_world.client.get(f"/v2/{APP}/manifests/v1")).text


async def test_a_full_disk_is_said_and_pulls_go_on(
    registry_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await registry_world.put_blob(APP, b"known")

    def full(draft: Draft, chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Draft, "append", full)
    answer = await registry_world.client.post(
        f"/v2/{APP}/blobs/uploads/", params={"digest": sha256(b"new")}, content=b"new"
    )
    assert answer.status_code == 507
    assert "disk" in answer.json()["errors"][0]["message"]
    assert (await registry_world.client.get(f"/v2/{APP}/blobs/{known}")).content == b"known"
    monkeypatch.undo()
    await registry_world.put_blob(APP, b"new")


async def test_what_was_pushed_survives_a_restart_and_cut_uploads_do_not(
    registry_world: Any, tmp_path: Path
) -> None:
    digest = await registry_world.put_image(APP, "v1", (layer_of({"x": b"1"}),))
    answer = await registry_world.client.post(f"/v2/{APP}/blobs/uploads/")
    await registry_world.client.patch(answer.headers["location"], content=b"half")
    people = registry_world.people
    again = EmbeddedRegistry(tmp_path / "registry", people.authenticate, people.authorize)
    assert again.images.get(APP, "v1").digest == digest
    assert not list((tmp_path / "registry/uploads").iterdir())
