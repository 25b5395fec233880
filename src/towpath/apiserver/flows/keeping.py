"""Makes the flows and levels that belong to every server, and tells which ones lead nowhere."""

import asyncio
import contextlib

from towpath.apiserver.calls import Target, Verbs, WriteOptions
from towpath.apiserver.flows.defaults import (
    AUTOUPDATE,
    FLOW_SCHEMA,
    MANDATORY,
    PRIORITY_LEVEL,
    default_levels,
    default_schemas,
)
from towpath.apiserver.flows.matching import Flows, level_of
from towpath.apiserver.verbs.apply import APPLY
from towpath.machinery.conditions import now
from towpath.machinery.errors import AlreadyExists, Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

PRODUCER = "api-priority-and-fairness-config-producer-v1"
CONSUMER = "api-priority-and-fairness-config-consumer-v1"
DANGLING = "Dangling"


class FlowKeeping:
    def __init__(self, flows: Flows, verbs: Verbs) -> None:
        self._flows = flows
        self._verbs = verbs
        self._news = asyncio.Event()
        self._news.set()
        flows.changed = self._news.set

    async def run(self) -> None:
        """Until cancelled."""
        levels, schemas = self._flows.levels, self._flows.schemas
        # Together, so that they are one commit.
        async with asyncio.TaskGroup() as tasks:
            for level in default_levels():
                tasks.create_task(self._ensure(PRIORITY_LEVEL, level, levels))
            for schema in default_schemas():
                tasks.create_task(self._ensure(FLOW_SCHEMA, schema, schemas))
        while True:
            await self._news.wait()
            self._news.clear()
            # Without the mandatory ones there would be requests of no flow.
            for kind, known, defaults in (
                (PRIORITY_LEVEL, levels, default_levels()),
                (FLOW_SCHEMA, schemas, default_schemas()),
            ):
                for obj in defaults:
                    if obj["metadata"]["name"] in MANDATORY - known.keys():
                        await self._ensure(kind, obj, known)
            async with asyncio.TaskGroup() as tasks:
                for name, schema in schemas.items():
                    tasks.create_task(self._tell(name, schema))

    async def _ensure(self, kind: Resource, wanted: RawObject, known: dict[str, RawObject]) -> None:
        name = wanted["metadata"]["name"]
        found = known.get(name)
        options = WriteOptions(field_manager=PRODUCER)
        # Another process of this platform may be quicker.
        with contextlib.suppress(AlreadyExists, Conflict, NotFound):
            if found is None:
                await self._verbs.create(PLATFORM, Target(kind, name=name), wanted, options)
            elif found["spec"] != wanted["spec"] and _is_ours(found):
                changed = found | {"spec": wanted["spec"]}
                await self._verbs.update(PLATFORM, Target(kind, name=name), changed, options)

    async def _tell(self, name: str, schema: RawObject) -> None:
        level = level_of(schema)
        status, reason, rest = "False", "Found", "and it exists"
        if level not in self._flows.levels:
            status, reason, rest = "True", "NotFound", "but there is no such object"
        condition = {
            "type": DANGLING,
            "status": status,
            "reason": reason,
            "message": (
                "This FlowSchema references the PriorityLevelConfiguration object "
                f'named "{level}" {rest}'
            ),
        }
        told = (schema.get("status") or {}).get("conditions") or ()
        known: RawObject = next((each for each in told if each.get("type") == DANGLING), {})
        if known.items() >= condition.items():
            return
        since = known.get("lastTransitionTime") if known.get("status") == status else None
        applied = FLOW_SCHEMA.object(
            name, status={"conditions": [condition | {"lastTransitionTime": since or now()}]}
        )
        options = WriteOptions(field_manager=CONSUMER, force=True)
        target = Target(FLOW_SCHEMA, name=name, subresource="status")
        with contextlib.suppress(NotFound, Conflict):
            await self._verbs.patch(PLATFORM, target, applied, APPLY, options)


def _is_ours(obj: RawObject) -> bool:
    annotations = obj["metadata"].get("annotations") or {}
    return annotations.get(AUTOUPDATE) == "true"
