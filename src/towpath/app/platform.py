"""The whole platform in one process: everything started in order, and stopped in reverse.

The controllers stop before what they use, and the programs they started end before the stores
close, because everything is entered on one exit stack.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from towpath.apiserver.http.mount import Mounts
from towpath.apiserver.http.wire.listener import Listener
from towpath.app import own_name
from towpath.app.audit import AuditShipping
from towpath.app.background import Background
from towpath.app.capabilities import BUILT_IN
from towpath.app.clusters import LocalClusters, StoreTrail
from towpath.app.datadir import DataDir, Ports
from towpath.app.foundations import PLANE, Foundations, Progress, lay_foundations
from towpath.app.front import PORTAL_HOSTS, Front
from towpath.app.health import engines
from towpath.app.installed import Installed
from towpath.app.objects import all_ready, apply_kinds, apply_objects, ensure_namespaces
from towpath.app.people import ADMINISTRATOR, ADMINISTRATORS_BINDING
from towpath.app.plugins.plugins import Plugins, plugins_read
from towpath.app.public_info import public_info
from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.capabilities.infrastructure.databases.provider import provider_objects
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.client.kubeconfig import write_kubeconfig
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.visitor import VisitorsGit
from towpath.engines.registry.embedded import EmbeddedRegistry
from towpath.engines.registry.unpack import EmbeddedImages
from towpath.hooks.pages import Visit
from towpath.hooks.platform import ARGOCD_NAMESPACE, SYSTEM_NAMESPACE, Platform
from towpath.hooks.templates import TemplateAction
from towpath.localcluster.cluster import LocalCluster
from towpath.localcluster.gateway.proxy import Gateway
from towpath.machinery.errors import NotFound, Unavailable
from towpath.machinery.users import UserInfo
from towpath.plugin.discovery import installed_plugins
from towpath.runtime import heap
from towpath.runtime.controller import Controller
from towpath.runtime.looplag import LoopLag
from towpath.runtime.queuemetrics import queue_lines
from towpath.web.accounts import ApiAccess, build_accounts, build_people
from towpath.web.apis import ForeignApis
from towpath.web.people import People
from towpath.web.people_page import people_pages
from towpath.web.portal import Portal, PortalApplication, build_portal
from towpath.web.reads import build_reads

PAUSE_S = 0.002
"""Between what is loaded after the ports are open: a handshake takes a few turns of both sides."""


@dataclass(frozen=True, slots=True)
class Running:
    """A platform that is up."""

    platform: Platform
    foundations: Foundations
    kubeconfig: Path
    failed: asyncio.Future[None]
    """Raises the error of the part that ended, should one ever do."""

    async def settled(self, deadline_s: float) -> None:
        """Wait until what was seeded can be used, or the deadline has passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                for resource in (SOFTWARE_TEMPLATE, PROJECT, ENVIRONMENT):
                    await all_ready(self.platform.api, resource)

    async def sign_in_link(self) -> str:
        """Signs the administrator in to the portal, once."""
        secret = await self.foundations.identity.issue_link(ADMINISTRATOR)
        return self.platform.addresses.portal(f"/sign-in?link={secret}")


@dataclass(frozen=True, slots=True)
class _Hosts:
    git: EmbeddedGitHost
    registry: EmbeddedRegistry
    images: EmbeddedImages
    cluster: LocalCluster
    gateway: Gateway


@asynccontextmanager
async def running_platform(
    data_dir: DataDir,
    cache: Path,
    ports: Ports,
    *,
    demo: bool,
    progress: Progress,
    without_plugins: Collection[str] = (),
    catalog_roots: Collection[Path] = (),
) -> AsyncIterator[Running]:
    """Start everything; leaving the context stops everything that was started."""
    async with AsyncExitStack() as stack:
        base = await lay_foundations(
            stack, data_dir.path, cache, ports, demo=demo, progress=progress
        )
        hosts = await _open_hosts(stack, base)
        plugins = await _plugins(base, without_plugins, progress)
        visits = _Visits()
        roots = tuple(str(root.absolute()) for root in catalog_roots)
        platform = _platform(base, hosts, plugins, visits, roots)
        await _install(base)
        background = await stack.enter_async_context(Background())
        lag = LoopLag()
        portal = visits.portal = _portal(base, platform, hosts.git, lag, plugins)
        base.api.front.application.metrics.contributed += [
            lag.metrics,
            base.federation.lines,
            base.policy_audit.lines,
        ]
        background.start("loop-lag", lag.run())
        background.start("heap", heap.set_aside())
        background.start("memory", heap.given_back())
        background.start("authentication", base.federation.run())
        background.start("platform-api", base.api.front.run())
        background.start("cluster-api", base.cluster.front.run())
        for cluster, plane in (("", base.api), (LOCAL, base.cluster)):
            shipping = AuditShipping(cluster, plane.store, base.records.audit)
            base.policy_audit.put_on_record(plane.audit, shipping)
            background.start(f"audit-{cluster or 'platform'}", shipping.run())
        background.start("audit-policy", base.policy_audit.run())
        await _listen(stack, base, hosts, portal)
        kubeconfig = _write_kubeconfig(base)
        began_s = time.monotonic()
        controllers = await _controllers(platform)
        await base.postgres.ready()
        progress("controllers and PostgreSQL", time.monotonic() - began_s)
        background.start("cluster", hosts.cluster.run())
        background.start("gateway", hosts.gateway.run())
        background.start("plug-ins", plugins.run())
        queues = {controller.name: controller.queue for controller in controllers}
        base.api.front.application.metrics.contributed.append(partial(queue_lines, queues))
        for controller in controllers:
            background.start(controller.name, controller.run())
        for capability in BUILT_IN:
            if demo and (seed := capability.load_demo()):
                await seed(platform)
        data_dir.mark_complete()
        yield Running(platform, base, kubeconfig, background.failed)


async def _open_hosts(stack: AsyncExitStack, base: Foundations) -> _Hosts:
    git = EmbeddedGitHost(
        base.data / "git",
        lambda: base.addresses.portal(""),
        base.authenticate,
        base.authorize,
        reserved=(DEPLOYMENTS,),
        is_project=partial(_is_project, base),
    )
    await stack.enter_async_context(git)
    registry = EmbeddedRegistry(base.data / "registry", base.authenticate, base.authorize)
    images = EmbeddedImages(registry.images, base.addresses.registry)
    cluster = LocalCluster(
        name=LOCAL,
        client=base.cluster.front.client(),
        processes=base.processes,
        images=images,
        data_dir=base.data,
        cache_dir=base.cache,
    )
    base.local_pods.cluster = cluster
    return _Hosts(git, registry, images, cluster, Gateway([cluster.state]))


async def _plugins(base: Foundations, without: Collection[str], progress: Progress) -> Plugins:
    began_s = time.monotonic()
    plugins = Plugins(
        await asyncio.to_thread(installed_plugins),
        without=without,
        processes=base.processes,
        api=base.api.front.client(),
        data_dir=base.data,
    )
    if told := plugins.told():
        progress(told, time.monotonic() - began_s)
    return plugins


async def _is_project(base: Foundations, name: str) -> bool:
    try:
        await base.api.front.client().get(PROJECT, name)
    except NotFound:
        return False
    return True


@dataclass(slots=True)
class _Visits:
    """The portal stands on the platform, and the platform's checks look as its visitors do."""

    portal: PortalApplication | None = None

    async def visit_as(self, user: UserInfo) -> Visit:
        if self.portal is None:
            raise Unavailable("the portal is not open yet")
        return await self.portal.visit_as(user)


def _platform(
    base: Foundations,
    hosts: _Hosts,
    plugins: Plugins,
    visits: _Visits,
    catalog_roots: tuple[str, ...],
) -> Platform:
    actions: dict[str, TemplateAction] = {}

    def template_actions() -> Mapping[str, TemplateAction]:
        if not actions:
            for capability in BUILT_IN:
                actions.update(capability.load_template_actions(platform))
        return {**plugins.actions(), **actions}

    planes = {LOCAL: base.cluster}
    platform = Platform(
        api=base.api.front.client(),
        clusters=LocalClusters(planes),
        git=hosts.git,
        images=hosts.images,
        processes=base.processes,
        logs=base.records.logs,
        catalog=base.records.catalog,
        trail=StoreTrail({"": base.api, **planes}),
        audit=base.records.audit,
        inbox=base.records.inbox,
        passages=base.records.passages,
        docs=base.records.docs,
        seen=base.records.seen,
        scores=base.records.scores,
        provisioned=base.records.provisioned,
        changes=base.records.changes,
        people=base.people,
        sign_out=base.identity.sign_out,
        addresses=base.addresses,
        authorize=base.authorize,
        service_account_token=base.api.front.tokens,
        template_actions=template_actions,
        data_dir=base.data,
        cache_dir=base.cache,
        database_url=base.postgres.address.url,
        ca_file=base.pki.ca_file,
        catalog_roots=catalog_roots,
        template_actions_changed=plugins.actions_changed,
        plugin_source=plugins.source,
        people_changed=base.identity.changes,
        visit_as=visits.visit_as,
    )
    return platform


async def _install(base: Foundations) -> None:
    """Kinds and objects of every capability, on the platform's API and on the cluster."""
    api = Installed(base.api.front.client(), base.data / PLANE / "installed.json")
    cluster = Installed(
        base.cluster.front.client(), base.data / "clusters" / LOCAL / "installed.json"
    )
    await apply_kinds(api, [crd for one in BUILT_IN for crd in one.load_kinds()])
    await apply_kinds(cluster, [crd for one in BUILT_IN for crd in one.load_cluster_kinds()])
    await ensure_namespaces(base.api.front.client(), (SYSTEM_NAMESPACE, ARGOCD_NAMESPACE))
    await apply_objects(api, [ADMINISTRATORS_BINDING, *public_info(base.addresses)])
    on_clusters = [obj for one in BUILT_IN for obj in one.load_cluster_objects()]
    await apply_objects(cluster, [ADMINISTRATORS_BINDING, *on_clusters])
    await apply_objects(api, provider_objects(base.postgres.address.url))
    await apply_objects(api, [obj for one in BUILT_IN for obj in one.load_objects()])
    for one in (api, cluster):
        one.save()


async def _listen(
    stack: AsyncExitStack, base: Foundations, hosts: _Hosts, portal: PortalApplication
) -> None:
    """Open both ports."""
    planes = (base.api.front.application, base.cluster.front.application)
    mounts = Mounts(planes[0], {LOCAL: planes[1]})
    tls = base.pki.server_context(client_certificates=True)
    await stack.enter_async_context(Listener(mounts, port=base.ports.api, tls=tls, websockets=True))
    for application in planes:
        # Open watches would hold the listener up when it stops.
        stack.callback(application.end_streams)
    front = Front(portal, hosts.git.app, hosts.registry.app, hosts.gateway)
    await stack.enter_async_context(Listener(front, port=base.ports.http, websockets=True))
    stack.callback(portal.end_streams)


def _write_kubeconfig(base: Foundations) -> Path:
    kubeconfig = base.data / "kubeconfig"
    write_kubeconfig(
        kubeconfig,
        server=base.addresses.api(),
        clusters=[LOCAL],
        token=base.pki.admin_token,
        ca_pem=base.pki.ca_pem,
    )
    return kubeconfig


def _portal(
    base: Foundations, platform: Platform, git: EmbeddedGitHost, lag: LoopLag, plugins: Plugins
) -> PortalApplication:
    tabs = [tab for one in BUILT_IN for tab in one.load_tabs()]
    checks = [check for one in BUILT_IN for check in one.load_checks()]
    reads = [read for one in BUILT_IN for read in one.load_reads(platform)]
    reads.append(plugins_read(plugins))
    folders = {
        one.name: Path(str(resources.files(one.package))) / "templates"
        for one in BUILT_IN
        if one.pages
    }
    people = People(base.identity, base.authorize, base.records.audit)
    portal = Portal(
        identity=base.identity,
        client_of=base.api.front.client,
        viewer_of=base.viewer,
        cluster_of=LocalClusters({LOCAL: base.cluster}).client_of,
        git_of=partial(VisitorsGit, git, base.authorize),
        projects_of=base.projects,
        records=base.records,
        engines=engines(base, lag),
        addresses=base.addresses,
        hosts=PORTAL_HOSTS,
        pages=(*(page for one in BUILT_IN for page in one.load_pages()), *people_pages(people)),
        palette=tuple(source for one in BUILT_IN if (source := one.load_palette())),
        actions=tuple(offers for one in BUILT_IN if (offers := one.load_actions())),
        template_folders=folders,
        tabs=lambda: (*tabs, *plugins.tabs()),
        checks=lambda: (*checks, *plugins.checks()),
        plugins=plugins.reports,
        program=own_name.to_type(),
    )
    routes = [
        *build_reads(reads, base.identity, base.authenticate, base.viewer),
        *build_accounts(
            base.identity,
            base.authenticate,
            base.authorize,
            base.addresses,
            ApiAccess(base.addresses.api(), [LOCAL], base.pki.ca_pem.decode()),
        ),
        *build_people(people, base.authenticate, base.addresses),
    ]
    apis = ForeignApis(
        [api for one in BUILT_IN for api in one.load_apis(platform)],
        base.identity,
        base.authenticate,
        base.viewer,
        base.api.front.client,
    )
    return build_portal(portal, routes, apis)


async def _controllers(platform: Platform) -> list[Controller]:
    """One capability's after the other's: who asks meanwhile is answered in between."""
    controllers: list[Controller] = []
    for capability in BUILT_IN:
        controllers += capability.load_controllers(platform)
        for cluster in platform.clusters.names():
            client = platform.clusters.client(cluster)
            controllers += capability.load_cluster_controllers(platform, cluster, client)
        await asyncio.sleep(PAUSE_S)
    return controllers
