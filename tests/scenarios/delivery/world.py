"""Delivery's part of a platform, with real API servers, rights, audit trail and Git.

Two parts are played by the test: what a cluster's controllers report of a Deployment, and what the
composition engine reports of a database. Both can be told to fail.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.apis import ScenarioApi
from tests.engines.kube import KubeFront
from tests.people import holds_nothing, nobody
from tests.support import eventually

from towpath.apiserver.authn.pki import open_pki
from towpath.app.clusters import LocalClusters, StoreTrail
from towpath.app.objects import apply_kinds, apply_objects, ensure_namespaces
from towpath.app.planes import Plane, open_plane
from towpath.capabilities.delivery import environments, gitops, pipelines, promotions, workloads
from towpath.capabilities.delivery.environments.kinds import EXTERNAL_SECRETS_ACCOUNT
from towpath.capabilities.delivery.promotions.kinds import PROMOTION, phase_of
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.governance import approvals, projects, secrets
from towpath.capabilities.governance.projects.demo import seed
from towpath.capabilities.governance.secrets.kinds import EXTERNAL_SECRET
from towpath.capabilities.governance.secrets.reconcile import (
    _Arrivals,
    reconcile_external_secrets,
)
from towpath.capabilities.infrastructure import clusters
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal import catalog
from towpath.client.protocols import Client
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.hooks.approvals import APPROVAL
from towpath.hooks.capability import Capability
from towpath.hooks.platform import ARGOCD_NAMESPACE, SYSTEM_NAMESPACE, Platform
from towpath.machinery.conditions import now
from towpath.machinery.core_kinds import DEPLOYMENT, SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource, custom_resource_definition
from towpath.machinery.objects import RawObject, owner_reference
from towpath.machinery.users import AUTHENTICATED, AccessRequest, UserInfo, service_account
from towpath.records.sqlite import SqliteRecords
from towpath.runtime.controller import Controller
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Running, Watch

CAPABILITIES = (
    projects.CAPABILITY,
    approvals.CAPABILITY,
    clusters.CAPABILITY,
    environments.CAPABILITY,
    workloads.CAPABILITY,
    promotions.CAPABILITY,
    gitops.CAPABILITY,
)
DEADLINE_S = 10.0
KUBE_DEADLINE_S = 40.0

INSTANCE_CRD = custom_resource_definition(
    POSTGRESQL_INSTANCE,
    spec={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    status={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
)

SCORE: RawObject = {
    "apiVersion": "score.dev/v1b1",
    "metadata": {"name": "order-service"},
    "service": {"ports": {"http": {"port": 80, "targetPort": 8080}}},
    "containers": {"main": {"image": ".", "variables": {"DATABASE_HOST": "${resources.db.host}"}}},
    "resources": {"db": {"type": "postgres"}},
}


class Addresses:
    def portal(self, path: str = "/") -> str:
        return f"http://localhost:8080{path}"

    def api(self, cluster: str = "") -> str:
        return "https://localhost:8443"

    def service(self, host: str) -> str:
        return f"http://{host}:8080"

    def registry(self) -> str:
        return "localhost:8080"


@dataclass(frozen=True)
class Processes:
    isolation: str


@dataclass
class World:
    platform: Platform
    api: ScenarioApi
    cluster: Plane
    git: EmbeddedGitHost
    deadline_s: float = DEADLINE_S
    sick: dict[str, str] = field(default_factory=dict)
    """Workload -> why its Deployment does not come up."""

    def user(self, name: str, *groups: str) -> Client:
        return self.api.client(UserInfo(name, (*groups, AUTHENTICATED)))

    async def until(
        self, condition: Callable[[], Awaitable[bool]], what: str, deadline_s: float = 0
    ) -> None:
        deadline_s = deadline_s or self.deadline_s
        try:
            await eventually(condition, deadline_s=deadline_s)
        except TimeoutError:
            story = await self.story()
            raise AssertionError(f"not within {deadline_s} s: {what}\n{story}") from None

    async def story(self) -> str:
        """What a person would look at, for the message of a failed wait."""
        lines = []
        for resource in (WORKLOAD, PROMOTION, gitops.kinds.APPLICATION):
            for obj in (await self.platform.api.list(resource)).items:
                lines.append(f"{obj['kind']} {obj['metadata']['name']}: {obj.get('status')}")
        return "\n".join(lines)

    async def release(self, number: int = 1, **score: Any) -> str:
        commit = f"{number:040x}"[::-1]
        name = f"order-service-{commit[:8]}"
        obj = RELEASE.object(
            name,
            "demo",
            spec={
                "workload": "order-service",
                "image": f"registry.towpath.dev/demo/order-service@sha256:{number:064x}",
                "commit": commit,
                "repository": "order-service",
                "score": {**SCORE, **score},
            },
        )
        await self.platform.api.create(RELEASE, obj)
        return name

    async def workload(self, **spec: Any) -> None:
        given = {"repository": "order-service", "environments": ["staging", "production"]}
        await self.platform.api.create(
            WORKLOAD, WORKLOAD.object("order-service", "demo", spec={**given, **spec})
        )

    async def promote(self, release: str, environment: str, user: str = "alice") -> str:
        name = f"manual-{environment}-{len(await self.promotions())}"
        promotion = PROMOTION.object(
            name,
            "demo",
            spec={
                "workload": "order-service",
                "environment": environment,
                "release": release,
                "requestedBy": user,
            },
        )
        await self.user(user).create(PROMOTION, promotion)
        return name

    async def decide(self, promotion: str, user: str, decision: str = "Approve") -> None:
        approval = APPROVAL.object(
            f"{promotion}-{user}",
            "demo",
            spec={
                "subject": {"kind": "Promotion", "name": promotion},
                "decision": decision,
                "user": user,
            },
        )
        await self.user(user).create(APPROVAL, approval)

    async def promotions(self) -> list[RawObject]:
        return (await self.platform.api.list(PROMOTION, "demo")).items

    async def phase(self, promotion: str) -> str:
        return phase_of(await self.platform.api.get(PROMOTION, promotion, "demo"))

    async def until_phase(self, promotion: str, phase: str) -> RawObject:
        async def reached() -> bool:
            return await self.phase(promotion) == phase

        await self.until(reached, f"{promotion} is {phase}")
        return await self.platform.api.get(PROMOTION, promotion, "demo")

    async def stage(self, name: str) -> RawObject:
        found = await self.platform.api.get(WORKLOAD, "order-service", "demo")
        for entry in (found.get("status") or {}).get("environments") or ():
            if entry["name"] == name:
                return cast(RawObject, entry)
        return {}

    async def until_runs(self, release: str, stage: str = "staging") -> None:
        async def runs() -> bool:
            entry = await self.stage(stage)
            return entry.get("release") == release and entry.get("health") == "Healthy"

        await self.until(runs, f"{release} runs in {stage}")

    async def there(self, resource: Resource, name: str, namespace: str) -> RawObject | None:
        return await found(self.cluster.front.client(), resource, name, namespace)

    async def here(self, resource: Resource, name: str, namespace: str) -> RawObject | None:
        return await found(self.platform.api, resource, name, namespace)


async def found(client: Client, resource: Resource, name: str, namespace: str) -> RawObject | None:
    try:
        return await client.get(resource, name, namespace)
    except NotFound:
        return None


@asynccontextmanager
async def running_world(
    folder: Path,
    *,
    isolation: str = "uid",
    kube_api: KubeFront | None = None,
    further: Sequence[Capability] = (),
    change: Callable[[Platform], Platform] = lambda platform: platform,
) -> AsyncIterator[World]:
    """On a real API server when given one; the workload cluster is an embedded one in any case,
    because a real one's controllers would play the parts that the tests play."""
    async with AsyncExitStack() as stack:
        pki = open_pki(folder / "pki")
        planes: dict[str, Plane] = {}
        api: ScenarioApi
        if kube_api is not None:
            api = kube_api
        else:
            planes[""] = await stack.enter_async_context(
                open_plane("", folder / "platform", pki, bearer=[])
            )
            api = planes[""].front
        cluster = await stack.enter_async_context(
            open_plane(LOCAL, folder / "clusters", pki, bearer=[])
        )
        git = EmbeddedGitHost(folder / "git", lambda: "http://localhost:8080", _nobody, _everything)
        await stack.enter_async_context(git)
        planes[LOCAL] = cluster
        records = await stack.enter_async_context(SqliteRecords(folder / "records.db"))
        world = World(
            change(_platform(folder, api, planes, git, records, pki.ca_file, isolation)),
            api,
            cluster,
            git,
            DEADLINE_S if kube_api is None else KUBE_DEADLINE_S,
        )
        kinds = [
            crd
            for one in (*CAPABILITIES, *further, pipelines.CAPABILITY, catalog.CAPABILITY)
            for crd in one.load_kinds()
        ]
        await apply_kinds(world.platform.api, [*kinds, INSTANCE_CRD])
        await apply_kinds(cluster.front.client(), list(secrets.CAPABILITY.load_cluster_kinds()))
        await ensure_namespaces(world.platform.api, (SYSTEM_NAMESPACE, ARGOCD_NAMESPACE))
        objects = [obj for one in (*CAPABILITIES, *further) for obj in one.load_objects()]
        await apply_objects(world.platform.api, objects)
        tasks = await stack.enter_async_context(_Tasks())
        tasks.start(api.run())
        tasks.start(cluster.front.run())
        for controller in _controllers(world, further):
            tasks.start(controller.run())
        await seed(world.platform)
        yield world


class _Tasks:
    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Any) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def __aenter__(self) -> "_Tasks":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _nobody(token: str) -> UserInfo | None:
    return None


async def _everything(user: UserInfo, request: AccessRequest) -> bool:
    return True


def _platform(
    folder: Path,
    api: ScenarioApi,
    planes: dict[str, Plane],
    git: EmbeddedGitHost,
    records: SqliteRecords,
    ca_file: Path,
    isolation: str,
) -> Platform:
    unused: Any = None
    return Platform(
        api=api.client(),
        clusters=LocalClusters({LOCAL: planes[LOCAL]}),
        git=git,
        images=unused,
        processes=cast(Any, Processes(isolation)),
        logs=records.logs,
        catalog=records.catalog,
        trail=StoreTrail(planes),
        audit=unused,
        inbox=unused,
        passages=unused,
        docs=unused,
        scores=unused,
        provisioned=unused,
        seen=unused,
        changes=unused,
        people=nobody,
        sign_out=holds_nothing,
        addresses=Addresses(),
        authorize=api.authorize,
        service_account_token=api.tokens,
        template_actions=dict,
        data_dir=folder,
        cache_dir=folder,
        database_url="",
        ca_file=ca_file,
    )


def _controllers(world: World, further: Sequence[Capability]) -> list[Controller]:
    controllers = [
        controller
        for one in (*CAPABILITIES, *further)
        for controller in one.load_controllers(world.platform)
    ]
    return [*controllers, _external_secrets(world), _deployments(world), _instances(world)]


def _external_secrets(world: World) -> Controller:
    """The real engine, reading the store with its account's rights, but not over a socket."""
    account = service_account("demo", EXTERNAL_SECRETS_ACCOUNT)
    client = world.cluster.front.client()
    known = Informer(client, EXTERNAL_SECRET)
    return Controller(
        "test-external-secrets",
        reconcile_external_secrets(client, lambda address: world.api.client(account)),
        (Running(known), _Arrivals(world.platform.api, known)),
    )


def _deployments(world: World) -> Controller:
    client = world.cluster.front.client()

    async def report(key: Any) -> float | None:
        try:
            deployment = await client.get(DEPLOYMENT, key.name, key.namespace)
        except NotFound:
            return None
        replicas = deployment["spec"].get("replicas", 1)
        why = world.sick.get(key.name, "")
        status: RawObject = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": 0 if why else replicas,
            "readyReplicas": 0 if why else replicas,
        }
        if why:
            status["conditions"] = [
                {
                    "type": "Progressing",
                    "status": "False",
                    "reason": "ProgressDeadlineExceeded",
                    "message": why,
                }
            ]
        if deployment.get("status") != status:
            deployment["status"] = status
            await client.update(DEPLOYMENT, deployment, subresource="status")
        return None

    return Controller("test-deployments", report, (Watch(client, DEPLOYMENT),))


def _instances(world: World) -> Controller:
    client = world.platform.api

    async def report(key: Any) -> float | None:
        try:
            instance = await client.get(POSTGRESQL_INSTANCE, key.name, key.namespace)
        except NotFound:
            return None
        if not instance.get("status"):
            values = ("host", "port", "name", "username", "password")
            secret = SECRET.object(
                f"{key.name}-connection", key.namespace, stringData={name: name for name in values}
            )
            secret["metadata"]["ownerReferences"] = [owner_reference(instance)]
            await client.create(SECRET, secret)
            ready = {
                "type": "Ready",
                "status": "True",
                "reason": "Available",
                "lastTransitionTime": now(),
            }
            instance["status"] = {"conditions": [ready]}
            await client.update(POSTGRESQL_INSTANCE, instance, subresource="status")
        return None

    return Controller("test-instances", report, (Watch(client, POSTGRESQL_INSTANCE),))
