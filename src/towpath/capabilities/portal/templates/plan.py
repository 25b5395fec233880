"""Before a run makes anything: the template is read and everything that speaks against it is said.

All problems are collected where that costs nothing, so that a person corrects them in one go.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from towpath.capabilities.portal.templates.descriptor import (
    Descriptor,
    DescriptorInvalid,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.parameters import parameter_errors
from towpath.capabilities.portal.templates.sources import TemplateSource, resolve, source_of
from towpath.client.protocols import Reader
from towpath.engines.git.port import GitReader
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import TemplateAction
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.outcomes import Stalled


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is going to do."""

    raw: RawObject
    descriptor: Descriptor
    source: TemplateSource | None
    raw_source: RawObject | None
    revision: CommitSHA | None


async def read_template(api: Reader, run: RawObject) -> RawObject:
    """The SoftwareTemplate of a run. Raises Stalled: it is not there, or another tenant's."""
    wanted = run["spec"]["template"]
    project = run["metadata"]["namespace"]
    namespace = wanted.get("namespace") or SYSTEM_NAMESPACE
    if namespace not in (SYSTEM_NAMESPACE, project):
        raise Stalled(
            "ForeignTemplate",
            f"spec.template.namespace is {namespace}; a run in {project} may use templates of "
            f"{SYSTEM_NAMESPACE} and of {project}",
        )
    try:
        return await api.get(SOFTWARE_TEMPLATE, wanted["name"], namespace)
    except NotFound as error:
        raise Stalled(
            "TemplateNotFound",
            f"there is no template {wanted['name']!r} in {namespace}; "
            "`towpath templates` lists what is offered",
        ) from error


async def make_plan(
    api: Reader, git: GitReader, actions: Mapping[str, TemplateAction], run: RawObject
) -> Plan:
    """Raises Stalled with everything that is wrong with the template or the parameters."""
    template = await read_template(api, run)
    raw: RawObject = template["spec"]["descriptor"]
    try:
        descriptor = parse_descriptor(raw)
    except DescriptorInvalid as error:
        raise Stalled("TemplateInvalid", f"the template is not valid: {error}") from error
    refuse_unknown_actions(descriptor, actions)
    errors = parameter_errors(raw, run["spec"].get("parameters") or {})
    if errors:
        raise Stalled("ParametersInvalid", "; ".join(map(str, errors)))
    source = source_of(template)
    revision = await resolve(git, source) if source else None
    return Plan(raw, descriptor, source, template["spec"].get("source"), revision)


def refuse_unknown_actions(descriptor: Descriptor, actions: Mapping[str, TemplateAction]) -> None:
    """Raises Stalled."""
    unknown = sorted({step.action for step in descriptor.steps} - set(actions))
    if unknown:
        raise Stalled(
            "UnknownAction",
            f"the template uses {', '.join(unknown)}, which this platform does not have; it has "
            f"{', '.join(sorted(actions))}",
        )
