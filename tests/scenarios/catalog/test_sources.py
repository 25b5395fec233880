"""Sources of every type: what they give, what they may give, and what an error never does."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.scenarios.catalog.world import World
from tests.served import served
from tests.support import eventually

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.capabilities.portal.catalog.reconcile.claims import Claims
from towpath.capabilities.portal.catalog.reconcile.ingesting import EVERYTHING
from towpath.capabilities.portal.catalog.reconcile.people import EVERYBODY, PeopleEntities
from towpath.capabilities.portal.catalog.reconcile.repositories import TAKEN_RETRY_S
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.outbound import ALLOWED
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE
from towpath.machinery.documents import load_documents
from towpath.machinery.errors import AlreadyExists, Invalid
from towpath.machinery.objects import RawObject


def component(name: str, *, namespace: str = "default", owner: str = "team-a") -> str:
    return (
        "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{type: service, lifecycle: production, owner: {owner}}}\n"
    )


def location(*targets: str, kind: str = "") -> str:
    listed = "".join(f"  - {target}\n" for target in targets)
    said = f"  type: {kind}\n" if kind else ""
    return (
        "apiVersion: backstage.io/v1alpha1\nkind: Location\n"
        f"metadata: {{name: all}}\nspec:\n{said}  targets:\n{listed}"
    )


TEAM = """apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team-a, title: The A team}
spec: {type: team, children: [], members: [alice]}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: alice}
spec: {profile: {displayName: Alice A.}, memberOf: [team-a]}
"""


async def commit(world: World, repository: RepositoryName, files: dict[str, str | None]) -> None:
    git = world.platform.git
    await git.create(repository, owner_uid="u")
    await git.write(
        repository,
        {path: None if text is None else File(text.encode()) for path, text in files.items()},
        message="Describe it",
        author=Signature("alice", "a@b"),
        expected=await git.head(repository),
    )


async def make(world: World, name: str, namespace: str = "demo", **spec: Any) -> None:
    if namespace == SYSTEM_NAMESPACE:
        with suppress(AlreadyExists):
            await world.platform.api.create(NAMESPACE, NAMESPACE.object(namespace))
    source = CATALOG_SOURCE.object(name, namespace, spec=spec)
    await world.platform.api.create(CATALOG_SOURCE, source)


async def status_of(world: World, name: str, namespace: str = "demo") -> RawObject:
    source = await world.platform.api.get(CATALOG_SOURCE, name, namespace)
    return cast(RawObject, source.get("status") or {})


async def condition(world: World, name: str, kind: str, reason: str, namespace: str) -> str:
    """The message, once the condition has that reason."""
    found: list[str] = []

    async def said() -> bool:
        for one in (await status_of(world, name, namespace)).get("conditions") or ():
            if (one["type"], one["reason"]) == (kind, reason):
                found.append(one["message"])
                return True
        return False

    await eventually(said)
    return found[0]


async def test_repositories_are_discovered_now_and_later(world: World) -> None:
    await commit(world, RepositoryName("demo", "one"), {"catalog-info.yaml": component("one")})
    await make(
        world,
        "all",
        type="discovery",
        path="**/catalog-info.yaml",
        discovery={"exclude": ["secret-*"]},
    )
    async with world.running():
        await world.becomes("component:default/one", bool)
        two = {"svc/a/catalog-info.yaml": component("a"), "catalog-info.yaml": component("two")}
        await commit(world, RepositoryName("demo", "two"), two)
        hidden = {"catalog-info.yaml": component("hidden")}
        await commit(world, RepositoryName("demo", "secret-plans"), hidden)
        await commit(world, RepositoryName("other", "theirs"), hidden)
        await world.becomes("component:default/a", bool)
        await world.becomes("component:default/two", bool)

        async def counted() -> bool:
            return (await status_of(world, "all")).get("count") == 3

        await eventually(counted)
        assert await world.entity("component:default/hidden") is None
        await world.platform.api.delete(CATALOG_SOURCE, "all", "demo")
        await world.becomes("component:default/two", lambda entity: entity is None)


async def test_engineers_discover_all_projects_and_name_people(world: World) -> None:
    """A project cannot; and what is described is shown to those who may see the project."""
    for project, name in (("demo", "org"), ("other", "theirs")):
        files = {"catalog-info.yaml": TEAM if name == "org" else component("theirs")}
        await commit(world, RepositoryName(project, name), files)
    await make(
        world,
        "all",
        SYSTEM_NAMESPACE,
        type="discovery",
        discovery={"projects": ["*"]},
        rules=[{"allow": ["Component", "Group", "User"]}],
    )
    async with world.running():
        await world.becomes("component:default/theirs", bool)
        group = await world.becomes(
            "group:default/team-a", lambda e: bool(e) and "title" in e["metadata"]
        )
        user = await world.becomes(
            "user:default/alice", lambda e: bool(e) and "profile" in e["spec"]
        )
        assert group["metadata"]["title"] == "The A team"
        assert ("memberOf", "group:default/team-a") in {
            (one["type"], one["targetRef"]) for one in user["relations"]
        }
        # When nobody describes it any more, the platform's own knowledge is there again.
        await world.platform.api.delete(CATALOG_SOURCE, "all", SYSTEM_NAMESPACE)
        await world.becomes(
            "group:default/team-a", lambda e: bool(e) and "title" not in e["metadata"]
        )


async def test_the_platform_asks_again_for_whom_a_source_has_not_let_go_of_yet(
    world: World,
) -> None:
    catalog = world.platform.catalog
    described = entity_of(load_documents(TEAM)[0])
    await catalog.ingest("repository:demo/org", [described], project="demo", version="1")
    people = PeopleEntities(world.platform, Claims())
    assert await people(EVERYBODY) == TAKEN_RETRY_S
    await catalog.forget("repository:demo/org")
    assert await people(EVERYBODY) is None
    assert await catalog.get(EVERYTHING, described.ref) is not None


async def test_rules_say_which_kinds_a_source_may_give(world: World) -> None:
    await commit(world, RepositoryName("demo", "org"), {"catalog-info.yaml": TEAM})
    await make(world, "org", type="git", repository="org", rules=[{"allow": ["Group", "User"]}])
    async with world.running():
        message = await condition(world, "org", "Ready", "EntitiesInvalid", "demo")
        assert "not from a project" in message
        group = await world.becomes("group:default/team-a", bool)
        assert "title" not in group["metadata"]


async def test_locations_lead_to_files_and_patterns(world: World) -> None:
    repository = RepositoryName("demo", "mono")
    await commit(
        world,
        repository,
        {
            "catalog-info.yaml": location("./services/*/catalog-info.yaml", "nothing.yaml"),
            "services/a/catalog-info.yaml": component("a"),
            "services/b/catalog-info.yaml": component("b"),
        },
    )
    await make(world, "mono", type="git", repository="mono")
    async with world.running():
        a = await world.becomes("component:default/a", bool)
        await world.becomes("component:default/b", bool)
        assert await world.entity("location:default/all")
        annotations = a["metadata"]["annotations"]
        assert annotations["backstage.io/managed-by-location"] == (
            "towpath-git:demo/mono/services/a/catalog-info.yaml"
        )
        assert annotations["backstage.io/managed-by-origin-location"] == (
            "towpath-git:demo/mono/catalog-info.yaml"
        )
        await condition(world, "mono", "Ready", "DescriptorNotFound", "demo")
        # One file has gone, and another is not YAML any more: one is an orphan, the other is kept.
        await commit(
            world,
            repository,
            {
                "services/a/catalog-info.yaml": None,
                "services/b/catalog-info.yaml": ": [",
                "catalog-info.yaml": location("./services/*/catalog-info.yaml"),
            },
        )
        await condition(world, "mono", "Ready", "DescriptorInvalid", "demo")
        assert await world.entity("component:default/b")
        assert await world.entity("component:default/a")
        await commit(world, repository, {"services/b/catalog-info.yaml": component("b")})
        await world.becomes(
            "component:default/a",
            lambda e: bool(e) and "backstage.io/orphan" in e["metadata"]["annotations"],
        )


async def test_a_location_of_a_project_does_not_read_another(world: World) -> None:
    await commit(
        world, RepositoryName("other", "secret"), {"catalog-info.yaml": component("stolen")}
    )
    target = "towpath-git:other/secret/catalog-info.yaml"
    files = {
        "catalog-info.yaml": location("other/secret/catalog-info.yaml", kind="towpath-git")
        + "---\n"
        + component("orders")
        + "---\n"
        + location(target).replace("name: all", "name: more")
    }
    await commit(world, RepositoryName("demo", "orders"), files)
    await make(world, "orders", type="git", repository="orders")
    async with world.running():
        await world.becomes("component:default/orders", bool)
        assert await world.entity("component:default/stolen") is None


def many(count: int) -> str:
    return "---\n".join(component(f"c{number}") for number in range(count))


async def test_a_great_loss_waits_until_somebody_accepts_it_and_can_be_undone(
    world: World,
) -> None:
    repository = RepositoryName("demo", "many")
    await commit(world, repository, {"catalog-info.yaml": many(40)})
    await make(world, "many", type="git", repository="many")
    async with world.running():
        await world.becomes("component:default/c39", bool)
        await commit(world, repository, {"catalog-info.yaml": many(3)})
        message = await condition(world, "many", "Quarantined", "LossTooGreat", "demo")
        assert "37 of 40" in message
        assert await world.entity("component:default/c39")
        (held,) = (await status_of(world, "many"))["quarantine"]
        assert (held["removed"], held["of"]) == (37, 40)
        accept = {"spec": {"accepted": [held["version"]]}}
        await world.platform.api.patch(CATALOG_SOURCE, "many", "demo", accept)
        await world.becomes("component:default/c39", lambda entity: entity is None)
        await condition(world, "many", "Quarantined", "NothingHeldBack", "demo")
        undo = {"spec": {"accepted": [], "undone": [held["version"]]}}
        await world.platform.api.patch(CATALOG_SOURCE, "many", "demo", undo)
        await world.becomes("component:default/c39", bool)
        await condition(world, "many", "Quarantined", "Undone", "demo")
        # What it says next counts again.
        await commit(world, repository, {"catalog-info.yaml": many(41)})
        await world.becomes("component:default/c40", bool)
        await condition(world, "many", "Quarantined", "NothingHeldBack", "demo")


@dataclass
class Host:
    """A web server that says what it is told to."""

    files: dict[str, str] = field(default_factory=dict)
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Paths, and the ETag that was sent along."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        sent = {key.decode(): value.decode() for key, value in scope["headers"]}
        text = self.files.get(scope["path"])
        etag = f'"{hash(text)}"'
        status = self.status if text is not None else 404
        self.asked.append((scope["path"], sent.get("if-none-match", "")))
        if status == 200 and sent.get("if-none-match") == etag:
            status, text = 304, ""
        headers = [(b"etag", etag.encode()), *self.headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": (text or "").encode()})


@pytest.fixture
async def host(world: World) -> AsyncIterator[tuple[Host, str]]:
    host = Host()
    async with served(cast(Any, host)) as url:
        await world.platform.api.create(NAMESPACE, NAMESPACE.object(SYSTEM_NAMESPACE))
        allow = CONFIG_MAP.object(
            ALLOWED, SYSTEM_NAMESPACE, data={"allow": url.removeprefix("http://")}
        )
        await world.platform.api.create(CONFIG_MAP, allow)
        yield host, url


async def refresh(world: World, name: str, token: str) -> None:
    annotations = {"metadata": {"annotations": {REFRESH_ANNOTATION: token}}}
    await world.platform.api.patch(CATALOG_SOURCE, name, "demo", annotations)


async def test_the_web_is_read_once_and_then_asked_whether_it_changed(
    world: World, host: tuple[Host, str]
) -> None:
    web, url = host
    web.files = {
        "/catalog/all.yaml": location("./a.yaml") + "---\n" + component("root"),
        "/catalog/a.yaml": component("a"),
    }
    await make(world, "web", type="url", url={"targets": [f"{url}/catalog/all.yaml"]})
    async with world.running():
        await world.becomes("component:default/a", bool)
        assert all(etag == "" for _, etag in web.asked)
        web.files["/catalog/a.yaml"] = component("a", owner="team-b")
        web.asked.clear()
        await refresh(world, "web", "1")
        await world.becomes("component:default/a", lambda e: e["spec"]["owner"] == "team-b")  # type: ignore[index]
        assert all(etag for _, etag in web.asked)

        # Errors, and a host that wants to be left alone: nothing goes.
        web.status, web.headers = 429, [(b"retry-after", b"900")]
        await refresh(world, "web", "2")
        message = await condition(world, "web", "Ready", "Unreadable", "demo")
        assert "left alone" in message
        asked = len(web.asked)
        await refresh(world, "web", "3")
        web.status = 200
        assert await world.entity("component:default/a")
        assert len(web.asked) == asked


async def test_what_only_this_machine_reaches_is_not_called(
    world: World, host: tuple[Host, str]
) -> None:
    web, url = host
    await world.platform.api.delete(CONFIG_MAP, ALLOWED, SYSTEM_NAMESPACE)
    web.files = {"/a.yaml": component("a")}
    await make(world, "web", type="url", url={"targets": [f"{url}/a.yaml"]})
    async with world.running():
        message = await condition(world, "web", "Ready", "DescriptorInvalid", "demo")
        assert "administrator" in message
    assert web.asked == []


async def test_a_folder_is_read_where_it_was_allowed(world: World, tmp_path: Path) -> None:
    root = tmp_path / "org"
    (root / "a").mkdir(parents=True)
    (root / "a" / "catalog-info.yaml").write_text(component("a"))
    outside = tmp_path / "passwd"
    outside.write_text(component("stolen"))
    (root / "catalog-info.yaml").symlink_to(outside)
    world.platform = replace(world.platform, catalog_roots=(str(root),))
    directory = {"path": str(root)}
    await make(world, "org", SYSTEM_NAMESPACE, type="directory", directory=directory)
    await make(world, "up", SYSTEM_NAMESPACE, type="directory", directory={"path": str(tmp_path)})
    await make(world, "mine", type="directory", directory=directory)
    async with world.running():
        await world.becomes("component:default/a", bool)
        await condition(world, "up", "Ready", "NotAllowed", SYSTEM_NAMESPACE)
        await condition(world, "mine", "Ready", "NotAllowed", "demo")
        assert await world.entity("component:default/stolen") is None
        (root / "a" / "catalog-info.yaml").unlink()
        source = {"metadata": {"annotations": {REFRESH_ANNOTATION: "1"}}}
        await world.platform.api.patch(CATALOG_SOURCE, "org", SYSTEM_NAMESPACE, source)
        await world.becomes(
            "component:default/a",
            lambda e: bool(e) and "backstage.io/orphan" in e["metadata"]["annotations"],
        )


WRONG = {
    "git without a repository": {"type": "git"},
    "a repository for the web": {
        "type": "url",
        "repository": "x",
        "url": {"targets": ["http://a"]},
    },
    "no address": {"type": "url"},
    "an address that is none": {"type": "url", "url": {"targets": ["file:///etc/passwd"]}},
    "a folder that is relative": {"type": "directory", "directory": {"path": "x"}},
    "a version that is both": {
        "type": "git",
        "repository": "x",
        "accepted": ["1"],
        "undone": ["1"],
    },
}


@pytest.mark.parametrize("spec", WRONG.values(), ids=WRONG.keys())
async def test_what_makes_no_sense_is_refused(world: World, spec: RawObject) -> None:
    with pytest.raises(Invalid):
        await make(world, "x", **spec)
