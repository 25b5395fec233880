"""The pages of upgrades, and what a service's own page says of its template."""

from collections.abc import Sequence

from towpath.capabilities.portal.templates.gallery import GALLERY
from towpath.capabilities.portal.templates.upgrades import (
    campaign_page,
    upgrade_page,
    versions_page,
)
from towpath.capabilities.portal.templates.upgrades.kinds import (
    BEHIND,
    CURRENT,
    TEMPLATE_INSTANCE,
    instance_name,
    phase_of,
)
from towpath.capabilities.portal.templates.upgrades.shown import SHORT, instance_page
from towpath.hooks.blocks import Block, Facts, Link, State, Text
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.pages import PageRoute, Visit
from towpath.hooks.showing import get_if_there
from towpath.hooks.tabs import Service, ServiceTab
from towpath.machinery.objects import RawObject

PAGES = (
    PageRoute(
        versions_page.VERSIONS,
        versions_page.versions,
        "Versions of a template",
        live=versions_page.live_versions,
        section=GALLERY,
    ),
    PageRoute(
        versions_page.START,
        versions_page.start,
        "Upgrade all",
        submit=versions_page.begin,
        section=GALLERY,
    ),
    PageRoute(
        campaign_page.CAMPAIGN,
        campaign_page.show,
        "Campaign",
        submit=campaign_page.act,
        live=campaign_page.live,
        section=GALLERY,
    ),
    PageRoute(
        upgrade_page.UPGRADE,
        upgrade_page.show,
        "Upgrade",
        submit=upgrade_page.act,
        live=upgrade_page.live,
        section="/catalog",
    ),
    PageRoute(
        upgrade_page.INSTANCE,
        upgrade_page.show_instance,
        "Template of a service",
        submit=upgrade_page.act_on_instance,
        live=upgrade_page.live_instance,
        section="/catalog",
    ),
)


async def _instance_of(visit: Visit, service: Service) -> RawObject | None:
    name = instance_name(service.object["spec"]["repository"])
    return await get_if_there(visit.api, TEMPLATE_INSTANCE, name, service.project)


async def show_tab(visit: Visit, service: Service) -> Sequence[Block]:
    """In the service's own page: what it came of, and whether there is something newer."""
    found = await _instance_of(visit, service)
    if found is None:
        return [Text("Its repository does not say that it came of a template.")]
    status = found.get("status") or {}
    page = instance_page(service.project, found["metadata"]["name"])
    facts: dict[str, str | Link | State] = {
        "Template": status.get("template", ""),
        "State": State(phase_of(found) or "Unknown"),
        "Version": status.get("revision", "")[:SHORT],
        "Newest": status.get("latest", "")[:SHORT],
        "Everything": Link("Answers, upgrades, opting out", page),
    }
    message = str(status.get("message") or "")
    if not message:
        return [Facts(facts)]
    told = Text(message, "warn") if phase_of(found) == BEHIND else Text(message)
    return [told, Facts(facts)]


async def is_current(visit: Visit, service: Service) -> Verdict:
    found = await _instance_of(visit, service)
    if found is None:
        return Verdict(Outcome.UNKNOWN, "It did not come of a template.")
    status = found.get("status") or {}
    page = instance_page(service.project, found["metadata"]["name"])
    message = str(status.get("message") or "It is not known yet.")
    if phase_of(found) == CURRENT:
        return Verdict(Outcome.PASSED, message, href=page)
    if phase_of(found) == BEHIND:
        return Verdict(Outcome.FAILED, message, "Upgrade it.", page)
    return Verdict(Outcome.UNKNOWN, message, href=page)


TABS = (ServiceTab("template", "Template", show_tab),)
CHECKS = (
    ServiceCheck(
        "template-version",
        "Has the newest version of its template",
        "What the template mends is mended in every service.",
        is_current,
    ),
)
