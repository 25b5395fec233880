"""`towpath adopt`: look at a repository, show what it lacks, and deliver it after a yes.

What it lacks is worked out here, from a copy of the repository: nothing is written anywhere before
the yes. A repository that is elsewhere is fetched and pushed with the rights of who types.
"""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.adoption import answers_of
from towpath.capabilities.portal.templates.actions.files import ActionFailed
from towpath.capabilities.portal.templates.adoption.findings import Findings
from towpath.capabilities.portal.templates.adoption.proposal import (
    Proposal,
    diff_of,
    needs_database,
    propose,
    workload_name,
)
from towpath.capabilities.portal.templates.adoption.reading import read_repository
from towpath.capabilities.portal.templates.context import owner_in
from towpath.capabilities.portal.templates.creating import (
    Request,
    parameters_of_request,
    refuse_unknown_owners,
    run_of,
    start,
    template_of,
    try_run,
)
from towpath.engines.git.port import RepositoryName
from towpath.hooks.commands import NOT_FOUND, USAGE, CommandError, Terminal
from towpath.machinery.objects import RawObject

TEMPLATE = "adopt-repository"
GIT_TIMEOUT_S = 600.0
PROTOCOLS = "https:http:ssh:git"
"""What a repository may be fetched over; git knows others that run programs."""

_URL = re.compile(r"[a-z][a-z0-9+]*://|[\w.-]+@[\w.-]+:")
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as typed."""

    where: str
    repository: str
    project: str
    given: Sequence[str]
    dry_run: bool
    yes: bool
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class Copy:
    """A repository on this machine, to look at and to push from."""

    folder: Path
    name: str
    is_pushed: bool
    """Whether it has to be pushed to the platform first."""


async def adopt(terminal: Terminal, wanted: Wanted) -> None:
    """Raises CommandError."""
    with tempfile.TemporaryDirectory(prefix="towpath-adopt-") as name:
        copy = await _copy(terminal, wanted, Path(name))
        template = await template_of(terminal, Request(TEMPLATE, "", wanted.project, ()))
        request = _request(wanted, copy)
        raw: RawObject = template["spec"]["descriptor"]
        parameters = parameters_of_request(terminal, raw, request)
        await refuse_unknown_owners(terminal, raw, parameters)
        run = await run_of(terminal, template, request, parameters)
        await try_run(terminal, run, wanted.project)
        files = await _files(copy, Path(name))
        findings = await asyncio.to_thread(read_repository, files)
        _tell(terminal, findings)
        repository = RepositoryName(wanted.project, copy.name)
        owner = await owner_in(terminal.api, wanted.project, await terminal.user())
        given = {**parameters, "owner": parameters.get("owner") or owner}
        try:
            answers = answers_of(repository, given)
        except ActionFailed as error:
            raise CommandError(str(error), exit_code=USAGE) from error
        if problems := findings.problems_with(answers.process):
            first = problems[0]
            raise CommandError(f"{copy.name} cannot be adopted: {first.what}", hint=first.do)
        proposal = propose(findings, answers, files)
        if wanted.dry_run:
            _print_plan(terminal, copy, proposal)
            return
        _show_plan(terminal, copy, proposal, with_database=needs_database(findings, answers))
        if not wanted.yes and not terminal.confirm(f"Adopt {repository}?"):
            raise CommandError(
                "nothing was written: nobody said yes",
                hint="--yes says it, --dry-run shows the plan only",
            )
        if copy.is_pushed:
            await _push(terminal, copy, repository)
    await start(terminal, run, request, wait_s=wanted.wait_s)
    if copy.is_pushed:
        address = f"{await terminal.portal()}/git/{repository}.git"
        terminal.say(f"To work on it from here on: git pull {address} main")


def _request(wanted: Wanted, copy: Copy) -> Request:
    """With the name that the workload gets, which the parameters may give."""
    given = [f"repository={copy.name}", *wanted.given]
    names = [text.partition("=")[2] for text in given if text.startswith("name=")]
    name = names[-1] if names else workload_name(copy.name)
    return Request(TEMPLATE, name, wanted.project, given)


async def _copy(terminal: Terminal, wanted: Wanted, folder: Path) -> Copy:
    where = wanted.where
    if _URL.match(where):
        path = urlsplit(where).path if "://" in where else where.partition(":")[2]
        target = folder / "fetched.git"
        terminal.say(f"Fetching {where}")
        await _git("clone", "--quiet", "--bare", "--", where, str(target), protocols=PROTOCOLS)
        return Copy(target, _name(wanted, Path(path).name.removesuffix(".git")), is_pushed=True)
    if where in (".", "..") or "/" in where:
        try:
            top = await _git("-C", where, "rev-parse", "--show-toplevel")
        except CommandError as error:
            raise CommandError(
                f"{where} is not in a Git repository",
                hint="`git init`, add your files and commit them; then adopt it again",
                exit_code=USAGE,
            ) from error
        place = Path(top.strip())
        return Copy(place, _name(wanted, place.name), is_pushed=True)
    target = folder / "hosted.git"
    address = f"{await terminal.portal()}/git/{wanted.project}/{where}.git"
    try:
        await _git(
            *("clone", "--quiet", "--bare", "--depth", "1", "--", address, str(target)),
            signed_in=_signed_in(terminal, address),
        )
    except CommandError as error:
        raise CommandError(
            f"there is no repository {where} in the project {wanted.project}: {error}",
            hint="`towpath adopt .` takes the folder that you are in, `towpath adopt URL` another",
            exit_code=NOT_FOUND,
        ) from error
    return Copy(target, where, is_pushed=False)


def _name(wanted: Wanted, found: str) -> str:
    name = wanted.repository or re.sub(r"[^a-z0-9._-]+", "-", found.lower()).strip("-._")
    if not _NAME.fullmatch(name):
        raise CommandError(
            f"{name!r} cannot be the name of a repository",
            hint="give it one with --repository: lower-case letters, digits, '.', '_' and '-'",
            exit_code=USAGE,
        )
    return name


async def _files(copy: Copy, folder: Path) -> Mapping[str, Any]:
    """What is committed, which is what the platform will see."""
    try:
        await _git("-C", str(copy.folder), "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except CommandError as error:
        raise CommandError(f"{copy.name} has no commit yet", hint="commit something") from error
    tree = folder / "tree"
    tree.mkdir()
    index = {"GIT_INDEX_FILE": str(folder / "index")}
    work = ("-C", str(copy.folder), f"--work-tree={tree}")
    await _git(*work, "-c", "core.bare=false", "read-tree", "HEAD", more=index)
    await _git(*work, "-c", "core.bare=false", "checkout-index", "--all", more=index)
    return await asyncio.to_thread(folders.read_files, tree)


def _tell(terminal: Terminal, findings: Findings) -> None:
    for one in findings.found:
        source = f" ({one.source})" if one.source else ""
        terminal.say(f"  {one.what:<14} {one.value}{source}")
    for note in findings.notes:
        terminal.say(f"  Note: {note}")


def _show_plan(terminal: Terminal, copy: Copy, proposal: Proposal, *, with_database: bool) -> None:
    for path, text in proposal.files.items():
        terminal.say("")
        terminal.say(diff_of(path, text).rstrip("\n"))
    terminal.say("")
    for path in proposal.kept:
        terminal.say(f"  kept as it is  {path}")
    for path in proposal.files:
        terminal.say(f"  new            {path}")
    if with_database:
        terminal.say("  database       PostgreSQL, one of its own in each environment")
    if copy.is_pushed:
        terminal.say(f"  pushed first   the branch that is checked out, as main of {copy.name}")
    terminal.say("  committed      to main, with these files and nothing else")


def _print_plan(terminal: Terminal, copy: Copy, proposal: Proposal) -> None:
    """On standard output, as a patch: `towpath adopt . --dry-run | git apply`."""
    for path, text in proposal.files.items():
        sys.stdout.write(diff_of(path, text))
    terminal.say(f"Nothing was written; {copy.name} lacks {len(proposal.files)} files.")


async def _push(terminal: Terminal, copy: Copy, repository: RepositoryName) -> None:
    address = f"{await terminal.portal()}/git/{repository}.git"
    terminal.say(f"Pushing to {address}")
    await _git(
        *("-C", str(copy.folder), "push", "--quiet", address, "HEAD:refs/heads/main"),
        signed_in=_signed_in(terminal, address),
    )


def _signed_in(terminal: Terminal, address: str) -> Mapping[str, str]:
    """By the environment, which nobody else sees, and for this address only."""
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": f"http.{address}.extraHeader",
        "GIT_CONFIG_VALUE_1": f"Authorization: Bearer {terminal.token}",
    }


async def _git(
    *arguments: str,
    signed_in: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
    protocols: str = "",
) -> str:
    """What git says. Raises CommandError with its own words."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(signed_in or {}), **(more or {})}
    if protocols:
        environment["GIT_ALLOW_PROTOCOL"] = protocols
        del environment["GIT_TERMINAL_PROMPT"]  # another host may well ask who we are
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(GIT_TIMEOUT_S):
            said, complaints = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        words = complaints.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
        raise CommandError(f"git: {words[-1].removeprefix('fatal: ')}")
    return said.decode("utf-8", "replace")
