"""`towpath template test`: tells what differs, and writes it down when asked to."""

from pathlib import Path

import pytest

from towpath.capabilities.portal.templates.testing import run_tests
from towpath.hooks.commands import CommandError

TEMPLATE = """
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: t}
spec:
  type: service
  parameters:
    required: [name]
    properties:
      name: {type: string, pattern: "^[a-z]+$"}
      colour: {type: string, default: green}
  steps:
    - {id: fetch, action: "fetch:template", input: {url: ./skeleton, values: "${{ parameters }}"}}
    - id: publish
      action: publish:towpath
      input: {repoUrl: "h?owner=${{ towpath.project }}&repo=${{ parameters.name }}"}
    - {id: never, action: "debug:log", if: "${{ parameters.absent }}"}
  output:
    links: [{title: Code, url: "${{ steps.publish.output.remoteUrl }}"}]
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "skeleton").mkdir()
    (tmp_path / "skeleton" / "${{ values.name }}.txt").write_text("${{ values.colour }}\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "one.yaml").write_text(
        "parameters: {name: a}\noutputs: {publish: {remoteUrl: u}}\n"
    )
    return tmp_path


def test_what_is_rendered_is_written_down_and_then_compared(template: Path) -> None:
    run_tests(template, update=True)
    expected = (template / "tests" / "one.expected.yaml").read_text()
    assert "a.txt: |\n    green\n" in expected
    assert "repoUrl: h?owner=demo&repo=a" in expected
    assert "url: u" in expected
    run_tests(template, update=False)


def test_a_difference_fails_and_is_shown(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_tests(template, update=True)
    (template / "skeleton" / "${{ values.name }}.txt").write_text("red\n")
    with pytest.raises(CommandError):
        run_tests(template, update=False)
    printed = capsys.readouterr().out
    assert "-    green" in printed
    assert "+    red" in printed


def test_an_error_that_is_expected_passes(template: Path) -> None:
    (template / "tests" / "one.yaml").write_text('parameters: {}\nerror: "parameters.name"\n')
    run_tests(template, update=False)


WRONG = {
    "no expectation yet": "parameters: {name: a}\n",
    "parameters that are refused": "parameters: {name: A}\n",
    "an error that does not come": "parameters: {name: a}\nerror: x\n",
    "a field that tests do not have": "parameters: {name: a}\nfiles: {}\n",
    "a test that is no object": "[]\n",
    "a test that cannot be read": "a: [\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_fails_for(template: Path, text: str) -> None:
    (template / "tests" / "one.yaml").write_text(text)
    with pytest.raises(CommandError):
        run_tests(template, update=False)


def test_a_template_without_tests_says_how_to_write_one(template: Path) -> None:
    (template / "tests" / "one.yaml").unlink()
    with pytest.raises(CommandError) as caught:
        run_tests(template, update=False)
    assert "tests/default.yaml" in caught.value.hint
