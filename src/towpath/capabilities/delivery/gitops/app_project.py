"""AppProject: from where, to where and with which kinds an Application may sync. Pure.

Authority: argoproj/argo-cd `docs/operator-manual/project.yaml`. An empty list of namespaced kinds
allows all, an empty list of cluster-scoped kinds allows none, and `*` is the only wildcard kept
apart from a leading or trailing one in names.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from towpath.machinery.objects import RawObject


class NotPermitted(ValueError):
    """The AppProject forbids it; `str()` says what and where to ask."""


def check_source(project: RawObject, repo_url: str) -> None:
    patterns: list[str] = project["spec"].get("sourceRepos") or []
    if any(pattern.startswith("!") and fnmatchcase(repo_url, pattern[1:]) for pattern in patterns):
        raise NotPermitted(_source_message(project, repo_url))
    if not any(fnmatchcase(repo_url, pattern) for pattern in patterns):
        raise NotPermitted(_source_message(project, repo_url))


def _source_message(project: RawObject, repo_url: str) -> str:
    return f"application repo {repo_url} is not permitted in project {_name(project)}"


def check_destination(project: RawObject, cluster: str, namespace: str) -> None:
    for destination in project["spec"].get("destinations") or ():
        names = destination.get("name") or ("*" if destination.get("server") == "*" else "")
        if fnmatchcase(cluster, names) and fnmatchcase(
            namespace, destination.get("namespace") or ""
        ):
            return
    raise NotPermitted(
        f"application destination cluster {cluster!r} and namespace {namespace!r} do not match "
        f"any of the allowed destinations in project {_name(project)}"
    )


def check_kind(project: RawObject, group: str, kind: str, *, namespaced: bool) -> None:
    spec = project["spec"]
    scope = "namespaceResource" if namespaced else "clusterResource"
    allowed: Sequence[RawObject] | None = spec.get(f"{scope}Whitelist")
    forbidden: Sequence[RawObject] = spec.get(f"{scope}Blacklist") or ()
    if namespaced and not allowed:
        allowed = ({"group": "*", "kind": "*"},)
    if _listed(allowed or (), group, kind) and not _listed(forbidden, group, kind):
        return
    name = f"{group}/{kind}" if group else kind
    raise NotPermitted(
        f"resource {name} is not permitted in project {_name(project)}: "
        f"{'namespaced' if namespaced else 'cluster-scoped'} kinds are limited to its list"
    )


def _listed(kinds: Sequence[RawObject], group: str, kind: str) -> bool:
    return any(
        fnmatchcase(group, listed["group"]) and fnmatchcase(kind, listed["kind"])
        for listed in kinds
    )


def _name(project: RawObject) -> str:
    name: str = project["metadata"]["name"]
    return name
