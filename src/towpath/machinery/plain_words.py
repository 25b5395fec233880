"""The API's refusals in the words of the platform, for people who never asked for Kubernetes.

The API itself answers as Kubernetes does, because its clients show and search those words.
"""

import re

from towpath.machinery.errors import Forbidden, NotFound, StatusError

_NAMES = {
    "approvals": "approval",
    "environments": "environment",
    "namespaces": "namespace",
    "pipelineruns": "pipeline run",
    "projects": "project",
    "promotions": "promotion",
    "releases": "release",
    "softwaretemplates": "template",
    "templateruns": "template run",
    "workloads": "service",
}
_DENIED = re.compile(
    r'is forbidden: User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"/]*)'
    r'[^"]*" in API group "[^"]*" (?:in the namespace "(?P<namespace>[^"]*)")?'
)
_VERBS = {"get": "see", "list": "see", "watch": "see", "patch": "change", "update": "change"}


def plainly(error: StatusError, project: str = "") -> str:
    """The sentence for a person; the API's own where there is nothing to add.

    `project` is the one that was meant, if any.
    """
    if isinstance(error, NotFound):
        return _absent(error, project)
    if isinstance(error, Forbidden):
        return _denied(error)
    return error.message


def _absent(error: NotFound, project: str) -> str:
    plural, name = error.details.get("kind", ""), error.details.get("name", "")
    if plural not in _NAMES or not name or not error.message.endswith("not found"):
        return error.message
    if plural in ("projects", "namespaces") or not project:
        return f"there is no {_NAMES[plural]} {name}"
    return f"there is no {_NAMES[plural]} {name} in project {project}"


def _denied(error: Forbidden) -> str:
    found = _DENIED.search(error.message)
    if found is None or found["resource"] not in _NAMES:
        return error.message
    verb = _VERBS.get(found["verb"], found["verb"])
    what = f"{_NAMES[found['resource']]} {error.details.get('name', '')}".rstrip()
    if what == _NAMES[found["resource"]]:
        what += "s"
    where = f" in project {found['namespace']}" if found["namespace"] else ""
    who = "an owner of the project" if where else "an administrator of the platform"
    return f"{found['user']} may not {verb} {what}{where}; {who} can allow it"
