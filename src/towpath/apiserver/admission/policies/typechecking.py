"""What a ValidatingAdmissionPolicy says of fields that the kinds it matches do not have.

A policy is taken whatever its expressions say of `object`: kinds come later, and change. So each
generation is looked at once, with the types of what it matches now, and what is wrong stands in
`status.typeChecking`. Kinds that a rule names with a wildcard are not looked at.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from itertools import islice, product
from typing import Any

import orjson

from towpath.apiserver.calls import Target, Verbs, WriteOptions
from towpath.apiserver.core import Core
from towpath.apiserver.kinds.admission.expressions import Language, environment, language_of
from towpath.apiserver.registry import Served
from towpath.apiserver.verbs.apply import APPLY
from towpath.apiserver.work import WorkSet
from towpath.machinery import builtins
from towpath.machinery.cel import CelSyntaxError, Environment
from towpath.machinery.cel import types as cel
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.declared import Declared, declare, struct_fields
from towpath.machinery.users import PLATFORM

POLICY = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    namespaced=False,
)
COLLECTION = f"{POLICY.group}/{POLICY.plural}"
MANAGER = "validatingadmissionpolicy-status"
KINDS_MAX = 10
"""That are looked at for one policy."""
REFERENCE = "#/components/schemas/"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
"""Has no type in CEL, and so fields that hold some are not there, as at a kube-apiserver."""
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class TypeChecking:
    """Follows the policies of a store and writes their status."""

    def __init__(self, core: Core, verbs: Verbs) -> None:
        self._core = core
        self._verbs = verbs
        self._work = WorkSet("type-checking", self._check)
        core.store.observe(COLLECTION, lambda event: self._work.add(event.key))
        for name, _ in core.store.scan(COLLECTION):
            self._work.add(name)

    async def run(self) -> None:
        """Until cancelled."""
        await self._work.run(1)

    async def _check(self, name: str) -> None:
        stored = self._core.store.get(COLLECTION, name)
        if stored is None or _is_told(policy := orjson.loads(stored.value)):
            return
        metadata = policy["metadata"]
        found = [each async for each in _warnings(self._core, policy["spec"])]
        status = {
            "observedGeneration": metadata["generation"],
            "typeChecking": {"expressionWarnings": found} if found else {},
        }
        target = Target(POLICY, name=metadata["name"], subresource="status")
        options = WriteOptions(field_manager=MANAGER, force=True)
        # What has changed meanwhile, or is gone, is told of by its own event.
        with contextlib.suppress(NotFound, Conflict):
            await self._verbs.patch(
                PLATFORM, target, POLICY.object(metadata["name"], status=status), APPLY, options
            )


def _is_told(policy: RawObject) -> bool:
    seen = (policy.get("status") or {}).get("observedGeneration")
    return bool(seen == policy["metadata"].get("generation"))


async def _warnings(core: Core, spec: RawObject) -> AsyncIterator[RawObject]:
    """The loop has its turn after each kind and each expression: a policy may have many."""
    kinds = sorted(_matched(core, spec), key=lambda served: _identity(served.resource))
    params, language = _params(core, spec), language_of(spec)
    scenes = []
    for served in islice(kinds, KINDS_MAX):
        scenes.append((served.resource, _Scene(served, params, language)))
        await asyncio.sleep(0)
    for index, validation in enumerate(spec.get("validations") or ()):
        for field in ("expression", "messageExpression"):
            if not (expression := validation.get(field)):
                continue
            said = [
                f"{kind.api_version}, Kind={kind.kind}: {why}\n"
                for kind, scene in scenes
                if (why := scene.mistake(expression))
            ]
            await asyncio.sleep(0)
            if said:
                where = f"spec.validations[{index}].{field}"
                yield {"fieldRef": where, "warning": "\n".join(said)}


def _identity(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.kind


def _matched(core: Core, spec: RawObject) -> list[Served]:
    found = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        named = [rule.get(field) or () for field in ("apiGroups", "apiVersions", "resources")]
        if any("*" in values for values in named):
            continue
        for group, version, plural in product(*named):
            if served := core.registry.at(group, version, plural):
                found[_identity(served.resource)] = served
    return [*found.values()]


def _params(core: Core, spec: RawObject) -> Served | None:
    kind = spec.get("paramKind")
    return core.registry.of_kind(kind["apiVersion"], kind["kind"]) if kind else None


class _Scene:
    """The names of a policy's expressions, with the types of one kind."""

    def __init__(self, served: Served, params: Served | None, language: Language) -> None:
        about = _declared(served, "objectType")
        declared = {"object": about, "oldObject": about}
        if params is not None:
            declared["params"] = _declared(params, "paramsType")
        known = {name: one for name, one in declared.items() if one is not None}
        self._types = {name: one.type for name, one in known.items()}
        self._structs: dict[str, Callable[[str], cel.Type | None]] = {}
        for one in known.values():
            self._structs |= struct_fields(one)
        self._variables: dict[str, cel.Type] = {}
        self._environment = self._with_variables(language)
        for variable in language.variables:
            try:
                program = self._environment.compile(variable["expression"])
            except CelSyntaxError:
                self._variables[variable["name"]] = cel.DYN
            else:
                self._variables[variable["name"]] = program.result_type
            self._environment = self._with_variables(language)

    def mistake(self, expression: str) -> str:
        """What is wrong with it, "" for nothing."""
        try:
            self._environment.compile(expression)
        except CelSyntaxError as error:
            return error.message
        return ""

    def _with_variables(self, language: Language) -> Environment:
        """Those that are known by now: each may name the ones before it."""
        plain = environment(
            params=language.has_params,
            authorizer=True,
            mutating=False,
            variables=tuple(self._variables.items()),
        )
        variables = {**plain.variables, **self._types}
        return replace(plain, variables=variables, structs={**plain.structs, **self._structs})


def _declared(served: Served, name: str) -> Declared | None:
    """The types of a kind's fields; None for one that may have any."""
    resource = served.resource
    if served.custom:
        if served.openapi is None:
            return None
        metadata = {"$ref": REFERENCE + OBJECT_META}
        own = served.openapi
        text = {"type": "string"}
        properties = {"apiVersion": text, "kind": text, "metadata": metadata}
        schema = own | {"properties": {**(own.get("properties") or {}), **properties}}
        known = builtins.meta_schemas()
    else:
        known = {
            **builtins.meta_schemas(),
            **builtins.openapi_schemas(resource.group, resource.version),
        }
        schema = known[builtins.definition_of(resource)]
    return declare(_resolved(schema, known, ()), is_resource=False, name=name)


def _resolved(schema: Any, known: Mapping[str, RawObject], within: tuple[str, ...]) -> Any:
    """Without references; one that leads back to itself may be anything."""
    if isinstance(schema, list):
        return [_resolved(each, known, within) for each in schema]
    if not isinstance(schema, dict):
        return schema
    whole = schema.get("allOf")
    if isinstance(whole, list) and len(whole) == 1 and "$ref" in whole[0]:
        schema = whole[0]
    if isinstance(reference := schema.get("$ref"), str):
        name = reference.removeprefix(REFERENCE)
        if name in within or name == QUANTITY:
            return {}
        return _resolved(known[name], known, (*within, name))
    return {
        field: {key: _resolved(each, known, within) for key, each in inner.items()}
        if field == "properties"
        else _resolved(inner, known, within)
        for field, inner in schema.items()
    }
