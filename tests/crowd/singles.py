"""One of each of what only some projects have, about one service: for pages that need one.

All of it has ended, or waits for nothing, so that its controllers leave it as it is.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.crowd.objects import born, condition
from tests.crowd.plan import Service
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN
from towpath.capabilities.portal.actions.kinds import FINALIZER as ACTION_RUN_FINALIZER
from towpath.capabilities.portal.actions.kinds import SUCCEEDED as RUN_SUCCEEDED
from towpath.capabilities.portal.catalog.kinds import ENTITY_KIND
from towpath.capabilities.portal.scorecards.demo import READINESS
from towpath.capabilities.portal.scorecards.kinds import INITIATIVE
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CAMPAIGN_LABEL,
    CAMPAIGN_NAMESPACE_LABEL,
    DONE,
    MERGED,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
    WHEN_GREEN,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.conditions import timestamp
from towpath.machinery.objects import RawObject

CAMPAIGN = "python-service"
TEMPLATE = f"{SYSTEM_NAMESPACE}/python-service"


def of_service(service: Service, workload: RawObject, now: datetime) -> Iterator[RawObject]:
    """In the service's project, and a kind of entity that the platform adds."""
    moment = now - timedelta(days=2)
    yield _action(service, moment)
    yield _action_run(service, workload["metadata"]["uid"], moment)
    upgrade = _upgrade(service, moment)
    yield upgrade
    yield _campaign(service, upgrade, moment)
    yield _initiative(service, now, moment)
    yield _data_set(moment)


# -- actions -----------------------------------------------------------------------------------

_ACTION: RawObject = {
    "title": "Describe it anew",
    "description": "Changes what the portal says of the service.",
    "operation": "DAY-2",
    "target": {"apiVersion": WORKLOAD.api_version, "kind": WORKLOAD.kind},
    "userInputs": {
        "properties": {"description": {"type": "string", "title": "Description"}},
        "required": ["description"],
    },
    "backend": {
        "type": "object",
        "object": {
            "operation": "patch",
            "patch": {"spec": {"description": "${inputs.description}"}},
        },
    },
}


def _action(service: Service, moment: datetime) -> RawObject:
    obj = ACTION.object("describe", service.project.name, spec=_ACTION)
    obj["status"] = _ready("It can be run.", moment)
    return born(obj, moment)


def _action_run(service: Service, uid: str, moment: datetime) -> RawObject:
    project, inputs = service.project.name, {"description": service.description}
    target = {**_ACTION["target"], "name": service.name}
    obj = ACTION_RUN.object(
        "describe-1f0c7a",
        project,
        spec={
            "action": {"name": "describe", "namespace": project},
            "target": target,
            "inputs": inputs,
            "requestedBy": service.project.owner,
        },
    )
    plan = {"operation": "patch", "manifest": target, "patch": {"spec": inputs}}
    obj["status"] = {
        "phase": RUN_SUCCEEDED,
        "message": f"Workload {service.name} is changed.",
        "startedAt": timestamp(moment),
        "actedAt": timestamp(moment),
        "finishedAt": timestamp(moment),
        "action": {**_ACTION, "namespace": project, "targetUid": uid},
        "inputs": inputs,
        "plan": {"type": "object", "spec": plan},
        "made": {"uid": uid, "before": {"spec": inputs}},
        "observedGeneration": 1,
        "conditions": [
            condition("Permitted", True, "Permitted", "", moment),
            condition("Approved", True, "Approved", "No approval is required.", moment),
            condition("Ready", True, "Succeeded", "It is done.", moment),
        ],
    }
    return born(obj, moment, finalizer=ACTION_RUN_FINALIZER)


# -- templates ---------------------------------------------------------------------------------


def _upgrade(service: Service, moment: datetime) -> RawObject:
    revision = _commit("to")
    check = {
        "run": f"{service.name}-ci-{_commit('merged')[:10]}",
        "workflow": ".github/workflows/ci.yaml",
        "phase": "Succeeded",
    }
    obj = TEMPLATE_UPGRADE.object(
        f"{service.name}-{revision[:10]}",
        service.project.name,
        spec={
            "repository": service.name,
            "revision": revision,
            "requestedBy": service.project.owner,
            "mergeWhenGreen": True,
        },
    )
    obj["metadata"]["labels"] = {
        CAMPAIGN_LABEL: CAMPAIGN,
        CAMPAIGN_NAMESPACE_LABEL: service.project.name,
    }
    obj["status"] = {
        **_ready("", moment),
        "phase": MERGED,
        "message": "The platform has merged it.",
        "template": TEMPLATE,
        "from": _commit("from"),
        "to": revision,
        "branch": "template-upgrade/python-service",
        "base": _commit("base"),
        "proposed": _commit("head"),
        "head": _commit("head"),
        "files": [{"path": "pyproject.toml", "change": "Changed"}],
        "conflicts": [],
        "notes": [],
        "checks": [check],
        "merged": _commit("merged"),
        "after": [check],
    }
    return born(obj, moment)


def _campaign(service: Service, upgrade: RawObject, moment: datetime) -> RawObject:
    obj = UPGRADE_CAMPAIGN.object(
        CAMPAIGN,
        service.project.name,
        spec={
            "template": {"name": "python-service", "namespace": SYSTEM_NAMESPACE},
            "revision": upgrade["spec"]["revision"],
            "merge": WHEN_GREEN,
            "requestedBy": service.project.owner,
        },
    )
    entry = {
        "project": service.project.name,
        "repository": service.name,
        "instance": service.name,
        "upgrade": upgrade["metadata"]["name"],
        "wave": 1,
        "phase": MERGED,
        "message": upgrade["status"]["message"],
        "failed": False,
        "settled": True,
    }
    obj["status"] = {
        **_ready("", moment),
        "phase": DONE,
        "message": "1 of 1 merged.",
        "wave": 1,
        "waves": 1,
        "failed": 0,
        "progress": "1/1",
        "instances": [entry],
    }
    return born(obj, moment)


def _commit(what: str) -> str:
    return hashlib.sha1(what.encode(), usedforsecurity=False).hexdigest()


# -- catalogue and scorecards ------------------------------------------------------------------


def _initiative(service: Service, now: datetime, moment: datetime) -> RawObject:
    """Of the demo's scorecard. Its controller counts again whatever is said here."""
    obj = INITIATIVE.object(
        "docs-everywhere",
        service.project.name,
        spec={
            "title": "Docs everywhere",
            "scorecard": "readiness",
            "level": READINESS["levels"][1]["name"],
            "due": f"{now + timedelta(days=60):%Y-%m-%d}",
        },
    )
    status = _ready("It is followed.", moment)
    obj["status"] = {**status, "phase": DONE, "total": 0, "done": 0}
    return born(obj, moment)


def _data_set(moment: datetime) -> RawObject:
    spec = {
        "kind": "Dataset",
        "title": "Data set",
        "description": "A table or a folder of files that others build on.",
        "schema": {
            "type": "object",
            "required": ["rows"],
            "properties": {"rows": {"type": "integer", "minimum": 0, "title": "Rows"}},
        },
    }
    obj = ENTITY_KIND.object("dataset", spec=spec)
    said = "Entities of the kind Dataset are read by it."
    obj["status"] = {"conditions": _ready(said, moment)["conditions"]}
    return born(obj, moment)


def _ready(message: str, moment: datetime) -> RawObject:
    return {
        "observedGeneration": 1,
        "conditions": [condition("Ready", True, "Ready", message, moment)],
    }
