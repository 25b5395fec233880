"""Requests for certificates: kept, approved and denied; authn.signing signs some of them."""

import base64
from collections.abc import Iterator, Sequence

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    quote,
    required,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors, subdomain_errors
from towpath.machinery.objects import RawObject

DECISIONS = ("Approved", "Denied")
FINAL = (*DECISIONS, "Failed")
"""Conditions that nobody takes back, and that are true where they are."""
SECONDS_MIN = 600
USAGES = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign"),
    *("data encipherment", "decipher only", "digital signature", "email protection"),
    *("encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement"),
    *("key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime"),
    *("server auth", "signing", "timestamping"),
)
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"


def _prepare(obj: RawObject, old: RawObject | None) -> None:
    """What was asked for stays as it was."""
    if old is not None:
        obj["spec"] = old["spec"]


def _validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(_spec_causes(obj.get("spec") or {})) if old is None else []
    return [*causes, *_status_causes(obj.get("status") or {}, old)]


def _spec_causes(spec: RawObject) -> Iterator[Cause]:
    request = spec.get("request")
    if not _holds(request, "CERTIFICATE REQUEST"):
        yield invalid_value("spec.request", request, "PEM block type must be CERTIFICATE REQUEST")
    usages = spec.get("usages") or []
    if not usages:
        yield required("spec.usages")
    for index, usage in enumerate(usages):
        if usage not in USAGES:
            yield unsupported(f"spec.usages[{index}]", usage, USAGES)
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            yield duplicate(f"spec.usages[{index}]", usage)
    yield from _signer_causes(spec.get("signerName") or "")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SECONDS_MIN:
        words = "may not specify a duration less than 600 seconds (10 minutes)"
        yield invalid_value("spec.expirationSeconds", seconds, words)


def _signer_causes(signer: str) -> Iterator[Cause]:
    field = "spec.signerName"
    domain, _, path = signer.partition("/")
    if not signer:
        yield required(field)
    elif signer == LEGACY_SIGNER:
        words = "the legacy signerName is not allowed via this API version"
        yield invalid_value(field, signer, words)
    elif signer.count("/") != 1:
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        yield invalid_value(field, signer, words)
    else:
        labels = domain.split(".")
        yield from _part_causes(field, domain, labels, [label_errors(one) for one in labels])
        if len(labels) < 2:
            words = "should be a domain with at least two segments separated by dots"
            yield invalid_value(field, domain, words)
        steps = path.split(".")
        yield from _part_causes(field, path, steps, [subdomain_errors(one) for one in steps])


def _part_causes(
    field: str, part: str, labels: Sequence[str], errors: Sequence[list[str]]
) -> Iterator[Cause]:
    for label, said in zip(labels, errors, strict=True):
        for words in said:
            yield invalid_value(field, part, f"validating label {quote(label)}: {words}")


def _status_causes(status: RawObject, old: RawObject | None) -> Iterator[Cause]:
    field, seen = "status.conditions", set()
    for index, condition in enumerate(status.get("conditions") or ()):
        kind = condition.get("type") or ""
        if not kind:
            yield required(f"{field}[{index}].type")
        allowed = ("True",) if kind in FINAL else ("False", "True", "Unknown")
        if not condition.get("status"):
            yield required(f"{field}[{index}].status")
        elif condition["status"] not in allowed:
            yield unsupported(f"{field}[{index}].status", condition["status"], allowed)
        if kind in seen:
            yield duplicate(f"{field}[{index}].type", kind)
        seen.add(kind)
    if seen.issuperset(DECISIONS):
        words = "Approved and Denied conditions are mutually exclusive"
        yield invalid_value(field, DECISIONS[-1], words)
    before = ((old or {}).get("status") or {}).get("conditions") or ()
    for kind in FINAL:
        if kind not in seen and any(one.get("type") == kind for one in before):
            words = f"updates may not remove a condition of type {quote(kind)}"
            yield forbidden(field, words)
    if (issued := status.get("certificate")) and not _holds(issued, "CERTIFICATE"):
        words = 'Invalid value: "<certificate data>": must contain at least one '
        yield Cause("FieldValueInvalid", f"{words}CERTIFICATE PEM block", "status.certificate")


def _holds(encoded: str | None, block: str) -> bool:
    """Whether these bytes have a PEM block of that type; what is in it, its signer judges."""
    begin = f"-----BEGIN {block}-----".encode()
    return encoded is not None and begin in base64.b64decode(encoded)


def decisions_of(obj: RawObject) -> list[str]:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return [one["type"] for one in conditions if one.get("type") in DECISIONS]


CERTIFICATE_REQUEST = Behaviour(prepare=_prepare, validate=_validate)
