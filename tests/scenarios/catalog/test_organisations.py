"""Repositories of other Git hosts: found, followed, and never lost by an error."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.forges import Forge, Repository, Told
from tests.scenarios.catalog.test_sources import component, condition, location, make, status_of
from tests.scenarios.catalog.world import World
from tests.served import served
from tests.support import eventually

from towpath.capabilities.portal.catalog.descriptors import parse_entities
from towpath.capabilities.portal.catalog.facts import LOCATION, ORIGIN
from towpath.capabilities.portal.catalog.gathering import Gathered, kept
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.capabilities.portal.catalog.sources.organisation import Organisation
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.capabilities.portal.catalog.sources.webhooks import PATH, apis
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.apis import ApiRequest
from towpath.hooks.outbound import ALLOWED
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE, SECRET
from towpath.machinery.errors import Unauthorized
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.contract import Viewer

HOSTS = ("azure", "bitbucket", "gitea", "github", "gitlab")
OWNERS = {"azure": "acme/shop"}
TOPICS_KNOWN = ("gitea", "github", "gitlab")
ARCHIVED_KNOWN = (*TOPICS_KNOWN, "azure")
DESCRIBED = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "orders"},
    "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
}


@asynccontextmanager
async def standing(world: World, kind: str) -> AsyncIterator[Forge]:
    forge = Forge(kind)
    async with served(forge) as url:
        forge.url = url
        await world.platform.api.create(NAMESPACE, NAMESPACE.object(SYSTEM_NAMESPACE))
        allow = CONFIG_MAP.object(
            ALLOWED, SYSTEM_NAMESPACE, data={"allow": url.removeprefix("http://")}
        )
        await world.platform.api.create(CONFIG_MAP, allow)
        yield forge


def about(forge: Forge, **more: Any) -> dict[str, Any]:
    owner = OWNERS.get(forge.kind, "acme")
    return {"host": forge.kind, "url": forge.url, "owner": owner, **more}


async def read_again(world: World, token: str) -> None:
    patch = {"metadata": {"annotations": {REFRESH_ANNOTATION: token}}}
    await world.platform.api.patch(CATALOG_SOURCE, "acme", "demo", patch)


async def count_becomes(world: World, count: int) -> RawObject:
    async def is_there() -> bool:
        return (await status_of(world, "acme")).get("count") == count

    await eventually(is_there)
    return await status_of(world, "acme")


def several() -> dict[str, Repository]:
    return {
        name: Repository({"catalog-info.yaml": component(name)})
        for name in ("one", "two", "three", "four", "five")
    }


@pytest.mark.parametrize("kind", HOSTS)
async def test_an_owner_is_looked_through_page_by_page(world: World, kind: str) -> None:
    async with standing(world, kind) as forge:
        forge.repositories = several()
        forge.repositories["old"] = Repository(
            {"catalog-info.yaml": component("old")}, archived=True
        )
        forge.repositories["copy"] = Repository({"catalog-info.yaml": component("c")}, fork=True)
        forge.repositories["bare"] = Repository({"README.md": "# Bare"})
        forge.repositories["secret-one"] = Repository({"catalog-info.yaml": component("s")})
        await make(
            world, "acme", type="organisation", organisation=about(forge, exclude=["secret-*"])
        )
        async with world.running():
            status = await count_becomes(world, 5 if kind in ARCHIVED_KNOWN else 6)
            await condition(world, "acme", "Ready", "Ready", "demo")
            assert await world.entity("component:default/five")
            assert await world.entity("component:default/c") is None
    assert status["changes"] == {"added": status["count"], "updated": 0, "removed": 0}
    assert status["lastRead"] < status["nextRead"]


@pytest.mark.parametrize("kind", HOSTS)
async def test_patterns_and_what_locations_lead_to_are_in_the_same_repository(
    world: World, kind: str
) -> None:
    async with standing(world, kind) as forge:
        forge.repositories["one"] = Repository(
            {
                "all.yaml": location("./services/*/catalog-info.yaml", "/at-root.yaml"),
                "services/a/catalog-info.yaml": component("a"),
                "services/b/catalog-info.yaml": component("b"),
                "at-root.yaml": component("root"),
            }
        )
        await make(
            world, "acme", type="organisation", path="{all,none}.yaml", organisation=about(forge)
        )
        async with world.running():
            await count_becomes(world, 4)
            found = await world.entity("component:default/b")
    assert found is not None
    where = found["metadata"]["annotations"]["backstage.io/managed-by-location"]
    assert where.startswith(f"url:{forge.url}/acme/")
    assert "services/b/catalog-info.yaml" in where


@pytest.mark.parametrize("kind", TOPICS_KNOWN)
async def test_topics_choose(world: World, kind: str) -> None:
    async with standing(world, kind) as forge:
        forge.repositories = several()
        forge.repositories["two"].topics = ("shop", "go")
        await make(world, "acme", type="organisation", organisation=about(forge, topics=["shop"]))
        async with world.running():
            status = await count_becomes(world, 1)
    assert status["entities"] == ["component:default/two"]


@pytest.mark.parametrize("kind", ("bitbucket", "gitea", "github", "gitlab"))
async def test_what_nobody_pushed_to_is_not_asked_for_again(world: World, kind: str) -> None:
    async with standing(world, kind) as forge:
        forge.repositories = several()
        await make(world, "acme", type="organisation", organisation=about(forge))
        async with world.running():
            await count_becomes(world, 5)
            forge.repositories["two"].files["catalog-info.yaml"] = component("renamed")
            forge.repositories["two"].changed = "2026-02-02T00:00:00Z"
            forge.asked.clear()
            await read_again(world, "1")
            await world.becomes("component:default/renamed", lambda found: found is not None)
    files = [path for path in forge.asked if "catalog-info.yaml" in path]
    assert len(files) == 1


REFUSALS = {
    "a broken host": Told({"message": "no"}, 500),
    "a page for people": Told(b"<html>sign in</html>"),
    "an answer of another shape": Told({"message": "hello"}),
    "an owner that is hidden now": Told({"message": "Not Found"}, 404),
    "a token that has expired": Told({"message": "Bad credentials"}, 401),
    "a rate that is spent": Told({}, 403, {"x-ratelimit-remaining": "0", "retry-after": "70"}),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
async def test_nothing_is_lost_by_an_error(world: World, refusal: Told) -> None:
    async with standing(world, "github") as forge:
        forge.repositories = several()
        await make(world, "acme", type="organisation", orphans="Delete", organisation=about(forge))
        async with world.running():
            await count_becomes(world, 5)
            forge.refusal = refusal
            await read_again(world, "1")
            await condition(world, "acme", "Ready", "Unreadable", "demo")
            status = await status_of(world, "acme")
            for name in forge.repositories:
                found = await world.entity(f"component:default/{name}")
                assert found is not None
                assert "backstage.io/orphan" not in found["metadata"]["annotations"]
    assert status["failures"] == 1
    assert status["nextRead"] > status["lastRead"]


WHOSE = {
    "as the host writes it": ("Acme/orders", True),
    "of another owner, whose name begins so": ("acme-games/orders", False),
}


@pytest.mark.parametrize(("repository", "is_theirs"), WHOSE.values(), ids=WHOSE.keys())
def test_what_is_lost_while_an_owner_cannot_be_listed(repository: str, is_theirs: bool) -> None:
    source = {"spec": {"organisation": {"host": "github", "owner": "acme"}}}
    owner = Organisation.of(source, Web(unsent), {})
    address = f"url:https://github.com/{repository}/blob/main/catalog-info.yaml"
    (before,) = parse_entities([DESCRIBED], known_by={LOCATION: address, ORIGIN: address}).entities
    assert owner.holds(address) == is_theirs
    unread = Gathered(unlisted={owner.address: "it does not answer"})
    assert bool(kept(unread, {before.ref: before}, orphans=False)) == is_theirs


async def unsent(request: OutboundRequest) -> OutboundAnswer:
    raise AssertionError(request.url)


async def test_a_repository_that_cannot_be_read_stays_and_others_go_on(world: World) -> None:
    async with standing(world, "github") as forge:
        forge.repositories = several()
        await make(world, "acme", type="organisation", orphans="Delete", organisation=about(forge))
        async with world.running():
            await count_becomes(world, 5)
            forge.broken = {"one"}
            for name in ("one", "two"):
                forge.repositories[name].changed = "2026-02-02T00:00:00Z"
            forge.repositories["two"].files["catalog-info.yaml"] = component("renamed")
            await read_again(world, "1")
            await world.becomes("component:default/renamed", lambda found: found is not None)
            assert await world.entity("component:default/one")
            assert await world.entity("component:default/two") is None


async def test_a_great_loss_is_held_back_until_somebody_accepts_it(world: World) -> None:
    async with standing(world, "github") as forge:
        forge.repositories = {
            f"r{number}": Repository({"catalog-info.yaml": component(f"r{number}")})
            for number in range(20)
        }
        await make(world, "acme", type="organisation", orphans="Delete", organisation=about(forge))
        async with world.running():
            await count_becomes(world, 20)
            forge.repositories = {"r0": forge.repositories["r0"]}
            await read_again(world, "1")
            await condition(world, "acme", "Quarantined", "LossTooGreat", "demo")
            assert await world.entity("component:default/r19")
            (held,) = (await status_of(world, "acme"))["quarantine"]
            patch = {"spec": {"accepted": [held["version"]]}}
            await world.platform.api.patch(CATALOG_SOURCE, "acme", "demo", patch)
            await world.becomes("component:default/r19", lambda found: found is None)
            undone = {"spec": {"accepted": [], "undone": [held["version"]]}}
            await world.platform.api.patch(CATALOG_SOURCE, "acme", "demo", undone)
            await world.becomes("component:default/r19", lambda found: found is not None)


async def secret(world: World, host: str, **data: str) -> None:
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    made = SECRET.object("forge", "demo", data=encoded)
    made["metadata"]["annotations"] = {"towpath.dev/hosts": host}
    await world.platform.api.create(SECRET, made)


async def test_a_token_goes_to_the_hosts_of_its_secret_alone(world: World) -> None:
    async with standing(world, "github") as forge:
        forge.repositories, forge.token = several(), "t0p"
        await make(world, "acme", type="organisation", organisation=about(forge, secret="forge"))
        async with world.running():
            message = await condition(world, "acme", "Ready", "NotAllowed", "demo")
            assert "forge" in message
            await secret(world, forge.url, token="t0p")
            await read_again(world, "1")
            await count_becomes(world, 5)


def github_says(key: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}"}


def gitea_says(key: str, body: bytes) -> dict[str, str]:
    return {"x-gitea-signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


def gitlab_says(key: str, body: bytes) -> dict[str, str]:
    del body
    return {"x-gitlab-token": key}


def azure_says(key: str, body: bytes) -> dict[str, str]:
    del body
    return {"authorization": f"Basic {base64.b64encode(f'hook:{key}'.encode()).decode()}"}


SAYS = {"github": github_says, "gitea": gitea_says, "gitlab": gitlab_says, "azure": azure_says}


@pytest.mark.parametrize("says", SAYS.values(), ids=SAYS.keys())
async def test_a_signed_webhook_reads_at_once_and_another_does_nothing(
    world: World, says: Any
) -> None:
    (api,) = apis(world.platform)

    async def hears(headers: dict[str, str], body: bytes = b'{"ref": "x"}') -> int:
        nobody = Viewer(PLATFORM, frozenset())
        request = ApiRequest(
            "POST", "/demo/acme", "", headers, body, PLATFORM, nobody, world.platform.api
        )
        return (await api.answer(request)).status

    async with standing(world, "github") as forge:
        await secret(world, forge.url, token="t", webhook="s3cret")
        await make(world, "acme", type="organisation", organisation=about(forge, secret="forge"))
        forge.repositories = {"one": Repository({"catalog-info.yaml": component("one")})}
        async with world.running():
            await count_becomes(world, 1)
            forge.repositories["new"] = Repository({"catalog-info.yaml": component("new")})
            for wrong in (says("other", b'{"ref": "x"}'), {}):
                with pytest.raises(Unauthorized):
                    await hears(wrong)
            assert await hears(says("s3cret", b'{"ref": "x"}')) == 202
            await count_becomes(world, 2)
    assert api.path == PATH
