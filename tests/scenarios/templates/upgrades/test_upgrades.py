"""One living service goes to a newer version of its template."""

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME
from tests.scenarios.templates.upgrades.conftest import AUTHOR, LINES, V1, V2, Upgrading
from tests.support import eventually

from towpath.capabilities.portal.templates.upgrades.kinds import (
    BEHIND,
    CLOSED,
    CONFLICTED,
    CURRENT,
    MERGED,
    NEEDS_ANSWERS,
    READY,
)
from towpath.engines.git.port import MAIN, RepositoryName

ORDERS = RepositoryName(PROJECT_NAME, "orders")
NOTE = ".towpath/template.yaml"
BRANCH = "refs/heads/towpath/upgrade-service"


def without_note(files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if path != NOTE}


async def test_a_repository_that_came_of_a_template_is_known_and_falls_behind(
    upgrading: Upgrading,
) -> None:
    first = await upgrading.offer(V1)
    await upgrading.make("orders")
    status = (await upgrading.instance("orders", CURRENT))["status"]
    assert status["template"] == "demo/service"
    assert (status["revision"], status["latest"]) == (first, first)

    second = await upgrading.offer(V2)
    status = (await upgrading.instance("orders", BEHIND))["status"]
    assert (status["revision"], status["latest"], status["behind"]) == (first, second, 1)


async def test_an_untouched_instance_becomes_a_fresh_rendering(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    main = await upgrading.make("orders")
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", READY)
    assert upgrade["status"]["conflicts"] == []
    assert await upgrading.head("orders") == main, "nothing is written to main before it is merged"
    changes = {one["path"]: one["change"] for one in upgrade["status"]["files"]}
    assert changes == {
        NOTE: "Changed",
        "app.txt": "Changed",
        "gone.txt": "Deleted",
        "new.txt": "Added",
        "new/moved.txt": "Added",
        "old/moved.txt": "Deleted",
    }

    await upgrading.change("orders", merge={"commit": upgrade["status"]["head"], "by": "alice"})
    merged = await upgrading.upgraded("orders", MERGED)
    assert await upgrading.head("orders") == merged["status"]["merged"]
    assert await upgrading.head("orders", BRANCH) is None
    assert (await upgrading.instance("orders", CURRENT))["status"]["revision"] == second
    await upgrading.make("fresh")
    fresh = await upgrading.files("fresh")
    found = await upgrading.files("orders")
    assert without_note(found) == {
        path: text.replace("fresh", "orders") for path, text in without_note(fresh).items()
    }
    assert found[NOTE] == fresh[NOTE].replace("fresh", "orders")


async def test_what_people_changed_elsewhere_is_kept(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders")
    await upgrading.push(
        "orders",
        app_txt="\n".join(["my first line", *LINES[1:]]) + "\n",
        own_txt="mine\n",
        old__moved_txt=V1["old/moved.txt"].replace("moved line 1\n", "mine\n"),
        README_md=None,
    )
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", READY)
    assert upgrade["status"]["conflicts"] == []
    files = await upgrading.files("orders", BRANCH)
    assert files["app.txt"] == "\n".join(["my first line", *LINES[1:-1], "line 20 of v2"]) + "\n"
    assert files["own.txt"] == "mine\n"
    assert files["new/moved.txt"].startswith("mine\nmoved line 2\n")
    assert "README.md" not in files
    assert "old/moved.txt" not in files


async def test_a_conflict_is_shown_decided_and_never_written_to_main(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders")
    mine = "\n".join([*LINES[:-1], "my last line"]) + "\n"
    main = await upgrading.push("orders", app_txt=mine, gone_txt="I need it\n")
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second, mergeWhenGreen=True)
    upgrade = await upgrading.upgraded("orders", CONFLICTED)
    assert [(one["path"], one["kind"]) for one in upgrade["status"]["conflicts"]] == [
        ("app.txt", "contents"),
        ("gone.txt", "modify/delete"),
    ]
    await upgrading.change("orders", merge={"commit": upgrade["status"]["head"], "by": "alice"})
    await upgrading.upgraded("orders", CONFLICTED)
    assert await upgrading.head("orders") == main

    await upgrading.change("orders", merge=None, decisions={"app.txt": "Ours"})
    upgrade = await upgrading.upgraded("orders", CONFLICTED)
    assert [one["path"] for one in upgrade["status"]["conflicts"]] == ["gone.txt"]
    await upgrading.change("orders", decisions={"app.txt": "Ours", "gone.txt": "Theirs"})
    await upgrading.upgraded("orders", READY)
    files = await upgrading.files("orders", BRANCH)
    assert files["app.txt"] == mine
    assert "gone.txt" not in files
    assert files["new.txt"] == "new in orders\n"


async def test_a_conflict_is_settled_by_a_commit_on_the_branch_which_is_kept(
    upgrading: Upgrading,
) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders")
    await upgrading.push("orders", app_txt="\n".join([*LINES[:-1], "my last line"]) + "\n")
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    await upgrading.upgraded("orders", CONFLICTED)
    assert "<<<<<<< main" in (await upgrading.files("orders", BRANCH))["app.txt"]
    settled = "\n".join([*LINES[:-1], "my last line of v2"]) + "\n"
    own = await upgrading.push("orders", BRANCH, app_txt=settled)
    upgrade = await upgrading.upgraded("orders", READY)
    assert upgrade["status"]["head"] == own

    # Another version comes: what was committed on the branch stays in its history and its files.
    third = await upgrading.offer({**V2, "newer.txt": "of v3\n"})
    await upgrading.change("orders", revision=third)
    upgrade = await upgrading.upgraded("orders", READY)
    files = await upgrading.files("orders", BRANCH)
    assert files["app.txt"] == settled
    assert files["newer.txt"] == "of v3\n"
    head = await upgrading.head("orders", BRANCH)
    main = await upgrading.head("orders")
    history = await upgrading.git.history(ORDERS, head, without=main)
    assert own in [commit.sha for commit in history]


async def test_an_upgrade_follows_main_in_place(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders")
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    before = (await upgrading.upgraded("orders", READY))["status"]["head"]
    await upgrading.push("orders", other_txt="no matter\n")
    await upgrading.push("orders", app_txt="\n".join(["mine", *LINES[1:]]) + "\n")

    async def followed() -> bool:
        head = await upgrading.head("orders", BRANCH)
        return (
            bool(head != before) and "mine" in (await upgrading.files("orders", BRANCH))["app.txt"]
        )

    await eventually(followed, deadline_s=15)
    files = await upgrading.files("orders", BRANCH)
    assert files["app.txt"] == "\n".join(["mine", *LINES[1:-1], "line 20 of v2"]) + "\n"

    async def told() -> bool:
        status = (await upgrading.upgraded("orders", READY))["status"]
        return bool(status["head"] == await upgrading.head("orders", BRANCH))

    await eventually(told, deadline_s=15)
    upgrade = await upgrading.upgraded("orders", READY)
    await upgrading.change("orders", merge={"commit": upgrade["status"]["head"], "by": "alice"})
    await upgrading.upgraded("orders", MERGED)
    files = await upgrading.files("orders")
    assert files["other.txt"] == "no matter\n"


async def test_a_new_question_is_asked_and_a_renamed_answer_is_taken_along(
    upgrading: Upgrading,
) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders", port=9000)
    parameters = {
        "required": ["name", "team"],
        "properties": {
            "name": {"type": "string"},
            "listen": {"type": "integer", "default": 8000},
            "team": {"type": "string"},
        },
    }
    second = await upgrading.offer(V2, parameters)
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", NEEDS_ANSWERS)
    assert upgrade["status"]["questions"] == [{"name": "team", "message": "is required"}]
    await upgrading.change("orders", parameters={"team": "shop"}, renamed={"listen": "port"})
    await upgrading.upgraded("orders", READY)
    note = (await upgrading.files("orders", BRANCH))[NOTE]
    assert "listen: 9000" in note
    assert "team: shop" in note
    assert "port: 9000" not in note


async def test_what_is_not_wanted_is_closed_and_its_branch_goes(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders")
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    await upgrading.upgraded("orders", READY)
    await upgrading.change("orders", closed={"reason": "we leave this template"})
    upgrade = await upgrading.upgraded("orders", CLOSED)
    assert "we leave this template" in upgrade["status"]["message"]
    assert await upgrading.head("orders", BRANCH) is None


async def test_what_was_merged_by_hand_is_merged(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    main = await upgrading.make("orders")
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", READY)
    await upgrading.git.move(
        ORDERS,
        MAIN,
        expected=main,
        new=upgrade["status"]["head"],
        author=AUTHOR,
    )
    await upgrading.upgraded("orders", MERGED)
    assert await upgrading.head("orders", BRANCH) is None


DAMAGES = {
    "no YAML": "{",
    "no object": "- a\n",
    "no template": "parameters: {}\n",
    "a template of no name": "template: nonsense\n",
    "a path": "template: ../../etc/passwd\n",
    "a list for a name": "template: [a]\n",
    "parameters that are none": "template: demo/service@0\nparameters: [1]\n",
    "a bomb": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefg", "bcdefgh", strict=True)
    ),
    "too much": f"template: demo/service@0\nparameters: {{x: {'y' * 300_000}}}\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_note_is_told_where_it_is(upgrading: Upgrading, damage: str) -> None:
    await upgrading.offer(V1)
    await upgrading.make("orders")
    await upgrading.instance("orders", CURRENT)
    await upgrading.push("orders", _towpath__template_yaml=damage)
    instance = await upgrading.instance("orders", "Unknown")
    assert NOTE in instance["status"]["message"]


@pytest.mark.parametrize(
    "revision", ["", "0" * 40, "main", "a..b", "refs/heads/x\\", "-x"], ids=range(6)
)
async def test_a_version_that_is_nowhere_is_unknown_and_nothing_breaks(
    upgrading: Upgrading, revision: str
) -> None:
    second = await upgrading.offer(V1)
    note = f"template: 'demo/service@{revision}'\nparameters: {{name: orders}}\n"
    await upgrading.repository("orders", {NOTE: note})
    instance = await upgrading.instance("orders", "Unknown")
    assert "version" in instance["status"]["message"]
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", "Preparing")
    assert "version" in upgrade["status"]["message"]


async def test_what_was_made_before_more_was_written_down_is_upgraded_too(
    upgrading: Upgrading,
) -> None:
    first = await upgrading.offer(V1)
    note = f"template: demo/service@{first}\nparameters:\n  name: orders\n  port: 8000\n"
    readme = "# orders\n\nMade by carol in demo.\n"
    made = {**V1, "README.md": readme, "port.txt": "8000\n", NOTE: note}
    await upgrading.repository("orders", made)
    second = await upgrading.offer(V2)
    await upgrading.upgrade("orders", second)
    await upgrading.upgraded("orders", READY)
    files = await upgrading.files("orders", BRANCH)
    assert files["README.md"] == readme, "who made it is not known, and makes no hunk"
    assert files["new.txt"] == "new in orders\n"
