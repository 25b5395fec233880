"""GitHub: github.com, and GitHub Enterprise Server below `/api/v3`."""

from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.like_github import BAD, GOOD, LikeGitHub
from towpath.engines.git.hosts.port import (
    JSON,
    Ask,
    Call,
    Credential,
    ForeignRepository,
    HostCheck,
    HostMissing,
    HostUnread,
    NewRepository,
    Place,
    PullRequest,
    items_of,
    newest,
    phase_of,
)

RAW = "application/vnd.github.raw+json"


class GitHub(LikeGitHub):
    page_size = "per_page=100"
    order = "sort=full_name"
    changed_key = "pushed_at"
    branch_path = "blob"

    def __init__(self, url: str) -> None:
        self._url = url or "https://github.com"
        is_public = self._url == "https://github.com"
        self._api = "https://api.github.com" if is_public else f"{self._url}/api/v3"

    def api_credential(self, credential: Credential) -> str:
        return credential.bearer

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        branch = quote(repository.branch, safe="")
        url = f"{self._api}/repos/{repository.id}/git/trees/{branch}?recursive=1"
        try:
            tree = (await ask(url, JSON)).json()
        except HostMissing:
            return []  # a repository without a commit has a name for a branch all the same
        if tree.get("truncated"):
            raise HostUnread(f"{repository.page} has more files than GitHub tells at once")
        return [one["path"] for one in items_of(tree, "tree") if one.get("type") == "blob"]

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        where = f"{self._api}/repos/{repository.id}/contents/{quote(path)}"
        return (await ask(f"{where}?ref={quote(repository.branch, safe='')}", RAW)).body

    def _creating(self, new: NewRepository) -> dict[str, Any]:
        return {"visibility": new.visibility}

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        body = {"sha": pull.head, "merge_method": "merge"}
        await call("PUT", f"{self._of(place)}/pulls/{pull.id}/merge", body)

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        """What applications report, workflows among them, beside the older statuses."""
        statuses = await super().checks(call, place, pull)
        url = f"{self._of(place)}/commits/{pull.head}/check-runs?per_page=100"
        found = items_of(await call("GET", url), "check_runs")
        runs = [
            HostCheck(
                one["name"],
                phase_of(one.get("conclusion") or "", good=GOOD, bad=BAD),
                one.get("html_url") or "",
            )
            for one in found
        ]
        return newest([*runs, *statuses])
