"""The endpoints that are not about resources: version, health and metrics."""

import platform
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import cache

import orjson
from msgspec import Struct, field

from towpath.apiserver.http.discovery import Document
from towpath.machinery.objects import RawObject

KUBERNETES_MINOR = 35
"""The version of Kubernetes whose protocol is spoken; clients choose what they send by it."""
TEXT = b"text/plain; charset=utf-8"
METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

HEALTH_PATHS = frozenset({"/healthz", "/livez", "/readyz"})
CHECKS = ("ping",)
CHECK_PATHS = frozenset(f"{path}/{check}" for path in HEALTH_PATHS for check in CHECKS)
PUBLIC_PATHS = HEALTH_PATHS | CHECK_PATHS | {"/version"}
"""Open to everybody, as Kubernetes' system:public-info-viewer has them."""


@cache
def towpath_version() -> str:
    # Loaded with the first question: reading metadata takes the parser of e-mail.
    from importlib.metadata import version

    return version("towpath")


@cache
def version_document() -> Document:
    info = {
        "major": "1",
        "minor": str(KUBERNETES_MINOR),
        "emulationMajor": "1",
        "emulationMinor": str(KUBERNETES_MINOR),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": str(KUBERNETES_MINOR - 1),
        "gitVersion": f"v1.{KUBERNETES_MINOR}.0+towpath.{towpath_version()}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{_architecture()}",
    }
    return Document(orjson.dumps(info, option=orjson.OPT_INDENT_2))


ISSUER_PATHS = frozenset({"/.well-known/openid-configuration", "/openid/v1/jwks"})
ISSUER_HEADERS = ((b"cache-control", b"public, max-age=3600"),)


def issuer_document(path: str, issuer: str, keys: RawObject, address: str) -> tuple[bytes, bytes]:
    """What others verify tokens of service accounts with; body and content type."""
    if path == "/openid/v1/jwks":
        return orjson.dumps(keys), b"application/jwk-set+json"
    configuration = {
        "issuer": issuer,
        "jwks_uri": f"{address}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
    return orjson.dumps(configuration), b"application/json"


def health(path: str, *, verbose: bool, excluded: Collection[str] = ()) -> bytes:
    """The text of a health endpoint: who answers is well, for the server starts as a whole."""
    if not verbose or path in CHECK_PATHS:
        return b"ok"
    lines = [f"[+]{check} {'excluded: ' * (check in excluded)}ok" for check in CHECKS]
    return "\n".join([*lines, f"{path[1:]} check passed", ""]).encode()


class Metrics(Struct):
    """What the front counts by itself, in Prometheus' text format."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By verb, resource and code."""
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Time spent by verb; watches and logs are not counted in it."""
    started_at: float = field(default_factory=time.time)
    contributed: list[Callable[[], Sequence[str]]] = field(default_factory=list)
    """Further lines, asked for at each scrape: what the process around the API knows."""

    def text(self, *, watches: int, revision_of_registry: int) -> bytes:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lines = ["# TYPE apiserver_request_total counter"]
        lines += [
            f'apiserver_request_total{{verb="{verb}",resource="{name}",code="{code}"}} {count}'
            for (verb, name, code), count in sorted(self.requests.items())
        ]
        lines.append("# TYPE apiserver_request_duration_seconds_sum counter")
        lines += [
            f'apiserver_request_duration_seconds_sum{{verb="{verb}"}} {seconds:.6f}'
            for verb, seconds in sorted(self.seconds.items())
        ]
        lines += [
            "# TYPE apiserver_longrunning_requests gauge",
            f'apiserver_longrunning_requests{{verb="WATCH"}} {watches}',
            "# TYPE towpath_registry_generation gauge",
            f"towpath_registry_generation {revision_of_registry}",
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {usage.ru_utime + usage.ru_stime:.2f}",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self.started_at:.3f}",
            *(line for more in self.contributed for line in more()),
            "",
        ]
        return "\n".join(lines).encode()


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
