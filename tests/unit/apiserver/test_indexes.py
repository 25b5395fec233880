"""Lists by label and field read an index; they say what looking at everything would say."""

import random
from collections.abc import AsyncIterator

import pytest
from tests.support import RunningApi, running_api_server

from towpath.apiserver.indexes import INDEXED_MAX
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE, SECRET
from towpath.machinery.objects import RawObject

NAMESPACES, COLOURS, TYPES = ("here", "there"), ("red", "green", ""), ("example.org/a", "Opaque")
STEPS = 300


@pytest.fixture
async def api() -> AsyncIterator[RunningApi]:
    async with running_api_server() as api:
        for name in NAMESPACES:
            await api.client().create(NAMESPACE, NAMESPACE.object(name))
        yield api


def _thing(chance: random.Random) -> RawObject:
    obj = SECRET.object(f"n{chance.randrange(20)}", chance.choice(NAMESPACES))
    obj["type"] = chance.choice(TYPES)
    if colour := chance.choice(COLOURS):
        obj["metadata"]["labels"] = {"colour": colour}
    return obj


async def _change_something(client: Client, chance: random.Random) -> None:
    obj = _thing(chance)
    name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
    there = {
        (one["metadata"]["name"], one["metadata"]["namespace"])
        for one in (await client.list(SECRET)).items
    }
    if (name, namespace) not in there:
        await client.create(SECRET, obj)
    elif chance.random() < 0.5:
        await client.delete(SECRET, name, namespace)
    else:
        patch = {"metadata": {"labels": {"colour": chance.choice(COLOURS) or None}}}
        await client.patch(SECRET, name, namespace, patch)


def _names(objects: list[RawObject]) -> list[tuple[str, str]]:
    return [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in objects]


async def _agrees(client: Client, chance: random.Random) -> None:
    colour, kind = chance.choice(COLOURS[:2]), chance.choice(TYPES)
    namespace, limit = chance.choice((*NAMESPACES, "")), chance.choice((0, 0, 1, 3))
    everything = (await client.list(SECRET, namespace)).items
    expected = [
        one
        for one in everything
        if (one["metadata"].get("labels") or {}).get("colour") == colour and one["type"] == kind
    ]
    found: list[RawObject] = []
    token = ""
    while True:
        page = await client.list(
            SECRET,
            namespace,
            labels=f"colour={colour}",
            fields=f"type={kind}",
            limit=limit,
            continue_token=token,
        )
        found += page.items
        token = page.continue_token
        if not token:
            break
    assert _names(found) == _names(expected)


@pytest.mark.parametrize("seed", range(3))
async def test_a_list_by_label_and_field_is_what_looking_at_everything_gives(
    api: RunningApi, seed: int
) -> None:
    client, chance = api.client(), random.Random(seed)
    for _ in range(STEPS):
        await _change_something(client, chance)
        await _agrees(client, chance)


async def test_labels_beyond_what_is_indexed_are_found_by_looking(api: RunningApi) -> None:
    client = api.client()
    count = INDEXED_MAX + 3
    for number in range(count):
        note = CONFIG_MAP.object(f"n{number}", "here")
        note["metadata"]["labels"] = {f"l{number}": "yes"}
        await client.create(CONFIG_MAP, note)
    for number in range(count):
        found = (await client.list(CONFIG_MAP, "here", labels=f"l{number}=yes")).items
        assert _names(found) == [("here", f"n{number}")]
