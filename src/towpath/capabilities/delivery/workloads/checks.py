"""What every service should fulfil, as far as its Workload tells."""

from towpath.capabilities.delivery.workloads.described import described
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.tabs import Service


async def has_owner(_: Visit, service: Service) -> Verdict:
    if owner := service.object["spec"].get("owner"):
        return Verdict(Outcome.PASSED, f"{owner} owns it.")
    fix = "Set spec.owner of the Workload to a team."
    return Verdict(Outcome.FAILED, "Nobody owns it.", fix, _tab(service, "yaml"))


async def has_description(visit: Visit, service: Service) -> Verdict:
    if service.object["spec"].get("description"):
        return Verdict(Outcome.PASSED, "Its page says what it is for.")
    entity = await described(visit, service.project, service.name)
    if entity and entity.description:
        return Verdict(Outcome.PASSED, "The catalogue says what it is for.")
    fix = "Put a sentence into metadata.description of its catalog-info.yaml and push."
    href = f"/catalog/{entity.kind.lower()}/{entity.namespace}/{entity.name}" if entity else ""
    return Verdict(Outcome.FAILED, "Nothing says what it is for.", fix, href)


async def newest_in_last_stage(_: Visit, service: Service) -> Verdict:
    status = service.object.get("status") or {}
    newest = status.get("latestRelease")
    stages = service.object["spec"].get("environments") or []
    if not newest or not stages:
        return Verdict(Outcome.UNKNOWN, "It has no release yet.")
    last = stages[-1]
    running = {one["name"]: one.get("release") for one in status.get("environments") or ()}
    if running.get(last) == newest:
        return Verdict(Outcome.PASSED, f"{last} runs {newest}, which is the newest.")
    found = f"{last} runs {running[last]}" if running.get(last) else f"Nothing runs in {last} yet"
    promote = f"/projects/{service.project}/promote/{service.name}"
    return Verdict(
        Outcome.FAILED, f"{found}; the newest is {newest}.", f"Promote {newest}.", promote
    )


async def is_healthy(_: Visit, service: Service) -> Verdict:
    stages = (service.object.get("status") or {}).get("environments") or ()
    running = [stage for stage in stages if stage.get("release")]
    if not running:
        return Verdict(Outcome.UNKNOWN, "It runs nowhere yet.")
    ill = [stage for stage in running if stage.get("health") != "Healthy"]
    if not ill:
        names = ", ".join(stage["name"] for stage in running)
        return Verdict(Outcome.PASSED, f"It is healthy in {names}.")
    told = ", ".join(f"{one.get('health') or 'unknown'} in {one['name']}" for one in ill)
    fix = "Look what its parts say."
    return Verdict(Outcome.FAILED, f"It is {told}.", fix, _tab(service, "resources"))


def _tab(service: Service, key: str) -> str:
    return f"/projects/{service.project}/workloads/{service.name}/{key}"


CHECKS = (
    ServiceCheck("owner", "Has an owner", "Somebody must be asked when it fails.", has_owner),
    ServiceCheck(
        "description", "Says what it is for", "A name alone is read differently.", has_description
    ),
    ServiceCheck(
        "newest-release",
        "Its last stage runs the newest release",
        "What waits for long comes out all at once.",
        newest_in_last_stage,
    ),
    ServiceCheck("health", "Is healthy", "Where it runs, it must work.", is_healthy),
)
