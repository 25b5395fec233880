"""Git signs in as the person at the command line: no token is typed, and none is in a URL.

towpath git setup                          once: plain `git clone URL` works from then on
git clone -c credential.helper='!towpath git credential' URL    for one clone, and nothing else
"""

import asyncio
import shlex
import sys
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from towpath.app import own_name
from towpath.hooks.commands import FAILED, Command, CommandError, Terminal

USERNAME = "towpath"
"""Any will do: the token says who it is."""


class SignedIn(Terminal, Protocol):
    """A terminal that says by what it is signed in."""

    @property
    def token(self) -> str: ...

    @property
    def kubeconfig(self) -> Path | None: ...


async def setup(terminal: SignedIn) -> None:
    """Let Git sign in as you at this platform, and nowhere else.

    Writes two lines into your own Git configuration: which program Git asks for a password at the
    platform's address.
    """
    portal = await terminal.portal()
    section = f"credential.{portal}.helper"
    # The empty one first: it puts away helpers that keep passwords, for a token need not be kept.
    await _git("config", "--global", "--replace-all", section, "")
    await _git(
        "config", "--global", "--add", section, helper(own_name.to_run(), terminal.kubeconfig)
    )
    terminal.say(f"Git signs in at {portal} as {await terminal.user()} from now on:")
    terminal.say(f"  git clone {portal}/git/<project>/<repository>.git")


async def credential(terminal: SignedIn, action: str) -> None:
    """Answer Git's question for a password; a credential helper, called by Git itself.

    Parameters
    ----------
    action
        What Git wants: get, store or erase. Only get has an answer.
    """
    asked = dict(line.split("=", 1) for line in sys.stdin.read().splitlines() if "=" in line)
    portal = urlsplit(await terminal.portal())
    # Another host's password is not ours to give, and ours is not for another host.
    if action == "get" and (asked.get("protocol"), asked.get("host")) == (
        portal.scheme,
        portal.netloc,
    ):
        sys.stdout.write(f"username={USERNAME}\npassword={terminal.token}\n")


def helper(program: str, kubeconfig: Path | None) -> str:
    """Git's word for us. Bound to who we are now: Git is called from other environments, too."""
    who = f"TOWPATH_KUBECONFIG={shlex.quote(str(kubeconfig.absolute()))} " if kubeconfig else ""
    return f"!{who}{program} git credential"


async def _git(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise CommandError(f"git {arguments[0]}: {said.decode().strip()}", exit_code=FAILED)


GIT_COMMANDS = [
    Command(("git", "setup"), setup),
    Command(("git", "credential"), credential),
]
