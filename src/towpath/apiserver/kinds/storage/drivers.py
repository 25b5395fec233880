"""What storage drivers tell of themselves, and the classes of attributes that they know."""

from towpath.apiserver.kinds.checks import named
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    subdomain_errors,
)
from towpath.machinery.objects import RawObject

IMMUTABLE = "field is immutable"


def _default_driver(obj: RawObject) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict):
        for name, value in DRIVER_DEFAULTS.items():
            if spec.get(name) is None:
                spec[name] = [*value] if isinstance(value, list) else value


def _validate_driver(obj: RawObject, old: RawObject | None) -> list[Cause]:
    before, after = (((one or obj).get("spec") or {}) for one in (old, obj))
    if before.get("attachRequired") == after.get("attachRequired"):
        return []
    # Spelt so there.
    return [invalid_value("spec.attachedRequired", after.get("attachRequired"), IMMUTABLE)]


DRIVER_DEFAULTS: RawObject = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "volumeLifecycleModes": ["Persistent"],
    "requiresRepublish": False,
    "seLinuxMount": False,
}


def _validate_attributes(obj: RawObject, old: RawObject | None) -> list[Cause]:
    if old is None:
        name = obj.get("driverName") or ""
        if not name:
            return [required("driverName")]
        return list(named("driverName", name, subdomain_errors(name.lower())))
    causes: list[Cause] = []
    if obj.get("driverName") != old.get("driverName"):
        words = "updates to driverName are forbidden."
        causes.append(forbidden("driverName", words))
    if (obj.get("parameters") or {}) != (old.get("parameters") or {}):
        causes.append(forbidden("parameters", "updates to parameters are forbidden."))
    return causes


DRIVER = Behaviour(default=_default_driver, validate=_validate_driver, delete_returns_object=True)
STORED = Behaviour(delete_returns_object=True)
"""Of kinds that storage drivers write, and nobody here acts on."""
ATTRIBUTES = Behaviour(validate=_validate_attributes, delete_returns_object=True)
