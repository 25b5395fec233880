"""Requests for certificates: kept, approved and denied; authn.signing signs some of them."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

DECISIONS = ("Approved", "Denied")


def _prepare(obj: RawObject, old: RawObject | None) -> None:
    """What was asked for stays as it was."""
    if old is not None:
        obj["spec"] = old["spec"]


def _validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    spec = obj.get("spec") or {}
    if not spec.get("request"):
        causes.append(required("spec.request", ""))
    signer = spec.get("signerName") or ""
    if "/" not in signer.strip("/"):
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        causes.append(invalid_value("spec.signerName", signer, words))
    if not spec.get("usages"):
        causes.append(required("spec.usages", ""))
    return causes + _decision_causes(obj, old)


def _decision_causes(obj: RawObject, old: RawObject | None) -> list[Cause]:
    made = decisions_of(obj)
    if len(made) > 1:
        words = "Approved and Denied conditions are mutually exclusive"
        return [invalid_value("status.conditions", made[-1], words)]
    if old is not None and (lost := set(decisions_of(old)) - set(made)):
        kind = lost.pop()
        words = f"updates may not remove a condition of type {kind!r}"
        return [invalid_value("status.conditions", kind, words)]
    return []


def decisions_of(obj: RawObject) -> list[str]:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return [one["type"] for one in conditions if one.get("type") in DECISIONS]


CERTIFICATE_REQUEST = Behaviour(prepare=_prepare, validate=_validate)
