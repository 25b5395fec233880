"""Steps and their summary, on a real API: conditions, finalizers, errors and what is retried."""

import pytest
from tests.support import running_api_server

from towpath.client.protocols import Client
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import CONDITIONS_SCHEMA, custom_resource_definition, towpath_resource
from towpath.machinery.objects import Key, RawObject
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Step, Subject, stepwise

THING = towpath_resource("Thing", "things")
OBJECT: RawObject = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
KIND = custom_resource_definition(
    THING,
    spec=OBJECT,
    status={**OBJECT, "properties": {"conditions": CONDITIONS_SCHEMA}},
)
KEY = Key("default", "one")
FINALIZER = "towpath.dev/things"


async def _created(client: Client) -> None:
    await client.create(THING, THING.object("one", "default", spec={"colour": "teal"}))


def _raising(error: Exception) -> Step:
    async def step(subject: Subject) -> None:
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "status", "reason", "again_s"),
    [
        pytest.param(
            Waiting("Provisioning", "Wait.", after_s=7), "Unknown", "Provisioning", 7, id="waiting"
        ),
        pytest.param(Stalled("BadName", "Rename."), "False", "BadName", None, id="stalled"),
    ],
)
async def test_an_outcome_becomes_the_ready_condition(
    error: Exception, status: str, reason: str, again_s: float | None
) -> None:
    async with running_api_server(kinds=[KIND]) as api:
        client = api.client()
        await _created(client)
        reconcile = stepwise(client, THING, [_raising(error)])
        assert await reconcile(KEY) == again_s
        ready = get_condition(await client.get(THING, "one", "default"), "Ready")
        assert ready is not None
        assert (ready["status"], ready["reason"], ready["message"]) == (status, reason, str(error))


async def test_any_other_exception_is_shown_and_raised_for_the_queue_to_retry() -> None:
    async with running_api_server(kinds=[KIND]) as api:
        client = api.client()
        await _created(client)
        with pytest.raises(OSError, match="no route"):
            await stepwise(client, THING, [_raising(OSError("no route"))])(KEY)
        ready = get_condition(await client.get(THING, "one", "default"), "Ready")
        assert ready is not None
        assert (ready["status"], ready["reason"], ready["message"]) == (
            "False",
            "Retrying",
            "no route",
        )


async def test_a_pass_that_changes_nothing_writes_nothing() -> None:
    async def mark(subject: Subject) -> None:
        subject.mark("Painted", True, "Done")

    async with running_api_server(kinds=[KIND]) as api:
        client = api.client()
        await _created(client)
        reconcile = stepwise(client, THING, [mark])
        await reconcile(KEY)
        before = await client.get(THING, "one", "default")
        await reconcile(KEY)
        assert await client.get(THING, "one", "default") == before
        assert before["status"]["observedGeneration"] == 1


async def test_release_steps_run_until_they_return_and_only_then_the_object_goes() -> None:
    attempts: list[str] = []

    async def release(subject: Subject) -> None:
        attempts.append(subject.key.name)
        if len(attempts) == 1:
            raise Waiting("Draining", "One connection is left.", after_s=1)

    async with running_api_server(kinds=[KIND]) as api:
        client = api.client()
        await _created(client)
        reconcile = stepwise(client, THING, [], finalizer=FINALIZER, release=[release])
        await reconcile(KEY)
        await client.delete(THING, "one", "default")
        assert await reconcile(KEY) == 1
        ready = get_condition(await client.get(THING, "one", "default"), "Ready")
        assert ready is not None and ready["reason"] == "Draining"
        assert await reconcile(KEY) is None
        with pytest.raises(NotFound):
            await client.get(THING, "one", "default")


async def test_a_step_that_changes_the_spec_in_memory_is_a_programming_error() -> None:
    async def paint(subject: Subject) -> None:
        subject.spec["colour"] = "red"

    async with running_api_server(kinds=[KIND]) as api:
        client = api.client()
        await _created(client)
        with pytest.raises(AssertionError):
            await stepwise(client, THING, [paint])(KEY)


async def test_a_step_may_patch_its_own_object_and_adopt_the_answer() -> None:
    async def remember(subject: Subject) -> None:
        patch = {"spec": {"chosen": "blue"}}
        subject.adopt(await client.patch(THING, "one", "default", patch))
        subject.mark("Chosen", True, "Done")

    async with running_api_server(kinds=[KIND]) as api:
        client = api.client()
        await _created(client)
        await stepwise(client, THING, [remember])(KEY)
        thing = await client.get(THING, "one", "default")
        assert thing["spec"] == {"colour": "teal", "chosen": "blue"}
        assert get_condition(thing, "Chosen") is not None
