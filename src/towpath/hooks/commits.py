"""Commits as pages tell them: one line each, and what lies between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.engines.git.port import Commit, GitError, GitReader, RepositoryName
from towpath.machinery.objects import CommitSHA

SHORT_CHARACTERS = 8
COMMITS_MAX = 50


@dataclass(frozen=True, slots=True)
class CommitLine:
    sha: str
    subject: str
    author: str
    time_s: int
    href: str = ""

    @property
    def short(self) -> str:
        return self.sha[:SHORT_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between what runs and what would."""

    direction: str = ""
    """first, forward, back, aside (each has what the other has not), same, or "" for unknown."""
    commits: Sequence[CommitLine] = ()
    """The newest first; those that come, or those that go when it leads back."""
    more: bool = False
    problem: str = ""


def commit_page(project: str, workload: str, sha: str) -> str:
    return f"/projects/{project}/workloads/{workload}/commits/{sha}"


def line_of(commit: Commit, project: str, workload: str) -> CommitLine:
    subject = (commit.message.strip().splitlines() or [""])[0]
    href = commit_page(project, workload, commit.sha)
    return CommitLine(commit.sha, subject, commit.author.name, commit.time_s, href)


async def commit_line(
    git: GitReader, repository: RepositoryName, sha: str, workload: str
) -> CommitLine | None:
    """None when the repository, or that commit in it, cannot be read."""
    try:
        found = await git.commit(repository, CommitSHA(sha))
    except GitError:
        return None
    return line_of(found, repository.project, workload)


async def span_between(
    git: GitReader, repository: RepositoryName, running: str, candidate: str, workload: str
) -> Span:
    """From the commit that runs ("" when none does) to the one that would."""
    if running == candidate:
        return Span("same")
    try:
        comes = await _history(git, repository, candidate, running)
        goes = await _history(git, repository, running, candidate) if running else []
    except GitError as error:
        return Span(problem=str(error))
    direction = "first" if not running else "forward"
    if goes:
        direction = "aside" if comes else "back"
    shown = comes or goes
    lines = [line_of(one, repository.project, workload) for one in shown[:COMMITS_MAX]]
    return Span(direction, lines, len(shown) > COMMITS_MAX)


async def _history(
    git: GitReader, repository: RepositoryName, commit: str, without: str
) -> list[Commit]:
    return await git.history(
        repository,
        CommitSHA(commit),
        without=CommitSHA(without) if without else None,
        limit=COMMITS_MAX + 1,
    )
