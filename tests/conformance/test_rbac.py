"""Roles, bindings and questions made at random: a real kube-apiserver and ours decide alike."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.conformance.permissions import account, binding, group, rbac, user
from tests.engines.kube import Kube
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.apiserver.virtual import ACCESS_REVIEW
from towpath.client.kubernetes import KubernetesClient
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
)

SEEDS = int(os.environ.get("TOWPATH_RBAC_SEEDS", "1"))
"""More by hand: each makes a world of its own and asks QUESTIONS about it."""
ROLES, BINDINGS, QUESTIONS = 25, 40, 250
VERBS = ("get", "list", "create", "impersonate", "*", "use")
GROUPS = ("", "apps", "example.dev", "*")
RESOURCES = ("pods", "pods/log", "*/scale", "deployments", "deployments/scale", "*", "things/*")
NAMES = ("a", "b")
PATHS = ("/metrics", "/metrics/*", "/api*", "*", "/healthz")
ASKED_PATHS = ("/metrics", "/metrics/a", "/api", "/apis/x", "/", "/healthz/x")
PEOPLE = ("ann", "bob", "system:anonymous")
TEAMS = ("dev", "ops", "system:authenticated")
Object = dict[str, Any]


@pytest.fixture
async def sides(real_kube: Kube, tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    async with AsyncExitStack() as stack:
        wired = await stack.enter_async_context(wired_api_server(tmp_path))
        theirs = await stack.enter_async_context(KubernetesClient(real_kube.connection()))
        ours = await stack.enter_async_context(KubernetesClient(wired.connection()))
        yield theirs, ours


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_both_decide_alike(sides: tuple[Client, Client], seed: int) -> None:
    random = Random(seed)
    world = f"rbac{secrets.token_hex(4)}"
    made = _world(random, world)
    questions = [_question(random, world) for _ in range(QUESTIONS)]
    decided = await asyncio.gather(*(_decide(side, made, questions, world) for side in sides))
    different = [
        (question, theirs, ours)
        for question, theirs, ours in zip(questions, *decided, strict=True)
        if theirs.get("allowed") != ours.get("allowed")
        or bool(theirs.get("reason")) != bool(ours.get("reason"))
    ]
    assert not different
    assert 20 < sum(bool(one.get("allowed")) for one in decided[0]) < QUESTIONS - 20


def _world(random: Random, world: str) -> list[tuple[Any, Object, str]]:
    """Kind, object and namespace of everything that is made; names are the world's own."""
    made: list[tuple[Any, Object, str]] = []
    places = [world, f"{world}-two"]
    made += [(NAMESPACE, NAMESPACE.object(place), "") for place in places]
    for number in range(ROLES):
        name, cluster = f"{world}-{number}", random.random() < 0.5
        rules = [_rule(random, cluster) for _ in range(random.randint(1, 3))]
        role = rbac("ClusterRole" if cluster else "Role", name, rules=rules)
        if cluster and number % 5 == 0:
            role["metadata"]["labels"] = {f"{world}/part": "true"}
        made.append((CLUSTER_ROLE, role, "") if cluster else (ROLE, role, random.choice(places)))
    selector = {"matchLabels": {f"{world}/part": "true"}}
    rule = {"clusterRoleSelectors": [selector]}
    made.append((CLUSTER_ROLE, rbac("ClusterRole", f"{world}-sum", aggregationRule=rule), ""))
    for number in range(BINDINGS):
        made.append(_binding(random, world, places, number))
    last = binding(
        f"{world}-last", f"{world}-sum", user(f"{world}-last"), kind="ClusterRole", cluster=True
    )
    made.append((CLUSTER_ROLE, _everything(f"{world}-last"), ""))
    last["roleRef"]["name"] = f"{world}-last"
    made.append((CLUSTER_ROLE_BINDING, last, ""))
    return made


def _everything(name: str) -> Object:
    return rbac(
        "ClusterRole", name, rules=[{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    )


def _rule(random: Random, cluster: bool) -> Object:
    verbs = random.sample(VERBS, random.randint(1, 2))
    if cluster and random.random() < 0.3:
        return {"verbs": verbs, "nonResourceURLs": random.sample(PATHS, random.randint(1, 2))}
    rule: Object = {
        "verbs": verbs,
        "apiGroups": random.sample(GROUPS, random.randint(1, 2)),
        "resources": random.sample(RESOURCES, random.randint(1, 2)),
    }
    if random.random() < 0.3:
        rule["resourceNames"] = random.sample(NAMES, random.randint(1, 2))
    return rule


def _binding(random: Random, world: str, places: list[str], number: int) -> tuple[Any, Object, str]:
    cluster = random.random() < 0.4
    kind = "ClusterRole" if cluster or random.random() < 0.5 else "Role"
    role = f"{world}-{random.choice([*range(ROLES), 'sum', 'absent'])}"
    people = [
        *(user(f"{world}-{name}") for name in PEOPLE[:2]),
        *(group(f"{world}-{name}") for name in TEAMS[:2]),
        account("robot", random.choice(places)),
    ]
    subjects = random.sample(people, random.randint(1, 2))
    made = binding(f"{world}-{number}", role, *subjects, kind=kind, cluster=cluster)
    if cluster:
        return CLUSTER_ROLE_BINDING, made, ""
    return ROLE_BINDING, made, random.choice(places)


def _question(random: Random, world: str) -> Object:
    spec: Object = {"user": f"{world}-{random.choice(PEOPLE[:2])}"}
    if random.random() < 0.2:
        place = random.choice([world, f"{world}-two"])
        spec["user"] = f"system:serviceaccount:{place}:robot"
    if random.random() < 0.5:
        spec["groups"] = [f"{world}-{name}" for name in random.sample(TEAMS, random.randint(1, 2))]
    if random.random() < 0.2:
        path = random.choice(ASKED_PATHS)
        return {**spec, "nonResourceAttributes": {"verb": random.choice(VERBS[:2]), "path": path}}
    resource, _, subresource = random.choice(
        ("pods", "pods/log", "deployments", "deployments/scale", "things/scale", "things/x")
    ).partition("/")
    asked = {
        "verb": random.choice(VERBS),
        "group": random.choice(GROUPS[:3]),
        "resource": resource,
        "subresource": subresource,
        "namespace": random.choice(["", world, f"{world}-two", "default"]),
        "name": random.choice(["", *NAMES, "c"]),
    }
    return {**spec, "resourceAttributes": {name: v for name, v in asked.items() if v}}


async def _decide(
    side: Client, made: list[tuple[Any, Object, str]], questions: list[Object], world: str
) -> list[Object]:
    for kind, obj, namespace in made:
        whole = {**obj, "metadata": {**obj["metadata"]}}
        if namespace:
            whole["metadata"]["namespace"] = namespace
        await side.create(kind, whole)

    async def seen() -> bool:
        """The last binding decides, and the aggregated role has its rules."""
        asked = {"verb": "x", "group": "y", "resource": "z"}
        known = await _ask(side, {"user": f"{world}-last", "resourceAttributes": asked})
        role = await side.get(CLUSTER_ROLE, f"{world}-sum")
        parts = sum(
            len(obj["rules"]) for _, obj, _ in made if (obj["metadata"].get("labels") or {})
        )
        return bool(known.get("allowed")) and (not parts or bool(role.get("rules")))

    await eventually(seen, deadline_s=30)
    return [await _ask(side, question) for question in questions]


async def _ask(side: Client, spec: Object) -> Object:
    review = {"apiVersion": ACCESS_REVIEW.api_version, "kind": ACCESS_REVIEW.kind, "spec": spec}
    answered: Object = (await side.create(ACCESS_REVIEW, {**review, "metadata": {}}))["status"]
    return answered
