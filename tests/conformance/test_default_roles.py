"""Our default roles allow what a kube-apiserver's allow, as far as our groups and roles go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.engines.kube import Kube
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.core_kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING

AGGREGATED = ("view", "edit", "admin")
"""By a controller there, a moment after the start."""
NOT_SERVED = ("extensions", "resource.k8s.io")
Object = dict[str, Any]


async def test_default_roles_allow_the_same(real_kube: Kube, tmp_path: Path) -> None:
    async with (
        wired_api_server(tmp_path) as api,
        KubernetesClient(real_kube.connection()) as kube,
        api.client() as ours,
    ):

        async def gathered() -> bool:
            roles = [
                await side.get(CLUSTER_ROLE, name) for side in (ours, kube) for name in AGGREGATED
            ]
            return all(role["rules"] for role in roles)

        await eventually(gathered)
        for resource, what in ((CLUSTER_ROLE, _permissions), (CLUSTER_ROLE_BINDING, _bound)):
            theirs = {obj["metadata"]["name"]: obj for obj in (await kube.list(resource)).items}
            for obj in (await ours.list(resource)).items:
                name = obj["metadata"]["name"]
                assert set(what(obj)) == set(what(theirs[name])), name
                assert obj["metadata"]["labels"] == theirs[name]["metadata"]["labels"]


def _permissions(role: Object) -> Iterator[tuple[str, ...]]:
    for rule in role.get("rules") or ():
        for verb in rule["verbs"]:
            yield from ((verb, path) for path in rule.get("nonResourceURLs") or ())
            for group in rule.get("apiGroups") or ():
                if group not in NOT_SERVED:
                    yield from ((verb, group, resource) for resource in rule["resources"])


def _bound(binding: Object) -> Iterator[tuple[str, ...]]:
    yield ("role", binding["roleRef"]["name"])
    yield from ((one["kind"], one["name"]) for one in binding.get("subjects") or ())
