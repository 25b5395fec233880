"""Which host and path belong to which Service: from Ingress objects to a table. Pure.

A host of the form `<workload>.<env>.<project>.localhost` can only be claimed from the namespace
`<project>-<env>`; of any other host the oldest claim counts. So nobody takes another's address.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from towpath.machinery.objects import RawObject, key_of

SUFFIX = ".localhost"


@dataclass(frozen=True, slots=True)
class Route:
    host: str
    path: str
    exact: bool
    namespace: str
    service: str
    port: int | str
    """Number or name, as the Ingress says it."""

    def matches(self, path: str) -> bool:
        if self.exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(prefix + "/")


Table = dict[str, list[Route]]
"""Routes by host, the most specific first."""


def table_of(ingresses: Iterable[RawObject]) -> Table:
    owners: dict[str, str] = {}
    table: Table = {}
    for ingress in sorted(ingresses, key=_age):
        namespace = key_of(ingress).namespace
        for route in routes_of(ingress):
            if may_claim(route.host, namespace) and owners.setdefault(route.host, namespace) == (
                namespace
            ):
                table.setdefault(route.host, []).append(route)
    for routes in table.values():
        routes.sort(key=lambda route: (not route.exact, -len(route.path)))
    return table


def _age(ingress: RawObject) -> tuple[str, str]:
    return ingress["metadata"].get("creationTimestamp", ""), ingress["metadata"].get("uid", "")


def routes_of(ingress: RawObject) -> Iterable[Route]:
    """Its routes. Rules without a host, and wildcards, would catch other people's requests."""
    for rule in ingress["spec"].get("rules") or ():
        host = (rule.get("host") or "").lower()
        if not host or host.startswith("*"):
            continue
        for path in (rule.get("http") or {}).get("paths") or ():
            service = (path.get("backend") or {}).get("service")
            if service:
                port = service.get("port") or {}
                yield Route(
                    host=host,
                    path=path.get("path") or "/",
                    exact=path.get("pathType") == "Exact",
                    namespace=key_of(ingress).namespace,
                    service=service["name"],
                    port=port.get("number") or port.get("name") or 0,
                )


def may_claim(host: str, namespace: str) -> bool:
    if not host.endswith(SUFFIX):
        return True
    labels = host.removesuffix(SUFFIX).split(".")
    if len(labels) < 3:
        return True
    environment, project = labels[-2], labels[-1]
    return namespace == f"{project}-{environment}"


def find(routes: Sequence[Route], path: str) -> Route | None:
    return next((route for route in routes if route.matches(path)), None)
