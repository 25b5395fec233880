"""function-patch-and-transform: composed resources from templates, with patches both ways.

Source: crossplane-contrib/function-patch-and-transform (input pt.fn.crossplane.io/v1beta1
Resources), including the connection Secret that it composes for v2 composites.
"""

import base64
import copy
import json
from typing import Any

from towpath.capabilities.infrastructure.compositions.functions import fieldpath
from towpath.capabilities.infrastructure.compositions.functions.contract import (
    Desired,
    FunctionError,
    Observed,
    Request,
    State,
)
from towpath.capabilities.infrastructure.compositions.functions.patches import (
    ROUTES,
    apply_patch,
    resolve_patch_sets,
)
from towpath.capabilities.infrastructure.compositions.functions.readiness import is_ready
from towpath.machinery.objects import RawObject

ENVIRONMENT = "apiextensions.crossplane.io/environment"
CONNECTION_SECRET = "connection-secret"  # noqa: S105 - the name of a composed resource
CONNECTION_SECRET_TYPE = "connection.crossplane.io/v1alpha1"  # noqa: S105 - a type


def patch_and_transform(request: Request, state: State) -> State:
    templates = request.input.get("resources") or []
    patch_sets = {one["name"]: one["patches"] for one in request.input.get("patchSets") or ()}
    _refuse_duplicates([template.get("name", "") for template in templates])
    environment = state.context.setdefault(ENVIRONMENT, {})
    connection: dict[str, bytes] = {}
    for template in templates:
        patches = resolve_patch_sets(template.get("patches") or (), patch_sets)
        observed = request.observed.get(template["name"])
        desired = _base(template, state)
        if observed is not None:
            _keep_identity(desired, observed)
            connection.update(_connection_details(template, observed))
            desired.ready = is_ready(observed.resource, template.get("readinessChecks")) or None
        if _run_patches(request, state, environment, template, patches, observed, desired):
            state.resources[template["name"]] = desired
    _compose_connection_secret(request, state, connection)
    return state


def _refuse_duplicates(names: list[str]) -> None:
    for index, name in enumerate(names):
        if not name:
            raise FunctionError(f"resources[{index}].name is missing; every resource needs one")
        if name in names[:index]:
            raise FunctionError(f"resources[{index}].name {name!r} is used twice")


def _base(template: RawObject, state: State) -> Desired:
    if base := template.get("base"):
        return Desired(copy.deepcopy(base))
    known = state.resources.get(template["name"])
    if known is None:
        raise FunctionError(
            f"resources[{template['name']}] has no base, and no earlier function made it"
        )
    return Desired(copy.deepcopy(known.resource), known.ready)


def _keep_identity(desired: Desired, observed: Observed) -> None:
    metadata = desired.resource.setdefault("metadata", {})
    for field in ("name", "namespace"):
        if field in observed.resource["metadata"]:
            metadata[field] = observed.resource["metadata"][field]


def _run_patches(
    request: Request,
    state: State,
    environment: dict[str, Any],
    template: RawObject,
    patches: list[RawObject],
    observed: Observed | None,
    desired: Desired,
) -> bool:
    """Whether the resource could be rendered; a failed patch towards it leaves it out, for now."""
    composite_out: RawObject = {"status": state.composite_status}
    objects = {
        "composite": request.composite,
        "composite_out": composite_out,
        "environment": environment,
        "observed": observed.resource if observed else None,
        "resource": desired.resource,
    }
    rendered = True
    for patch in patches:
        try:
            apply_patch(patch, objects)
        except FunctionError as error:
            state.warnings.append(f"{template['name']}: {error}")
            kind = patch.get("type", "FromCompositeFieldPath")
            rendered = rendered and ROUTES.get(kind, ("", ""))[1] != "resource"
    # A function may set nothing of the composite but its status.
    state.composite_status = composite_out.get("status") or {}
    return rendered


def _connection_details(template: RawObject, observed: Observed) -> dict[str, bytes]:
    details: dict[str, bytes] = {}
    for detail in template.get("connectionDetails") or ():
        value = _connection_value(detail, observed)
        if value is not None:
            details[detail["name"]] = value
    return details


def _connection_value(detail: RawObject, observed: Observed) -> bytes | None:
    kind = detail.get("type", "")
    if kind == "FromValue":
        return str(detail["value"]).encode()
    if kind == "FromConnectionSecretKey":
        return observed.connection.get(detail["fromConnectionSecretKey"])
    if kind != "FromFieldPath":
        raise FunctionError(
            f"connectionDetails type {kind!r} is not one of FromConnectionSecretKey, "
            "FromFieldPath, FromValue"
        )
    try:
        value = fieldpath.get(observed.resource, detail["fromFieldPath"])
    except fieldpath.FieldPathError:
        return None
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _compose_connection_secret(
    request: Request, state: State, connection: dict[str, bytes]
) -> None:
    if not connection:
        return
    metadata = request.composite["metadata"]
    wanted = request.input.get("writeConnectionSecretToRef") or {}
    given = (request.composite.get("spec") or {}).get("writeConnectionSecretToRef") or {}
    reference: RawObject = {
        "apiVersion": "v1",
        "kind": "SecretReference",
        "name": given.get("name") or wanted.get("name") or f"{metadata['name']}-connection",
        "namespace": given.get("namespace")
        or wanted.get("namespace")
        or metadata.get("namespace", ""),
    }
    for patch in wanted.get("patches") or ():
        apply_patch(patch, {"composite": request.composite, "resource": reference})
    secret: RawObject = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": reference["name"], "namespace": reference["namespace"]},
        "type": CONNECTION_SECRET_TYPE,
        "data": {key: base64.b64encode(value).decode() for key, value in connection.items()},
    }
    state.resources[CONNECTION_SECRET] = Desired(secret, ready=True)
