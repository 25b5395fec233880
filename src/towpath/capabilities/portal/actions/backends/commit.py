"""`commit`: files changed in a hosted repository, on main or on a branch, in one commit."""

from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS
from towpath.capabilities.portal.actions.backends.order import Order, Refused, Result
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
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.machinery.users import AccessRequest
from towpath.runtime.outcomes import Waiting

TRAILER = "Towpath-Action-Run"
HISTORY_READ = 200
ATTEMPTS_MAX = 20
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class CommitBackend:
    platform: Platform
    can_undo: bool = True

    async def prepare(self, order: Order) -> RawObject:
        repository, ref = self._repository(order), _ref(order.plan)
        await self._require_right(order, repository)
        for one in order.plan["files"]:
            _require_inside(one["path"])
        try:
            head = await self.platform.git.head(repository, ref)
            base = head or await self.platform.git.head(repository, MAIN)
        except RepositoryNotFound:
            raise Refused(f"there is no repository {repository}") from None
        return {"base": base or "", "before": await self._texts(repository, base, order.plan)}

    async def act(self, order: Order) -> Result:
        changes = {one["path"]: one.get("content") for one in order.plan["files"]}
        return await self._write(order, changes, order.plan.get("message") or "")

    async def cancel(self, order: Order) -> None:
        """It takes no time."""

    async def undo(self, order: Order) -> Result:
        """The files as they were, unless somebody has changed them since."""
        repository, ref = self._repository(order), _ref(order.plan)
        await self._require_right(order, repository)
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
        repository, ref = self._repository(order), _ref(order.plan)
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
        action = order.run["spec"]["action"]["name"]
        lines = [title or f"Action {action}", "", f"Requested-by: {order.requester.name}"]
        files = {
            path: None if text is None else File(text.encode()) for path, text in changes.items()
        }
        return await self.platform.git.write(
            repository,
            files,
            message="\n".join([*lines, f"{TRAILER}: {order.uid}"]) + "\n",
            author=_author(order),
            expected=head,
            ref=_ref(order.plan),
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


def _ref(plan: RawObject) -> str:
    branch = str(plan.get("branch") or "main")
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
