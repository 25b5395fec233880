"""Templates drawn by chance, and what nunjitsu 0.6.2 made of them under Node.

What a new version of the embedded engine, or of the library, does otherwise shows here.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from towpath.capabilities.portal.templates.expressions import (
    UNDEFINED,
    ExpressionError,
    render,
    render_value,
)

CORPUS: dict[str, Any] = json.loads(Path(__file__).with_name("judged.json").read_text())


@pytest.mark.parametrize("start", range(0, 380, 20))
def test_renders_as_under_node(start: int) -> None:
    for case in CORPUS["cases"][start : start + 20]:
        assert _rendered(case) == _expected(case), case["source"]


def _rendered(case: dict[str, Any]) -> Any:
    if case["kind"] == "text":
        try:
            return render(case["source"], CORPUS["given"])
        except ExpressionError:
            return "refused"
    rendered = render_value(case["source"], CORPUS["given"])
    return "refused" if rendered.left else rendered.value


def _expected(case: dict[str, Any]) -> Any:
    if case.get("refused"):
        return "refused"
    return UNDEFINED if case.get("undefined") else case["expected"]
