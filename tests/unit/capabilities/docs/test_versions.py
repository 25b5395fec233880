"""Docs of a release are those of its commit; docs may lie with another entity, or elsewhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import RunningPortal, running_portal
from tests.unit.capabilities.docs.test_pages_of_docs import FILES, HERE, described, push

from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.docs.reading import Place, place_of
from towpath.engines.git.port import RepositoryName
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA
from towpath.records.contract import Entity

REPOSITORY = RepositoryName("demo", "orders")


def annotated(name: str, **annotations: str) -> Entity:
    named = {f"backstage.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {
                "name": name,
                "namespace": "demo",
                "annotations": {**named, "towpath.dev/workload": name},
            },
            "spec": {"type": "service", "lifecycle": "production"},
        }
    )


def ours(name: str = "orders") -> Entity:
    return annotated(
        name,
        techdocs_ref="dir:.",
        managed_by_location=f"towpath-git:demo/{name}/catalog-info.yaml",
    )


async def release(portal: RunningPortal, name: str, commit: CommitSHA) -> None:
    spec = {
        "workload": "orders",
        "image": f"registry.towpath.local/demo/orders@sha256:{'0' * 64}",
        "commit": commit,
        "score": {},
    }
    await portal.client.create(RELEASE, RELEASE.object(name, "demo", spec=spec))


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await portal.git.create(REPOSITORY, owner_uid="u")
        first = await push(portal, FILES)
        await release(portal, "orders-1", first)
        await push(portal, {"docs/ops.md": b"Words of today.\n", "docs/new.md": b"# New\n"})
        shared = annotated(
            "worker", techdocs_entity="component:demo/orders", techdocs_entity_path="/ops"
        )
        lost = annotated("lost", techdocs_entity="component:demo/nobody")
        entities = [ours(), shared, lost, described("plain", "demo", "url:https://a.example")]
        await portal.records.catalog.ingest("a", entities, project="demo", version="1")
        yield portal


async def test_a_release_has_its_own_docs(portal: RunningPortal) -> None:
    today = await portal.open(f"{HERE}/ops")
    assert "Words of today." in today.text
    assert "<option>orders-1</option>" in today.html
    then = await portal.open(f"{HERE}/ops?version=orders-1")
    assert "Words without a heading." in then.text
    assert "You read orders-1. This page has changed on main since." in then.text
    assert "Words of today." in then.html.partition("What has changed since")[2]
    assert f'href="{HERE}?version=orders-1"' in then.html
    same = await portal.open(f"{HERE}?version=orders-1")
    assert "It is the same on main." in same.text
    assert f'href="{HERE}/ops?version=orders-1"' in same.html


ABSENT = (
    (f"{HERE}/new?version=orders-1", "have no page 'new'"),
    (f"{HERE}?version=orders-9", "has no release 'orders-9'"),
    ("/docs/demo/component/lost", "which is not in the catalogue"),
)


async def test_what_a_version_does_not_have_is_said(portal: RunningPortal) -> None:
    for address, why in ABSENT:
        with pytest.raises(NotFound, match=why):
            await portal.open(address)


async def test_docs_may_be_shared(portal: RunningPortal) -> None:
    assert (await portal.open("/docs/demo/component/worker")).leads_to == f"{HERE}/ops"


@pytest.mark.parametrize(
    ("reference", "folder"),
    [
        ("dir:.", "apps/shop"),
        ("dir:../handbook", "apps/handbook"),
        ("dir:/", ""),
        ("dir:../../..", None),
        ("url:http://localhost:8080/git/demo/site.git", ""),
        ("url:http://localhost:8080/git/demo/site/tree/main/manual", "manual"),
        ("url:http://localhost:8080/git/demo/site/tree/main/../../x", None),
        ("url:https://github.com/a/b", None),
        ("url:ftp://localhost/git/demo/site", None),
        ("nothing", None),
    ],
)
def test_where_docs_lie(reference: str, folder: str | None) -> None:
    entity = annotated(
        "shop",
        techdocs_ref=reference,
        managed_by_location="towpath-git:demo/mono/apps/shop/catalog-info.yaml",
    )
    name = "site" if reference.startswith("url:") else "mono"
    wanted = None if folder is None else Place(RepositoryName("demo", name), folder)
    assert place_of(entity) == wanted
