"""Built-in actions as Backstage 1.55 has them, each run as a step of a run would run it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World

from towpath.capabilities.portal.templates.actions import actions
from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.folders import OutsideFolder, read_files
from towpath.capabilities.portal.templates.skeleton import SkeletonError
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.templates import ActionContext
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.objects import RawObject


class Stage:
    """A workspace and a template, and the actions that work on them."""

    def __init__(self, world: World, place: Path) -> None:
        self.actions = actions(world.platform)
        self.workspace, self.template = place / "workspace", place / "template"
        self.workspace.mkdir()
        self.template.mkdir()
        self.lines: list[str] = []

    def lay(self, files: Mapping[str, str], where: str = "workspace") -> None:
        for path, text in files.items():
            target = getattr(self, where) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def context(self, given: RawObject) -> ActionContext:
        return ActionContext(
            project=PROJECT_NAME,
            run={"metadata": {"uid": "u", "name": "r", "namespace": PROJECT_NAME}, "spec": {}},
            step="s",
            input=given,
            workspace=self.workspace,
            template=self.template,
            log=self.lines.append,
            user="alice",
            template_ref="template:default/t",
        )

    async def run(self, action: str, **given: Any) -> dict[str, Any]:
        return await self.actions[action].run(self.context(given))

    @property
    def files(self) -> dict[str, str]:
        return {path: file.content.decode() for path, file in read_files(self.workspace).items()}


@pytest.fixture
async def stage(world: World, tmp_path: Path) -> Stage:
    place = tmp_path / "stage"
    place.mkdir()
    return Stage(world, place)


async def test_every_action_says_how_it_is_undone(stage: Stage) -> None:
    undeclared = [name for name, one in stage.actions.items() if one.undo is None and not one.stays]
    assert undeclared == []


async def test_names_are_rendered_and_an_empty_part_skips_the_file(stage: Stage) -> None:
    stage.lay(
        {
            "s/${{ values.name }}/a.txt": "${{ values.n }}",
            "s/${{ '' }}/b": "x",
            "s/${{ 'x.txt' if values.no }}": "x",
            "s/${{ values.deep }}": "d",
        },
        "template",
    )
    values = {"name": "svc", "n": 1, "no": False, "deep": "one/two"}
    await stage.run("fetch:template", url="./s", values=values)
    assert stage.files == {"svc/a.txt": "1", "one/two": "d"}


async def test_copied_only_patterns_begin_at_the_skeleton(stage: Stage) -> None:
    stage.lay(
        {"s/a.hbs": "${{ 1 }}", "s/d/b.hbs": "${{ 1 }}", "s/raw/c": "${{ 1 }}"},
        "template",
    )
    await stage.run("fetch:template", url="./s", values={}, copyWithoutTemplating=["*.hbs", "raw"])
    assert stage.files == {"a.hbs": "${{ 1 }}", "d/b.hbs": "1", "raw/c": "${{ 1 }}"}


async def test_the_extension_of_templates(stage: Stage) -> None:
    stage.lay({"s/a.md.njk": "${{ 1 }}", "s/b.md": "${{ 1 }}", "s/.njk": "${{ 1 }}"}, "template")
    await stage.run("fetch:template", url="./s", values={}, templateFileExtension=True)
    assert stage.files == {"a.md": "1", "b.md": "${{ 1 }}", ".njk": "${{ 1 }}"}


async def test_an_extension_without_its_dot(stage: Stage) -> None:
    stage.lay({"s/a.tpl": "${{ 1 }}"}, "template")
    await stage.run("fetch:template", url="./s", values={}, templateFileExtension="tpl")
    assert stage.files == {"a": "1"}


async def test_options_that_exclude_each_other(stage: Stage) -> None:
    stage.lay({"s/a": ""}, "template")
    with pytest.raises(ActionFailed, match="cannot be used together"):
        await stage.run(
            "fetch:template",
            url="./s",
            values={},
            templateFileExtension=True,
            copyWithoutTemplating=["a"],
        )


async def test_an_existing_file_is_kept_unless_it_shall_be_replaced(stage: Stage) -> None:
    stage.lay({"a": "old"})
    stage.lay({"s/a": "new"}, "template")
    await stage.run("fetch:template", url="./s", values={})
    assert stage.files == {"a": "old"}
    await stage.run("fetch:template", url="./s", values={}, replace=True)
    assert stage.files == {"a": "new"}


async def test_a_file_that_cannot_be_rendered_fails_the_step(stage: Stage) -> None:
    stage.lay({"s/a": "${{ broken | }}"}, "template")
    with pytest.raises(SkeletonError, match=r"^a: "):
        await stage.run("fetch:template", url="./s", values={})


async def test_secrets_are_not_known_in_skeletons(stage: Stage) -> None:
    stage.lay({"s/a": "[${{ secrets.TOKEN }}${{ parameters.x }}]"}, "template")
    await stage.run("fetch:template", url="./s", values={})
    assert stage.files == {"a": "[]"}


async def test_single_files(stage: Stage) -> None:
    stage.lay({"one.txt": "${{ values.a }}"}, "template")
    await stage.run("fetch:plain:file", url="./one.txt", targetPath="plain.txt")
    await stage.run(
        "fetch:template:file", url="one.txt", targetPath="deep/made.txt", values={"a": 7}
    )
    await stage.run(
        "workspace:template:file", sourcePath="plain.txt", targetPath="again", values={"a": 8}
    )
    assert stage.files == {"plain.txt": "${{ values.a }}", "deep/made.txt": "7", "again": "8"}


async def test_a_single_plain_file_makes_no_folder(stage: Stage) -> None:
    stage.lay({"one.txt": "x"}, "template")
    with pytest.raises(ActionFailed, match="no folder 'deep'"):
        await stage.run("fetch:plain:file", url="./one.txt", targetPath="deep/one.txt")


async def test_files_of_the_workspace_are_rendered(stage: Stage) -> None:
    stage.lay({"in/${{ values.a }}": "${{ values.a }}"})
    await stage.run("workspace:template", sourcePath="in", targetPath="out", values={"a": "x"})
    assert stage.files["out/x"] == "x"


async def test_deleting_takes_patterns_and_dot_files(stage: Stage) -> None:
    stage.lay({"a.txt": "", "d/b.txt": "", "d/.env": "", "keep": ""})
    await stage.run("fs:delete", files=["*.txt", "d", "no-match"])
    assert set(stage.files) == {"keep"}


async def test_renaming_onto_something_that_is_there(stage: Stage) -> None:
    stage.lay({"a": "1", "b": "2"})
    with pytest.raises(ActionFailed, match="dest already exists"):
        await stage.run("fs:rename", files=[{"from": "a", "to": "b"}])
    await stage.run("fs:rename", files=[{"from": "a", "to": "b", "overwrite": True}])
    assert stage.files == {"b": "1"}


async def test_a_folder_cannot_be_moved_into_itself(stage: Stage) -> None:
    stage.lay({"a/x": ""})
    with pytest.raises(ActionFailed, match="inside"):
        await stage.run("fs:rename", files=[{"from": "a", "to": "a/b"}])


async def test_listing_the_workspace(stage: Stage) -> None:
    stage.lay({"a": "", "d/b": ""})
    flat = await stage.run("fs:readdir", paths=["."])
    assert [one["path"] for one in flat["files"]] == ["a"]
    assert [one["path"] for one in flat["folders"]] == ["d"]
    deep = await stage.run("fs:readdir", paths=["."], recursive=True)
    assert [one["path"] for one in deep["files"]] == ["a", "d/b"]


async def test_a_descriptor_is_written_as_backstage_writes_it(stage: Stage) -> None:
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "x", "description": "one\ntwo\n", "tags": []},
        "spec": {"type": "service", "owner": "yes", "note": "word " * 30},
    }
    await stage.run("catalog:write", entity=entity)
    assert stage.files["catalog-info.yaml"] == (
        "apiVersion: backstage.io/v1alpha1\n"
        "kind: Component\n"
        "metadata:\n"
        "  name: x\n"
        "  description: |\n"
        "    one\n"
        "    two\n"
        "  tags: []\n"
        "  annotations:\n"
        "    backstage.io/source-template: template:default/t\n"
        "spec:\n"
        "  type: service\n"
        "  owner: yes\n"
        '  note: "word word word word word word word word word word word word word word\n'
        "    word word word word word word word word word word word word word word word\n"
        '    word "\n'
    )


async def test_messages_go_to_the_log(stage: Stage) -> None:
    stage.lay({"a": "text"})
    await stage.run("debug:log", message="hello", listWorkspace="with-contents")
    assert stage.lines[1] == "hello"
    assert " - a:\n\n  text" in stage.lines[2]


async def test_waiting_has_an_end(stage: Stage) -> None:
    await stage.run("debug:wait", milliseconds=5)
    with pytest.raises(ActionFailed, match="longer"):
        await stage.run("debug:wait", minutes=11)


async def test_a_repository_of_this_platform_is_fetched(world: World, stage: Stage) -> None:
    repository = RepositoryName(PROJECT_NAME, "parts")
    git = world.platform.git
    await git.create(repository, owner_uid="x")
    await git.write(
        repository,
        {"kit/a.txt": File(b"${{ values.n }}")},
        message="m",
        author=Signature("a", "a@x"),
        expected=None,
    )
    url = f"http://localhost:8080/git/{PROJECT_NAME}/parts.git/tree/main/kit"
    await stage.run("fetch:template", url=url, values={"n": 4})
    await stage.run("fetch:plain:file", url=f"{url}/a.txt", targetPath="b.txt")
    assert stage.files == {"a.txt": "4", "b.txt": "${{ values.n }}"}
    other = "http://localhost:8080/git/somebody-else/secret/tree/main"
    with pytest.raises(ActionFailed, match="belongs to somebody-else"):
        await stage.run("fetch:plain", url=other)


LEADING_OUT = ("../x", "/etc/passwd", "a/../../x", "link/x")


@pytest.mark.parametrize("path", LEADING_OUT)
async def test_no_action_leaves_its_folder(stage: Stage, tmp_path: Path, path: str) -> None:
    stage.lay({"here": ""})
    stage.lay({"s/a": ""}, "template")
    (tmp_path / "x").write_text("outside")
    (stage.workspace / "link").symlink_to(tmp_path)
    (stage.template / "link").symlink_to(tmp_path)
    orders: list[tuple[str, dict[str, Any]]] = [
        ("fetch:plain", {"url": path}),
        ("fetch:plain:file", {"url": path, "targetPath": "y"}),
        ("fetch:plain", {"url": "./s", "targetPath": path}),
        ("fetch:template:file", {"url": "s/a", "targetPath": path}),
        ("workspace:template:file", {"sourcePath": path, "targetPath": "y"}),
        ("fs:delete", {"files": [path]}),
        ("fs:rename", {"files": [{"from": path, "to": "y"}]}),
        ("fs:rename", {"files": [{"from": "here", "to": path}]}),
        ("fs:readdir", {"paths": [path]}),
        ("catalog:write", {"entity": {"metadata": {}}, "filePath": path}),
    ]
    for action, given in orders:
        with pytest.raises((OutsideFolder, ActionFailed)):
            await stage.run(action, **given)
    assert (tmp_path / "x").read_text() == "outside"


ADDRESSES = (
    "http://127.0.0.1:1/x",
    "http://localhost:22/",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]:8443/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0/",
    "file:///etc/passwd",
    "http://2130706433/",
)


@pytest.mark.parametrize("address", ADDRESSES)
async def test_addresses_of_this_machine_are_refused(stage: Stage, address: str) -> None:
    with pytest.raises(ActionFailed):
        await stage.run("http:request", method="GET", path=address)
    with pytest.raises(ActionFailed):
        await stage.run("fetch:plain:file", url=address, targetPath="x")


async def test_an_address_without_a_host_is_refused_by_name(stage: Stage) -> None:
    with pytest.raises(ActionFailed, match="path of the platform itself"):
        await stage.run("http:backstage:request", method="GET", path="/api/proxy/x")


async def allow(world: World, address: str) -> None:
    rule = CONFIG_MAP.object("towpath-outbound", "towpath-system")
    rule["data"] = {"allow": address}
    await world.client.create(CONFIG_MAP, rule)
