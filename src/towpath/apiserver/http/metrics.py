"""/metrics: the requests of this server and its process, in Prometheus' text format.

Names and labels are those of kube-apiserver, so that what reads its metrics reads ours.
"""

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from towpath.apiserver.calls import Target
from towpath.apiserver.core import Core
from towpath.apiserver.http.fixed import version_info
from towpath.apiserver.measures import Histogram, Labels, histogram_lines, labelled
from towpath.apiserver.registry import Served

METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
COMPONENT = "apiserver"
VERBS = {"get": "GET", "list": "LIST", "create": "POST", "update": "PUT", "patch": "PATCH"}
VERBS |= {"delete": "DELETE", "deletecollection": "DELETE", "watch": "WATCH", "apply": "APPLY"}
MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
LABELS = ("group", "resource", "scope", "subresource", "verb", "version")
FASTER_THAN_LEVELS = 2
"""Bounds that the histogram for service levels does not have."""
PROC = Path("/proc/self")
MAPPED, RESIDENT = 0, 1
"""Columns of statm."""

Asked = tuple[str, str, str, str, str, str, str]
"""The values of LABELS, and of dry_run."""
RESOURCE, VERB = 1, 4
"""Their places."""


class Metrics:
    """Counts requests; `contributed` are lines of the rest of the process, asked at each scrape."""

    def __init__(self) -> None:
        self.contributed: list[Callable[[], Sequence[str]]] = []
        self.inflight = {"mutating": 0, "readOnly": 0}
        self.watch_events: Counter[Labels] = Counter()
        """By group, resource and version."""
        self._codes: Counter[tuple[Asked, int]] = Counter()
        self._durations: dict[Asked, Histogram] = {}
        self._lasting: Counter[Asked] = Counter()
        self._deprecated: set[Labels] = set()
        self._started_at = time.time()

    def answered(self, asked: Asked, code: int, seconds: float) -> None:
        self._codes[asked, code] += 1
        durations = self._durations.get(asked)
        if durations is None:
            durations = self._durations[asked] = Histogram()
        durations.note(seconds)

    def path_answered(self, path: str, method: str, code: int) -> None:
        """A path that is no resource: Kubernetes tells it as a subresource."""
        self._codes[("", "", "", path, method, "", ""), code] += 1

    @contextmanager
    def lasting(self, asked: Asked) -> Iterator[None]:
        """Around what has no end of its own."""
        self._lasting[asked] += 1
        started = time.perf_counter()
        try:
            yield
        finally:
            self._lasting[asked] -= 1
            self.answered(asked, 200, time.perf_counter() - started)

    def deprecated(self, served: Served, target: Target) -> None:
        if target.subresource and target.subresource not in served.subresources:
            return  # a name that the client has made up, and could make up any number of
        kind = served.resource
        self._deprecated.add((kind.group, "", kind.plural, target.subresource, kind.version))

    def text(self, *, revision_of_registry: int) -> bytes:
        lines = [
            *self._request_lines(),
            *_counted("apiserver_current_inflight_requests", ("request_kind",), self._inflight()),
            *_counted(
                "apiserver_watch_events_total",
                ("group", "resource", "version"),
                self.watch_events,
                kind="counter",
            ),
            *_counted(
                "apiserver_requested_deprecated_apis",
                ("group", "removed_release", "resource", "subresource", "version"),
                dict.fromkeys(self._deprecated, 1),
            ),
            *_build_lines(),
            "# TYPE towpath_registry_generation gauge",
            f"towpath_registry_generation {revision_of_registry}",
            *_process_lines(self._started_at),
            *(line for more in self.contributed for line in more()),
            "",
        ]
        return "\n".join(lines).encode()

    def _inflight(self) -> dict[Labels, int]:
        return {(kind,): count for kind, count in self.inflight.items()}

    def _request_lines(self) -> Iterator[str]:
        yield "# TYPE apiserver_request_total counter"
        for (asked, code), count in sorted(self._codes.items()):
            yield f'apiserver_request_total{{code="{code}",{_told(asked)}}} {count}'
        durations = dict(sorted(self._durations.items()))
        yield from histogram_lines(
            "apiserver_request_duration_seconds",
            {_told(asked): durations[asked] for asked in durations},
        )
        levels: dict[str, Histogram] = {}
        for asked, histogram in durations.items():
            if asked[VERB] not in ("WATCH", "CONNECT"):
                _add(levels.setdefault(_told(asked, dry_run=False), Histogram()), histogram)
        yield from histogram_lines(
            "apiserver_request_sli_duration_seconds", levels, without_first=FASTER_THAN_LEVELS
        )
        yield "# TYPE apiserver_longrunning_requests gauge"
        for asked, count in sorted(self._lasting.items()):
            yield f"apiserver_longrunning_requests{{{_told(asked, dry_run=False)}}} {count}"


def storage_lines(core: Core) -> Sequence[str]:
    """What is stored of each kind, and how long the store takes over a write."""
    kinds = {served.collection: served.resource for served in core.registry.all()}
    counts: dict[Labels, int] = {
        (kind.group, kind.plural): core.store.count(collection)
        for collection, kind in kinds.items()
    }
    return [
        *_counted("apiserver_resource_objects", ("group", "resource"), counts),
        *core.commits.lines(),
    ]


def asked_for(served: Served, target: Target, verb: str, *, dry_run: bool = False) -> Asked:
    kind = served.resource
    if target.name or verb == "create":
        scope = "resource"
    else:
        scope = "namespace" if target.namespace else "cluster"
    told = VERBS.get(verb, verb)
    dry = "All" if dry_run else ""
    return (kind.group, kind.plural, scope, target.subresource, told, kind.version, dry)


def _told(asked: Asked, *, dry_run: bool = True) -> str:
    *values, dry = asked
    first = [("component", COMPONENT if asked[RESOURCE] else "")]
    first += [("dry_run", dry)] if dry_run else []
    return labelled([*first, *zip(LABELS, values, strict=True)])


def _add(to: Histogram, more: Histogram) -> None:
    to.counts = [mine + theirs for mine, theirs in zip(to.counts, more.counts, strict=True)]
    to.seconds += more.seconds


def _counted(
    name: str, labels: Labels, counts: Mapping[Labels, int], kind: str = "gauge"
) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    for values, count in sorted(counts.items()):
        yield f"{name}{{{labelled(zip(labels, values, strict=True))}}} {count}"


def _build_lines() -> Iterator[str]:
    info = version_info()
    named = {
        "build_date": "buildDate",
        "compiler": "compiler",
        "git_commit": "gitCommit",
        "git_tree_state": "gitTreeState",
        "git_version": "gitVersion",
        "go_version": "goVersion",
        "major": "major",
        "minor": "minor",
        "platform": "platform",
    }
    yield "# TYPE kubernetes_build_info gauge"
    told = labelled((label, info[key]) for label, key in named.items())
    yield f"kubernetes_build_info{{{told}}} 1"


def _process_lines(started_at: float) -> Iterator[str]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield "# TYPE process_cpu_seconds_total counter"
    yield f"process_cpu_seconds_total {usage.ru_utime + usage.ru_stime:.2f}"
    yield "# TYPE process_start_time_seconds gauge"
    yield f"process_start_time_seconds {started_at:.3f}"
    yield "# TYPE process_max_fds gauge"
    yield f"process_max_fds {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}"
    if not PROC.exists():
        return  # only Linux tells the rest
    pages = (PROC / "statm").read_text().split()
    size = os.sysconf("SC_PAGE_SIZE")
    yield "# TYPE process_virtual_memory_bytes gauge"
    yield f"process_virtual_memory_bytes {int(pages[MAPPED]) * size}"
    yield "# TYPE process_resident_memory_bytes gauge"
    yield f"process_resident_memory_bytes {int(pages[RESIDENT]) * size}"
    yield "# TYPE process_open_fds gauge"
    yield f"process_open_fds {len(list((PROC / 'fd').iterdir()))}"
