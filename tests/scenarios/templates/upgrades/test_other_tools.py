"""Services that copier or cruft made elsewhere, and templates of those tools as sources here."""

import json

from tests.scenarios.templates.upgrades.conftest import Upgrading

from towpath.capabilities.portal.templates.upgrades.kinds import (
    BEHIND,
    CONFLICTED,
    MERGED,
    READY,
    TEMPLATE_UPGRADE,
    UNKNOWN,
)
from towpath.machinery.documents import load_document

BRANCH = "refs/heads/towpath/upgrade-service"
ADDRESS = "https://git.example.org/git/demo/paths.git"
STEPS = [
    {
        "id": "fetch",
        "action": "fetch:copier",
        "input": {"url": ".", "values": {"name": "${{ parameters.name }}"}},
    },
    {
        "id": "publish",
        "action": "publish:towpath",
        "input": {"repoUrl": "host?owner=${{ towpath.project }}&repo=${{ parameters.name }}"},
    },
]
SETTINGS = "name: {{ name }}\nport: {{ port }}\n\n\nlog: text\n"
COPIER = {
    "copier.yml": "name:\n  type: str\nport:\n  type: int\n  default: 8000\n",
    "settings.yaml.jinja": SETTINGS,
    "{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
}
COPIER_V2 = {
    **COPIER,
    "settings.yaml.jinja": SETTINGS.replace("log: text", "log: json"),
    "health.yaml.jinja": "of: {{ name }}\n",
}
COOKIECUTTER = {
    "cookiecutter.json": json.dumps({"name": "x", "port": 8000}),
    "{{ cookiecutter.name }}/settings.yaml": "name: {{ cookiecutter.name }}\n\n\nlog: text\n",
}
COOKIECUTTER_V2 = {
    **COOKIECUTTER,
    "{{ cookiecutter.name }}/settings.yaml": "name: {{ cookiecutter.name }}\n\n\nlog: json\n",
}


def copier_made(revision: str) -> dict[str, str]:
    return {
        ".copier-answers.yml": f"_commit: {revision}\n_src_path: {ADDRESS}\nname: orders\n"
        "port: 9000\n",
        "settings.yaml": "name: orders\nport: 9000\n\n\nlog: text\n",
        "own.txt": "mine\n",
    }


async def test_what_copier_made_elsewhere_is_known_and_upgraded(upgrading: Upgrading) -> None:
    first = await upgrading.offer_files(COPIER, STEPS)
    await upgrading.repository("orders", copier_made(first))
    second = await upgrading.offer_files(COPIER_V2, STEPS)
    status = (await upgrading.instance("orders", BEHIND))["status"]
    assert (status["origin"], status["template"]) == ("copier", "demo/service")
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", READY)
    files = await upgrading.files("orders", BRANCH)
    assert files["settings.yaml"] == "name: orders\nport: 9000\n\n\nlog: json\n"
    assert files["health.yaml"] == "of: orders\n"
    assert files["own.txt"] == "mine\n"
    answers = load_document(files[".copier-answers.yml"])
    assert answers == {"_commit": second, "_src_path": ADDRESS, "name": "orders", "port": 9000}
    await upgrading.change("orders", merge={"commit": upgrade["status"]["head"], "by": "alice"})
    await upgrading.upgraded("orders", MERGED)
    await upgrading.instance("orders", "Current")


async def test_what_cruft_made_elsewhere_is_known_and_upgraded(upgrading: Upgrading) -> None:
    first = await upgrading.offer_files(COOKIECUTTER, STEPS)
    note = {
        "template": ADDRESS,
        "commit": first,
        "checkout": None,
        "context": {"cookiecutter": {"name": "orders", "port": 8000, "_template": ADDRESS}},
        "directory": None,
    }
    await upgrading.repository(
        "orders",
        {
            ".cruft.json": json.dumps(note, indent=2) + "\n",
            "settings.yaml": "name: orders\n\n\nlog: text\n",
        },
    )
    second = await upgrading.offer_files(COOKIECUTTER_V2, STEPS)
    await upgrading.instance("orders", BEHIND)
    await upgrading.upgrade("orders", second)
    await upgrading.upgraded("orders", READY)
    files = await upgrading.files("orders", BRANCH)
    assert files["settings.yaml"] == "name: orders\n\n\nlog: json\n"
    assert json.loads(files[".cruft.json"]) == {**note, "commit": second}


async def test_a_template_of_copier_that_is_offered_here_makes_and_upgrades(
    upgrading: Upgrading,
) -> None:
    await upgrading.offer_files(COPIER, STEPS)
    await upgrading.make("orders")
    second = await upgrading.offer_files(COPIER_V2, STEPS)
    await upgrading.instance("orders", BEHIND)
    await upgrading.upgrade("orders", second)
    await upgrading.upgraded("orders", READY)
    files = await upgrading.files("orders", BRANCH)
    assert files["settings.yaml"].endswith("log: json\n")
    assert files["health.yaml"] == "of: orders\n"


async def test_programs_of_a_template_are_refused_by_their_name(upgrading: Upgrading) -> None:
    first = await upgrading.offer_files(COPIER, STEPS)
    await upgrading.repository("orders", copier_made(first))
    migrating = f"{COPIER_V2['copier.yml']}_migrations:\n  - invoke migrate\n"
    second = await upgrading.offer_files({**COPIER_V2, "copier.yml": migrating}, STEPS)
    await upgrading.instance("orders", BEHIND)
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.until(TEMPLATE_UPGRADE, "orders", "Preparing")
    assert "copier.yml has _migrations" in upgrade["status"]["message"]
    assert await upgrading.head("orders", BRANCH) is None


async def test_a_template_that_nobody_offers_is_told_with_what_to_do(upgrading: Upgrading) -> None:
    answers = {".copier-answers.yml": "_commit: v1.0.0\n_src_path: gh:some/where\nname: x\n"}
    await upgrading.repository("orders", answers)
    status = (await upgrading.instance("orders", UNKNOWN))["status"]
    assert "gh:some/where" in status["message"]
    assert "spec.source" in status["message"]


async def test_a_conflict_in_what_copier_made_is_one(upgrading: Upgrading) -> None:
    first = await upgrading.offer_files(COPIER, STEPS)
    await upgrading.repository("orders", copier_made(first))
    await upgrading.push("orders", settings_yaml="name: orders\nport: 9000\n\n\nlog: mine\n")
    second = await upgrading.offer_files(COPIER_V2, STEPS)
    await upgrading.upgrade("orders", second)
    upgrade = await upgrading.upgraded("orders", CONFLICTED)
    assert [one["path"] for one in upgrade["status"]["conflicts"]] == ["settings.yaml"]
