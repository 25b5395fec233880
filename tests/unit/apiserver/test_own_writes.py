"""What the server writes by itself may be refused by rules of people, and is written later."""

import asyncio
from pathlib import Path

from tests.support import eventually

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.flows.defaults import FLOW_SCHEMA
from towpath.apiserver.front import Front
from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import CLUSTER_ROLE
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.store.memory import MemoryStore

GROUP = "admissionregistration.k8s.io"
POLICY = Resource(GROUP, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False)
BINDING = Resource(
    GROUP, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False
)
READS = {"apiGroups": ["x.dev"], "resources": ["xs"], "verbs": ["get"]}


def refusal_of_updates() -> tuple[RawObject, RawObject]:
    """A policy by which no flow and no role changes any more, and its binding."""
    rule = {
        "apiGroups": ["flowcontrol.apiserver.k8s.io", "rbac.authorization.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["*/*"],
    }
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false"}],
    }
    bound = {"policyName": "nothing-changes", "validationActions": ["Deny"]}
    return POLICY.object("nothing-changes", spec=spec), BINDING.object("everywhere", spec=bound)


async def test_a_refused_write_ends_nothing_and_is_tried_again(tmp_path: Path) -> None:
    store = MemoryStore()
    front = await Front.open(store, open_pki(tmp_path), name="test")
    client = front.client()
    running = asyncio.create_task(front.run())

    async def is_told() -> bool:
        flow = await client.get(FLOW_SCHEMA, "leads-nowhere")
        return get_condition(flow, "Dangling") is not None

    async def is_filled() -> bool:
        return bool((await client.get(CLUSTER_ROLE, "all-of-them")).get("rules"))

    policy, binding = refusal_of_updates()
    await client.create(POLICY, policy)
    await client.create(BINDING, binding)
    nowhere = {"priorityLevelConfiguration": {"name": "nowhere"}}
    await client.create(FLOW_SCHEMA, FLOW_SCHEMA.object("leads-nowhere", spec=nowhere))
    whole = {"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]}
    await client.create(CLUSTER_ROLE, CLUSTER_ROLE.object("all-of-them", aggregationRule=whole))
    part = CLUSTER_ROLE.object("part", rules=[READS])
    part["metadata"]["labels"] = {"part": "yes"}
    await client.create(CLUSTER_ROLE, part)
    await client.delete(BINDING, "everywhere")
    await eventually(is_told)
    await eventually(is_filled)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
