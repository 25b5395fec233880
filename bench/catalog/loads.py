"""What is asked of the catalogue, and how it went: Backstage's own requests, through HTTP."""

import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tests.platform import PlatformProcess

from bench.apiserver.client import Load, Server, run
from bench.catalog.company import SEED, Company
from bench.portal.visitor import processor_s
from towpath.client.kubeconfig import from_kubeconfig

CLIENTS = 8
REQUESTS = 2000
WARM_UP = 50
NAMES = "metadata.name,metadata.title,spec.profile.displayName"

Address = str


@dataclass(frozen=True, slots=True)
class Asking:
    """One platform, asked by its administrator's token."""

    server: Server
    head: str

    @staticmethod
    def of(platform: PlatformProcess) -> "Asking":
        token = from_kubeconfig(platform.kubeconfig).token
        head = f"Host: localhost:{platform.port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        return Asking(Server(f"http://127.0.0.1:{platform.port}", "", (platform.pid,)), head)

    def request(self, path: Address) -> bytes:
        return f"GET {path} HTTP/1.1\r\n{self.head}".encode()

    def once(self, path: Address) -> bytes:
        connection = self.server.connect()
        try:
            return connection.ask(self.request(f"/api/catalog{path}"))
        finally:
            connection.close()

    def load(self, paths: Iterator[Address], count: int) -> Load:
        requests = [self.request(next(paths)) for _ in range(count)]
        return run(self.server, requests, connections=CLIENTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """One sort of request. `path` draws one; the same is drawn again by the same chance."""

    path: Callable[[random.Random, Company], Address]
    backstage_per_s: float
    """The better of its two databases."""


def _listed(drawn: random.Random, _: Company) -> Address:
    skipped = drawn.randrange(2000)
    return f"/api/catalog/entities/by-query?filter=kind=component&limit=20&offset={skipped}"


def _text(drawn: random.Random, known: Company) -> Address:
    name = drawn.choice(known.names_of_components)
    start = drawn.randrange(4)
    term = name[start : start + drawn.randrange(4, 9)]
    return (
        "/api/catalog/entities/by-query?filter=kind=component&limit=20"
        f"&fullTextFilterTerm={quote(term)}&fullTextFilterFields={NAMES}"
    )


def _sorted(drawn: random.Random, known: Company) -> Address:
    way, key = drawn.choice(("asc", "desc")), drawn.choice(("metadata.name", "metadata.title"))
    return f"{_listed(drawn, known)}&orderField={key},{way}"


def _named(drawn: random.Random, known: Company) -> Address:
    name = drawn.choice(known.names_of_components)
    return f"/api/catalog/entities/by-name/component/default/{name}"


def _counted(drawn: random.Random, _: Company) -> Address:
    keys = drawn.sample(
        ["spec.type", "spec.lifecycle", "metadata.tags", "spec.system", "spec.owner"], 3
    )
    facets = "&".join(f"facet={key}" for key in keys)
    more = drawn.randrange(400)
    condition = f",metadata.annotations.acme.example/cost-centre=cc-{more}" if more else ""
    return f"/api/catalog/entity-facets?{facets}&filter=kind=component{condition}"


def _owned(drawn: random.Random, known: Company) -> Address:
    owner = f"group:default/{drawn.choice(known.names_of_groups)}"
    return (
        "/api/catalog/entities/by-query?limit=20"
        f"&filter=kind=component,relations.ownedBy={quote(owner)}"
    )


def _found(drawn: random.Random, known: Company) -> Address:
    name = drawn.choice(known.names_of_components)
    return f"/api/search/query?term={quote(name[: drawn.randrange(4, 12)])}"


LOADS: Mapping[str, Asked] = {
    "by-query, 20 of components": Asked(_listed, 181),
    "full text": Asked(_text, 118),
    "sorted by a field": Asked(_sorted, 51),
    "by-name": Asked(_named, 1100),
    "facets of components": Asked(_counted, 94),
    "owned by a group": Asked(_owned, 430),
    "search": Asked(_found, 160),
}


def measured(
    asking: Asking, known: Company, requests: int = REQUESTS
) -> dict[str, dict[str, dict[str, float]]]:
    found = {}
    for number, (name, asked) in enumerate(LOADS.items()):
        drawn = random.Random(SEED + number)
        one = asked.path(drawn, known)
        asking.load(iter([one] * WARM_UP), WARM_UP)
        same = _figures(asking, [one] * requests)
        other = _figures(asking, [asked.path(drawn, known) for _ in range(requests)])
        found[name] = {"same": same, "other": other}
    return found


def _figures(asking: Asking, paths: Sequence[Address]) -> dict[str, float]:
    (pid,) = asking.server.pids
    before = processor_s(pid)
    load = asking.load(iter(paths), len(paths))
    cpu_s = processor_s(pid) - before
    hundredths = statistics.quantiles(load.took_s, n=100)
    return {
        "per_s": round(load.per_s),
        "p50_ms": round(1000 * hundredths[49], 2),
        "p99_ms": round(1000 * hundredths[98], 2),
        "server_us": round(1e6 * cpu_s / len(paths)),
        "client_core": round(load.client_core, 2),
    }
