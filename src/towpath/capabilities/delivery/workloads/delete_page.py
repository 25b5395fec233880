"""The page that deletes a service: what goes, who is affected, and its name to be typed."""

from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.workloads.claims import Claim, claims_of
from towpath.capabilities.delivery.workloads.kinds import ADOPTED_ANNOTATION, WORKLOAD
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane
from towpath.capabilities.delivery.workloads.reading import PATH, frame_of, read_facts
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.machinery.errors import Conflict, Forbidden
from towpath.machinery.objects import annotations_of, uid_of

DELETE = f"{PATH}/delete"
USES_IT = ("dependsOn", "consumesApi")
AFFECTED_SHOWN = 20


async def ask_delete(visit: Visit) -> Page:
    return await _form(visit)


async def delete(visit: Visit) -> Answer:
    """Only when the name was typed; what is deleted is what was shown."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    typed = visit.form.get("confirm", "").strip()
    if typed != name:
        problem = f"Type {name} to delete it; {typed!r} was typed." if typed else f"Type {name}."
        return await _form(visit, problem, status=422)
    try:
        await visit.api.delete(WORKLOAD, name, project, uid=visit.form.get("uid", ""))
    except (Forbidden, Conflict) as error:
        return await _form(visit, error.message, status=error.code)
    return Redirect(f"/projects/{project}", f"{name} is being deleted with all that runs.")


async def _form(visit: Visit, problem: str = "", *, status: int = 200) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "")
    policy = (facts.workload["spec"].get("deletionPolicy") or {}).get("data", "Delete")
    data = {
        **frame,
        "problem": problem,
        "uid": uid_of(facts.workload),
        "consequences": _consequences(
            facts, frame["lanes"], await claims_of(visit, facts.name), policy
        ),
        "stays": _stays(facts, policy),
        "affected": await _affected(visit, frame["project"], facts.name),
    }
    return Page("workloads/delete.html", data, status, title=f"Delete {facts.name}")


def _consequences(
    facts: Facts, lanes: Sequence[Lane], claims: Sequence[Claim], policy: str
) -> list[str]:
    told = [
        f"{lane.release} stops in {lane.name}"
        + (f"; {lane.host} answers no more." if lane.host else ".")
        for lane in lanes
        if lane.release
    ]
    if policy != "Retain":
        told += [f"The database {one.name} is deleted with its data." for one in claims]
    told.append(
        f"{_count(len(facts.releases), 'release')}, {_count(len(facts.promotions), 'promotion')} "
        f"and {_count(len(facts.runs), 'pipeline run')} with their logs are deleted."
    )
    return told


def _stays(facts: Facts, policy: str) -> list[str]:
    goes = "goes into the archive"
    if ADOPTED_ANNOTATION in annotations_of(facts.workload):
        goes = "was there before, and stays as it is"
    told = [f"The repository {facts.workload['spec']['repository']} {goes}."]
    if policy == "Retain":
        told.append("Its databases are kept with their data (spec.deletionPolicy.data: Retain).")
    told.append("The history of what ran where stays in Git, in the deployments repository.")
    return told


async def _affected(visit: Visit, project: str, name: str) -> list[dict[str, Any]]:
    """What the catalogue says depends on it, as far as the visitor may see."""
    edges = await visit.records.catalog.edges(visit.viewer, f"component:{project}/{name}")
    users = {one.target for one in edges.incoming if one.type in USES_IT}
    return [
        {
            "name": ref.partition(":")[2],
            "kind": ref.partition(":")[0],
            "href": f"/catalog/{ref.replace(':', '/', 1)}",
        }
        for ref in sorted(users)[:AFFECTED_SHOWN]
    ]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
