"""Backstage's scaffolder API: the requests of its own clients, and the answers they expect."""

import asyncio
import base64
import json
from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.backstage.api import API, apis
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.apis import ApiAnswer, ApiRequest
from towpath.hooks.templates import ActionContext
from towpath.machinery.errors import BadRequest, Forbidden, NotFound, StatusError
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer

ALICE = UserInfo("alice")
PARAMETERS = [
    {"title": "Name", "required": ["name"], "properties": {"name": {"type": "string"}}},
    {"required": ["count"], "properties": {"count": {"type": "number"}}},
]


class Client:
    """A client of that API."""

    def __init__(self, world: World, projects: frozenset[str] = frozenset({PROJECT_NAME})) -> None:
        (self._api,) = apis(world.platform)
        self._world = world
        self._projects = projects
        self.api_of_user: Any = world.client

    async def send(self, method: str, path: str, body: Any = None) -> ApiAnswer:
        path, _, query = path.partition("?")
        request = ApiRequest(
            method,
            path,
            query,
            {},
            b"" if body is None else json.dumps(body).encode(),
            ALICE,
            Viewer(ALICE, self._projects),
            self.api_of_user,
        )
        return await self._api.answer(request)

    async def json(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = await self.send(method, path, body)
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    def refusal(self, error: StatusError) -> Any:
        status, answer = self.told(error)
        return status, answer["error"]["name"]

    def told(self, error: StatusError) -> tuple[int, Any]:
        answer = self._api.refusal(None, error)
        return answer.status, json.loads(answer.body)


async def offer(world: World, **spec: Any) -> None:
    async def greet(context: ActionContext) -> dict[str, Any]:
        if context.input.get("fail"):
            raise ValueError("not today")
        context.log(f"hello {context.input['name']}")
        return {"said": f"hello {context.input['name']}"}

    world.add_action("greet", greet)
    steps = [{"id": "greet", "action": "greet", "input": {"name": "${{ parameters.name }}"}}]
    output = {"text": [{"title": "said", "content": "${{ steps['greet'].output.said }}"}]}
    await world.template("t", steps, parameters=PARAMETERS, output=output, **spec)


async def test_actions_are_listed_with_their_schemas(world: World) -> None:
    actions = await Client(world).json("GET", "/v2/actions")
    assert [one["id"] for one in actions] == sorted(one["id"] for one in actions)
    by_id = {one["id"]: one for one in actions}
    assert by_id["fetch:template"]["schema"]["input"]["required"] == ["url"]
    assert set(by_id["fs:readdir"]["schema"]["output"]["properties"]) == {"files", "folders"}


async def test_the_form_is_told_page_by_page(world: World) -> None:
    await offer(world, presentation={"buttonLabels": {"createButtonText": "Go"}})
    schema = await Client(world).json("GET", "/v2/templates/default/Template/t/parameter-schema")
    assert schema == {
        "title": "t",
        "presentation": {"buttonLabels": {"createButtonText": "Go"}},
        "steps": [
            {"title": "Name", "schema": PARAMETERS[0]},
            {"title": "Please enter the following information", "schema": PARAMETERS[1]},
        ],
    }


async def test_a_template_that_is_not_there(world: World) -> None:
    client = Client(world)
    with pytest.raises(NotFound, match="template:default/nope not found") as told:
        await client.send("GET", "/v2/templates/default/template/nope/parameter-schema")
    assert client.refusal(told.value) == (404, "NotFoundError")
    with pytest.raises(BadRequest, match="only 'Template' kind"):
        await client.send("GET", "/v2/templates/default/component/t/parameter-schema")


async def test_a_task_from_its_creation_to_its_events(world: World) -> None:
    await offer(world)
    client = Client(world)
    async with world.running():
        order = {"templateRef": "template:default/t", "values": {"name": "bob", "count": 1}}
        task = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
        stream = (await client.send("GET", f"/v2/tasks/{task}/eventstream")).stream
        assert stream is not None
        streamed = b"".join([piece async for piece in stream])
        events = await client.json("GET", f"/v2/tasks/{task}/events?after=0")
        shown = await client.json("GET", f"/v2/tasks/{task}")
    assert shown["status"] == "completed"
    assert shown["createdBy"] == "user:default/alice"
    assert shown["spec"]["parameters"] == {"name": "bob", "count": 1}
    assert shown["spec"]["templateInfo"]["entityRef"] == "template:default/t"
    messages = [(event["type"], event["body"]["message"]) for event in events]
    assert messages == [
        ("log", "Starting up task with 1 steps"),
        ("log", "Beginning step greet"),
        ("log", "\x1b[32minfo\x1b[39m: hello bob"),
        ("log", "Finished step greet"),
        ("completion", "Run completed with status: completed"),
    ]
    assert [event["id"] for event in events] == [1, 2, 3, 4, 5]
    assert events[1]["body"] == {
        "stepId": "greet",
        "status": "processing",
        "message": "Beginning step greet",
    }
    assert events[-1]["body"]["output"]["text"][0]["content"] == "hello bob"
    assert streamed.endswith(b"\n\n")
    assert b"event: completion\ndata: {" in streamed
    later = await client.json("GET", f"/v2/tasks/{task}/events?after=4")
    assert [event["id"] for event in later] == [5]


async def test_skipped_steps_and_failures_are_told_as_there(world: World) -> None:
    async def fail(context: ActionContext) -> dict[str, Any]:
        context.log("one\ntwo")
        raise ActionFailed("oh no")

    world.add_action("fail", fail)
    steps = [
        {"id": "not", "if": "${{ parameters.nope }}", "action": "debug:log"},
        {"id": "bad", "name": "The bad one", "action": "fail"},
        {"id": "after", "action": "debug:log"},
    ]
    await world.template("skipping", steps)
    client = Client(world)
    async with world.running():
        order = {"templateRef": "template:default/skipping", "values": {}}
        task = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
        stream = (await client.send("GET", f"/v2/tasks/{task}/eventstream")).stream
        assert stream is not None
        async for _ in stream:
            pass
        events = await client.json("GET", f"/v2/tasks/{task}/events")
        late = await client.json("GET", f"/v2/tasks/{task}/events?after=999")
    said = {one["body"]["message"] for one in events if "status" not in one["body"]}
    assert "\x1b[32minfo\x1b[39m: one\ntwo" in said, "a message is one event, with its lines"
    steps_told = [one["body"] for one in events if "status" in one["body"]]
    assert [(one["stepId"], one["status"]) for one in steps_told] == [
        ("not", "processing"),
        ("not", "skipped"),
        ("bad", "processing"),
        ("bad", "failed"),
        ("after", "skipped"),
    ]
    assert steps_told[1]["message"] == "Skipping step not because its if condition was false"
    assert steps_told[4]["message"] == "Skipping step after because a previous step failed"
    assert events[-1]["body"]["error"]["message"].endswith("oh no")
    assert late == events[-1:], "who asks for what comes after the end is told the end"


async def test_a_request_without_what_it_needs_is_told_what(world: World) -> None:
    client = Client(world)
    for body, missing in (({"values": {}}, "templateRef"), ({"templateRef": "t"}, "values")):
        with pytest.raises(BadRequest, match=f"must have required property '{missing}'"):
            await client.send("POST", "/v2/tasks", body)
    with pytest.raises(BadRequest, match="request/query/limit must be integer"):
        await client.send("GET", "/v2/tasks?limit=x")


async def test_values_that_do_not_fit_are_told_for_the_first_page_only(world: World) -> None:
    await offer(world)
    order = {"templateRef": "t", "values": {}}
    told = await Client(world).json("POST", "/v2/tasks", order, status=400)
    assert [(one["stack"], one["name"], one["argument"]) for one in told["errors"]] == [
        ('instance requires property "name"', "required", "name")
    ]
    order = {"templateRef": "t", "values": {"name": "a", "count": "many"}}
    told = await Client(world).json("POST", "/v2/tasks", order, status=400)
    assert told["errors"][0]["property"] == "instance.count"
    assert told["errors"][0]["message"] == "is not of a type(s) number"


async def test_secrets_that_do_not_fit_are_told_without_their_values(world: World) -> None:
    schema = {
        "type": "object",
        "required": ["TOKEN"],
        "properties": {"TOKEN": {"type": "string", "minLength": 50}},
    }
    await offer(world, secrets={"schema": schema})
    order: dict[str, Any] = {"templateRef": "t", "values": {"name": "a", "count": 1}}
    told = await Client(world).json("POST", "/v2/tasks", order, status=400)
    assert told["errors"][0]["message"] == "secrets.TOKEN is required"
    order["secrets"] = {"TOKEN": "hush-hush"}
    answer = await Client(world).send("POST", "/v2/tasks", order)
    assert answer.status == 400
    assert b"hush" not in answer.body


async def test_a_failed_task_is_tried_again_and_a_cancelled_one_is_not_run(world: World) -> None:
    fails = [True]

    async def moody(context: ActionContext) -> dict[str, Any]:
        if fails[0]:
            raise ValueError("not today")
        return {}

    world.add_action("moody", moody)
    await world.template("t", [{"id": "moody", "action": "moody"}])
    client = Client(world)
    async with world.running():
        order = {"templateRef": "template:t", "values": {}}
        task = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
        events = await _until_completion(client, task)
        assert events[-1]["body"]["error"]["message"] == "moody: not today"
        fails[0] = False
        assert await client.json("POST", f"/v2/tasks/{task}/retry", {}, status=201) == {"id": task}
        (run,) = (await world.client.list(TEMPLATE_RUN, PROJECT_NAME)).items
        await world.finished(run["metadata"]["name"])
    assert (await client.json("GET", f"/v2/tasks/{task}"))["status"] == "completed"
    second = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
    cancelled = await client.json("POST", f"/v2/tasks/{second}/cancel")
    assert cancelled == {"status": "cancelled"}
    listed = await client.json("GET", "/v2/tasks?status=cancelled")
    assert [one["id"] for one in listed["tasks"]] == [second]
    everything = await client.json("GET", "/v2/tasks?order=asc:created_at&limit=1")
    assert everything["totalTasks"] == 2
    assert len(everything["tasks"]) == 1
    async with world.running():
        events = await _until_completion(client, second)
    assert [event["type"] for event in events[-2:]] == ["cancelled", "completion"]
    message = "Step 0 has been cancelled."
    assert events[-2]["body"] == {"message": message, "stepId": 0, "status": "cancelled"}


async def test_a_step_that_is_cancelled_is_told_by_its_id(world: World) -> None:
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(context: ActionContext) -> dict[str, Any]:
        began.set()
        await goes_on.wait()
        return {}

    world.add_action("slow", slow)
    await world.template("t", [{"id": "first", "action": "slow"}, {"action": "debug:log"}])
    client = Client(world)
    async with world.running():
        order = {"templateRef": "template:t", "values": {}}
        task = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
        await began.wait()
        await client.json("POST", f"/v2/tasks/{task}/cancel")
        goes_on.set()
        events = await _until_completion(client, task)
    (cancelled,) = [event["body"] for event in events if event["type"] == "cancelled"]
    assert cancelled["stepId"] == "first"
    assert [event["id"] for event in events] == [*range(1, len(events) + 1)]


async def test_a_task_and_its_steps_know_their_author_as_the_catalogue_does(world: World) -> None:
    alice = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": "alice"},
        "spec": {"profile": {"email": "alice@example.org"}, "memberOf": []},
    }
    await world.platform.catalog.ingest("known", [entity_of(alice)], project="", version="1")
    email = "${{ user.entity.spec.profile.email }}"
    steps = [{"id": "greet", "action": "greet", "input": {"name": email}}]
    await offer(world)
    await world.template("mail", steps, output={"text": [{"title": "t", "content": email}]})
    client = Client(world)
    async with world.running():
        order = {"templateRef": "template:mail", "values": {}}
        task = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
        events = await _until_completion(client, task)
    assert events[-1]["body"]["output"]["text"][0]["content"] == "alice@example.org"
    (listed,) = (await client.json("GET", "/v2/tasks"))["tasks"]
    for shown in (listed, await client.json("GET", f"/v2/tasks/{task}")):
        user = shown["spec"]["user"]
        assert (user["ref"], user["entity"]["kind"]) == ("user:default/alice", "User")
        assert user["entity"]["spec"]["profile"] == {"email": "alice@example.org"}


class Outsider:
    """The API, for somebody who is a member no more."""

    def __init__(self, api: Any) -> None:
        self.list = api.list

    async def get(self, *_: str) -> Any:
        raise Forbidden("you may not see it")


async def test_a_stream_ends_for_who_may_not_see_the_task_any_more(world: World) -> None:
    await offer(world)
    client = Client(world)
    order = {"templateRef": "template:default/t", "values": {"name": "bob", "count": 1}}
    task = (await client.json("POST", "/v2/tasks", order, status=201))["id"]
    client.api_of_user = Outsider(world.client)
    stream = (await client.send("GET", f"/v2/tasks/{task}/eventstream")).stream
    assert stream is not None
    async with asyncio.timeout(10):
        assert [piece async for piece in stream] == []


async def test_who_has_no_project_tries_templates_in_none(world: World) -> None:
    """Nor sees by them what a project has in the catalogue."""
    secret = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "secret"},
        "spec": {"type": "service", "lifecycle": "x", "owner": "team-a"},
    }
    await world.platform.catalog.ingest("s", [entity_of(secret)], project="demo", version="1")
    template = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "draft"},
        "spec": {
            "type": "service",
            "steps": [{"action": "catalog:fetch", "input": {"entityRef": "component:secret"}}],
        },
    }
    body = {"template": template, "values": {}, "directoryContents": []}
    told = await Client(world, frozenset()).json("POST", "/v2/dry-run", body, status=500)
    assert "component:secret not found" in told["error"]["message"]


async def _until_completion(client: Client, task: str) -> list[Any]:
    stream = (await client.send("GET", f"/v2/tasks/{task}/eventstream")).stream
    assert stream is not None
    async for _ in stream:
        """It ends with the task."""
    events: list[Any] = await client.json("GET", f"/v2/tasks/{task}/events")
    return events


SKELETON = base64.b64encode(b"# ${{ values.name }}\n").decode()


async def test_a_dry_run_makes_files_and_nothing_else(world: World) -> None:
    template = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "draft"},
        "spec": {
            "type": "service",
            "steps": [
                {
                    "action": "fetch:template",
                    "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}},
                },
                {
                    "id": "publish",
                    "action": "publish:github",
                    "input": {"repoUrl": "github.com?owner=o&repo=r", "token": "${{ secrets.T }}"},
                },
            ],
            "output": {"links": [{"url": "${{ steps.publish.output.remoteUrl }}", "title": "R"}]},
        },
    }
    body = {
        "template": template,
        "values": {"name": "x"},
        "secrets": {"T": "hush-hush"},
        "directoryContents": [{"path": "skeleton/README.md", "base64Content": SKELETON}],
    }
    client = Client(world)
    answer = await client.send("POST", "/v2/dry-run", body)
    assert answer.status == 200, answer.body
    assert b"hush" not in answer.body
    told = json.loads(answer.body)
    (file,) = told["directoryContents"]
    assert file["path"] == "README.md"
    assert base64.b64decode(file["base64Content"]) == b"# x\n"
    assert [step["id"] for step in told["steps"]] == ["step-1", "publish"]
    assert told["output"]["links"][0]["url"] == "<example>"
    statuses = [one["body"].get("status") for one in told["log"] if "status" in one["body"]]
    assert statuses == ["processing", "completed", "processing", "skipped"]
    assert not (await world.client.list(TEMPLATE_RUN, PROJECT_NAME)).items


HOSTILE = {
    "no template": ({"template": {"kind": "Component"}, "values": {}}, "not a template"),
    "no values": ({"template": "x", "values": 1}, "template must be object"),
    "a path that leads out": ("../../etc/passwd", "leave the workspace"),
    "an absolute path": ("/etc/passwd", "is no path"),
    "git's own folder": (".git/hooks/pre-commit", "Git's own folder"),
}


@pytest.mark.parametrize(("body", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_dry_runs_are_refused(world: World, body: Any, reason: str) -> None:
    if isinstance(body, str):
        template = {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": "d"},
            "spec": {"type": "service", "steps": []},
        }
        contents = [{"path": body, "base64Content": ""}]
        body = {"template": template, "values": {}, "directoryContents": contents}
    with pytest.raises((BadRequest, Forbidden), match=reason):
        await Client(world).send("POST", "/v2/dry-run", body)


async def test_what_is_not_offered_is_refused_by_name(world: World) -> None:
    client = Client(world)
    with pytest.raises(BadRequest, match="Unsupported provider: gitlab"):
        await client.send("POST", "/v2/autocomplete/gitlab/groups", {"token": "x"})
    with pytest.raises(NotFound, match=f"{API}/v2/nothing"):
        await client.send("GET", "/v2/nothing")
    with pytest.raises(NotFound, match="No task with id"):
        await client.send("GET", "/v2/tasks/none")
    assert "parseRepoUrl" in (await client.json("GET", "/v2/templating-extensions"))["filters"]
