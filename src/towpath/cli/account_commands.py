"""Signing in: links for people, and the command line as one of them."""

import sys
from urllib.parse import parse_qs, urlsplit

from towpath.cli.connection import login_file
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

    Writes a kubeconfig that kubectl can use too; it holds a personal token.
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
    say("`towpath git setup` lets Git sign in as you, too.")


ACCOUNT_COMMANDS = [
    Command(("login-link",), login_link),
    Command(("login",), login, local=True),
]
