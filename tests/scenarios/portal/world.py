"""Two projects that know nothing of each other, and everybody who might ask.

In `demo` runs `okapi-service`: alice owns, bob develops, carol reads. Of `zebra-vault`, in which
runs `zebra-service`, nobody is a member but the administrator: whatever it has carries the word
`zebra` in its name and `quagga` in its texts, so one search through an answer's bytes tells.
"""

import asyncio
import base64
import dataclasses
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
from starlette.routing import Route
from tests.platform import PlatformProcess
from tests.scenarios.spine.estate import Estate
from tests.support import eventually

from towpath.app.capabilities import BUILT_IN
from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.capabilities.portal.templates.upgrades.kinds import (
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
)
from towpath.client.protocols import Client
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET
from towpath.machinery.kinds import Resource
from towpath.web.portal import Portal, build_portal
from towpath.web.reads import build_reads

HIDDEN, NOWHERE = "zebra-vault", "nobody-here"
"""Of one length, so that answers about them can be compared byte by byte."""
HIDDEN_SERVICE, NOWHERE_SERVICE = "zebra-service", "nobody-thing0"
OWN, OWN_SERVICE = "demo", "okapi-service"
MARKS = (b"zebra", b"quagga")
PEOPLE = ("alice", "bob", "carol")


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser and, beside it, a token."""

    name: str
    browser: httpx2.AsyncClient
    """Signed in, where people sign in; redirects are not followed."""
    token: str = ""

    @property
    def bearer(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    async def csrf(self) -> str:
        page = await self.browser.get("/account")
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
        assert found is not None, page.text[:300]
        return found.group(1)


@dataclass(slots=True)
class World:
    estate: Estate
    api: httpx2.AsyncClient
    """The Kubernetes API, without any credentials of its own."""
    visitors: dict[str, Visitor] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """The parameters of addresses, for each project."""

    @property
    def base(self) -> str:
        return f"http://localhost:{self.estate.platform.port}"

    @property
    def outsiders(self) -> list[Visitor]:
        """Everybody but the administrator."""
        return [one for name, one in self.visitors.items() if name != "admin"]


def routes() -> list[Route]:
    """Every route of the portal that has a path of its own, from its own table."""
    stub = _Stub()
    values: dict[str, Any] = {one.name: stub for one in dataclasses.fields(Portal)}
    values |= {
        "pages": tuple(page for one in BUILT_IN for page in one.load_pages()),
        "template_folders": {},
        "engines": (),
        "hosts": ("localhost",),
    }
    found = [read for one in BUILT_IN for read in one.load_reads(cast(Platform, stub))]
    reads = build_reads(found, stub, stub, stub)
    application = build_portal(Portal(**values), reads)
    return [route for route in application.routes if isinstance(route, Route)]


class _Stub:
    """Only the table is wanted: whatever its routes would use is not there."""

    def __getattr__(self, name: str) -> Any:
        return _Stub()

    def __call__(self, *_: Any) -> Any:
        return _Stub()

    def __iter__(self) -> Any:
        return iter(())


@asynccontextmanager
async def world_of(platform: PlatformProcess) -> AsyncIterator[World]:
    estate = Estate(platform)
    async with AsyncExitStack() as stack, platform.client() as client:
        await _hide(client)
        await asyncio.gather(
            _make(platform, OWN_SERVICE, OWN, "okapi at work"),
            _make(platform, HIDDEN_SERVICE, HIDDEN, "quagga at work"),
        )
        await asyncio.gather(
            _promote(client, OWN, OWN_SERVICE), _promote(client, HIDDEN, HIDDEN_SERVICE)
        )
        await asyncio.gather(
            _upgrade(client, OWN, OWN_SERVICE), _upgrade(client, HIDDEN, HIDDEN_SERVICE)
        )
        await asyncio.gather(_act(client, OWN, OWN_SERVICE), _act(client, HIDDEN, HIDDEN_SERVICE))
        connection = estate.connection("")
        api = httpx2.AsyncClient(
            base_url=connection.server, verify=_trusting(connection.ca_pem), trust_env=False
        )
        world = World(estate, await stack.enter_async_context(api))
        for name in ("anonymous", *PEOPLE, "admin"):
            world.visitors[name] = await _visitor(stack, estate, name)
        await _add_revoked(stack, world)
        account = await _account_token(world.api, estate.admin)
        world.visitors["pipeline"] = Visitor("pipeline", _browser(stack, estate), account)
        for project, service in ((OWN, OWN_SERVICE), (HIDDEN, HIDDEN_SERVICE)):
            world.names[project] = await _names(client, project, service)
        yield world


def _trusting(ca_pem: bytes | str) -> Any:
    import ssl

    text = ca_pem.decode() if isinstance(ca_pem, bytes) else ca_pem
    return ssl.create_default_context(cadata=text)


async def _hide(client: Client) -> None:
    """The project that nobody else may see, with things that name it."""
    members = [{"kind": "User", "name": "admin", "role": "owner"}]
    spec = {"members": members, "displayName": "Zebra quagga", "description": "quagga zebra"}
    await client.create(PROJECT, PROJECT.object(HIDDEN, spec=spec))

    async def has_namespace() -> bool:
        found = await client.get(PROJECT, HIDDEN)
        return bool((found.get("status") or {}).get("namespace"))

    await eventually(has_namespace, deadline_s=20)
    stage: dict[str, Any] = {"cluster": "local", "mode": "auto", "order": 10}
    last = {**stage, "mode": "manual", "order": 20, "approvals": {"required": 1}}
    await client.create(ENVIRONMENT, ENVIRONMENT.object("staging", HIDDEN, spec=stage))
    await client.create(ENVIRONMENT, ENVIRONMENT.object("production", HIDDEN, spec=last))
    data = {"password": base64.b64encode(b"quagga-zebra").decode()}
    await client.create(SECRET, SECRET.object("zebra-secret", HIDDEN, data=data))
    await client.create(CONFIG_MAP, CONFIG_MAP.object("zebra", HIDDEN, data={"quagga": "zebra"}))
    (offered, *_) = (await client.list(SOFTWARE_TEMPLATE, SYSTEM_NAMESPACE)).items
    descriptor = dict(offered["spec"]["descriptor"])
    descriptor["metadata"] = {"name": "zebra-template", "title": "Zebra", "description": "quagga"}
    template = {**offered["spec"], "descriptor": descriptor}
    await client.create(
        SOFTWARE_TEMPLATE, SOFTWARE_TEMPLATE.object("zebra-template", HIDDEN, spec=template)
    )


async def _make(platform: PlatformProcess, name: str, project: str, description: str) -> None:
    command = ("new", "python-service", name, "--project", project, "--wait")
    values = ("--set", "owner=team-a", "--set", f"description={description}")
    made = await platform.towpath(*command, *values, timeout_s=110)
    assert made.code == 0, made.stdout + made.stderr


async def _promote(client: Client, project: str, service: str) -> None:
    """To production, where it waits for a second person."""
    release = next(
        one["metadata"]["name"]
        for one in (await client.list(RELEASE, project)).items
        if one["spec"]["workload"] == service
    )
    spec = {"workload": service, "environment": "production", "release": release}
    asked = {**spec, "requestedBy": "system:admin", "reason": f"{service} is ready"}
    me = await who_am_i(client)
    await client.create(
        PROMOTION,
        PROMOTION.object(f"{service}-production-1", project, spec={**asked, "requestedBy": me}),
    )


async def _upgrade(client: Client, project: str, service: str) -> None:
    """To a version of its template that there is not; what people see of it is there."""
    asked = {"revision": "0" * 40, "requestedBy": await who_am_i(client)}
    upgrade = {"repository": service, **asked}
    campaign = {"template": {"name": "python-service"}, **asked}
    await client.create(
        TEMPLATE_UPGRADE, TEMPLATE_UPGRADE.object(f"{service}-upgrade", project, spec=upgrade)
    )
    await client.create(
        UPGRADE_CAMPAIGN, UPGRADE_CAMPAIGN.object(f"{service}-campaign", project, spec=campaign)
    )


async def _act(client: Client, project: str, service: str) -> None:
    """An action on the service, and a run of it that waits for a second person."""
    spec: dict[str, Any] = {
        "title": f"Act on {service}",
        "operation": "DELETE",
        "target": {"apiVersion": "towpath.dev/v1alpha1", "kind": "Workload"},
        "approval": {"required": 1},
        "backend": {"type": "object", "object": {"operation": "delete"}},
    }
    await client.create(ACTION, ACTION.object(f"{service}-action", project, spec=spec))
    run = {
        "action": {"name": f"{service}-action"},
        "target": {**spec["target"], "name": service},
        "requestedBy": await who_am_i(client),
    }
    await client.create(ACTION_RUN, ACTION_RUN.object(f"{service}-acted", project, spec=run))


async def who_am_i(client: Client) -> str:
    review = Resource(
        "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
    )
    answered = await client.create(review, review.object(""))
    name: str = answered["status"]["userInfo"]["username"]
    return name


def _browser(stack: AsyncExitStack, estate: Estate) -> httpx2.AsyncClient:
    browser = httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{estate.platform.port}", trust_env=False, timeout=20
    )
    stack.push_async_callback(browser.aclose)
    return browser


async def _visitor(stack: AsyncExitStack, estate: Estate, name: str) -> Visitor:
    browser = _browser(stack, estate)
    if name == "anonymous":
        return Visitor(name, browser)
    answer = await browser.post("/sign-in", data={"link": await estate.link(name)})
    assert answer.status_code == 303, answer.text
    return Visitor(name, browser, await estate.token(name))


async def _add_revoked(stack: AsyncExitStack, world: World) -> None:
    """A token and a session that were alice's, and were ended."""
    visitor = await _visitor(stack, world.estate, "alice")
    secret = dict(visitor.browser.cookies)
    form = {"label": "to be ended", "csrf": await visitor.csrf()}
    page = (await visitor.browser.post("/account", data=form)).text
    found = re.search(r"twp_[\w-]+", page)
    assert found is not None
    row = page[page.index('<th scope="row">to be ended') :]
    ended = re.search(r'name="revoke" value="([0-9a-f]+)"', row)
    assert ended is not None
    csrf = await visitor.csrf()
    await visitor.browser.post("/account", data={"revoke": ended.group(1), "csrf": csrf})
    await visitor.browser.post("/sign-out", data={"csrf": csrf})
    for name, value in secret.items():
        visitor.browser.cookies.set(name, value, domain="127.0.0.1")
    world.visitors["revoked"] = Visitor("revoked", visitor.browser, found.group())


async def _account_token(api: httpx2.AsyncClient, admin: str) -> str:
    """Of demo's pipeline: a program, a member of one project by its nature."""
    answer = await api.post(
        f"/api/v1/namespaces/{OWN}/serviceaccounts/pipeline/token",
        json={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        headers={"authorization": f"Bearer {admin}"},
    )
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["status"]["token"]
    return token


async def _names(client: Client, project: str, service: str) -> dict[str, str]:
    (run, *_) = (await client.list(TEMPLATE_RUN, project)).items
    (pipeline, *_) = (await client.list(PIPELINE_RUN, project)).items
    template = "zebra-template" if project == HIDDEN else "okapi-template"
    return _filled(
        project, service, run["metadata"]["name"], pipeline["metadata"]["name"], template
    )


def nowhere() -> dict[str, str]:
    """Of a project that does not exist."""
    return _filled(NOWHERE, NOWHERE_SERVICE, "nobody-run", "nobody-pipeline", "nobody-templat0")


def _filled(project: str, service: str, run: str, pipeline: str, template: str) -> dict[str, str]:
    return {
        "{project}": project,
        "workloads/{name}": service,
        "{workload}": service,
        "promotions/{name}": f"{service}-production-1",
        "runs/{run}": run,
        "action-runs/{run}": f"{service}-acted",
        "{action}": f"{service}-action",
        "pipelines/{run}": pipeline,
        "{project}/{run}": run,
        "{step}": "fetch",
        "{tab}": "checks",
        "{namespace}": project,
        "{template}": template,
        "{kind}": "component",
        "{namespace}/{name}": service,
        "{cluster}": "platform",
        "{group}": "towpath.dev",
        "{version}": "v1alpha1",
        "{plural}": "workloads",
        "{upgrade}": f"{service}-upgrade",
        "{campaign}": f"{service}-campaign",
        "{instance}": service,
        "{stream:path}": f"pipelinerun/{project}/{pipeline}/build/1",
        "{prefix:path}": f"pipelinerun/{project}/",
    }


def address(path: str, names: Mapping[str, str]) -> str:
    """A route's path with its parameters filled in; of equal names the part before decides."""
    parts = path.split("/")
    filled = []
    for before, part in zip(["", *parts], parts, strict=False):
        known = names.get(f"{before}/{part}") or names.get(part)
        filled.append(known or part.strip("{}"))
    return "/".join(filled)
