"""The Logs tab: the end of what the pods write, or what was written about a linked line; live.

Everything that is chosen is in the address: stage, pod, container, its life before, since when.
"""

from urllib.parse import quote, urlencode

from towpath.capabilities.delivery.environments.kinds import target_namespace
from towpath.capabilities.delivery.workloads.lanes import Lane
from towpath.capabilities.delivery.workloads.processes import SPANS, Output, Wanted, output_of
from towpath.capabilities.delivery.workloads.reading import (
    chosen,
    frame_of,
    or_refusal,
    read_facts,
    telling,
)
from towpath.hooks.pages import Page, Visit

SPAN_LABELS = {"": "The end", "15m": "15 minutes", "1h": "1 hour", "6h": "6 hours", "24h": "1 day"}


async def logs(visit: Visit) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "logs")
    environment = visit.parameters.get("environment", "") or telling(frame["lanes"])
    lane = chosen(frame["lanes"], environment)
    wanted = _wanted(visit)
    output, refused = Output(), ""
    if lane is not None:
        client = visit.cluster(lane.cluster)
        namespace = target_namespace(frame["project"], lane.name)
        output, refused = await or_refusal(
            output_of(client, facts.name, namespace, wanted), Output()
        )
    data = {
        **frame,
        "lane": lane,
        "output": output,
        "refused": refused,
        "wanted": wanted,
        "spans": list(SPAN_LABELS.items()),
        "here": _address(frame["base"], lane, wanted) if lane else "",
        "stream": _stream(visit, facts.name, lane, wanted) if lane else "",
        "download": _download(visit, facts.name, lane, wanted) if lane else "",
        "several": len(output.pods) > 1 and not output.pod,
    }
    return Page("workloads/logs.html", data, title=f"{facts.name}: logs")


def _wanted(visit: Visit) -> Wanted:
    given = visit.parameters
    span = given.get("since", "")
    return Wanted(
        pod=given.get("pod", ""),
        container=given.get("container", ""),
        previous=given.get("previous") == "true",
        span=span if span in SPANS else "",
        line=given.get("line", ""),
    )


def _query(wanted: Wanted) -> dict[str, str]:
    asked = {"pod": wanted.pod, "container": wanted.container}
    asked["previous"] = "true" if wanted.previous else ""
    return {name: value for name, value in asked.items() if value}


def _address(base: str, lane: Lane, wanted: Wanted) -> str:
    """To which a link to one line adds the line."""
    return f"{base}/logs?{urlencode({'environment': lane.name, **_query(wanted)})}"


def _path(visit: Visit, workload: str, lane: Lane) -> str:
    project = visit.parameters["project"]
    return f"/api/v1/pod-logs/{quote(project)}/{quote(lane.name)}/{quote(workload)}"


def _stream(visit: Visit, workload: str, lane: Lane, wanted: Wanted) -> str:
    """What comes after what is shown; nothing comes to a life that is over or a linked line."""
    if wanted.previous or wanted.line:
        return ""
    return f"{_path(visit, workload, lane)}?{urlencode({'follow': 'true', **_query(wanted)})}"


def _download(visit: Visit, workload: str, lane: Lane, wanted: Wanted) -> str:
    since = {"since": wanted.span or "24h"}
    return f"{_path(visit, workload, lane)}?{urlencode({**_query(wanted), **since})}"
