"""/healthz, /livez and /readyz: each check by itself, all together, and which to leave out.

The server starts as a whole: definitions are served, roles and namespaces are there before it
listens, and who answers at all has got that far. So most checks hold wherever somebody can ask
them; they have Kubernetes' names because probes ask for single ones. What can be false is that the
server is not stopping.
"""

from collections.abc import Sequence

from towpath.machinery.causes import quote

READY = "/readyz"
ALL = (
    "ping",
    "log",
    "etcd",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/rbac/bootstrap-roles",
)
BEFORE_READY = ("etcd-readiness", "informer-sync")
SHUTDOWN = "shutdown"
CHECKS: dict[str, tuple[str, ...]] = {
    "/healthz": ALL,
    "/livez": ALL,
    READY: (*ALL[:3], *BEFORE_READY, *ALL[3:], SHUTDOWN),
}
HEALTH_PATHS = frozenset({*CHECKS, *(f"{path}/{one}" for path in CHECKS for one in CHECKS[path])})


def health(
    path: str, *, verbose: bool, excluded: Sequence[str], stopping: bool
) -> tuple[int, bytes]:
    """Code and text of one of HEALTH_PATHS."""
    if path not in CHECKS:
        _, _, one = path[1:].partition("/")
        return (500, _failed(one)) if one == SHUTDOWN and stopping else (200, b"ok")
    lines, is_well = [], True
    for check in CHECKS[path]:
        if check in excluded:
            lines.append(f"[+]{check} excluded: ok")
        elif check == SHUTDOWN and stopping:
            is_well = False
            lines.append(f"[-]{check} failed: reason withheld")
        else:
            lines.append(f"[+]{check} ok")
    unknown = [quote(name) for name in sorted(set(excluded)) if name not in CHECKS[path]]
    if unknown:
        named = ",".join(unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {named}")
    if is_well:
        lines.append(f"{path[1:]} check passed")
        return 200, ("\n".join([*lines, ""]).encode() if verbose else b"ok")
    return 500, "\n".join([*lines, f"{path[1:]} check failed", ""]).encode()


def _failed(check: str) -> bytes:
    return f"internal server error: {check} failed: reason withheld\n".encode()
