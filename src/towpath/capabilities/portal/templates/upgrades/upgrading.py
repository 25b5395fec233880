"""TemplateUpgrade: proposed on a branch, checked by its pipelines, merged or closed.

What is to be done is worked out anew each time from Git: the versions, the answers, the head of
main and the branch. Status holds what Git cannot tell: which commit there was ours, and with which
answers it was made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.context import place_of
from towpath.capabilities.portal.templates.upgrades.answers import (
    TOWPATH,
    Answers,
    AnswersUnreadable,
    read_answers,
)
from towpath.capabilities.portal.templates.upgrades.branches import (
    UPGRADE_TRAILER,
    Branch,
    Proposal,
    branch_of,
    signature,
)
from towpath.capabilities.portal.templates.upgrades.checking import Check, Checks, all_green
from towpath.capabilities.portal.templates.upgrades.foreign_answers import foreign_answers
from towpath.capabilities.portal.templates.upgrades.instances import answer_files
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CHECKING,
    CLOSED,
    CONFLICTED,
    MERGED,
    PREPARING,
    READY,
    TEMPLATE_UPGRADE,
)
from towpath.capabilities.portal.templates.upgrades.proposing import (
    NewAnswers,
    commit_message,
    decided,
    digest_of,
    merge_renderings,
    new_answers,
    render_both,
)
from towpath.capabilities.portal.templates.upgrades.remotes import PullProposal, Remotes
from towpath.capabilities.portal.templates.upgrades.verdicts import (
    FILES_MAX,
    ask,
    conflicts_told,
    files_told,
    notes_of,
    verdict,
)
from towpath.capabilities.portal.templates.upgrades.versions import (
    Lineage,
    Version,
    commit_of,
    read_version,
    reference_of,
    template_of,
)
from towpath.engines.git.port import (
    MAIN,
    File,
    GitError,
    RepositoryName,
    RepositoryNotFound,
    StaleCommit,
)
from towpath.hooks.platform import Platform
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject, stepwise

PLATFORM_AUTHOR = "towpath"
_HISTORY_MAX = 200
_BUSY_S = 0.5


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that Git and the API say about one upgrade just now."""

    repository: RepositoryName
    main: CommitSHA
    answers: Answers
    stored: File
    template: RawObject
    old: CommitSHA
    new: CommitSHA
    branch: Branch

    @property
    def reference(self) -> str:
        return reference_of(self.template)


@dataclass(frozen=True, slots=True)
class Upgrades:
    platform: Platform
    lineage: Lineage
    checks: Checks
    remotes: Remotes

    def reconciler(self) -> Reconcile:
        return stepwise(self.platform.api, TEMPLATE_UPGRADE, [self.proceed])

    async def proceed(self, subject: Subject) -> None:
        status = subject.status
        status.setdefault("phase", PREPARING)
        try:
            await self._proceed(subject)
        except Stalled as stalled:
            status["message"] = stalled.message
            raise
        except StaleCommit as error:
            raise Waiting("Busy", "Somebody has just pushed there.", after_s=_BUSY_S) from error

    async def _proceed(self, subject: Subject) -> None:
        status = subject.status
        if status["phase"] == CLOSED:
            return
        if status["phase"] == MERGED:
            await self._after(subject)
            return
        if "closed" in subject.spec:
            await self._close(subject)
            return
        scene = await self._look(subject)
        status |= {"template": scene.reference, "from": scene.old, "to": scene.new}
        status["branch"] = scene.branch.name
        if scene.old == scene.new:
            await self._found_merged(subject, scene)
            return
        new = await read_version(self.platform.git, scene.template, scene.new)
        answered = _answered(subject, scene, new)
        status["notes"] = notes_of(answered)
        if answered.questions:
            ask(status, answered)
            return
        status.pop("questions", None)
        head = await self._propose(subject, scene, new, answered)
        proposal = await self._propose_there(subject, scene)
        if proposal is not None and proposal.is_closed:
            await self._close(subject)
            status["message"] = "Its pull request has been closed."
            return
        await self._judge(subject, scene, head, proposal)
        await self._merge_if_wanted(subject, scene, head, proposal)

    # Look.

    async def _look(self, subject: Subject) -> Scene:
        """Raises Stalled."""
        git, api = self.platform.git, self.platform.api
        repository = _repository(subject)
        try:
            main = await git.head(repository)
        except RepositoryNotFound as error:
            raise Stalled("RepositoryNotFound", f"spec.repository: {error}") from error
        if main is None:
            raise Stalled("RepositoryEmpty", f"{repository} has no commit on main")
        files = await answer_files(git, repository, main)
        try:
            answers = read_answers(files)
        except AnswersUnreadable as error:
            raise Stalled("AnswersUnreadable", str(error)) from error
        if answers is None:
            raise Stalled("NoInstance", f"{repository} does not say that it came of a template")
        template = await template_of(api, repository.project, answers)
        return Scene(
            repository,
            main,
            await self._placed(repository, answers),
            files[answers.path],
            template,
            await commit_of(git, template, answers.revision),
            CommitSHA(subject.spec["revision"]),
            Branch(git, repository, branch_of(reference_of(template))),
        )

    async def _placed(self, repository: RepositoryName, answers: Answers) -> Answers:
        """With what expressions know of the place, as it is now, where it was not written down."""
        if {"project", "owner", "host"} <= set(answers.place):
            return answers
        run = {
            "metadata": {"namespace": repository.project},
            "spec": {"requestedBy": answers.user},
        }
        now = await place_of(self.platform.api, self.platform.addresses.registry(), run)
        return answers.at(now)

    # Propose.

    async def _propose(
        self, subject: Subject, scene: Scene, new: Version, answered: NewAnswers
    ) -> CommitSHA:
        """The head of the branch, which holds what it should."""
        status, branch = subject.status, scene.branch
        decisions: Mapping[str, str] = subject.spec.get("decisions") or {}
        digest = digest_of(
            scene.old,
            scene.new,
            dict(scene.answers.parameters),
            dict(answered.parameters),
            dict(decisions),
        )
        head = await branch.head()
        ours = await self._ours(subject, scene, head)
        made_so = head is not None and status.get("answers") == digest
        if head is not None and made_so and not await self._is_overtaken(status, scene):
            status["head"] = head
            return head
        old = await read_version(self.platform.git, scene.template, scene.old)
        renderings = await render_both(
            scene.repository,
            scene.answers,
            scene.stored,
            old,
            new,
            answered.parameters,
            self.platform.template_actions(),
        )
        if decisions:
            files = await self.platform.git.files(scene.repository, scene.main)
            renderings = decided(renderings, files, decisions)
        tree = (await self.platform.git.commit(scene.repository, scene.main)).tree
        title = scene.reference.rpartition("/")[2]
        # No version in it: what somebody has settled would differ from the next proposal again.
        merge = await merge_renderings(
            self.platform.git, scene.repository, tree, renderings, f"template-{title}"
        )
        by = subject.spec["requestedBy"]
        message = await self._message(subject, scene, by)
        proposal = Proposal(scene.main, merge.tree, message)
        made = await branch.propose(proposal, head, ours, signature(by))
        status |= {
            "base": scene.main,
            "proposed": made.commit,
            "head": made.head,
            "answers": digest,
            "conflicts": conflicts_told([*merge.conflicts, *made.conflicts]),
            "files": files_told(await branch.changed(scene.main, made.head)),
        }
        return made.head

    async def _ours(
        self, subject: Subject, scene: Scene, head: CommitSHA | None
    ) -> CommitSHA | None:
        """Our commit on the branch. Raises Stalled when the branch is somebody else's."""
        if head is None:
            return None
        known = CommitSHA(subject.status.get("proposed") or "")
        if known and await scene.branch.is_in(known, head):
            return known
        trailer = _trailer(subject)
        found = await scene.branch.proposed(head, scene.main, trailer)
        if found is None and known:
            return known  # somebody has rewritten the branch: what they left out of it stays out
        if found is None:
            raise Stalled(
                "BranchTaken",
                f"{scene.repository} has a branch {scene.branch.name} that the platform did not "
                "make; rename or delete it",
            )
        return found.sha

    async def _is_overtaken(self, status: RawObject, scene: Scene) -> bool:
        """Whether main has changed what the proposal changes, since it was made."""
        base = status.get("base")
        if base == scene.main:
            return False
        try:
            changes = await scene.branch.changed(CommitSHA(base or ""), scene.main)
        except GitError:
            return True
        touched = {file["path"] for file in status.get("files") or ()}
        touched |= {conflict["path"] for conflict in status.get("conflicts") or ()}
        return len(touched) >= FILES_MAX or any(change.path in touched for change in changes)

    async def _message(self, subject: Subject, scene: Scene, by: str) -> str:
        commits = await self.lineage.between(scene.template, scene.old, scene.new)
        subjects = [(commit.message.strip().splitlines() or [""])[0] for commit in commits]
        told = commit_message(scene.reference, scene.old, scene.new, subjects, by)
        return f"{told}{_trailer(subject)}\n"

    async def _propose_there(self, subject: Subject, scene: Scene) -> PullProposal | None:
        """A pull request, where the repository is on another Git host."""
        if not await self.remotes.has(scene.repository):
            return None
        commit = await self.platform.git.commit(
            scene.repository, CommitSHA(subject.status["proposed"])
        )
        proposal = await self.remotes.propose(subject, scene.branch.name, commit)
        subject.status["pullRequest"] = proposal.url
        return proposal

    # Judge.

    async def _judge(
        self, subject: Subject, scene: Scene, head: CommitSHA, proposal: PullProposal | None
    ) -> None:
        """Its phase: what stands in the way of merging it."""
        status = subject.status
        left = await self._unresolved(status, scene, head)
        if proposal is not None:
            found = list(proposal.checks)
        else:
            found = await self.checks.of(
                scene.repository,
                head,
                scene.branch.ref,
                before=CommitSHA(status["base"]),
                actor=subject.spec["requestedBy"],
            )
        status["checks"] = [check.as_status() for check in found]
        status["conflicts"] = left
        status["phase"], status["message"] = verdict(left, found)
        if proposal is None or left:
            return
        if proposal.head != head:
            status["phase"] = CHECKING
            status["message"] = proposal.message or "Its pull request is on its way."
        elif not proposal.is_checked:
            status["phase"], status["message"] = CHECKING, "Its host tells of no pipeline yet."

    async def _unresolved(
        self, status: RawObject, scene: Scene, head: CommitSHA
    ) -> list[RawObject]:
        """A conflict is settled by a commit on the branch that leaves no markers in the file."""
        conflicts: list[RawObject] = status.get("conflicts") or []
        proposed = CommitSHA(status["proposed"])
        if not conflicts or head == proposed:
            return conflicts
        touched = {change.path for change in await scene.branch.changed(proposed, head)}
        marked = await scene.branch.marked(head, [one["path"] for one in conflicts])
        return [one for one in conflicts if one["path"] in marked or one["path"] not in touched]

    # Merge.

    async def _merge_if_wanted(
        self, subject: Subject, scene: Scene, head: CommitSHA, proposal: PullProposal | None
    ) -> None:
        spec, status = subject.spec, subject.status
        wanted = spec.get("merge")
        green = all_green([_check(one) for one in status["checks"]])
        if wanted is None:
            if not spec.get("mergeWhenGreen") or status["phase"] != READY:
                return
            if not green:
                status["message"] = "No workflow checks this branch, so somebody has to merge it."
                return
        elif wanted["commit"] != head:
            status["message"] = (
                "The branch has changed since somebody wanted to merge it: look again, then merge."
            )
            return
        if status["phase"] == CONFLICTED:
            return
        if proposal is not None:
            await self.remotes.merge(subject, head)
            status["message"] = proposal.message or "Its host merges it."
            return
        # Green alone is nobody's word: somebody else may have asked for it since.
        by = wanted["by"] if wanted else PLATFORM_AUTHOR
        title = scene.reference.rpartition("/")[2]
        asked = f"Requested-By: {spec['requestedBy']}"
        message = f"Merge the upgrade of {title}\n\n{_trailer(subject)}\n{asked}\n"
        merged, conflicts = await scene.branch.merge(
            head, CommitSHA(status["base"]), message, signature(by)
        )
        if merged is None:
            status["conflicts"] = conflicts_told(conflicts)
            status["phase"] = CONFLICTED
            status["message"] = "Main has changed meanwhile what this changes."
            return
        who = by if wanted else "The platform"
        status |= {"phase": MERGED, "merged": merged, "message": f"{who} has merged it."}
        await self._after(subject)

    async def _found_merged(self, subject: Subject, scene: Scene) -> None:
        """Main has that version: merged by hand, or by us just before we were killed."""
        history = await self.platform.git.history(scene.repository, scene.main, limit=_HISTORY_MAX)
        trailer = _trailer(subject)
        ours = next((one.sha for one in history if trailer in one.message.splitlines()), scene.main)
        head = await scene.branch.head()
        # Elsewhere it may have been merged as another commit.
        is_remote = await self.remotes.has(scene.repository)
        if is_remote:
            await self.remotes.close(subject)  # merged there already, unless by another way
        if head is not None and (is_remote or await scene.branch.is_in(head, scene.main)):
            await scene.branch.drop(head, signature(subject.spec["requestedBy"]))
        status = subject.status
        status |= {
            "phase": MERGED,
            "merged": ours,
            "conflicts": [],
            "message": "Main has this version.",
        }
        await self._after(subject)

    async def _after(self, subject: Subject) -> None:
        """The pipelines of the merge, until they have ended."""
        status, repository = subject.status, _repository(subject)
        known = [_check(one) for one in status.get("after") or ()]
        if known and all(check.is_finished for check in known):
            return
        merged = CommitSHA(status["merged"])
        if await self.remotes.has(repository):
            return  # what its host runs after a merge is shown there
        try:
            commit = await self.platform.git.commit(repository, merged)
            before = commit.parents[0] if commit.parents else merged
            found = await self.checks.of(
                repository, merged, MAIN, before=before, actor=subject.spec["requestedBy"]
            )
        except GitError:
            return  # it is history: nobody can say any more what ran
        status["after"] = [check.as_status() for check in found]

    async def _close(self, subject: Subject) -> None:
        """The branch goes, unless somebody has put work into it."""
        status, repository = subject.status, _repository(subject)
        reason = (subject.spec.get("closed") or {}).get("reason") or ""
        await self.remotes.close(subject)
        message = f"Closed: {reason}" if reason else "It has been closed."
        if name := status.get("branch"):
            branch = Branch(self.platform.git, repository, name)
            try:
                head = await branch.head()
            except RepositoryNotFound:
                head = None
            if head is not None and head == status.get("proposed"):
                await branch.drop(head, signature(subject.spec["requestedBy"]))
            elif head is not None:
                message += f" The branch {name} stays, for somebody has committed to it."
        status |= {"phase": CLOSED, "message": message}


def _answered(subject: Subject, scene: Scene, new: Version) -> NewAnswers:
    """Raises Stalled."""
    old, origin = scene.answers.parameters, scene.answers.origin
    given, renamed = subject.spec.get("parameters") or {}, subject.spec.get("renamed") or {}
    if origin == TOWPATH:
        return new_answers(old, new.descriptor, given, renamed)
    return foreign_answers(origin, old, new.files, given, renamed)


def _repository(subject: Subject) -> RepositoryName:
    return RepositoryName(subject.key.namespace, subject.spec["repository"])


def _trailer(subject: Subject) -> str:
    return f"{UPGRADE_TRAILER}: {subject.key}"


def _check(raw: Mapping[str, Any]) -> Check:
    return Check(raw.get("run") or "", raw.get("workflow") or "", raw.get("phase") or "")
