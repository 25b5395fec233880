"""Sources of the catalogue that plug-ins contribute: what they give, and what they cannot break."""

from typing import Any

import pytest
from tests.plugins import install
from tests.unit.app.plugins.conftest import Site

from towpath.app.plugins.process import HookFailed
from towpath.hooks.sources import PluginSource, PluginSourceUnread
from towpath.plugin.reports import Condition

SOURCES = """
def one(number, **more):
    return {"kind": "Resource", "metadata": {"name": f"r{number}", **more}}

def listed(reading):
    return [one(n) for n in range(reading.settings["count"])]

def yielded(reading):
    reading.log("begins")
    for n in range(3):
        yield one(n, secret=reading.secret["token"])

async def streamed(reading):
    for n in range(3):
        yield one(n, source=reading.source)

def many(reading):
    return [one(n, description="x" * 1000) for n in range(5000)]

def hangs(reading):
    while True: pass

async def waits(reading):
    await asyncio.Event().wait()

def raises(reading):
    raise RuntimeError("no connection")

def stops(reading):
    yield one(1)
    raise RuntimeError("in the middle")

def nonsense(reading):
    return ["a text"]

def exits(reading):
    os._exit(3)

PLUGIN = Plugin(name="NAME", api="1.1", summary="", tabs=[Tab("it", "It", quiet)], sources=[
    Source(name, name.title(), globals()[name]) for name in
    "listed yielded streamed many hangs waits raises stops nonsense exits".split()
])
"""


def write(site: Site, name: str) -> str:
    install(site.folder, name, SOURCES.replace("NAME", name))
    return name


GIVE: dict[str, Any] = {
    "listed": ["r0", "r1"],
    "yielded": ["r0", "r1", "r2"],
    "streamed": ["r0", "r1", "r2"],
    "many": [f"r{number}" for number in range(5000)],
}


async def found(source: PluginSource | None) -> list[dict[str, Any]]:
    assert source is not None
    return list(await source.read("demo/x", {"count": 2}, {"token": "t"}))


async def test_all_ways_to_give_descriptors_are_taken(site: Site) -> None:
    name = write(site, "giving")
    async with site.running() as rig:
        await rig.running()
        for id, names in GIVE.items():
            items = await found(rig.plugins.source(name, id))
            assert [one["metadata"]["name"] for one in items] == names
        (yielded, *_) = await found(rig.plugins.source(name, "yielded"))
        (streamed, *_) = await found(rig.plugins.source(name, "streamed"))
        assert yielded["metadata"]["secret"] == "t"
        assert streamed["metadata"]["source"] == "demo/x"
        assert "Source: Many" in rig.report().adds
        assert rig.plugins.source(name, "other") is None


BREAK = {
    "hangs": "Source hangs did not answer within 1 s",
    "waits": "Source waits did not answer within 1 s",
    "raises": "Source raises raised RuntimeError",
    "stops": "Source stops raised RuntimeError",
    "nonsense": "Source nonsense returned what it must not",
    "exits": "It ended its process, with exit code 3",
}


@pytest.mark.parametrize(("id", "what"), BREAK.items(), ids=BREAK.keys())
async def test_one_that_breaks_is_named_and_harms_nothing(site: Site, id: str, what: str) -> None:
    write(site, f"breaking-{id}")
    async with site.running() as rig:
        await rig.running()
        subject = {"source": "demo/x", "settings": {}, "secret": {}}
        with pytest.raises(HookFailed):
            await rig.one().read(id, subject, deadline_s=1.0, log=lambda _: None)
        assert await rig.told(what=what) == what
        incident = rig.report().incidents[0]
        assert f"plugin_breaking_{id}.py" in incident.where or id in ("exits", "waits", "nonsense")
        # Its process for pages is another one, which goes on.
        assert rig.report().condition is Condition.DEGRADED
        assert "all is quiet" in str(await rig.tab())


async def test_what_was_given_before_it_broke_counts_for_nothing(site: Site) -> None:
    name = write(site, "half")
    async with site.running() as rig:
        await rig.running()
        with pytest.raises(PluginSourceUnread) as told:
            await found(rig.plugins.source(name, "stops"))
    assert name in str(told.value)
