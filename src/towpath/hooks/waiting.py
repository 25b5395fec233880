"""Waiting in the terminal for something that runs: told as it goes, until it has ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from towpath.hooks.commands import TIMED_OUT, CommandError, Terminal
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject
from towpath.runtime.following import follow_object

SUCCEEDED = "Succeeded"
ENDED = (SUCCEEDED, "Failed", "Superseded", "Cancelled", "Undone")
TIMEOUT_S = 300.0
FIRST_WORD_S = 5.0


def _no_hint(_: RawObject) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Followed:
    resource: Resource
    noun: str
    """`promotion`"""
    name: str
    project: str
    listing: str
    """The command that lists them: `towpath promotions`."""
    hint: Callable[[RawObject], str] = _no_hint
    """What to do when it has failed."""


def phase_of(run: RawObject) -> str:
    return str((run.get("status") or {}).get("phase") or "Pending")


def has_ended(run: RawObject) -> bool:
    return phase_of(run) in ENDED


def _message(run: RawObject | None) -> str:
    return str(((run or {}).get("status") or {}).get("message") or "")


async def first_word(terminal: Terminal, followed: Followed) -> None:
    """What becomes of it, as far as that is known at once: that it waits for approval, say."""
    changes = follow_object(terminal.api, followed.resource, Key(followed.project, followed.name))
    try:
        async with asyncio.timeout(FIRST_WORD_S):
            async for run in changes:
                if message := _message(run):
                    terminal.say(message)
                    return
    except TimeoutError:
        terminal.say(f"{followed.name} is on its way; `{followed.listing}` shows how it goes.")
    finally:
        await changes.aclose()


async def follow(terminal: Terminal, followed: Followed, timeout_s: float) -> None:
    """Tell what happens until it has ended. Raises CommandError when it did not succeed."""
    told, noun, name = "", followed.noun, followed.name
    changes = follow_object(terminal.api, followed.resource, Key(followed.project, name))
    try:
        async with asyncio.timeout(timeout_s):
            async for run in changes:
                if run is None:
                    raise CommandError(f"{noun} {name} was deleted")
                message = _message(run)
                if message and message != told and not has_ended(run):
                    told = message
                    terminal.say(message)
                if has_ended(run):
                    _tell_end(terminal, run, followed)
                    return
    except asyncio.CancelledError:
        terminal.say(
            f"You wait no longer; the {noun} {name} goes on by itself. Follow it with: "
            f"{followed.listing} --project {followed.project}"
        )
        raise
    except TimeoutError:
        raise CommandError(
            f"{noun} {name} has not ended after {timeout_s:.0f} s: {told}",
            hint=f"it goes on; `{followed.listing}` shows how it ends",
            exit_code=TIMED_OUT,
        ) from None
    finally:
        await changes.aclose()


def _tell_end(terminal: Terminal, run: RawObject, followed: Followed) -> None:
    message = _message(run)
    if phase_of(run) != SUCCEEDED:
        raise CommandError(f"{phase_of(run)}: {message}", hint=followed.hint(run))
    terminal.say(message)
