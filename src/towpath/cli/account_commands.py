"""Signing in, and people: links for them, accounts, and the command line as one of them."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from towpath.cli.connection import find_platform, login_file
from towpath.hooks.commands import NO_PLATFORM, Command, CommandError, Terminal

LOGIN_TIMEOUT_S = 30.0


async def login_link(terminal: Terminal, *, user: str = "") -> None:
    """Make a link that signs somebody in to the portal, once, within 15 minutes.

    Parameters
    ----------
    user
        Who shall be signed in; you, if left out.
    """
    made = await terminal.post("/-/links", {"user": user or await terminal.user()})
    sys.stdout.write(f"{made['link']}\n")
    terminal.say(f"The link signs {made['user']} in, once, within 15 minutes.")


async def login(_: None, link: str) -> None:
    """Sign this command line in with a link from `towpath login-link`.

    Writes a kubeconfig that kubectl can use too; it holds a personal token. From then on every
    command is that person's, until the next `towpath login` or `towpath logout`.
    """
    secret = parse_qs(urlsplit(link).query).get("link", [""])[0]
    if not secret:
        raise CommandError(
            f"{link!r} is not a sign-in link",
            hint="get one with `towpath login-link --user NAME` from somebody who may make it",
            exit_code=2,
        )
    import httpx2

    from towpath.cli.output import say
    from towpath.client.kubeconfig import write_kubeconfig
    from towpath.machinery.errors import from_status

    address = urlsplit(link)
    url = f"{address.scheme}://{address.netloc}/-/tokens"
    async with httpx2.AsyncClient(timeout=LOGIN_TIMEOUT_S, trust_env=False) as http:
        response = await http.post(url, json={"link": secret})
    answer = response.json()
    if response.status_code >= httpx2.codes.BAD_REQUEST:
        raise CommandError(from_status(answer).message, exit_code=NO_PLATFORM)
    file = login_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_kubeconfig(
        file,
        server=answer["server"],
        clusters=answer["clusters"],
        token=answer["token"],
        ca_pem=answer["ca"].encode(),
        user=answer["user"],
    )
    sys.stdout.write(f"Signed in as {answer['user']}; kubeconfig: {file}\n")
    for sentence in _consequences(file, answer["user"]):
        say(sentence)


def _consequences(file: Path, user: str) -> list[str]:
    """Who the next command is: what the environment says comes before a sign-in."""
    from towpath.app.datadir import default_data_dir

    reach = find_platform(default_data_dir())
    if reach.file is None:
        return [
            f"The next command is not {user}'s yet: TOWPATH_SERVER and TOWPATH_TOKEN say who you "
            "are. `unset TOWPATH_SERVER TOWPATH_TOKEN` makes the sign-in count."
        ]
    if reach.file != file:
        return [
            f"The next command is not {user}'s yet: TOWPATH_DATA_DIR names {default_data_dir()}, "
            "where another platform runs. `unset TOWPATH_DATA_DIR` makes the sign-in count."
        ]
    if "TOWPATH_KUBECONFIG" in os.environ:
        back = "`unset TOWPATH_KUBECONFIG` makes you who you were before."
    else:
        back = "`towpath logout` makes you who you were before."
    return [
        f"Every `towpath` command is {user}'s from now on. {back}",
        f"`towpath git setup` lets Git sign in as you, too; for kubectl: export KUBECONFIG={file}",
    ]


async def logout(_: None) -> None:
    """Forget the sign-in of `towpath login`; where the platform is yours, be its administrator.

    The personal token stays valid until it is revoked on the portal's account page.
    """
    from towpath.app.datadir import default_data_dir
    from towpath.cli.output import say

    if named := os.environ.get("TOWPATH_KUBECONFIG"):
        raise CommandError(
            f"TOWPATH_KUBECONFIG says who you are: {named}",
            hint="unset TOWPATH_KUBECONFIG; that file stays as it is",
        )
    file = login_file()
    try:
        file.unlink()
    except FileNotFoundError:
        sys.stdout.write("You were not signed in\n")
    else:
        sys.stdout.write(f"Signed out; {file} is gone\n")
        say(
            "Its token is valid until it is revoked: Personal tokens, on the portal's account page."
        )
    own = default_data_dir() / "kubeconfig"
    if own.exists():
        say(f"The next command is the administrator's, with {own}.")


async def user_add(
    terminal: Terminal,
    name: str,
    *,
    group: tuple[str, ...] = (),
    full_name: str = "",
    email: str = "",
) -> None:
    """Add a person, and make a link that signs them in, once, within 15 minutes.

    Parameters
    ----------
    name
        Lower-case letters, digits, dots, dashes and underscores.
    group : -g
        A group that they are in, such as team-a or platform-admins. Can be repeated.
    """
    groups = " ".join(group)
    asked = {"name": name, "groups": groups, "display_name": full_name, "email": email}
    made = await terminal.post("/-/people", asked)
    sys.stdout.write(f"{made['link']}\n")
    terminal.say(f"The link signs {made['user']} in, once, within 15 minutes.")
    terminal.say(
        "What they may do is said by the projects that they become a member of: the owner of one "
        "adds them."
    )


async def user_list(terminal: Terminal, text: str = "") -> None:
    """Show the people that the platform knows.

    Parameters
    ----------
    text
        Only those whose name or e-mail address holds it.
    """
    found = await terminal.read("people", q=text)
    terminal.show(found, [_row(one) for one in found])


async def user_groups(terminal: Terminal, name: str, *, group: tuple[str, ...] = ()) -> None:
    """Say which groups a person is in: these, and no others.

    Parameters
    ----------
    group : -g
        Can be repeated; none takes the person out of all.
    """
    asked = {"action": "groups", "groups": " ".join(group)}
    changed = await terminal.post(f"/-/people/{name}", asked)
    terminal.say(f"{changed['user']} is in {', '.join(changed['groups']) or 'no group'} now")


async def user_deactivate(terminal: Terminal, name: str) -> None:
    """End all of a person's sessions and tokens, and let them sign in no more."""
    await terminal.post(f"/-/people/{name}", {"action": "deactivate"})
    terminal.say(f"{name} is signed out everywhere and cannot sign in any more")


async def user_activate(terminal: Terminal, name: str) -> None:
    """Let a person who was deactivated sign in again."""
    await terminal.post(f"/-/people/{name}", {"action": "activate"})
    terminal.say(f"{name} can sign in again, with a link from `towpath login-link --user {name}`")


def _row(person: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": person["user"],
        "full name": person["displayName"],
        "e-mail": person["email"],
        "groups": ", ".join(person["groups"]),
        "state": "active" if person["active"] else "deactivated",
    }


ACCOUNT_COMMANDS = [
    Command(("login-link",), login_link),
    Command(("login",), login, local=True),
    Command(("logout",), logout, local=True),
    Command(("user", "add"), user_add),
    Command(("user", "list"), user_list),
    Command(("user", "groups"), user_groups),
    Command(("user", "deactivate"), user_deactivate),
    Command(("user", "activate"), user_activate),
]
