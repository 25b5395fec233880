"""Who looks at records: every read that a person can reach carries it into the query."""

from dataclasses import dataclass

from towpath.machinery.users import UserInfo


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking, and which projects they may see; `projects` None means all."""

    user: UserInfo
    projects: frozenset[str] | None

    def may_see(self, project: str) -> bool:
        return self.projects is None or project in self.projects
