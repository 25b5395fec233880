"""Create: what is offered, the form and its errors, the plan, and the run that comes of it."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import (
    COMMIT_LABEL,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
)
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.templates import seeding
from towpath.capabilities.portal.templates.descriptor import FieldError
from towpath.capabilities.portal.templates.forms import errors_by_field, parameters_from, sentence
from towpath.capabilities.portal.templates.kinds import (
    CANCELLED_BY,
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
    step_stream,
)
from towpath.capabilities.portal.templates.preview import COST
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.documents import load_document
from towpath.machinery.objects import CommitSHA, RawObject

EVIL = "<script>alert(1)</script>"
FORM = f"/create/{SYSTEM_NAMESPACE}/small"

DESCRIPTOR: RawObject = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "small", "title": EVIL, "description": "Makes little"},
    "spec": {
        "type": "service",
        "owner": "group:default/platform-admins",
        "parameters": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]+$", "description": "Letters only"},
                "size": {"type": "integer", "minimum": 1, "default": 2},
                "public": {"type": "boolean", "default": True},
                "words": {"type": "array", "items": {"type": "string"}},
                "inner": {"type": "object", "properties": {"port": {"type": "integer"}}},
            },
        },
        "steps": [
            {
                "id": "publish",
                "name": "Publish",
                "action": "publish:towpath",
                "input": {"repoUrl": "towpath?owner=demo&repo=${{ parameters.name }}"},
            }
        ],
    },
}


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        template = SOFTWARE_TEMPLATE.object(
            "small", SYSTEM_NAMESPACE, spec={"descriptor": DESCRIPTOR}
        )
        await portal.client.create(SOFTWARE_TEMPLATE, template)
        yield portal


async def test_what_is_offered_can_be_found_and_is_text(portal: RunningPortal) -> None:
    gallery = await portal.open("/create")
    assert EVIL in gallery.text
    assert EVIL not in gallery.html
    assert "Makes little" in (await portal.open("/create?q=little")).text
    assert "Nothing that is offered fits" in (await portal.open("/create?q=huge")).text


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    portal: RunningPortal,
) -> None:
    given = {"project": "demo", "name": "Shop 1", "size": "0", "inner.port": "x"}
    page = await portal.post(FORM, given)
    assert page.status == 422
    assert "'Shop 1' does not fit: Letters only." in page.text
    assert 'value="Shop 1"' in page.html
    assert page.html.count('aria-invalid="true"') == 3
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


async def test_the_plan_is_shown_before_anything_is_made(portal: RunningPortal) -> None:
    page = await portal.post(FORM, {"project": "demo", "name": "shop", "preview": "yes"})
    assert (page.status, "demo/shop" in page.text) == (200, True)
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


COSTS = {
    "nobody says": (None, "Estimated cost a month unknown"),
    "the author says": ("12 EUR", "Estimated cost a month 12 EUR"),
    "by the answers": (
        "${{ 40 if parameters.name == 'shop' else 5 }} EUR",
        "Estimated cost a month 40 EUR",
    ),
    "it cannot be evaluated": ("${{ parameters.name | price }}", "Unknown template filter"),
    "it comes to nothing": ("${{ parameters.nope }}", "Estimated cost a month unknown"),
}


@pytest.mark.parametrize(("told", "shown"), COSTS.values(), ids=COSTS.keys())
async def test_what_a_month_costs_is_in_the_plan(
    portal: RunningPortal, told: str | None, shown: str
) -> None:
    annotations = {} if told is None else {COST: told}
    metadata = {**DESCRIPTOR["metadata"], "annotations": annotations}
    patch = {"spec": {"descriptor": {"metadata": metadata}}}
    await portal.client.patch(SOFTWARE_TEMPLATE, "small", SYSTEM_NAMESPACE, patch)
    page = await portal.post(FORM, {"project": "demo", "name": "shop", "preview": "yes"})
    assert page.status == 200
    assert shown in " ".join(page.text.split())


async def test_a_run_is_made_in_the_visitors_name_and_shown_with_its_log(
    portal: RunningPortal,
) -> None:
    given = {"project": "demo", "name": "shop", "public": "false", "words": "one\r\ntwo"}
    made = await portal.post(FORM, given, user=ALICE)
    run = (await portal.client.list(TEMPLATE_RUN, "demo")).items[0]
    name = run["metadata"]["name"]
    assert made.leads_to == f"/projects/demo/runs/{name}"
    assert run["spec"]["requestedBy"] == "alice"
    assert run["spec"]["parameters"] == {
        "name": "shop",
        "size": 2,
        "public": False,
        "words": ["one", "two"],
    }
    links = [{"title": EVIL, "url": "javascript:alert(1)"}]
    steps = [{"id": "publish", "name": EVIL, "phase": "Failed", "message": EVIL}]
    status = {"phase": "Failed", "steps": steps, "output": {"links": links}}
    await portal.client.update(TEMPLATE_RUN, {**run, "status": status}, subresource="status")
    portal.records.logs.append(step_stream("demo", name, "publish"), [EVIL])
    await portal.records.logs.settled()
    page = await portal.open(made.leads_to)
    assert EVIL in page.text
    assert EVIL not in page.html
    assert 'href="javascript:' not in page.html


async def test_who_may_not_create_anywhere_is_told_so(portal: RunningPortal) -> None:
    page = await portal.open(FORM, user=CAROL)
    assert "There is no project that you may create in" in page.text
    refused = await portal.post(FORM, {"project": "demo", "name": "shop"}, user=CAROL)
    assert refused.status == 403


def test_an_empty_field_was_left_out_and_gets_its_default() -> None:
    given = {"name": "shop", "size": "", "inner.port": "80"}
    read = parameters_from(DESCRIPTOR, given)
    assert read == {"name": "shop", "size": 2, "public": True, "inner": {"port": 80}}


def test_an_error_that_belongs_to_no_field_is_told_above_the_form() -> None:
    errors = [FieldError("parameters.words[1]", "is odd"), FieldError("parameters", "is bad")]
    at_field, elsewhere = errors_by_field(DESCRIPTOR, errors)
    assert at_field == {"words": "Is odd."}
    assert elsewhere == ["parameters: is bad"]


async def with_golden_path(portal: RunningPortal, name: str) -> str:
    """Offered as a start of the platform offers it; the address of its form."""
    shipped = seeding.shipped(name)
    assert shipped is not None
    descriptor = load_document((shipped.folder / "template.yaml").read_text())
    template = SOFTWARE_TEMPLATE.object(name, SYSTEM_NAMESPACE, spec={"descriptor": descriptor})
    template["metadata"]["annotations"] = {seeding.DIGEST_ANNOTATION: shipped.digest}
    await portal.client.create(SOFTWARE_TEMPLATE, template)
    return f"/create/{SYSTEM_NAMESPACE}/{name}"


async def pushed(portal: RunningPortal, name: str, files: dict[str, str]) -> None:
    repository = RepositoryName("demo", name)
    await portal.git.create(repository, owner_uid="pushed")
    content: dict[str, File | None] = {path: File(text.encode()) for path, text in files.items()}
    author = Signature("bob", "bob@example.org")
    await portal.git.write(repository, content, message="x", author=author, expected=None)


async def test_every_file_is_shown_before_it_is_made(portal: RunningPortal) -> None:
    address = await with_golden_path(portal, "static-site")
    empty = await portal.open(f"{address}?project=demo")
    assert "Fill in what is needed" in empty.text
    assert 'aria-invalid="true"' not in empty.html
    given = {"project": "demo", "name": "boats", "title": EVIL, "preview": "yes"}
    page = await portal.post(address, given)
    assert page.status == 200
    assert "public/index.html" in page.text
    assert "Repository demo/boats" in page.text
    assert EVIL in page.text
    assert EVIL not in page.html
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


async def test_while_one_types_what_is_missing_is_no_error_and_what_is_wrong_is(
    portal: RunningPortal,
) -> None:
    address = await with_golden_path(portal, "static-site")
    page = await portal.post(address, {"project": "demo", "colour": "beige", "preview": "yes"})
    assert page.status == 200
    assert page.html.count('aria-invalid="true"') == 1


async def test_a_name_that_is_taken_is_said_at_its_field(portal: RunningPortal) -> None:
    address = await with_golden_path(portal, "static-site")
    await pushed(portal, "boats", {"x": ""})
    for extra, status in (({"preview": "yes"}, 200), ({}, 422)):
        page = await portal.post(address, {"project": "demo", "name": "boats", **extra})
        assert page.status == status
        assert "demo has a repository boats already; choose another name." in page.text
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


async def test_an_adoption_shows_what_was_found_and_the_diff(portal: RunningPortal) -> None:
    address = await with_golden_path(portal, "adopt-repository")
    await pushed(portal, "boats", {"index.html": EVIL, "README.md": f"# x\n\nOur {EVIL} page.\n"})
    await pushed(portal, "engine", {"go.mod": ""})
    empty = await portal.open(f"{address}?project=demo")
    assert "boats" in empty.html
    assert "git push http://localhost:8080/git/demo/<name>.git HEAD:main" in empty.text
    page = await portal.post(address, {"project": "demo", "repository": "boats", "preview": "yes"})
    assert "Language static site in index.html" in page.text
    assert "+++ b/score.yaml" in page.text
    assert 'placeholder="8080"' in page.html
    assert EVIL not in page.html
    assert not await portal.git.changes(
        RepositoryName("demo", "boats"), None, await head(portal, "boats"), "score.yaml"
    )
    refused = await portal.post(address, {"project": "demo", "repository": "engine"})
    assert refused.status == 422
    assert "This is Go (go.mod)" in refused.text
    made = await portal.post(address, {"project": "demo", "repository": "boats"})
    assert made.leads_to.startswith("/projects/demo/runs/boats-")


async def test_a_command_that_is_filled_in_wins_over_what_was_found(portal: RunningPortal) -> None:
    address = await with_golden_path(portal, "adopt-repository")
    files = {"requirements.txt": "flask\n", "app.py": "app = Flask(__name__)\n"}
    await pushed(portal, "boats", files)
    given = {"project": "demo", "repository": "boats", "preview": "yes"}
    refused = await portal.post(address, given)
    assert "It has app:app, and no server for it among the dependencies." in refused.text
    page = await portal.post(address, {**given, "command": "python app.py"})
    assert "no server for it" not in page.text
    assert "exec python app.py" in page.text


async def test_a_list_with_a_usual_answer_asks_for_no_choice(portal: RunningPortal) -> None:
    address = await with_golden_path(portal, "adopt-repository")
    page = await portal.open(f"{address}?project=demo")
    size = page.html.split('name="databaseSize"')[1].split("</select>")[0]
    assert "Choose" not in size
    assert 'value="small" selected' in size
    database = page.html.split('name="database"')[1].split("</select>")[0]
    assert "Choose" in database


def test_a_sentence_keeps_the_spelling_of_names() -> None:
    assert sentence("app:app is there") == "app:app is there."
    assert sentence("demo/shop is empty") == "demo/shop is empty."
    assert sentence("there is no group ghosts") == "There is no group ghosts."


async def test_an_adoption_shows_nobody_what_they_may_not_read(portal: RunningPortal) -> None:
    address = await with_golden_path(portal, "adopt-repository")
    await portal.git.create(RepositoryName("other", "secret"), owner_uid="pushed")
    given = {"project": "other", "repository": "secret", "preview": "yes"}
    page = await portal.post(address, given)
    assert "There is no repository other/secret" in page.text


async def head(portal: RunningPortal, name: str) -> CommitSHA:
    found = await portal.git.head(RepositoryName("demo", name))
    assert found is not None
    return found


async def test_the_filter_comes_with_the_seventh_offer_and_tags_narrow(
    portal: RunningPortal,
) -> None:
    assert 'type="search"' not in (await portal.open("/create")).html
    for number in range(6):
        descriptor = {
            **DESCRIPTOR,
            "metadata": {
                "name": f"t{number}",
                "title": f"Offer {number}",
                "tags": [f"tag{number}"],
            },
        }
        template = SOFTWARE_TEMPLATE.object(
            f"t{number}", SYSTEM_NAMESPACE, spec={"descriptor": descriptor}
        )
        await portal.client.create(SOFTWARE_TEMPLATE, template)
    gallery = await portal.open("/create")
    assert 'type="search"' in gallery.html
    narrowed = (await portal.open("/create?tag=tag3")).text
    assert "Offer 3" in narrowed
    assert "Offer 4" not in narrowed


async def run_with(portal: RunningPortal, status: RawObject) -> str:
    spec = {
        "template": {"name": "small", "namespace": SYSTEM_NAMESPACE},
        "parameters": {"name": "shop", "public": True, "words": ["one", "two"]},
        "requestedBy": "alice",
    }
    run = TEMPLATE_RUN.object("shop-1a2b3c", "demo", spec=spec)
    made = await portal.front.client(ALICE).create(TEMPLATE_RUN, run)
    await portal.client.update(TEMPLATE_RUN, {**made, "status": status}, subresource="status")
    return "/projects/demo/runs/shop-1a2b3c"


async def test_a_run_that_goes_on_can_be_cancelled(portal: RunningPortal) -> None:
    address = await run_with(portal, {"phase": "Running", "steps": []})
    assert "Cancel and undo" in (await portal.open(address)).text
    assert "Cancel and undo" not in (await portal.open(address, user=CAROL)).text
    assert (await portal.post(address, {"action": "cancel"}, user=CAROL)).status == 403
    done = await portal.post(address, {"action": "cancel"})
    assert done.leads_to == address
    run = await portal.client.get(TEMPLATE_RUN, "shop-1a2b3c", "demo")
    assert run["metadata"]["annotations"] == {CANCELLED_BY: "alice"}
    page = await portal.open(address)
    assert "It is being cancelled." in page.text
    assert "Cancel and undo" not in page.text


async def test_a_run_that_failed_can_be_tried_again_and_its_answers_changed(
    portal: RunningPortal,
) -> None:
    address = await run_with(portal, {"phase": "Failed", "steps": [], "message": "No luck."})
    page = await portal.open(address)
    assert "Why it failed No luck. What to do Nothing was made." in page.text
    wanted = "/create/towpath-system/small?project=demo&name=shop&public=true&words=one%0Atwo"
    assert wanted in unescape(page.html)
    again = await portal.post(address, {"action": "again"}, user=BOB)
    run = await portal.client.get(TEMPLATE_RUN, again.leads_to.rpartition("/")[2], "demo")
    assert run["spec"]["requestedBy"] == "bob"
    assert run["spec"]["parameters"] == {"name": "shop", "public": True, "words": ["one", "two"]}


async def test_a_run_is_followed_until_the_address_answers(portal: RunningPortal) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    steps = [
        {"id": "a", "action": "publish:towpath", "phase": "Succeeded",
         "output": {"commitHash": commit}},
        {"id": "b", "action": "towpath:workload", "phase": "Succeeded", "output": {"name": "shop"}},
    ]  # fmt: skip
    address = await run_with(portal, {"phase": "Succeeded", "steps": steps})
    api = portal.client
    spec: RawObject = {"cluster": "local", "mode": "auto"}
    await api.create(ENVIRONMENT, ENVIRONMENT.object("staging", "demo", spec=spec))
    spec = {"repository": "shop", "environments": ["staging"]}
    workload = await api.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
    assert "It begins with the commit." in (await portal.open(address)).text
    spec = {
        "repository": "shop",
        "ref": "refs/heads/main",
        "commit": commit,
        "workflow": ".github/workflows/ci.yaml",
    }
    pipeline = PIPELINE_RUN.object("shop-ci-0123456789", "demo", spec=spec)
    pipeline["metadata"]["labels"] = {REPOSITORY_LABEL: "shop", COMMIT_LABEL: commit}
    await api.create(PIPELINE_RUN, pipeline)
    page = await portal.open(address)
    assert 'href="/projects/demo/pipelines/shop-ci-0123456789"' in page.html
    assert "this page follows it" in page.text
    entry = {"name": "staging", "release": "shop-01234567", "health": "Healthy", "url": "http://x"}
    status = {**workload, "status": {"environments": [entry]}}
    await api.update(WORKLOAD, status, subresource="status")
    assert 'href="http://x"' in (await portal.open(address)).html


BRANCHING = {
    "type": "object",
    "properties": {
        "repoUrl": {"title": "Repository", "type": "string", "ui:field": "RepoUrlPicker"},
        "branch": {"title": "Branch", "type": "string", "ui:field": "RepoBranchPicker"},
    },
}


async def test_branches_are_those_of_the_chosen_repository(portal: RunningPortal) -> None:
    descriptor = {
        **DESCRIPTOR,
        "metadata": {"name": "branching"},
        "spec": {**DESCRIPTOR["spec"], "parameters": BRANCHING},
    }
    template = SOFTWARE_TEMPLATE.object(
        "branching", SYSTEM_NAMESPACE, spec={"descriptor": descriptor}
    )
    await portal.client.create(SOFTWARE_TEMPLATE, template)
    boats = RepositoryName("demo", "boats")
    await portal.git.create(boats, owner_uid="u")
    author = Signature("bob", "bob@example.org")
    for ref in ("refs/heads/a-branch", "refs/heads/main"):
        await portal.git.write(
            boats, {"x": File(b"1")}, message="x", author=author, expected=None, ref=ref
        )
    address = f"/create/{SYSTEM_NAMESPACE}/branching"
    given = {"project": "demo", "repoUrl.owner": "demo", "repoUrl.repo": "boats", "preview": "yes"}
    page = await portal.post(address, given)
    offered = re.findall('<option[^>]*value="([^"]+)"', page.html.partition("Branch")[2])
    assert offered[:2] == ["main", "a-branch"]
    for other in ({"repoUrl.repo": "nowhere"}, {"repoUrl.host": "github.com"}):
        elsewhere = await portal.post(address, {**given, **other})
        assert "a-branch" not in elsewhere.html
