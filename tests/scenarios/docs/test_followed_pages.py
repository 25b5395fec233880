"""Whoever types what the pages show gets what the pages say: the tour, and each how-to in order."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.platform import PlatformProcess, running_platform_process
from tests.scenarios.docs.reading import ROOT, Block, Reader, blocks
from tests.support import eventually

STAGING = "order-service.staging.demo.localhost"
STARTS = "make up"
"""It runs already."""

ELSEWHERE = {
    "README.md": "tests/scenarios/docs/test_terminal.py",
    "docs/tutorial.md": "tests/scenarios/docs/test_terminal.py",
    "docs/how-to/back-up.md": "tests/scenarios/spine/test_backup.py",
    "docs/how-to/move-objects.md": "tests/conformance/test_transfer.py",
    "docs/how-to/adopt-a-repository.md": "tests/scenarios/templates/test_adopting.py",
    # What they do needs things and people of their own; the tests do the same by the same doors.
    "docs/how-to/ask-for-approvals.md": "tests/scenarios/actions/test_approvals.py",
    "docs/how-to/keep-for-a-while.md": "tests/scenarios/actions/test_leases.py",
    "docs/how-to/propose-on-other-git-hosts.md": "tests/scenarios/templates/test_real_gitea.py",
    "docs/how-to/upgrade-services.md": "tests/scenarios/templates/upgrades/test_upgrades.py",
    "docs/how-to/write-a-plugin.md": "tests/scenarios/plugins/test_outside_plugins.py",
    "docs/how-to/write-a-template.md": "tests/unit/capabilities/templates/test_template_tests.py",
}
"""Pages whose blocks other tests follow."""


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[PlatformProcess]:
    async with running_platform_process(tmp_path / "data", "--demo") as platform:
        yield platform


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


async def says(platform: PlatformProcess, word: str, host: str = STAGING) -> None:
    async def said() -> bool:
        return word in (await platform.service(host)).text

    await eventually(said, deadline_s=60, every_s=0.1)


async def shows(reader: Reader, command: str, words: str) -> None:
    async def shown() -> bool:
        told = await reader.type(Block("look", command))
        return words in told.stdout + told.stderr

    await eventually(shown, deadline_s=60, every_s=0.3)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_tour(platform: PlatformProcess, home: Path) -> None:
    reader = Reader(platform, home)
    for block in blocks("docs/tour.md"):
        if block.text.startswith(STARTS):
            continue
        done = await reader.type(block)
        if "curl" in block.text:
            assert "Hello from order-service" in done.stdout
        elif "git push" in block.text:
            await says(platform, "Ahoy")
        elif "approve" in block.text:
            await says(platform, "Ahoy", "order-service.production.demo.localhost")
        elif "scale deployment" in block.text:
            await shows(reader, "towpath show order-service", "healed from Git")
        elif "rollback" in block.text:
            await says(platform, "Hello")
    assert "order-service" not in (await platform.towpath("list")).stdout


CHANGE = """
rm -rf "$HOME/change"; git clone -q http://localhost:8080/git/demo/order-service.git "$HOME/change"
cd "$HOME/change"; sed -i 's/{} from/{} from/' src/order_service/app.py
git commit -qam 'Another greeting'; git push -q; cd "$HOME"
"""
BOB = """
export TOWPATH_KUBECONFIG="$HOME/bob.kubeconfig"
towpath login "$(env -u TOWPATH_KUBECONFIG towpath login-link --user bob)"
"""


FORWARD = "kubectl --context local -n demo-staging port-forward deploy/order-service"
SERVE = "python3 -m http.server --directory public"
AGAIN = "rm -rf order-service"
TOKEN = "export TOKEN=$(kubectl config view --raw -o 'jsonpath={.users[0].user.token}')"
SETTINGS = "kubectl -n demo create configmap settings --from-literal level=info"
PUSH_OF_ERIN = """
token=$(kubectl get secret okta-scim -n towpath-system -o 'jsonpath={.data.token}' | base64 -d)
curl -sf -H "authorization: Bearer $token" -H 'content-type: application/scim+json' \\
  -d '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "erin"}' \\
  http://localhost:8080/scim/v2/Users
"""
UNTIL_STOPPED = "timeout 2 {} || test $? = 124"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_how_tos_in_the_order_of_a_service_s_life(
    platform: PlatformProcess, home: Path
) -> None:
    """One service, made by the first page and deleted by the last."""
    reader = Reader(
        platform,
        home,
        {
            # They would go on for ever, or ask somebody who is not there.
            "logs deploy/order-service -f": "logs deploy/order-service",
            "exec -it": "exec -i",
            f"{FORWARD} 8000": UNTIL_STOPPED.format(f"{FORWARD} :8000"),
            f"{SERVE} 8000": UNTIL_STOPPED.format(f"{SERVE} 0"),
            "delete order-service --wait": "delete order-service --yes --wait",
        },
    )

    async def follow(page: str, *, before: str = "true") -> None:
        for block in blocks(f"docs/{page}.md"):
            await reader.type(Block(block.terminal, before))
            await reader.type(block)

    await follow("how-to/use-the-portal")
    await follow("how-to/add-members")
    await follow("how-to/deliver-a-service")
    await follow("how-to/connect-a-database")
    write_examples(reader, "how-to/request-a-database", "reports.yaml")
    await follow("how-to/request-a-database")
    await follow("how-to/find-why-it-failed")
    write_examples(reader, "how-to/policies", "policy.yaml", "labels.yaml")
    await follow("how-to/policies")
    await follow("how-to/drift")
    write_examples(reader, "how-to/make-a-project", "shop.yaml", "environments.yaml")
    await follow("how-to/make-a-project")
    await follow("how-to/tokens")
    await follow("how-to/kubectl")
    await follow("how-to/push-with-a-token", before=AGAIN)
    await follow("how-to/publish-a-static-site")
    await _promote_approve_roll_back(reader)
    await _offer_a_composite_resource(reader)
    await _offer_an_action(reader)
    await follow("how-to/follow-other-git-hosts")
    await follow("how-to/bring-people")
    pushed = await reader.type(Block("people", PUSH_OF_ERIN))
    assert '"userName":"erin"' in pushed.stdout.replace(" ", "")
    await shows(reader, "towpath catalog export --format csv", "erin")
    write_examples(reader, "how-to/scorecards", "runbooks.yaml", "runbooks-by-march.yaml")
    await follow("how-to/scorecards")
    await follow("reference/read-api", before=TOKEN)
    await follow("reference/backstage-api", before=TOKEN)
    await follow("how-to/delete")


async def _promote_approve_roll_back(reader: Reader) -> None:
    """Its commands belong to two people, and to three releases."""
    commands, *others, in_git = blocks("docs/how-to/promote-approve-roll-back.md")
    promote, listed, approve, reject, rollback = commands.text.splitlines()
    as_bob = Block("bob", BOB)
    await reader.type(as_bob)
    await reader.type(Block("first", promote))
    assert "order-service" in (await reader.type(Block("first", listed))).stdout
    await reader.type(Block("bob", approve))
    await reader.type(Block("first", CHANGE.format("Hello", "Ahoy")))
    await says(reader.platform, "Ahoy")
    await reader.type(Block("first", promote))
    await reader.type(Block("bob", reject))
    await shows(reader, "towpath promotions order-service", "Failed")
    # The same release again, and this time bob agrees.
    await reader.type(Block("first", promote))
    await reader.type(Block("bob", approve))
    await says(reader.platform, "Ahoy", "order-service.production.demo.localhost")
    await reader.type(Block("bob", rollback.replace("--wait", "")))
    await reader.type(Block("first", approve))
    await says(reader.platform, "Hello", "order-service.production.demo.localhost")
    for other in others:
        await reader.type(other)
    assert "Release 12" in (await reader.type(in_git)).stdout


async def _offer_a_composite_resource(reader: Reader) -> None:
    write_examples(reader, "how-to/offer-a-composite-resource", "flags.yaml")
    (block,) = blocks("docs/how-to/offer-a-composite-resource.md")
    await reader.type(Block("offers", block.text))


async def _offer_an_action(reader: Reader) -> None:
    """On a ConfigMap, by somebody who must be agreed with; who agrees is another test's."""
    write_examples(reader, "reference/kinds/action", "action.yaml")
    made, *_ = blocks("docs/how-to/offer-an-action.md")
    await reader.type(Block(made.terminal, SETTINGS))
    done = await reader.type(Block(made.terminal, made.text.replace(" --wait", "")))
    assert "waits for 1 approval" in done.stdout + done.stderr


def write_examples(reader: Reader, page: str, *files: str) -> None:
    """The page's YAML examples, in their order, as the files that its commands name."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for file, example in zip(files, examples, strict=False):
        (reader.home / file).write_text(example)


def test_every_page_with_shell_blocks_is_followed() -> None:
    followed = Path(__file__).read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        page = str(path.relative_to(ROOT))
        if page in ELSEWHERE:
            assert (ROOT / ELSEWHERE[page]).exists(), f"{page}: {ELSEWHERE[page]} is gone"
        elif blocks(page):
            name = page.removeprefix("docs/").removesuffix(".md")
            assert name in followed, f"nobody follows {page}"
