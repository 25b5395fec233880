"""`towpath score validate`: the answer that a promotion would give, before anything is pushed."""

from pathlib import Path

import pytest

from towpath.capabilities.delivery.promotions.commands import score_validate
from towpath.hooks.commands import CommandError

GOOD = """
apiVersion: score.dev/v1b1
metadata: {name: order-service}
containers: {main: {image: .}}
"""


async def test_a_good_file_passes(tmp_path: Path) -> None:
    path = tmp_path / "score.yaml"
    path.write_text(GOOD)
    await score_validate(None, path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param(GOOD + "resources: {q1: {type: kafka}}\n", id="an unknown resource type"),
        pytest.param(GOOD + "container: {}\n", id="an unknown field"),
    ],
)
async def test_a_bad_one_ends_the_command_with_an_error(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "score.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CommandError):
        await score_validate(None, path)
