"""One call of one hook, inside the plug-in's process: arguments made, function run, result checked.

The child's process and the test harness share it, so that a test sees what the platform would see.
"""

import asyncio
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from towpath.hooks.blocks import BlocksInvalid, parse_blocks, to_json
from towpath.hooks.checks import Outcome, Verdict
from towpath.plugin.declaration import (
    Action,
    Api,
    Check,
    Plugin,
    Reading,
    Service,
    Source,
    Step,
    Tab,
)
from towpath.plugin.wire import Offers, VerdictSent


class Nonsense(Exception):
    """A hook returned what it must not; `str()` says what."""


def offers_of(plugin: Plugin) -> dict[str, Any]:
    """What it adds, by name. Raises Nonsense where a part of it is no such part."""
    kinds = (("tabs", Tab), ("checks", Check), ("actions", Action), ("sources", Source))
    for part, kind in kinds:
        for one in getattr(plugin, part):
            if not isinstance(one, kind):
                raise Nonsense(f"{part} holds {one!r}, which is no {kind.__name__}"[:500])
    described = {
        "name": plugin.name,
        "api": plugin.api,
        "summary": plugin.summary,
        "tabs": [{"key": tab.key, "label": tab.label} for tab in plugin.tabs],
        "checks": [{"id": one.id, "title": one.title, "why": one.why} for one in plugin.checks],
        "actions": [
            {
                "id": action.id,
                "description": action.description,
                "input": action.input,
                "can_undo": action.undo is not None,
            }
            for action in plugin.actions
        ],
        "sources": [
            {"id": one.id, "title": one.title, "settings": one.settings} for one in plugin.sources
        ],
        "commands": [command.word for command in plugin.commands],
        "kinds": list(plugin.kinds),
    }
    return check_offers(described)


def check_offers(described: Mapping[str, Any]) -> dict[str, Any]:
    """The same, when everything is well-formed. Raises Nonsense."""
    try:
        data: dict[str, Any] = msgspec.to_builtins(dict(described))
        msgspec.convert(data, Offers)
    except (msgspec.ValidationError, TypeError, RecursionError) as error:
        raise Nonsense(f"what it declares is not valid: {error}") from error
    return data


def find(plugin: Plugin, hook: str, name: str) -> Callable[..., Any]:
    """The function behind a name. Raises Nonsense for what is not there."""
    found: list[Callable[..., Any]]
    if hook == "tab":
        found = [tab.show for tab in plugin.tabs if tab.key == name]
    elif hook == "check":
        found = [check.run for check in plugin.checks if check.id == name]
    elif hook == "read":
        found = [source.read for source in plugin.sources if source.id == name]
    else:
        actions = [action for action in plugin.actions if action.id == name]
        found = [function for one in actions if (function := getattr(one, hook)) is not None]
    if not found:
        raise Nonsense(f"it has no {hook} {name!r}")
    return found[0]


async def call(function: Callable[..., Any], argument: Any) -> Any:
    """An `async def` here, a plain function in a thread."""
    if inspect.iscoroutinefunction(function):
        return await function(argument)
    result = await _in_thread(function, argument)
    return await result if inspect.isawaitable(result) else result


async def descriptors(function: Callable[..., Any], argument: Any) -> list[Any]:
    """All that a source returns or yields. Raises Nonsense for what is no descriptor."""
    if inspect.isasyncgenfunction(function):
        found = [one async for one in function(argument)]
    elif inspect.isgeneratorfunction(function):
        found = await _in_thread(lambda given: list(function(given)), argument)
    else:
        found = list(await call(function, argument) or ())
    for one in found:
        if not isinstance(one, Mapping):
            raise Nonsense(f"a source gives descriptors, which are objects, not {one!r}"[:500])
    try:
        plain: list[Any] = msgspec.to_builtins(found, str_keys=True)
    except (TypeError, RecursionError) as error:
        raise Nonsense(f"its descriptors are no JSON: {error}") from error
    return plain


async def _in_thread(function: Callable[..., Any], argument: Any) -> Any:
    """Ends when the function does, also when it is cancelled: a thread cannot be stopped, and who
    took it for ended would run out of threads without a word."""
    running = asyncio.ensure_future(asyncio.to_thread(function, argument))
    cancelled = False
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001 - the function's, raised below
            break
    if cancelled:
        raise asyncio.CancelledError
    return running.result()


def service_of(subject: Mapping[str, Any], api: Api) -> Service:
    return Service(
        project=subject["project"],
        name=subject["name"],
        object=subject["object"],
        visitor=subject["visitor"],
        api=api,
    )


def step_of(subject: Mapping[str, Any], log: Callable[[str], None]) -> Step:
    return Step(
        project=subject["project"],
        run=subject["run"],
        step=subject["step"],
        input=subject["input"],
        workspace=Path(subject["workspace"]),
        template=Path(subject["template"]),
        user=subject["user"],
        log=log,
    )


def reading_of(subject: Mapping[str, Any], log: Callable[[str], None]) -> Reading:
    return Reading(
        source=subject["source"],
        settings=subject["settings"],
        secret=subject["secret"],
        log=log,
    )


def result_of(hook: str, value: Any) -> Any:
    """The hook's result as it travels. Raises Nonsense."""
    if hook == "tab":
        return _blocks(value)
    if hook == "check":
        return _verdict(value)
    if hook == "undo":
        return None
    return _outputs(value)


def _blocks(value: Sequence[Any]) -> Any:
    try:
        data = to_json(value)
        parse_blocks(data)
    except BlocksInvalid as error:
        raise Nonsense(str(error)) from error
    return data


def _verdict(value: Any) -> Any:
    if not isinstance(value, Verdict) or not isinstance(value.outcome, Outcome):
        raise Nonsense(f"a check returns passed(), failed() or unknown(), not {value!r}"[:500])
    data = {
        "outcome": value.outcome.value,
        "sentence": value.sentence,
        "fix": value.fix,
        "href": value.href,
    }
    try:
        msgspec.convert(data, VerdictSent)
    except msgspec.ValidationError as error:
        raise Nonsense(f"its verdict is not valid: {error}") from error
    return data


def _outputs(value: Any) -> Any:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Nonsense(f"an action returns a dictionary of outputs, not {value!r}"[:500])
    try:
        return msgspec.to_builtins(dict(value), str_keys=True)
    except (TypeError, RecursionError) as error:
        raise Nonsense(f"its outputs are no JSON: {error}") from error


def place_of(error: BaseException) -> str:
    """`towpath_on_call/__init__.py:31 in rota`: the last line of the plug-in's own that was run."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not is_ours(frame.filename)]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{short_path(error.filename)}:{error.lineno}"
    if not own:
        return ""
    return f"{short_path(own[-1].filename)}:{own[-1].lineno} in {own[-1].name}"


_OURS = str(Path(__file__).parent.parent)
_PYTHONS = str(Path(traceback.__file__).parent)


def is_ours(filename: str) -> bool:
    """Towpath's or Python's: nothing that its author could change."""
    if filename.startswith(("<frozen", _OURS)):
        return True
    return filename.startswith(_PYTHONS) and "site-packages" not in filename


def short_path(filename: str) -> str:
    """The file with its folder: long enough to be found, and says nothing of the machine."""
    return "/".join(Path(filename).parts[-2:])
