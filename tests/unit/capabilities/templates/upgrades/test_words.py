"""What small functions of upgrades say: names, waves, answers, what can be done with a campaign."""

import pytest

from towpath.capabilities.portal.templates.upgrades.asking import steering, waves_of
from towpath.capabilities.portal.templates.upgrades.branches import has_markers
from towpath.capabilities.portal.templates.upgrades.kinds import instance_name
from towpath.capabilities.portal.templates.upgrades.proposing import Question, new_answers
from towpath.hooks.commands import CommandError
from towpath.machinery.names import subdomain_errors
from towpath.machinery.objects import RawObject

NAMES = ["orders", "a.b", "a_b", "a-_b", "x..y", "a.-b", "a-.b", "0", "a" * 100, "_", "a._.b"]


@pytest.mark.parametrize("repository", NAMES)
def test_every_repository_has_a_name_that_an_object_can_have(repository: str) -> None:
    assert subdomain_errors(instance_name(repository)) == []


def test_no_two_repositories_have_one_name() -> None:
    assert len({instance_name(name) for name in NAMES}) == len(NAMES)


def test_sizes_of_waves_are_numbers() -> None:
    assert waves_of("1, 5,20") == [1, 5, 20]
    for text in ("", "0", "a", "1,-2", "1.5"):
        with pytest.raises(CommandError, match="sizes of waves"):
            waves_of(text)


def test_a_campaign_goes_on_past_the_failures_that_there_are() -> None:
    assert steering({"status": {"failed": 3}}, "go-on") == {"goOn": 3}
    assert steering({}, "pause") == {"paused": True}
    assert steering({}, "fly") is None


def test_markers_are_those_of_both_sides_at_the_beginning_of_lines() -> None:
    assert has_markers(b"a\n<<<<<<< main\nb\n=======\nc\n>>>>>>> template-x\n")
    assert not has_markers(b"text about <<<<<<< main and >>>>>>> template\n")
    assert not has_markers(b"<<<<<<< only one side\n")


def descriptor(**properties: RawObject) -> RawObject:
    page = {"required": ["name"], "properties": {"name": {"type": "string"}, **properties}}
    return {"spec": {"parameters": [page]}}


def test_answers_are_carried_renamed_dropped_filled_and_asked_for() -> None:
    newer = descriptor(listen={"type": "integer"}, size={"type": "string", "default": "small"})
    answered = new_answers({"name": "x", "port": 1, "old": 2}, newer, {}, {"listen": "port"})
    assert answered.parameters == {"name": "x", "listen": 1, "size": "small"}
    assert (answered.dropped, answered.added, answered.questions) == (("old",), ("size",), ())
    missing = new_answers({}, newer, {}, {})
    assert missing.questions == (Question("name", "is required"),)
    assert new_answers({}, newer, {"name": "y"}, {}).questions == ()


def test_what_a_condition_asks_for_is_not_dropped() -> None:
    page = {
        "properties": {"kind": {"type": "string"}},
        "dependencies": {"kind": {"oneOf": [{"properties": {"queue": {"type": "string"}}}]}},
    }
    newer = {"spec": {"parameters": page}}
    assert new_answers({"kind": "a", "queue": "q"}, newer, {}, {}).dropped == ()


def test_a_template_that_names_no_parameters_takes_all() -> None:
    assert new_answers({"a": 1}, {"spec": {}}, {}, {}).parameters == {"a": 1}
