"""`commit`: files changed in a repository, on main or on a branch, in one commit.

In a RemoteRepository main is its host's: the commit is on a branch, and proposed there.
"""

from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS
from towpath.capabilities.portal.actions.backends.order import Order, Refused, Result
from towpath.capabilities.portal.remotes.kinds import (
    CLOSED,
    MERGED,
    PULL_REQUEST,
    is_remote,
    propose,
)
from towpath.engines.git.port import (
    MAIN,
    File,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.platform import Platform
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.machinery.users import AccessRequest
from towpath.runtime.outcomes import Waiting

TRAILER = "Towpath-Action-Run"
HISTORY_READ = 200
ATTEMPTS_MAX = 20
TITLE_MAX = 250
LOOK_S = 2.0
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class CommitBackend:
    platform: Platform
    can_undo: bool = True

    async def prepare(self, order: Order) -> RawObject:
        repository = self._repository(order)
        await self._require_right(order, repository)
        proposes = await is_remote(self.platform.api, repository.project, repository.name)
        ref = _ref(order, proposes)
        for one in order.plan["files"]:
            _require_inside(one["path"])
        try:
            head = await self.platform.git.head(repository, ref)
            base = head or await self.platform.git.head(repository, MAIN)
        except RepositoryNotFound:
            raise Refused(f"there is no repository {repository}") from None
        before = await self._texts(repository, base, order.plan)
        return {"base": base or "", "before": before, "proposes": proposes}

    async def act(self, order: Order) -> Result:
        changes = {one["path"]: one.get("content") for one in order.plan["files"]}
        result = await self._write(order, changes, order.plan.get("message") or "")
        return await self._proposed(order, result) if _proposes(order) else result

    async def cancel(self, order: Order) -> None:
        """It takes no time."""

    async def undo(self, order: Order) -> Result:
        """The files as they were, unless somebody has changed them since."""
        repository, ref = self._repository(order), _ref(order, _proposes(order))
        await self._require_right(order, repository)
        if _proposes(order):
            return await self._withdrawn(order)
        head = await self.platform.git.head(repository, ref)
        wanted = {one["path"]: one.get("content") for one in order.plan["files"]}
        before: dict[str, str | None] = order.made["before"]
        now = await self._texts(repository, head, order.plan)
        if changed := [
            path for path, text in now.items() if text not in (wanted[path], before[path])
        ]:
            raise Refused(f"{changed[0]} was changed since; change it by hand")
        return await self._write(order, before, f"Undo: {order.plan.get('message') or 'an action'}")

    def _repository(self, order: Order) -> RepositoryName:
        name = order.plan["repository"]
        if name == DEPLOYMENTS:
            raise Refused(f"{DEPLOYMENTS} is changed by promotions and nothing else")
        return RepositoryName(order.project, name)

    async def _require_right(self, order: Order, repository: RepositoryName) -> None:
        """As for a push of the requester's own."""
        question = AccessRequest(
            "update",
            "git.towpath.dev",
            "repositories",
            namespace=repository.project,
            name=repository.name,
        )
        if not await self.platform.authorize(order.requester, question):
            raise Refused(f"{order.requester.name} may not push to {repository}")

    async def _texts(
        self, repository: RepositoryName, commit: CommitSHA | None, plan: RawObject
    ) -> dict[str, str | None]:
        """What the files hold; None where there is none."""
        found: dict[str, str | None] = {}
        files: dict[str, File] = {}
        if commit:
            try:
                files = await self.platform.git.files(repository, commit)
            except PathNotFound:
                files = {}
        for one in plan["files"]:
            file = files.get(one["path"])
            try:
                found[one["path"]] = file.content.decode() if file else None
            except UnicodeDecodeError:
                raise Refused(f"{one['path']} is no text; an action changes texts") from None
        return found

    async def _write(self, order: Order, changes: dict[str, str | None], title: str) -> Result:
        repository, ref = self._repository(order), _ref(order, _proposes(order))
        branch = ref.removeprefix(_HEADS)
        for _ in range(ATTEMPTS_MAX):
            head = await self.platform.git.head(repository, ref)
            if head and (written := await self._written(repository, head, order.uid)):
                return _result(repository, branch, written)
            try:
                head = head or await self._branched(repository, ref, order)
                commit = await self._commit(order, repository, changes, title, head)
            except StaleCommit:
                continue
            return _result(repository, branch, commit)
        message = f"Repository {repository} changes faster than it can be written; trying again."
        raise Waiting("RepositoryBusy", message, after_s=0.5)

    async def _proposed(self, order: Order, result: Result) -> Result:
        """Done when its host has the pull request: what becomes of it is people's to say."""
        spec = {
            "repository": order.plan["repository"],
            "branch": str(result.outputs["branch"]),
            "title": (order.plan.get("message") or _title(order)).partition("\n")[0][:TITLE_MAX],
            "body": f"Requested by {order.requester.name}.",
        }
        api = self.platform.api
        pull = await propose(api, order.name, order.project, order.run, spec)
        status = pull.get("status") or {}
        if not (url := status.get("url")):
            message = status.get("message") or "Its pull request is on its way."
            raise Waiting("Proposing", message, after_s=LOOK_S)
        links = (("Pull request", url),)
        return Result(f"Proposed: {url}", links, {**result.outputs, "pullRequest": url})

    async def _withdrawn(self, order: Order) -> Result:
        api = self.platform.api
        try:
            pull = await api.get(PULL_REQUEST, order.name, order.project)
        except NotFound:
            raise Refused("its pull request is not known any more; close it there") from None
        phase = (pull.get("status") or {}).get("phase")
        if phase == MERGED:
            raise Refused("it is merged; revert it there")
        if phase != CLOSED:
            if not pull["spec"].get("closed"):
                closed = {"spec": {"closed": True}}
                await api.patch(PULL_REQUEST, order.name, order.project, closed)
            raise Waiting("Closing", "Its pull request is being closed.", after_s=LOOK_S)
        return Result("Its pull request is closed.")

    async def _branched(
        self, repository: RepositoryName, ref: str, order: Order
    ) -> CommitSHA | None:
        """A branch that is not there yet begins where main is. Raises StaleCommit."""
        main = await self.platform.git.head(repository, MAIN)
        if main is not None and ref != MAIN:
            await self.platform.git.move(
                repository, ref, expected=None, new=main, author=_author(order)
            )
        return main

    async def _commit(
        self,
        order: Order,
        repository: RepositoryName,
        changes: dict[str, str | None],
        title: str,
        head: CommitSHA | None,
    ) -> CommitSHA:
        lines = [title or _title(order), "", f"Requested-by: {order.requester.name}"]
        files = {
            path: None if text is None else File(text.encode()) for path, text in changes.items()
        }
        return await self.platform.git.write(
            repository,
            files,
            message="\n".join([*lines, f"{TRAILER}: {order.uid}"]) + "\n",
            author=_author(order),
            expected=head,
            ref=_ref(order, _proposes(order)),
        )

    async def _written(
        self, repository: RepositoryName, head: CommitSHA, uid: str
    ) -> CommitSHA | None:
        """The commit that this run has made already, before the platform stopped."""
        trailer = f"{TRAILER}: {uid}"
        for commit in await self.platform.git.history(repository, head, limit=HISTORY_READ):
            if trailer in commit.message.splitlines():
                return commit.sha
        return None


def _author(order: Order) -> Signature:
    name = order.requester.name.replace(":", "/")
    return Signature(name, f"{name.replace('/', '.')}@towpath.dev")


def _title(order: Order) -> str:
    return f"Action {order.run['spec']['action']['name']}"


def _proposes(order: Order) -> bool:
    return bool(order.made.get("proposes"))


def _ref(order: Order, proposes: bool) -> str:
    branch = str(order.plan.get("branch") or "main")
    if proposes and f"{_HEADS}{branch.removeprefix(_HEADS)}" == MAIN:
        branch = f"towpath/{order.name}"
    return branch if branch.startswith(_HEADS) else f"{_HEADS}{branch}"


def _require_inside(path: str) -> None:
    parts = path.split("/")
    if (
        path.startswith("/")
        or "\\" in path
        or any(part in ("", ".", "..", ".git") for part in parts)
    ):
        raise Refused(f"{path!r} is no path inside the repository")


def _result(repository: RepositoryName, branch: str, commit: CommitSHA) -> Result:
    message = f"{repository} is at {commit[:8]} on {branch}."
    return Result(message, (), {"commit": commit, "branch": branch})
