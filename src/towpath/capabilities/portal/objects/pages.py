"""The routes of object pages, and what makes them fetch themselves again."""

from collections.abc import Sequence

from towpath.capabilities.portal.objects import editing, lists
from towpath.capabilities.portal.objects import object as one
from towpath.capabilities.portal.objects.places import NO_NAMESPACE, cluster_of, resource_in
from towpath.hooks.pages import LiveWatch, PageRoute, Visit
from towpath.hooks.showing import OBJECTS

SECTION = "/about"
_LIST = f"{OBJECTS}/{{cluster}}/{{group}}/{{version}}/{{plural}}"
_ONE = f"{_LIST}/{{namespace}}/{{name}}"


def _live_one(visit: Visit) -> Sequence[LiveWatch]:
    return (_watch(visit, visit.parameters["name"]),)


def _live_list(visit: Visit) -> Sequence[LiveWatch]:
    return (_watch(visit),)


def _watch(visit: Visit, name: str = "") -> LiveWatch:
    parameters = visit.parameters
    namespace = parameters.get("namespace", "")
    return LiveWatch(
        resource_in(parameters),
        "" if namespace == NO_NAMESPACE else namespace,
        name,
        cluster=cluster_of(parameters),
        labels="" if name else parameters.get("labels", ""),
    )


PAGES = (
    PageRoute(OBJECTS, lists.show_kinds, "Objects", section=SECTION),
    PageRoute(f"{OBJECTS}/{{cluster}}", lists.show_kinds, "Objects", section=SECTION),
    PageRoute(_LIST, lists.show_list, "Objects", live=_live_list, section=SECTION),
    PageRoute(_ONE, one.show, "Object", live=_live_one, section=SECTION),
    PageRoute(f"{_ONE}/edit", editing.show, "Edit", submit=editing.submit, section=SECTION),
    PageRoute(f"{_ONE}/delete", one.ask_delete, "Delete", submit=one.delete, section=SECTION),
)
