"""The spine as people use it: commands, git, kubectl and a browser's requests on one platform.

One platform for all tests of this file, a workload of its own for each. What a person types is
typed here: no client of ours is asked where a command can say it.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.platform import PlatformProcess, running_platform_process
from tests.scenarios.spine.terminals import (
    KUBECTL,
    REQUESTS_PER_S,
    TOWPATH_FOLDER,
    Person,
    finished,
    sign_in,
    steady_load,
)
from tests.support import eventually
from tests.world import connect, look

from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.promotions.kinds import PROMOTION, SUCCEEDED, phase_of

HELPER = "credential.helper=!towpath git credential"
AUTHOR = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
BEHIND_DEADLINE_S = 5.0


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlatformProcess]:
    folder = tmp_path_factory.mktemp("spine")
    async with running_platform_process(folder / "data") as started:
        yield started


async def new_service(platform: PlatformProcess, name: str) -> None:
    made = await platform.towpath("new", "python-service", name, "--project", "demo", "--wait")
    assert made.code == 0, made.stderr


async def visits(platform: PlatformProcess, name: str, stage: str = "staging") -> int:
    answer = await platform.service(f"{name}.{stage}.demo.localhost")
    assert answer.status_code == 200, answer.text
    count: int = answer.json()["visits"]
    return count


async def delete(platform: PlatformProcess, name: str) -> None:
    deleted = await platform.towpath("delete", name, "--project", "demo", "--yes", "--wait")
    assert deleted.code == 0, deleted.stderr
    assert "It runs and is healthy" not in deleted.stderr, "what was before is no news"


async def test_one_command_makes_a_service_with_its_own_database_and_one_takes_it_away(
    platform: PlatformProcess,
) -> None:
    before = await look(platform)
    await new_service(platform, "order-service")
    first = await visits(platform, "order-service")
    assert [await visits(platform, "order-service") for _ in range(3)] == [
        first + 1,
        first + 2,
        first + 3,
    ]
    shown = await platform.towpath("show", "order-service")
    assert "Healthy" in shown.stdout
    assert f"http://order-service.staging.demo.localhost:{platform.port}" in shown.stdout
    logged = await platform.towpath("logs", "order-service", "--env", "staging")
    assert '"path": "/"' in logged.stdout
    await delete(platform, "order-service")
    gone = await platform.service("order-service.staging.demo.localhost")
    assert gone.status_code == 404
    archived = list((platform.data_dir / "git" / ".archive").rglob("order-service*"))
    assert archived, "the repository is in the archive"

    async def as_before() -> bool:
        return not left_over(await look(platform), before)

    try:
        await eventually(as_before, deadline_s=BEHIND_DEADLINE_S)
    except TimeoutError:
        pytest.fail("\n".join(["left behind:", *left_over(await look(platform), before)]))


# What is kept on purpose: the story of how it was made, the archive, and images until collected.
KEPT = re.compile(
    r"TemplateRun\.towpath\.dev |^repositories: (\.archive/|demo/deployments)|^images: "
    r"|^folders: (runs|run/project-uids\.json):"
)


def left_over(now: object, before: object) -> list[str]:
    differences: list[str] = now.differences(before)  # type: ignore[attr-defined]
    return [sentence for sentence in differences if not KEPT.search(sentence)]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("name", lambda text: text.split() == ["forms"]),
        ("json", lambda text: json.loads(text)["items"][0]["metadata"]["name"] == "forms"),
        ("yaml", lambda text: "managedFields" not in text and "name: forms" in text),
        ("table", lambda text: text.splitlines()[0].startswith("NAME")),
    ],
)
async def test_every_list_has_forms_for_people_and_for_programs(
    platform: PlatformProcess, form: str, expected: object
) -> None:
    workload = {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": "forms", "namespace": "demo"},
        "spec": {"repository": "forms", "environments": ["staging"]},
    }
    file = platform.data_dir.parent / "forms.json"
    file.write_text(json.dumps(workload))
    applied = await platform.towpath("apply", "-f", str(file))
    assert applied.code == 0, applied.stderr
    try:
        listed = await platform.towpath("list", "-o", form)
        assert listed.code == 0
        assert expected(listed.stdout)  # type: ignore[operator]
    finally:
        await delete(platform, "forms")


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("show", "nosuch"), 4, "no service nosuch"),
        (("list", "--project", "nosuch"), 4, "no project nosuch"),
        (("logs", "nosuch", "--env", "staging"), 4, "no service nosuch"),
        (("promote", "nosuch", "--to", "production"), 4, "no service nosuch"),
        (("approve", "nosuch"), 4, "nothing of nosuch waits"),
        (("new", "nosuch", "x"), 4, "no template nosuch"),
        (("get", "nosuch"), 4, "no kind 'nosuch'"),
        (("promote", "x"), 2, "--to"),
        (("list", "-o", "xml"), 2, "xml"),
        (("delete", "nosuch", "--yes"), 4, "no service nosuch"),
        (("login-link", "--user", "nobody"), 4, "nobody"),
        (("login", "http://localhost:1/sign-in"), 2, "not a sign-in link"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_what_goes_wrong_has_an_exit_code_and_one_sentence(
    platform: PlatformProcess, arguments: tuple[str, ...], code: int, word: str
) -> None:
    done = await platform.towpath(*arguments)
    assert done.code == code, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


async def test_a_push_reaches_staging_without_a_failed_request(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    alice = await sign_in(platform, "alice", tmp_path / "home")
    await new_service(platform, "greeter")
    url = f"http://localhost:{platform.port}/git/demo/greeter.git"
    anonymous = await alice.git("clone", "-q", url, str(tmp_path / "refused"))
    assert anonymous.code != 0, "nobody reads a repository without signing in"
    clone = tmp_path / "greeter"
    cloned = await alice.git("clone", "-q", "-c", HELPER, url, str(clone))
    assert cloned.code == 0, cloned.stderr
    (source,) = clone.glob("src/*/app.py")
    source.write_text(source.read_text().replace("Hello from greeter", "Good morning"))
    committed = await alice.git("-C", str(clone), *AUTHOR, "commit", "-qam", "Greet")
    assert committed.code == 0, committed.stderr
    host = "greeter.staging.demo.localhost"
    async with steady_load(platform, host) as load:
        pushed = await alice.git("-C", str(clone), "push", "-q")
        assert pushed.code == 0, pushed.stderr

        async def greets() -> bool:
            return "Good morning" in (await platform.service(host)).text

        await eventually(greets, deadline_s=30)

        await until_promoted(platform, "greeter", 2)
    assert load.failed == {}
    assert load.count > REQUESTS_PER_S
    assert load.greetings == {"Hello from greeter", "Good morning"}


async def test_git_is_set_up_once_and_answers_for_this_platform_only(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    bob = await sign_in(platform, "bob", tmp_path / "home")
    set_up = await bob.towpath("git", "setup")
    assert set_up.code == 0, set_up.stderr
    again = await bob.towpath("git", "setup")
    assert again.code == 0, again.stderr
    helpers = await bob.git(
        "config", "--get-all", f"credential.http://localhost:{platform.port}.helper"
    )
    assert len(helpers.stdout.splitlines()) == 2, "once is enough"
    question = f"protocol=http\nhost=localhost:{platform.port}\n\n"
    answered = await bob.run("sh", "-c", f"printf '{question}' | git credential fill")
    assert "password=twp_" in answered.stdout, answered.stderr
    elsewhere = "protocol=https\nhost=example.org\n\n"
    answered = await bob.run("sh", "-c", f"printf '{elsewhere}' | towpath git credential get")
    assert answered.code == 0
    assert answered.stdout == ""


async def test_production_needs_somebody_else_and_an_earlier_release_comes_back(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    alice = await sign_in(platform, "alice", tmp_path / "alice")
    bob = await sign_in(platform, "bob", tmp_path / "bob")
    await new_service(platform, "payments")
    asked = await bob.towpath("promote", "payments", "--to", "production")
    assert asked.code == 0, asked.stderr
    assert "waits for 1 approval by somebody other than bob" in asked.stderr
    own = await bob.towpath("approve", "payments")
    assert own.code == 1
    assert "somebody else must approve it" in own.stderr
    assert (await platform.service("payments.production.demo.localhost")).status_code == 404
    await forge_approval(bob, platform, "payments")
    approved = await alice.towpath("approve", "payments", "--wait")
    assert approved.code == 0, approved.stderr
    assert await visits(platform, "payments", "production") >= 1
    before = await visits(platform, "payments")
    first = await release_in(platform, "payments", "staging")
    await push_change(alice, platform, "payments", tmp_path / "clone")

    await until_promoted(platform, "payments", 3)
    assert await release_in(platform, "payments", "staging") != first
    back = await bob.towpath("rollback", "payments", "--env", "staging", "--wait")
    assert back.code == 0, back.stderr
    assert await release_in(platform, "payments", "staging") == first
    assert await visits(platform, "payments") > before, "the data is still there"


async def until_promoted(platform: PlatformProcess, app: str, count: int) -> None:
    """So many promotions of it have been asked for, and all have succeeded."""
    async with platform.client() as client:

        async def all_succeeded() -> bool:
            listed = await client.list(PROMOTION, "demo")
            phases = [phase_of(one) for one in listed.items if one["spec"]["workload"] == app]
            return len(phases) == count and set(phases) == {SUCCEEDED}

        await eventually(all_succeeded, deadline_s=30)


async def forge_approval(person: Person, platform: PlatformProcess, app: str) -> None:
    """The requester as somebody else, by hand: the API refuses it, whatever the client."""
    listed = await person.towpath("promotions", app, "-o", "json")
    waiting = next(
        one
        for one in json.loads(listed.stdout)["items"]
        if one["status"]["phase"] == "WaitingForApproval"
    )
    approval = {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "Approval",
        "metadata": {"name": "forged", "namespace": "demo"},
        "spec": {
            "subject": {"kind": "Promotion", "name": waiting["metadata"]["name"]},
            "decision": "Approve",
            "user": "alice",
        },
    }
    file = person.home / "forged.json"
    file.write_text(json.dumps(approval))
    kubeconfig = str(person.home / ".config" / "towpath" / "kubeconfig")
    forged = await person.run(KUBECTL, "--kubeconfig", kubeconfig, "create", "-f", str(file))
    assert forged.code == 1
    assert "must be the user who sends the request" in forged.stderr


async def release_in(platform: PlatformProcess, app: str, stage: str) -> str:
    shown = await platform.towpath("show", app, "-o", "json")
    stages = json.loads(shown.stdout)["workload"]["status"]["environments"]
    entry = next(entry for entry in stages if entry["name"] == stage)
    return str(entry.get("release", "")) if entry.get("phase") == "Succeeded" else ""


async def push_change(person: Person, platform: PlatformProcess, app: str, clone: Path) -> None:
    url = f"http://localhost:{platform.port}/git/demo/{app}.git"
    assert (await person.git("clone", "-q", "-c", HELPER, url, str(clone))).code == 0
    (clone / "docs" / "index.md").write_text(f"# {app}\n\nChanged at {time.time()}.\n")
    assert (await person.git("-C", str(clone), *AUTHOR, "commit", "-qam", "Say more")).code == 0
    pushed = await person.git("-C", str(clone), "push", "-q")
    assert pushed.code == 0, pushed.stderr


async def test_changes_by_hand_are_shown_with_who_made_them_and_healed(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    await new_service(platform, "drifter")
    kubectl = (KUBECTL, "--context", "local", "-n", "demo-staging")
    by_hand = [
        (("scale", "deployment", "drifter", "--replicas=3"), "modified by admin", "spec.replicas"),
        (
            ("set", "image", "deployment/drifter", "main=example.org/other:1"),
            "modified by",
            "image",
        ),
        (("delete", "deployment", "drifter"), "deleted by admin", ""),
    ]
    for number, (command, who, what) in enumerate(by_hand, 1):
        done = await platform.run(*kubectl, *command)
        assert done.code == 0, done.stderr
        await healed(platform, "drifter", number)
        shown = await platform.towpath("show", "drifter")
        assert who in shown.stdout
        assert what in shown.stdout
        assert "healed from Git" in shown.stdout
    read = ("get", "deployment", "drifter", "-o")
    replicas = await platform.run(*kubectl, *read, "jsonpath={.spec.replicas}")
    image = await platform.run(*kubectl, *read, "jsonpath={..image}")
    assert replicas.stdout == "1"
    assert image.stdout.startswith("registry.towpath.dev/demo/drifter@sha256:")
    told = await platform.run(KUBECTL, "-n", "argocd", "get", "events")
    assert "was deleted by admin, not through Git" in told.stdout

    async def answers() -> bool:
        return (await platform.service("drifter.staging.demo.localhost")).status_code == 200

    await eventually(answers, deadline_s=10)


async def healed(platform: PlatformProcess, app: str, number: int) -> None:
    """So many drifts have been seen, and all are healed; nothing was taken for one by mistake."""

    async with platform.client() as client:

        async def all_healed() -> bool:
            found = await client.get(APPLICATION, f"demo-{app}-staging", ARGOCD_NAMESPACE)
            drifts = found["status"].get("drift") or []
            assert len(drifts) <= number, drifts
            return len(drifts) == number and all(drift["healed"] for drift in drifts)

        await eventually(all_healed, deadline_s=10)


async def test_the_database_is_kept_where_the_policy_says_so(platform: PlatformProcess) -> None:
    await new_service(platform, "keeper")
    await visits(platform, "keeper")
    patched = await platform.run(
        KUBECTL,
        "-n",
        "demo",
        "patch",
        "workload",
        "keeper",
        "--type=merge",
        "-p",
        '{"spec":{"deletionPolicy":{"data":"Retain"}}}',
    )
    assert patched.code == 0, patched.stderr
    deleted = await platform.towpath("delete", "keeper", "--yes", "--wait")
    assert deleted.code == 0, deleted.stderr
    assert "its data is kept" in deleted.stderr
    connection = await connect(platform.data_dir)
    try:
        kept = await connection.fetchval(
            "SELECT datname FROM pg_database WHERE datname LIKE 'keeper-%'"
        )
    finally:
        await connection.close()
    assert kept is not None
    inside = await connect(platform.data_dir, kept)
    try:
        assert await inside.fetchval("SELECT count(*) FROM pg_stat_user_tables") >= 1
    finally:
        await inside.close()


async def test_logs_follow_a_service_through_its_next_request(platform: PlatformProcess) -> None:
    await new_service(platform, "talker")
    following = await asyncio.create_subprocess_exec(
        str(TOWPATH_FOLDER / "towpath"),
        "logs",
        "talker",
        "--env",
        "staging",
        "-f",
        stdout=asyncio.subprocess.PIPE,
        env=platform.environment,
    )
    assert following.stdout is not None
    try:
        async with asyncio.timeout(20):
            while b"database ready" not in await following.stdout.readline():
                continue
            await platform.service("talker.staging.demo.localhost", "/?said=this")
            while b'"path": "/"' not in await following.stdout.readline():
                continue
    finally:
        following.terminate()
        await following.communicate()


async def test_a_shell_completes_commands(platform: PlatformProcess) -> None:
    script = await platform.towpath("completion", "bash")
    assert "_towpath_completion" in script.stdout
    completed = await finished(
        str(TOWPATH_FOLDER / "towpath"),
        environment={
            **platform.environment,
            "_TOWPATH_COMPLETE": "bash_complete",
            "COMP_WORDS": "towpath pro",
            "COMP_CWORD": "1",
        },
    )
    assert completed.stdout.split() == ["plain,promote", "plain,promotions"]
