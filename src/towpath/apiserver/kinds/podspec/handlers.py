"""Probes, and what is done when a container starts and stops.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

import re
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named, not_negative, port_or_name
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import port_number_errors
from towpath.machinery.objects import RawObject

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
PROBE_COUNTS = (
    *("initialDelaySeconds", "timeoutSeconds", "periodSeconds"),
    *("successThreshold", "failureThreshold"),
)
SCHEMES = ("HTTP", "HTTPS")
HEADER_WORDS = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
    "regex used for validation is '[-A-Za-z0-9]+')"
)
_HEADER = re.compile(r"[-A-Za-z0-9]+")


def validate_handlers(container: RawObject, field: str, grace_s: int) -> Iterator[Cause]:
    lifecycle = container.get("lifecycle") or {}
    for name in ("postStart", "preStop"):
        if lifecycle.get(name) is not None:
            yield from _handler(lifecycle[name], f"{field}.lifecycle.{name}", grace_s)
    for name in PROBES:
        if (probe := container.get(name)) is not None:
            yield from _probe(name, probe, f"{field}.{name}", grace_s)


def _probe(name: str, probe: RawObject, field: str, grace_s: int) -> Iterator[Cause]:
    handler = {one: probe[one] for one in HANDLERS[:-1] if one in probe}
    yield from _handler(handler, field, grace_s)
    for count in PROBE_COUNTS:
        yield from not_negative(f"{field}.{count}", probe.get(count, 0))
    where, grace = (
        f"{field}.terminationGracePeriodSeconds",
        probe.get("terminationGracePeriodSeconds"),
    )
    if grace is not None and grace <= 0:
        yield invalid_value(where, grace, "must be greater than 0")
    if name == "readinessProbe":
        if grace is not None:
            yield invalid_value(where, grace, "must not be set for readinessProbes")
    elif (found := probe.get("successThreshold", 0)) != 1:
        yield invalid_value(f"{field}.successThreshold", found, "must be 1")


def _handler(handler: RawObject, field: str, grace_s: int) -> Iterator[Cause]:
    given = [name for name in HANDLERS if handler.get(name) is not None]
    if not given:
        yield required(field, "must specify a handler type")
        return
    yield from _action(given[0], handler[given[0]], f"{field}.{given[0]}", grace_s)
    for name in given[1:]:
        yield forbidden(f"{field}.{name}", "may not specify more than 1 handler type")


def _action(name: str, action: RawObject, field: str, grace_s: int) -> Iterator[Cause]:
    match name:
        case "exec":
            if not action.get("command"):
                yield required(f"{field}.command")
        case "httpGet":
            yield from _http_get(action, field)
        case "tcpSocket":
            yield from port_or_name(f"{field}.port", action.get("port", 0))
        case "grpc":
            number = action.get("port", 0)
            yield from named(f"{field}.port", number, port_number_errors(number))
        case "sleep":
            if not 0 <= (seconds := action.get("seconds", 0)) <= grace_s:
                words = (
                    f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})"
                )
                yield invalid_value(field, seconds, words)


def _http_get(action: RawObject, field: str) -> Iterator[Cause]:
    if not action.get("path"):
        yield required(f"{field}.path")
    yield from port_or_name(f"{field}.port", action.get("port", 0))
    if action.get("scheme") not in SCHEMES:
        yield unsupported(f"{field}.scheme", action.get("scheme", ""), SCHEMES)
    for header in action.get("httpHeaders") or ():
        if not _HEADER.fullmatch(name := header.get("name") or ""):
            yield invalid_value(f"{field}.httpHeaders", name, HEADER_WORDS)
