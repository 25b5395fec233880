"""Who may run what: asked of the request's user by the platform, however the run was made."""

import pytest
from tests.scenarios.actions.world import DEMO, World

from towpath.capabilities.portal.actions.kinds import ACTION, FAILED, SUCCEEDED
from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import Forbidden, Invalid

MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
BACKEND = {"type": "object", "object": {"operation": "create", "manifest": MANIFEST}}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap"}


async def test_a_rule_is_asked_of_whoever_created_the_run(world: World) -> None:
    await world.action("make", backend=BACKEND, permitted="'leads' in groups")
    await world.run("no", "make", user="bob")
    failed = await world.until_phase("no", FAILED)
    assert "bob may not run it here" in failed["status"]["message"]
    assert await world.delivery.here(CONFIG_MAP, "made", DEMO) is None
    await world.run("yes", "make", user="erin")
    await world.until_phase("yes", SUCCEEDED)


async def test_a_rule_may_look_at_the_object_and_the_inputs(world: World) -> None:
    config = CONFIG_MAP.object("limits", DEMO, data={"owner": "team-a"})
    await world.platform.api.create(CONFIG_MAP, config)
    await world.action(
        "raise",
        operation="DAY-2",
        target=CONFIG,
        permitted="object.data.owner in groups && inputs.by <= 3",
        userInputs={"properties": {"by": {"type": "integer"}}, "required": ["by"]},
        backend={"type": "object", "object": {"operation": "patch", "patch": {"data": {"x": "y"}}}},
    )
    target = {**CONFIG, "name": "limits"}
    await world.run("small", "raise", target=target, inputs={"by": 3})
    await world.until_phase("small", SUCCEEDED)
    await world.run("large", "raise", target=target, inputs={"by": 4})
    await world.until_phase("large", FAILED)
    await world.run("none", "raise", target=target)
    failed = await world.until_phase("none", FAILED)
    assert "by: This is required." in failed["status"]["message"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        pytest.param("object.missing.field", "cannot be told", id="a rule that breaks"),
        pytest.param("user.name", "must answer true or false", id="no yes and no no"),
    ],
)
async def test_a_broken_rule_permits_nothing(world: World, rule: str, told: str) -> None:
    await world.action("make", backend=BACKEND, permitted=rule)
    await world.run("tried", "make")
    failed = await world.until_phase("tried", FAILED)
    assert told in failed["status"]["message"]


async def test_what_one_may_not_see_one_cannot_have_changed(world: World) -> None:
    """Developers cannot read Secrets: they do not even learn that it is there."""
    secret = {"apiVersion": "v1", "kind": "Secret"}
    backend = {"type": "object", "object": {"operation": "delete"}}
    await world.action("burn", operation="DELETE", target=secret, backend=backend)
    await world.run("burnt", "burn", target={**secret, "name": "any"})
    failed = await world.until_phase("burnt", FAILED)
    assert failed["status"]["message"] == "There is no Secret any in demo."


async def test_who_only_looks_runs_nothing_and_developers_offer_nothing(world: World) -> None:
    await world.action("make", backend=BACKEND)
    with pytest.raises(Forbidden):
        await world.run("looked", "make", user="carol")
    with pytest.raises(Forbidden):
        await world.action("mine", user="bob", backend=BACKEND)


async def test_an_action_of_another_project_is_none_of_this(world: World) -> None:
    spec = {"name": "make", "namespace": "argocd"}
    await world.action("make", backend=BACKEND)
    await world.run("far", "make")
    from towpath.capabilities.portal.actions.kinds import ACTION_RUN

    run = ACTION_RUN.object("away", DEMO, spec={"action": spec, "requestedBy": "bob"})
    await world.user("bob").create(ACTION_RUN, run)
    failed = await world.until_phase("away", FAILED)
    assert failed["status"]["message"] == "An action of argocd is not one of demo."


async def test_an_unknown_backend_is_refused_by_name(world: World) -> None:
    with pytest.raises(Invalid, match="carrier-pigeon"):
        await world.action("fly", backend={"type": "carrier-pigeon"})
    with pytest.raises(Invalid, match="the field webhook is missing"):
        await world.action("call", backend={"type": "webhook"})


async def test_an_action_that_cannot_be_run_says_so(world: World) -> None:
    await world.action("typo", backend=BACKEND, permitted="objekt.metadata.name == 'x'")

    async def told() -> bool:
        found = await world.platform.api.get(ACTION, "typo", DEMO)
        ready = get_condition(found, "Ready")
        return ready is not None and ready["status"] == "False" and "objekt" in ready["message"]

    await world.delivery.until(told, "the action names the mistake")
