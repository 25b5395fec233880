"""Gitea and Forgejo, at an address of one's own."""

from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.like_github import LikeGitHub
from towpath.engines.git.hosts.port import (
    JSON,
    PAGES_MAX,
    Ask,
    Call,
    Credential,
    ForeignRepository,
    HostMissing,
    HostUnread,
    NewRepository,
    Place,
    PullRequest,
    items_of,
)

TREE_PAGE = 1000


class Gitea(LikeGitHub):
    page_size = "limit=50"
    order = "page=1"
    changed_key = "updated_at"
    branch_path = "src/branch"

    def __init__(self, url: str) -> None:
        self._url = url or "https://gitea.com"
        self._api = f"{self._url}/api/v1"

    def api_credential(self, credential: Credential) -> str:
        return f"token {credential.token}"

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        branch = quote(repository.branch, safe="")
        url = f"{self._api}/repos/{repository.id}/git/trees/{branch}?recursive=true"
        found: list[str] = []
        seen = 0
        for number in range(1, PAGES_MAX + 1):
            try:
                tree = (await ask(f"{url}&per_page={TREE_PAGE}&page={number}", JSON)).json()
            except HostMissing:
                return []
            entries = items_of(tree, "tree")
            found += [one["path"] for one in entries if one.get("type") == "blob"]
            seen += len(entries)
            if not entries or not tree.get("truncated") or seen >= tree.get("total_count", 0):
                return found
        raise HostUnread(f"{repository.page} has too many files to look through")

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        file = f"{self._api}/repos/{repository.id}/raw/{quote(path)}"
        return (await ask(f"{file}?ref={quote(repository.branch, safe='')}", "*/*")).body

    def _creating(self, new: NewRepository) -> dict[str, Any]:
        return {"default_branch": new.branch}

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        body = {"Do": "merge", "head_commit_id": pull.head}
        await call("POST", f"{self._of(place)}/pulls/{pull.id}/merge", body)
