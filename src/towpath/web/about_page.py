"""About: which versions run here, whether each engine answers, and how each plug-in is."""

import asyncio
import platform as machine
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import metadata

from towpath.hooks.pages import Page, PageRoute, Visit
from towpath.hooks.showing import may
from towpath.machinery.kinds import Resource
from towpath.plugin.declaration import API_VERSION
from towpath.plugin.reports import Condition, PluginReport

CHECK_S_MAX = 2.0
USERS = Resource("", "v1", "User", "users", namespaced=False)
"""No kind of the API: what the right to sign in as somebody is about."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A part that makes objects real. `check` answers a version or a short fact, or raises."""

    name: str
    role: str
    check: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Health:
    name: str
    role: str
    state: str
    detail: str
    took_ms: float


def about_page(
    engines: Sequence[Engine], plugins: Callable[[], Sequence[PluginReport]]
) -> PageRoute:
    async def show(visit: Visit) -> Page:
        health = await asyncio.gather(*map(_examined, engines))
        failing = [one.name for one in health if one.state != "Healthy"]
        told = plugins()
        troubled = [one.name for one in told if one.condition in _TROUBLED]
        data = {
            "engines": health,
            "plugins": told,
            "may_look_after_people": await may(visit.api, "impersonate", USERS),
            "state": "Degraded" if failing or troubled else "Healthy",
            "sentence": f"{_sentence(failing, len(health))}{_of_plugins(troubled)}",
            "versions": [
                ("Towpath", metadata.version("towpath")),
                ("Plug-in interface", API_VERSION),
                ("Python", machine.python_version()),
                ("System", f"{machine.system()} {machine.release()}"),
            ],
            "addresses": [
                ("Portal, Git and images", visit.addresses.portal("")),
                ("API", visit.addresses.api()),
            ],
        }
        return Page("web/about.html", data)

    return PageRoute("/about", show, "About this platform", section="/about")


def _sentence(failing: list[str], count: int) -> str:
    if not failing:
        return f"All {count} engines answer."
    return f"{', '.join(failing)} {'does' if len(failing) == 1 else 'do'} not answer."


_TROUBLED = (Condition.DEGRADED, Condition.FAILED)


def _of_plugins(troubled: list[str]) -> str:
    if not troubled:
        return ""
    who = ", ".join(troubled)
    return f" Something is wrong with the plug-in{'s' if len(troubled) > 1 else ''} {who}."


async def _examined(engine: Engine) -> Health:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            detail, state = await engine.check(), "Healthy"
    except TimeoutError:
        detail, state = f"no answer in {CHECK_S_MAX:g} s", "Failed"
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is what the page is for
        detail, state = f"{type(error).__name__}: {error}"[:200], "Failed"
    return Health(engine.name, engine.role, state, detail, (time.perf_counter() - began) * 1000)
