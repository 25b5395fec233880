"""Makes the flows and levels that belong to every server, and tells which ones lead nowhere."""

import asyncio
import contextlib

from towpath.apiserver.calls import Target, Verbs, WriteOptions
from towpath.apiserver.encoding import copy_of
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
from towpath.apiserver.work import WorkSet
from towpath.machinery.conditions import now
from towpath.machinery.errors import AlreadyExists, Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

PRODUCER = "api-priority-and-fairness-config-producer-v1"
CONSUMER = "api-priority-and-fairness-config-consumer-v1"
DANGLING = "Dangling"
WORKERS = 10
"""So many writes are one commit, when there is much to do: at the first start."""


class FlowKeeping:
    def __init__(self, flows: Flows, verbs: Verbs) -> None:
        self._flows = flows
        self._verbs = verbs
        self._defaults = {
            (kind, obj["metadata"]["name"]): obj
            for kind, defaults in (
                (PRIORITY_LEVEL, default_levels()),
                (FLOW_SCHEMA, default_schemas()),
            )
            for obj in defaults
        }
        self._lacking = WorkSet("default-flows", self._ensure)
        self._untold = WorkSet("flow-schemas", self._tell)
        flows.changed = self._look

    async def run(self) -> None:
        """Until cancelled."""
        for default in self._defaults:
            self._lacking.add(default)
        self._look()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lacking.run(WORKERS))
            tasks.create_task(self._untold.run(WORKERS))

    def _look(self) -> None:
        for kind, name in self._defaults:
            # Without the mandatory ones there would be requests of no flow.
            if name in MANDATORY and name not in self._known(kind):
                self._lacking.add((kind, name))
        for name in self._flows.schemas:
            self._untold.add(name)

    def _known(self, kind: Resource) -> dict[str, RawObject]:
        return self._flows.schemas if kind is FLOW_SCHEMA else self._flows.levels

    async def _ensure(self, default: tuple[Resource, str]) -> None:
        kind, name = default
        wanted, found = copy_of(self._defaults[default]), self._known(kind).get(name)
        options = WriteOptions(field_manager=PRODUCER)
        # Another process of this platform may be quicker.
        with contextlib.suppress(AlreadyExists, Conflict, NotFound):
            if found is None:
                await self._verbs.create(PLATFORM, Target(kind, name=name), wanted, options)
            elif found["spec"] != wanted["spec"] and _is_ours(found):
                changed = found | {"spec": wanted["spec"]}
                await self._verbs.update(PLATFORM, Target(kind, name=name), changed, options)

    async def _tell(self, name: str) -> None:
        schema = self._flows.schemas.get(name)
        if schema is None:
            return
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
