"""Pages of capabilities on a real API in this process, rendered with the real templates.

async with running_portal(tmp_path) as portal:
    html = await portal.open("/projects/demo/workloads/shop", user=ALICE)
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from importlib import resources
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.routing import compile_path

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.front import Front
from towpath.app.addresses import LocalAddresses
from towpath.app.capabilities import BUILT_IN
from towpath.app.datadir import Ports
from towpath.capabilities.governance.projects.kinds import PROJECT, PROJECT_LABEL
from towpath.capabilities.governance.projects.roles import member_role
from towpath.client.protocols import Client
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.visitor import VisitorsGit
from towpath.hooks.pages import Answer, Page, PageRoute, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.tabs import ServiceTab
from towpath.machinery.core_kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CUSTOM_RESOURCE_DEFINITION,
    NAMESPACE,
    RBAC_GROUP,
    ROLE_BINDING,
)
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import Authorize, UserInfo
from towpath.records.contract import Viewer
from towpath.records.sqlite import SqliteRecords
from towpath.store.memory import MemoryStore
from towpath.web.rendering import Frame, Rendering

ALICE = UserInfo("alice", ("team-a", "system:authenticated"))
BOB = UserInfo("bob", ("team-a", "system:authenticated"))
CAROL = UserInfo("carol", ("system:authenticated",))
ROLES = {"alice": "owner", "bob": "developer", "carol": "viewer"}
"""In the project `demo`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer: a page as HTML, or where it leads."""

    answer: Answer
    html: str

    @property
    def status(self) -> int:
        return self.answer.status if isinstance(self.answer, Page) else 303

    @property
    def leads_to(self) -> str:
        return self.answer.path if isinstance(self.answer, Redirect) else ""

    @property
    def text(self) -> str:
        """What a person reads: without tags, spaces made one."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.html)).split())


@dataclass(frozen=True, slots=True)
class RunningPortal:
    front: Front
    records: SqliteRecords
    rendering: Rendering
    routes: tuple[PageRoute, ...]
    projects: frozenset[str] | None
    git: EmbeddedGitHost
    added: tuple[ServiceTab, ...] = ()
    """Tabs of a plug-in."""
    clusters_ask_rights: bool = False
    """On the one cluster, which is the same API, people may do all unless this is set."""

    @property
    def client(self) -> Client:
        return self.front.client()

    async def open(self, address: str, *, user: UserInfo = ALICE) -> Shown:
        return await self._ask(address, user, None)

    async def post(self, address: str, form: Mapping[str, str], *, user: UserInfo = ALICE) -> Shown:
        return await self._ask(address, user, form)

    async def _ask(self, address: str, user: UserInfo, form: Mapping[str, str] | None) -> Shown:
        parts = urlsplit(address)
        route, _ = self._route(parts.path)
        visit = self.visit(address, user, form)
        if form is None:
            answer = await route.answer(visit)
        else:
            assert route.submit is not None, f"nothing is posted to {route.path}"
            answer = await route.submit(visit)
        if isinstance(answer, Redirect):
            return Shown(answer, "")
        frame = Frame(user=user, projects=("demo",), live=bool(route.live and route.live(visit)))
        response = self.rendering.render(_request(parts.path), answer, route.name, frame)
        return Shown(answer, bytes(response.body).decode())

    def visit(self, address: str, user: UserInfo, form: Mapping[str, str] | None = None) -> Visit:
        """What a page is given."""
        parts = urlsplit(address)
        _, in_path = self._route(parts.path)
        return Visit(
            user=user,
            viewer=Viewer(user, self.projects),
            api=self.front.client(user),
            addresses=LocalAddresses(Ports(http=8080, api=8443, postgres=5432)),
            parameters={**dict(parse_qsl(parts.query)), **in_path},
            records=self.records,
            cluster=lambda name: self._cluster(name, user),
            git=VisitorsGit(self.git, self.front.authorize, user),
            form=form or {},
            tabs=[*(tab for one in BUILT_IN for tab in one.load_tabs()), *self.added],
            checks=[check for one in BUILT_IN for check in one.load_checks()],
            offers=[source for one in BUILT_IN if (source := one.load_palette())],
            actions=[source for one in BUILT_IN if (source := one.load_actions())],
        )

    def _route(self, path: str) -> tuple[PageRoute, dict[str, str]]:
        for route in self.routes:
            if found := compile_path(route.path)[0].fullmatch(path):
                return route, found.groupdict()
        raise AssertionError(f"there is no page {path}")

    def _cluster(self, name: str, user: UserInfo) -> Client:
        if name != "local":
            raise NotFound(f"cluster {name!r} is not connected")
        return self.front.client(user) if self.clusters_ask_rights else self.front.client()


def _request(path: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [],
            "scheme": "http",
            "server": ("localhost", 8080),
        }
    )


@asynccontextmanager
async def running_portal(
    folder: Path, *, projects: frozenset[str] | None = frozenset({"demo"})
) -> AsyncIterator[RunningPortal]:
    """All kinds, rules and pages that are built in, and the project `demo`; no controller runs."""
    folders = {
        one.name: Path(str(resources.files(one.package))) / "templates"
        for one in BUILT_IN
        if one.pages
    }
    routes = tuple(page for one in BUILT_IN for page in one.load_pages())
    store = MemoryStore()
    front = await Front.open(store, open_pki(folder / "pki"), name="platform")
    running = asyncio.create_task(front.run())
    try:
        await _fill(front.client())
        async with (
            SqliteRecords(folder / "records.db") as records,
            open_git(folder / "git", front.authorize) as git,
        ):
            rendering = Rendering(folders, routes)
            yield RunningPortal(front, records, rendering, routes, projects, git)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


def open_git(folder: Path, authorize: Authorize) -> EmbeddedGitHost:
    """For pages that read repositories; nobody clones from it."""

    async def nobody(token: str) -> UserInfo | None:
        return None

    return EmbeddedGitHost(folder, lambda: "http://localhost:8080", nobody, authorize)


async def _fill(client: Client) -> None:
    for kind in (kind for one in BUILT_IN for kind in one.load_kinds()):
        await client.create(CUSTOM_RESOURCE_DEFINITION, kind)
    await client.create(NAMESPACE, NAMESPACE.object(SYSTEM_NAMESPACE))
    of_project = NAMESPACE.object("demo")
    of_project["metadata"]["labels"] = {PROJECT_LABEL: "demo"}
    await client.create(NAMESPACE, of_project)
    for obj in (obj for one in BUILT_IN for obj in one.load_objects()):
        resource = await client.resolve(obj["apiVersion"], obj["kind"])
        await client.create(resource, obj)
    members = [{"kind": "User", "name": name, "role": role} for name, role in ROLES.items()]
    await client.create(PROJECT, PROJECT.object("demo", spec={"members": members}))
    await client.create(CLUSTER_ROLE, _project_reader())
    for name, role in ROLES.items():
        subjects = [{"apiGroup": RBAC_GROUP, "kind": "User", "name": name}]
        reference = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": member_role(role)}
        binding = ROLE_BINDING.object(name, "demo", roleRef=reference, subjects=subjects)
        await client.create(ROLE_BINDING, binding)
    await client.create(CLUSTER_ROLE_BINDING, _reads_the_project())


def _project_reader() -> RawObject:
    rule = {
        "apiGroups": [PROJECT.group],
        "resources": [PROJECT.plural],
        "resourceNames": ["demo"],
        "verbs": ["get"],
    }
    return CLUSTER_ROLE.object("reads-demo", rules=[rule])


def _reads_the_project() -> RawObject:
    return CLUSTER_ROLE_BINDING.object(
        "reads-demo",
        roleRef={"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": "reads-demo"},
        subjects=[{"apiGroup": RBAC_GROUP, "kind": "User", "name": name} for name in ROLES],
    )
