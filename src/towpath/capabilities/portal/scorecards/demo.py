"""The demo's scorecard: what a service should fulfil before others depend on it."""

from towpath.capabilities.portal.scorecards.kinds import SCORECARD
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import RawObject

READINESS: RawObject = {
    "title": "Readiness",
    "description": "What a service should fulfil before others depend on it.",
    "appliesTo": {"kind": "Component", "type": "service"},
    "resources": [
        {
            "name": "runs",
            "apiVersion": "towpath.dev/v1alpha1",
            "kind": "PipelineRun",
            "labels": "towpath.dev/repository={workload}",
        }
    ],
    "levels": [{"name": "Bronze"}, {"name": "Silver"}, {"name": "Gold"}],
    "rules": [
        {
            "id": "owner",
            "title": "Has an owner",
            "why": "Somebody must be asked when it fails.",
            "level": "Bronze",
            "check": "owner",
        },
        {
            "id": "description",
            "title": "Says what it is for",
            "why": "A name alone is read differently.",
            "level": "Bronze",
            "check": "description",
        },
        {
            "id": "docs",
            "title": "Has docs",
            "why": "Who is called at night reads them first.",
            "level": "Silver",
            "expression": "'backstage.io/techdocs-ref' in entity.metadata.annotations",
            "fix": "Put Markdown into docs/ and the annotation backstage.io/techdocs-ref: dir:. "
            "into catalog-info.yaml.",
        },
        {
            "id": "pipeline",
            "title": "Its pipeline has passed",
            "why": "What is not tested is tested by its users.",
            "level": "Silver",
            "expression": "resources.runs.exists(r, has(r.status.phase) && "
            "r.status.phase == 'Succeeded')",
            "messageExpression": "string(resources.runs.size()) + ' runs are known.'",
            "fix": "Look why its last run failed.",
        },
        {
            "id": "newest-release",
            "title": "Its last stage runs the newest release",
            "why": "What waits for long comes out all at once.",
            "level": "Gold",
            "check": "newest-release",
        },
    ],
}


async def seed(platform: Platform) -> None:
    """Make it once; who deletes it has it no more after the next start of a new demo alone."""
    try:
        await platform.api.create(
            SCORECARD, SCORECARD.object("readiness", SYSTEM_NAMESPACE, spec=READINESS)
        )
    except AlreadyExists:
        return
