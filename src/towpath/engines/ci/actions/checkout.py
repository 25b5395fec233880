"""actions/checkout: the files of the commit in the workspace.

Without `fetch-depth` the files come straight from the Git host, in milliseconds and without a
`.git` folder. A workflow whose steps use git says so with `fetch-depth` (1 is GitHub's own
default), and gets a real clone.
"""

import asyncio
import contextlib
import os
from pathlib import Path

from towpath.engines.ci.actions.contract import ActionCall, ActionDefinition, ActionFailed
from towpath.engines.ci.environments import Slot, key_of_lock
from towpath.engines.ci.places import empty, write_tree
from towpath.engines.git.port import GitError
from towpath.machinery.objects import CommitSHA

INPUTS = frozenset(
    (
        "repository",
        "ref",
        "token",
        "ssh-key",
        "ssh-known-hosts",
        "ssh-strict",
        "ssh-user",
        "persist-credentials",
        "path",
        "clean",
        "filter",
        "sparse-checkout",
        "sparse-checkout-cone-mode",
        "fetch-depth",
        "fetch-tags",
        "show-progress",
        "lfs",
        "submodules",
        "set-safe-directory",
        "github-server-url",
    )
)
REFUSED = ("ssh-key", "filter", "sparse-checkout")

CLONE = """
mkdir -p "$CHECKOUT_PATH" && cd "$CHECKOUT_PATH"
git init --quiet --initial-branch="$CHECKOUT_BRANCH" .
git config --global --add safe.directory "$PWD"
git remote add origin "$CHECKOUT_URL"
if [ "$CHECKOUT_DEPTH" = 0 ]; then
    git fetch --quiet --tags origin '+refs/heads/*:refs/remotes/origin/*'
else
    git fetch --quiet --depth="$CHECKOUT_DEPTH" origin "$CHECKOUT_REF" ||
        git fetch --quiet origin
fi
git cat-file -e "$CHECKOUT_COMMIT^{commit}" 2>/dev/null || git fetch --quiet --unshallow origin
git checkout --quiet --force -B "$CHECKOUT_BRANCH" "$CHECKOUT_COMMIT"
"""


async def checkout(call: ActionCall) -> None:
    _refuse(call)
    order = call.work.order
    commit = await _commit(call)
    path = _path(call.inputs.get("path", ""))
    if call.inputs.get("fetch-depth"):
        await _clone(call, commit, path)
    else:
        await _write_files(call, commit, path)
    call.outputs["commit"] = commit
    call.outputs["ref"] = call.inputs.get("ref") or order.ref


def _refuse(call: ActionCall) -> None:
    repository = call.inputs.get("repository", "")
    own = str(call.work.order.repository)
    if repository and repository.lower() != own.lower():
        raise ActionFailed(f"only {own} itself can be checked out here, not {repository}")
    for name in REFUSED:
        if call.inputs.get(name):
            raise ActionFailed(f"the input `{name}` is not implemented on this runner; remove it")
    for name in ("lfs", "submodules"):
        if call.inputs.get(name, "false").lower() not in ("", "false"):
            raise ActionFailed(f"the input `{name}` is not implemented on this runner; remove it")


async def _commit(call: ActionCall) -> CommitSHA:
    order = call.work.order
    ref = call.inputs.get("ref", "")
    if not ref or ref in (order.ref, order.ref_name, order.commit):
        return order.commit
    if len(ref) == 40 and all(letter in "0123456789abcdef" for letter in ref):
        return CommitSHA(ref)
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    try:
        found = await call.work.means.git.head(order.repository, full)
        if found is None and full != ref:
            found = await call.work.means.git.head(order.repository, f"refs/tags/{ref}")
    except GitError as error:
        raise ActionFailed(str(error)) from error
    if found is None:
        raise ActionFailed(f"there is no branch or tag `{ref}` in {order.repository}")
    return found


def _path(text: str) -> str:
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts or text.startswith("/"):
        raise ActionFailed(f"the input `path` stays inside the workspace, `{text}` does not")
    return "/".join(parts)


async def _write_files(call: ActionCall, commit: CommitSHA, path: str) -> None:
    work = call.work
    try:
        files = await work.means.git.files(work.order.repository, commit)
    except GitError as error:
        raise ActionFailed(str(error)) from error
    if not path:
        await work.use_environment(await asyncio.to_thread(key_of_lock, files))
    prefix = f"{path}/" if path else ""
    placed = {prefix + name: file for name, file in files.items()}
    clean = call.flag("clean", default=True) and not path
    workspace = work.place.workspace

    def write() -> None:
        if clean:
            empty(workspace)
        write_tree(workspace, placed)
        if work.slot is not None and ".venv" not in {name.split("/")[0] for name in placed}:
            _link_environment(workspace, work.slot)

    await asyncio.to_thread(write)
    call.log.say(
        f"Checked out {len(files)} files of {work.order.repository} at {commit}",
        "Without a .git folder; set `fetch-depth` if a step uses git",
    )


def _link_environment(workspace: Path, slot: Slot) -> None:
    """Who calls `.venv/bin/python` finds the environment where it always is."""
    folder = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with contextlib.suppress(FileExistsError):
            os.symlink(slot.environment, ".venv", dir_fd=folder)
    finally:
        os.close(folder)


async def _clone(call: ActionCall, commit: CommitSHA, path: str) -> None:
    order = call.work.order
    depth = call.inputs["fetch-depth"].strip()
    if not depth.isdigit():
        raise ActionFailed(f"the input `fetch-depth` is a number, not `{depth}`")
    if not order.clone_url:
        raise ActionFailed("this Git host offers no address to clone from")
    token = call.inputs.get("token") or order.token
    if not path:
        try:
            files = await call.work.means.git.files(order.repository, commit)
        except GitError as error:
            raise ActionFailed(str(error)) from error
        await call.work.use_environment(await asyncio.to_thread(key_of_lock, files))
        if call.flag("clean", default=True):
            await asyncio.to_thread(empty, call.work.place.workspace)
    ended = await call.run_script(
        CLONE,
        {
            "CHECKOUT_PATH": f"./{path}",
            "CHECKOUT_BRANCH": order.ref_name,
            "CHECKOUT_URL": order.clone_url,
            "CHECKOUT_REF": order.ref,
            "CHECKOUT_DEPTH": depth,
            "CHECKOUT_COMMIT": commit,
            # The token in the environment, not on a command line or in the clone's configuration.
            "GIT_CONFIG_COUNT": "1" if token else "0",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {token}",
            "GIT_TERMINAL_PROMPT": "0",
        },
    )
    if ended.exit_code != 0:
        raise ActionFailed(
            ended.why or f"git could not fetch {commit} (exit code {ended.exit_code})"
        )
    call.log.say(f"Cloned {order.repository} at {commit}, depth {depth}")


CHECKOUT = ActionDefinition(INPUTS, checkout)
