"""The ready endpoints behind a route, and which of them takes the next request."""

import ipaddress
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from towpath.localcluster.gateway.routes import Route, Table, find, table_of
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import ENDPOINT_SLICE, INGRESS, SERVICE
from towpath.machinery.objects import Key, RawObject

POD_ADDRESSES = ipaddress.ip_network("127.64.0.0/10")


@dataclass(frozen=True, slots=True)
class Endpoint:
    address: str
    port: int


class Backends:
    """One cluster's routes and endpoints, always current."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._table: Table | None = None
        state[INGRESS].subscribe(self._forget_table)

    def _forget_table(self, _: RawObject) -> None:
        self._table = None

    def route(self, host: str, path: str) -> Route | None:
        return find(self._routes(host), path)

    def knows(self, host: str) -> bool:
        return bool(self._routes(host))

    def _routes(self, host: str) -> Sequence[Route]:
        if self._table is None:
            self._table = table_of(self._state[INGRESS].informer.list())
        return self._table.get(host, ())

    def endpoints(self, route: Route) -> list[Endpoint]:
        """The endpoints that are ready for requests now."""
        key = Key(route.namespace, route.service)
        service = self._state[SERVICE].informer.get(key)
        found = self._state[ENDPOINT_SLICE].informer.get(key)
        if service is None or found is None:
            return []
        port = _port(service, found, route.port)
        if port == 0:
            return []
        return [
            Endpoint(address, port)
            for endpoint in found.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
            if ipaddress.ip_address(address) in POD_ADDRESSES
        ]


def _port(service: RawObject, endpoint_slice: RawObject, wanted: int | str) -> int:
    """The pods' port for the service's port `wanted`; 0 when the service has no such port."""
    for port in service["spec"].get("ports") or ():
        if wanted in (port["port"], port.get("name")):
            for target in endpoint_slice.get("ports") or ():
                if target.get("name", "") == port.get("name", ""):
                    return int(target["port"])
    return 0


class Balance:
    """Least busy first; among equals the one whose turn it is."""

    def __init__(self) -> None:
        self._busy: Counter[Endpoint] = Counter()
        self._turn = 0

    def order(self, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        if len(endpoints) < 2:
            return list(endpoints)
        self._turn += 1
        start = self._turn % len(endpoints)
        turned = [*endpoints[start:], *endpoints[:start]]
        return sorted(turned, key=lambda endpoint: self._busy[endpoint])

    def begin(self, endpoint: Endpoint) -> None:
        self._busy[endpoint] += 1

    def end(self, endpoint: Endpoint) -> None:
        self._busy[endpoint] -= 1
        if self._busy[endpoint] <= 0:
            del self._busy[endpoint]
