"""Lists, pages, selectors, and what a watch shows of them."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
import pytest
from tests.support import RunningApi, running_api_server

from towpath.apiserver.calls import Change, ReadOptions, Target, WatchOptions
from towpath.apiserver.encoding import loads
from towpath.apiserver.verbs.watch import INITIAL_EVENTS_END, STATE_PAGE
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE
from towpath.machinery.errors import BadRequest, Gone, ObjectTooLarge, Timeout
from towpath.machinery.users import PLATFORM


async def make(api: RunningApi, name: str, **labels: str) -> None:
    obj = CONFIG_MAP.object(name, "default")
    obj["metadata"]["labels"] = labels
    await api.client().create(CONFIG_MAP, obj)


async def take(changes: AsyncGenerator[Change, None], count: int) -> list[Change]:
    async with asyncio.timeout(5):
        return [await anext(changes) for _ in range(count)]


def told(changes: list[Change]) -> list[tuple[str, str]]:
    return [(c.type, loads(c.object)["metadata"].get("name", "")) for c in changes]


async def names(api: RunningApi, **selectors: str) -> list[str]:
    listed = await api.client().list(CONFIG_MAP, "default", **selectors)  # type: ignore[arg-type]
    return [obj["metadata"]["name"] for obj in listed.items]


async def test_pages_show_one_moment_whatever_happens_between_them() -> None:
    async with running_api_server() as api:
        client = api.client()
        for number in range(5):
            await make(api, f"c{number}")
        first = await client.list(CONFIG_MAP, "default", limit=2)
        await client.delete(CONFIG_MAP, "c3", "default")
        await make(api, "c2b")
        second = await client.list(
            CONFIG_MAP, "default", limit=10, continue_token=first.continue_token
        )
        seen = [obj["metadata"]["name"] for obj in first.items + second.items]
        assert seen == ["c0", "c1", "c2", "c3", "c4"]
        assert second.resource_version == first.resource_version
        assert not second.continue_token


def token(**content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).decode()


@pytest.mark.parametrize(
    "garbled",
    [
        pytest.param(token(v="meta.k8s.io/v1", rv=5, start="default/a"), id="another namespace"),
        pytest.param(token(v="meta.k8s.io/v1", rv=5, start=""), id="the beginning of everything"),
        pytest.param(token(v="meta.k8s.io/v1", rv=0, start="other/a"), id="no revision"),
        pytest.param(token(v="meta.k8s.io/v1", rv=-5, start="other/a"), id="a negative revision"),
        pytest.param(token(v="meta.k8s.io/v1", rv=[5], start="other/a"), id="a list"),
        pytest.param(token(v="meta.k8s.io/v1", rv=5), id="no key"),
        pytest.param("eyJydiI6MWU0MDAsInN0YXJ0Ijoib3RoZXIvYSJ9", id="an endless number"),
        pytest.param("äöü", id="no token"),
        pytest.param("W10", id="no object"),
        pytest.param("A" * 10_000, id="a long one"),
    ],
)
async def test_a_page_token_that_was_made_up_leads_nowhere(garbled: str) -> None:
    """Who may list one namespace could else begin in the one before it."""
    async with running_api_server() as api:
        await make(api, "a")
        await api.client().create(NAMESPACE, NAMESPACE.object("other"))
        with pytest.raises(BadRequest, match="continue key is not valid"):
            await api.client().list(CONFIG_MAP, "other", limit=5, continue_token=garbled)


async def test_a_page_token_older_than_history_has_expired() -> None:
    async with running_api_server() as api:
        client = api.client()
        await make(api, "a")
        await make(api, "b")
        first = await client.list(CONFIG_MAP, limit=1)
        await make(api, "c")
        await api.store.compact(api.store.revision)
        with pytest.raises(Gone) as refused:
            await client.list(CONFIG_MAP, limit=1, continue_token=first.continue_token)
        # Whoever prefers the rest as it is now to a new beginning is given a token for it.
        renewed = refused.value.to_status()["metadata"]["continue"]
        rest = await client.list(CONFIG_MAP, continue_token=renewed)
    assert [item["metadata"]["name"] for item in rest.items] == ["b", "c"]


async def test_a_version_with_a_limit_is_that_very_version() -> None:
    async with running_api_server() as api:
        await make(api, "a")
        then = str(api.store.revision)
        await make(api, "b")
        target = Target(CONFIG_MAP, "default")
        pages = [
            await api.server.list(PLATFORM, target, ReadOptions(resource_version=then, limit=limit))
            for limit in (5, 0)
        ]
    assert [len(page.items) for page in pages] == [1, 2]


async def test_selectors_choose_by_label_and_field() -> None:
    async with running_api_server() as api:
        await make(api, "a", app="x", tier="1")
        await make(api, "b", app="x")
        await make(api, "c", app="y")
        assert await names(api, labels="app=x") == ["a", "b"]
        assert await names(api, labels="app=x,!tier") == ["b"]
        assert await names(api, labels="app in (y,z)") == ["c"]
        assert await names(api, fields="metadata.name=b") == ["b"]
        assert await names(api, fields="metadata.name!=b", labels="app=x") == ["a"]
        with pytest.raises(BadRequest):
            await names(api, fields="data.x=1")
        with pytest.raises(BadRequest):
            await names(api, labels="a==b==c")


async def test_a_version_of_the_future_is_too_large() -> None:
    async with running_api_server() as api:
        options = ReadOptions(resource_version="99999")
        with pytest.raises(Timeout):
            await api.server.list(PLATFORM, Target(CONFIG_MAP), options)


async def test_an_object_enters_and_leaves_a_selector() -> None:
    async with running_api_server() as api:
        client = api.client()
        changes = api.server.watch(
            PLATFORM,
            Target(CONFIG_MAP, "default"),
            WatchOptions(resource_version=str(api.store.revision), label_selector="app=x"),
        )
        await make(api, "a", app="y")
        await client.patch(CONFIG_MAP, "a", "default", {"metadata": {"labels": {"app": "x"}}})
        await client.patch(CONFIG_MAP, "a", "default", {"data": {"k": "v"}})
        await client.patch(CONFIG_MAP, "a", "default", {"metadata": {"labels": {"app": "y"}}})
        await client.delete(CONFIG_MAP, "a", "default")
        await make(api, "end", app="x")
        seen = await take(changes, 4)
        assert told(seen) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "end")]
        versions = [int(loads(c.object)["metadata"]["resourceVersion"]) for c in seen]
        assert versions == sorted(set(versions))
        await changes.aclose()


async def test_initial_events_end_with_a_marked_bookmark() -> None:
    async with running_api_server() as api:
        await make(api, "a")
        changes = api.server.watch(
            PLATFORM,
            Target(CONFIG_MAP, "default"),
            WatchOptions(send_initial_events=True, bookmarks=True),
        )
        first, bookmark = await take(changes, 2)
        assert first.type == "ADDED"
        assert bookmark.type == "BOOKMARK"
        metadata = loads(bookmark.object)["metadata"]
        assert metadata["annotations"] == {INITIAL_EVENTS_END: "true"}
        await make(api, "b")
        assert told(await take(changes, 1)) == [("ADDED", "b")]
        await changes.aclose()


async def test_a_watch_without_version_begins_with_what_is_there() -> None:
    async with running_api_server() as api:
        await make(api, "a")
        changes = api.server.watch(PLATFORM, Target(CONFIG_MAP), WatchOptions())
        assert told(await take(changes, 1)) == [("ADDED", "a")]
        await changes.aclose()


async def test_a_watch_from_compacted_history_is_refused() -> None:
    async with running_api_server() as api:
        await make(api, "a")
        await api.store.compact(api.store.revision)
        changes = api.server.watch(PLATFORM, Target(CONFIG_MAP), WatchOptions(resource_version="1"))
        with pytest.raises(Gone):
            await anext(changes)


async def test_a_watch_ends_at_its_timeout_with_a_bookmark() -> None:
    async with running_api_server() as api:
        options = WatchOptions(
            resource_version=str(api.store.revision), timeout_s=0.05, bookmarks=True
        )
        changes = api.server.watch(PLATFORM, Target(CONFIG_MAP), options)
        async with asyncio.timeout(5):
            assert [change.type async for change in changes] == ["BOOKMARK"]


async def test_one_object_is_watched_by_its_name() -> None:
    async with running_api_server() as api:
        changes = api.server.watch(
            PLATFORM,
            Target(CONFIG_MAP, "default"),
            WatchOptions(
                resource_version=str(api.store.revision), field_selector="metadata.name=ab"
            ),
        )
        await make(api, "abc")
        await make(api, "ab")
        assert told(await take(changes, 1)) == [("ADDED", "ab")]
        await changes.aclose()


async def test_a_watch_that_begins_with_much_state_shows_one_moment_of_it() -> None:
    """A page at a time, while others write; what they write comes after it, once."""
    async with running_api_server() as api:
        count = STATE_PAGE + 20
        for number in range(count):
            await make(api, f"c{number:04}")
        options = WatchOptions(send_initial_events=True, timeout_s=5.0)
        target = Target(CONFIG_MAP, "default")
        async with aclosing(api.server.watch(PLATFORM, target, options)) as changes:
            seen = told(await take(changes, 10))
            await api.client().delete(CONFIG_MAP, f"c{count - 1:04}", "default")
            await make(api, "c0000-later")
            seen += told(await take(changes, count - 10))
            assert seen == [("ADDED", f"c{number:04}") for number in range(count)]
            rest = told(await take(changes, 3))
            assert rest == [
                ("BOOKMARK", ""),
                ("DELETED", f"c{count - 1:04}"),
                ("ADDED", "c0000-later"),
            ]


async def test_an_object_of_more_bytes_than_etcd_takes_is_not_stored() -> None:
    async with running_api_server() as api:
        obj = CONFIG_MAP.object("a", "default")
        obj["metadata"]["managedFields"] = [
            {"manager": f"m{number}", "operation": "Apply", "apiVersion": "v1"}
            | {"fieldsType": "FieldsV1", "fieldsV1": {f"f:{'x' * 100_000}": {}}}
            for number in range(20)
        ]
        with pytest.raises(ObjectTooLarge, match="etcdserver: request is too large"):
            await api.client().create(CONFIG_MAP, obj)
        await make(api, "a")
