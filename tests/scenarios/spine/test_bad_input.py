"""Judging point 7: what people get wrong is told at the right place, and everything else goes on.

One platform serves the whole file: each test leaves it running, and the last one proves it.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.platform import Finished, running_platform_process
from tests.scenarios.spine.estate import Estate, make_service
from tests.support import eventually

from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.hooks.approvals import APPROVAL
from towpath.machinery.errors import Forbidden
from towpath.machinery.objects import RawObject

FLUSH = b"0000"
WORKLOAD_PATH = "order-service/staging/workload"
APP = "demo-order-service-staging"
KEEP = ".github/workflows/ci.yaml"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def estate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with running_platform_process(tmp_path_factory.mktemp("bad-input") / "data") as platform:
        await make_service(platform, "order-service", "demo")
        yield Estate(platform)


def refused(finished: Finished, *words: str) -> str:
    said = finished.stdout + finished.stderr
    assert finished.code != 0, said
    assert "Traceback" not in said
    for word in words:
        assert word in said
    return said


# -- templates -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            ("nonsense", "a-service", "--project", "demo"),
            ("there is no template nonsense", "towpath templates"),
            id="a template that is not there",
        ),
        pytest.param(
            ("python-service", "A_Service!", "--project", "demo"),
            ("parameters.name", "A_Service!"),
            id="a value that does not fit",
        ),
        pytest.param(
            ("python-service", "a-service", "--project", "demo", "--set", "databaseSize=giant"),
            ("databaseSize", "giant", "small"),
            id="a value that is none of the choices",
        ),
        pytest.param(
            ("python-service", "a-service", "--project", "demo", "--set", "colour=red"),
            ("colour", "parameters are"),
            id="a parameter that is not there",
        ),
        pytest.param(
            ("python-service", "a-service", "--project", "nowhere", "--set", "owner=team-a"),
            ("there is no project nowhere",),
            id="a project that is not there",
        ),
        pytest.param(
            ("python-service", "order-service", "--project", "demo", "--wait"),
            ("the project demo has a workload order-service already", "choose another name"),
            id="a name that is taken",
        ),
    ],
)
async def test_new_says_what_is_wrong(
    estate: Estate, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(await estate.platform.towpath("new", *arguments), *words)


async def test_a_template_run_without_a_value_that_is_needed_says_which(estate: Estate) -> None:
    manifest = {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "TemplateRun",
        "metadata": {"name": "nameless", "namespace": "demo"},
        "spec": {
            "template": {"name": "python-service"},
            "parameters": {"owner": "team-a"},
            "requestedBy": "admin",
        },
    }
    async with estate.platform.client() as client:
        resource = await client.resolve("towpath.dev/v1alpha1", "TemplateRun")
        await client.create(resource, manifest)

        async def failed() -> bool:
            status = (await client.get(resource, "nameless", "demo")).get("status") or {}
            return status.get("phase") == "Failed" and "name" in str(status.get("message"))

        await eventually(failed, deadline_s=10)


# -- pipelines -------------------------------------------------------------------------------


async def _pushed(estate: Estate, files: dict[str, str], cwd: Path) -> RawObject:
    """The files as they are for one commit; the pipeline run of that commit, once it has ended."""
    commit = await estate.push("demo/order-service", files, cwd)
    run = await estate.finished_run(f"order-service-ci-{commit[:10]}")
    assert "Traceback" not in run["status"].get("message", "")
    return run


async def _shows(estate: Estate, *words: str) -> None:
    """Wait until `towpath show` says it."""

    async def said() -> bool:
        shown = await estate.platform.towpath("show", "order-service", "--project", "demo")
        return all(word in shown.stdout + shown.stderr for word in words)

    await eventually(said, deadline_s=20, every_s=0.2)


async def _file(estate: Estate, path: str) -> str:
    bare = estate.data / "git" / "demo" / "order-service.git"
    shown = await estate.platform.run("git", "-C", str(bare), "show", f"main:{path}")
    assert shown.code == 0, shown.stderr
    return shown.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            ("actions/checkout@v5", "docker/build-push-action@v6"),
            (KEEP, "line ", "docker/build-push-action@v6", "towpath image build"),
            id="an action that is not there",
        ),
        pytest.param(
            ("jobs:", "jobs: ["), (KEEP, "line ", "not YAML"), id="a workflow that is not YAML"
        ),
        pytest.param(
            ("    runs-on: ubuntu-latest\n", ""), (KEEP, "runs-on"), id="a job without a runner"
        ),
        pytest.param(
            ("run: uv run --no-sync pytest", "run: exit 7"),
            ('"Test" failed: exit code 7', "towpath pipeline logs"),
            id="a step that fails",
        ),
    ],
)
async def test_a_workflow_that_cannot_end_well_says_where(
    estate: Estate, tmp_path: Path, change: tuple[str, str], words: tuple[str, ...]
) -> None:
    good = await _file(estate, KEEP)
    assert change[0] in good
    run = await _pushed(estate, {KEEP: good.replace(*change)}, tmp_path)
    assert run["status"]["phase"] == "Failed"
    message = run["status"]["message"]
    for word in words:
        assert word in message
    await _shows(estate, message)
    await _pushed(estate, {KEEP: good}, tmp_path)


async def test_a_score_file_with_an_unknown_resource_type_does_not_reach_the_stage(
    estate: Estate, tmp_path: Path
) -> None:
    good = await _file(estate, "score.yaml")
    bad = good.replace("type: postgres", "type: kafka")
    run = await _pushed(estate, {"score.yaml": bad}, tmp_path)
    release = f"order-service-{run['spec']['commit'][:8]}"
    words = ("resources.db.type", "unknown resource type 'kafka'", "postgres")
    if run["status"]["phase"] == "Succeeded":
        await _shows(estate, *words)
        async with estate.platform.client() as client:
            promotions = (await client.list(PROMOTION, "demo")).items
        failed = [one for one in promotions if one["spec"]["release"] == release]
        assert [one["status"]["phase"] for one in failed] == ["Failed"]
    else:
        log = await estate.log(
            f"pipelinerun/demo/{run['metadata']['name']}/build/6",
        )
        assert all(word in "\n".join(log) for word in words)
    assert (await estate.platform.service("order-service.staging.demo.localhost")).status_code < 500
    await _pushed(estate, {"score.yaml": good}, tmp_path)


async def test_a_score_file_that_is_none_fails_the_release_step(
    estate: Estate, tmp_path: Path
) -> None:
    good = await _file(estate, "score.yaml")
    run = await _pushed(estate, {"score.yaml": good.replace("containers:", "pods:")}, tmp_path)
    assert run["status"]["phase"] == "Failed"
    log = await estate.log(f"pipelinerun/demo/{run['metadata']['name']}/build/6")
    assert any("score.yaml" in line and "containers" in line for line in log)
    await _pushed(estate, {"score.yaml": good}, tmp_path)


# -- git -------------------------------------------------------------------------------------


async def test_a_push_that_is_broken_leaves_the_repository_as_it_was(
    estate: Estate, tmp_path: Path
) -> None:
    async def heads() -> str:
        bare = str(estate.data / "git" / "demo" / "order-service.git")
        return (await estate.platform.run("git", "-C", bare, "for-each-ref")).stdout

    before = await heads()
    new = "1" * 40
    command = f"{'0' * 40} {new} refs/heads/bad\0 report-status".encode()
    packet = f"{len(command) + 4:04x}".encode() + command
    path = "/git/demo/order-service.git/git-receive-pack"
    kind = {"content-type": "application/x-git-receive-pack-request"}
    async with estate.http(estate.admin) as http:
        cut_off = await http.post(path, content=packet[:40], headers=kind)
        garbage = await http.post(path, content=packet + FLUSH + b"PACKgarbage", headers=kind)
    assert cut_off.status_code == httpx2.codes.BAD_REQUEST
    assert b"refs/heads/bad" in garbage.content
    assert b"ng " in garbage.content
    assert await heads() == before

    clone = tmp_path / "clone"
    await estate.git(
        "clone", "-q", estate.repository("demo/order-service"), str(clone), cwd=tmp_path
    )
    await estate.git("reset", "-q", "--hard", "HEAD~1", cwd=clone)
    await estate.git("commit", "-q", "--allow-empty", "-m", "Elsewhere", cwd=clone)
    refused(await estate.git("push", "--force", cwd=clone), "non-fast-forward")
    assert await heads() == before


async def test_nobody_pushes_to_the_deployments_by_hand(estate: Estate, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    token = await estate.token("alice")
    address = estate.repository("demo/deployments")
    await estate.git("clone", "-q", address, str(clone), cwd=tmp_path, token=token)
    await estate.git("commit", "-q", "--allow-empty", "-m", "By hand", cwd=clone)
    refused(await estate.git("push", cwd=clone, token=token), "protected", "towpath promote")


# -- gitops ----------------------------------------------------------------------------------

ROLE = """apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: everything}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
"""
FOREIGN = """apiVersion: v1
kind: ConfigMap
metadata: {name: everything, namespace: kube-system}
"""
UNKNOWN = """apiVersion: nowhere.example/v1
kind: Nothing
metadata: {name: nothing}
"""
WRONG_FIELD = """apiVersion: v1
kind: ConfigMap
metadata: {name: wrong}
dataa: {a: b}
"""
WRONG_TYPE = """apiVersion: v1
kind: ConfigMap
metadata: {name: wrong}
data: [a]
"""


@pytest.mark.parametrize(
    ("manifest", "condition", "words"),
    [
        pytest.param(ROLE, "SyncError", ("ClusterRole", "not permitted"), id="a ClusterRole"),
        pytest.param(FOREIGN, "SyncError", ("kube-system", "demo"), id="a foreign namespace"),
        pytest.param(UNKNOWN, "SyncError", ("nowhere.example/v1", "Nothing"), id="no such kind"),
        pytest.param(WRONG_FIELD, "SyncError", ("dataa",), id="a field that is not there"),
        pytest.param(WRONG_TYPE, "SyncError", ("data",), id="a value of another type"),
        pytest.param("a: [", "ComparisonError", ("line ",), id="a file that is not YAML"),
    ],
)
async def test_a_manifest_that_must_not_be_is_refused_by_its_file(
    estate: Estate, tmp_path: Path, manifest: str, condition: str, words: tuple[str, ...]
) -> None:
    before = await _runs_there(estate)
    await estate.push("demo/deployments", {f"{WORKLOAD_PATH}/bad.yaml": manifest}, tmp_path)
    try:
        said = await _condition(estate, condition, "bad.yaml")
        for word in words:
            assert word in said["message"]
        await _shows(estate, "bad.yaml")
        assert await _runs_there(estate) == before
    finally:
        clone = next(tmp_path.iterdir())
        for command in (("revert", "--no-edit", "HEAD"), ("push", "-q")):
            assert (await estate.git(*command, cwd=clone)).code == 0
        await _synced(estate)


async def _application(estate: Estate) -> dict[str, Any]:
    async with estate.platform.client() as client:
        app = await client.get(APPLICATION, APP, ARGOCD_NAMESPACE)
    return app.get("status") or {}


async def _condition(estate: Estate, kind: str, word: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        conditions = (await _application(estate)).get("conditions") or []
        found[:] = [one for one in conditions if one["type"] == kind and word in one["message"]]
        return bool(found)

    await eventually(is_there, deadline_s=10, every_s=0.1)
    return found[0]


async def _synced(estate: Estate) -> None:
    async def synced() -> bool:
        status = await _application(estate)
        return status["sync"]["status"] == "Synced" and not status.get("conditions")

    await eventually(synced, deadline_s=15, every_s=0.1)


async def _runs_there(estate: Estate) -> str:
    """What is in the stage, without what changes by itself."""
    wanted = "deployments,services,ingresses,configmaps,serviceaccounts,roles"
    found = await estate.platform.run(
        *("kubectl", "--context", "local", "get", wanted, "-n", "demo-staging", "-o", "name")
    )
    return found.stdout


async def test_deployments_that_cannot_be_read_delete_nothing(estate: Estate) -> None:
    before = await _runs_there(estate)
    folder = estate.data / "git" / "demo" / "deployments.git"
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    try:
        await _refresh(estate)
        await _condition(estate, "ComparisonError", "demo/deployments")
        assert (await _application(estate))["sync"]["status"] == "Unknown"
        assert await _runs_there(estate) == before
    finally:
        hidden.rename(folder)
    await _refresh(estate)
    await _synced(estate)


async def _refresh(estate: Estate) -> None:
    annotations = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}
    async with estate.platform.client() as client:
        await client.patch(APPLICATION, APP, ARGOCD_NAMESPACE, annotations)


# -- promotions ------------------------------------------------------------------------------


async def test_who_asks_for_a_promotion_does_not_approve_it(estate: Estate, tmp_path: Path) -> None:
    asked = await estate.towpath_as(
        "bob", "promote", "order-service", "--to", "production", "--project", "demo", home=tmp_path
    )
    assert asked.code == 0, asked.stderr
    answer = await estate.towpath_as(
        "bob", "approve", "order-service", "--project", "demo", home=tmp_path
    )
    refused(answer, "bob asked for", "somebody else must approve")
    async with estate.client_of("bob") as client:
        waiting = [
            one
            for one in (await client.list(PROMOTION, "demo")).items
            if (one.get("status") or {}).get("phase") == "WaitingForApproval"
        ]
        name = waiting[0]["metadata"]["name"]
        spec = {"subject": {"kind": "Promotion", "name": name}, "decision": "Approve"}
        # Past the command line: by his own hand it counts for nothing, in another's name it is
        # refused.
        with pytest.raises(Forbidden):
            await client.create(
                APPROVAL, APPROVAL.object("forged", "demo", spec={**spec, "user": "alice"})
            )
        own = APPROVAL.object("own", "demo", spec={**spec, "user": "bob"})
        try:
            await client.create(APPROVAL, own)
        except Forbidden:
            return
        shown = await client.get(PROMOTION, name, "demo")
        assert shown["status"]["phase"] == "WaitingForApproval"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            ("promote", "order-service", "--to", "moon"),
            ("does not go to moon", "staging, production"),
            id="an environment that is not there",
        ),
        pytest.param(
            ("promote", "order-service", "--to", "production", "--release", "none"),
            ("there is no release none", "towpath releases"),
            id="a release that is not there",
        ),
        pytest.param(
            ("promote", "nothing", "--to", "production"),
            ("there is no service nothing", "towpath list"),
            id="a workload that is not there",
        ),
        pytest.param(
            ("logs", "order-service", "--env", "moon"),
            ("moon", "staging, production"),
            id="logs of nowhere",
        ),
        pytest.param(
            ("rollback", "order-service", "--env", "production"),
            ("no earlier release",),
            id="a roll-back to nothing",
        ),
        pytest.param(
            ("rollback", "order-service", "--env", "moon"),
            ("order-service does not go to moon", "staging, production"),
            id="a roll-back of nowhere",
        ),
        pytest.param(
            ("delete", "nothing", "--yes"), ("no service nothing",), id="deleting nothing"
        ),
    ],
)
async def test_commands_say_what_is_not_there(
    estate: Estate, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(await estate.platform.towpath(*arguments, "--project", "demo"), *words)


async def test_a_release_of_another_workload_is_not_promoted(estate: Estate) -> None:
    async with estate.platform.client() as client:
        mine = (await client.list(RELEASE, "demo")).items[0]
        spec = {**mine["spec"], "workload": "another"}
        await client.create(RELEASE, RELEASE.object("another-1", "demo", spec=spec))
    answer = await estate.platform.towpath(
        *("promote", "order-service", "--to", "production", "--release", "another-1"),
        *("--project", "demo"),
    )
    refused(answer, "another-1 is a release of another, not of order-service")


@pytest.mark.parametrize(
    "arguments",
    [
        ("new", "python-service", "carols", "--set", "owner=team-b"),
        ("promote", "order-service", "--to", "production"),
        ("delete", "order-service", "--yes"),
    ],
    ids=lambda arguments: arguments[0],
)
async def test_a_viewer_changes_nothing(
    estate: Estate, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    answer = await estate.towpath_as("carol", *arguments, "--project", "demo", home=tmp_path)
    refused(answer, "carol may not", "in project demo")


async def test_after_all_this_the_platform_works_as_before(estate: Estate) -> None:
    await make_service(estate.platform, "late-service", "demo")
    answer = await estate.platform.service("late-service.staging.demo.localhost")
    assert answer.status_code == httpx2.codes.OK
    log = (estate.data / "logs" / "towpath.log").read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]
