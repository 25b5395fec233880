"""Kinds that have a page made for people, beside the one that every object has."""

from towpath.machinery.kinds import GROUP, Resource
from towpath.machinery.objects import RawObject

_PAGES = {
    (GROUP, "projects"): "/projects/{name}",
    (GROUP, "workloads"): "/projects/{namespace}/workloads/{name}",
    (GROUP, "pipelineruns"): "/projects/{namespace}/pipelines/{name}",
    (GROUP, "promotions"): "/projects/{namespace}/promotions/{name}",
    (GROUP, "templateruns"): "/projects/{namespace}/runs/{name}",
    (GROUP, "softwaretemplates"): "/create/{namespace}/{name}",
    (GROUP, "clusters"): "/clusters/{name}",
}
_OFFERINGS = "offerings.towpath.dev"
_CLAIM = "/infrastructure/{namespace}/{plural}/{name}"

_DELETING = {
    (GROUP, "projects"): "/projects/{name}/delete",
    (GROUP, "workloads"): "/projects/{namespace}/workloads/{name}/delete",
}
"""Where what goes along is told before; the plain form would leave that out."""


def home_of(resource: Resource, obj: RawObject, cluster: str) -> str:
    """The address of the page made for its kind, "" when there is none."""
    if resource.group == _OFFERINGS and not cluster:
        return _filled(_CLAIM, resource, obj)
    return _filled(_PAGES.get((resource.group, resource.plural), ""), resource, obj, cluster)


def delete_page_of(resource: Resource, obj: RawObject, cluster: str) -> str:
    if resource.group == _OFFERINGS:
        return _filled(f"{_CLAIM}/delete", resource, obj, cluster)
    return _filled(_DELETING.get((resource.group, resource.plural), ""), resource, obj, cluster)


def _filled(pattern: str, resource: Resource, obj: RawObject, cluster: str = "") -> str:
    if not pattern or cluster:
        return ""
    metadata = obj["metadata"]
    return pattern.format(
        name=metadata["name"], namespace=metadata.get("namespace", ""), plural=resource.plural
    )
