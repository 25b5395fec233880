"""Which events start a workflow."""

import pytest

from towpath.engines.ci.workflow import Event, is_triggered, read_workflow
from towpath.engines.ci.workflow.patterns import PatternError, compile_pattern, matches

JOBS = "\njobs: {a: {runs-on: x, steps: [{run: y}]}}"

PATTERNS = [
    ("main", "main", True, "a name"),
    ("main", "mainly", False, "the whole name"),
    ("*", "feature", True, "a star is any name"),
    ("*", "feature/x", False, "a star stops at a slash"),
    ("**", "feature/x", True, "two stars do not"),
    ("feature/*", "feature/x", True, "a star behind a slash"),
    ("feature/**", "feature/x/y", True, "two stars behind a slash"),
    ("v[12].[0-9]+.[0-9]+", "v2.10.3", True, "sets and repetition"),
    ("v[12].[0-9]+.[0-9]+", "v3.1.0", False, "outside of a set"),
    ("*.jsx?", "page.js", True, "a question mark makes the character before optional"),
    ("*.jsx?", "page.jsx", True, "or takes it"),
    ("**.js", "src/deep/page.js", True, "an ending anywhere"),
    ("docs/**", "docs/a/b.md", True, "everything in a folder"),
    ("docs/**", "docs", False, "not the folder's own name"),
    ("**/docs/**", "docs/a.md", True, "two stars and a slash may be nothing"),
    ("**/docs/**", "a/b/docs/c.md", True, "or folders"),
    ("**/*src/**", "a/my-src/c", True, "a name that ends so"),
    (r"a\*", "a*", True, "an escaped star"),
    ("a.b", "axb", False, "a dot is a dot"),
]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [pytest.param(p, text, expected, id=reason) for p, text, expected, reason in PATTERNS],
)
def test_pattern(pattern: str, text: str, expected: bool) -> None:
    assert matches([pattern], text) is expected


@pytest.mark.parametrize("pattern", ["", "[", "[]", "?", "a\\", "[b-a]"])
def test_a_pattern_that_means_nothing(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = ["releases/**", "!releases/**-alpha", "releases/10-alpha"]
    assert matches(patterns, "releases/9")
    assert not matches(patterns, "releases/9-alpha")
    assert matches(patterns, "releases/10-alpha")


MAIN = "refs/heads/main"
TRIGGERS = [
    ("push", Event("push", MAIN), True, "any push"),
    ("push", Event("push", "refs/tags/v1"), True, "any push is a tag's too"),
    ("push", Event("pull_request", MAIN, type="opened"), False, "another event"),
    ("{push: {branches: [main]}}", Event("push", MAIN), True, "a branch that is named"),
    ("{push: {branches: [main]}}", Event("push", "refs/heads/x"), False, "another branch"),
    ("{push: {branches: [main]}}", Event("push", "refs/tags/main"), False, "a tag is no branch"),
    ("{push: {tags: ['v*']}}", Event("push", "refs/tags/v1"), True, "a tag that is named"),
    ("{push: {tags: ['v*']}}", Event("push", MAIN), False, "a branch is no tag"),
    ("{push: {branches-ignore: [main]}}", Event("push", MAIN), False, "a branch to ignore"),
    ("{push: {branches-ignore: [main]}}", Event("push", "refs/heads/x"), True, "not to ignore"),
    ("{push: {paths: ['src/**']}}", Event("push", MAIN, ["src/a.py", "x"]), True, "a path"),
    ("{push: {paths: ['src/**']}}", Event("push", MAIN, ["x"]), False, "no such path"),
    ("{push: {paths: ['src/**']}}", Event("push", MAIN, None), True, "unknown paths may match"),
    ("{push: {paths: ['src/**']}}", Event("push", MAIN, []), False, "nothing has changed"),
    ("{push: {paths-ignore: [docs/**]}}", Event("push", MAIN, ["docs/a"]), False, "only ignored"),
    ("{push: {paths-ignore: [docs/**]}}", Event("push", MAIN, ["docs/a", "b"]), True, "not only"),
    (
        "{push: {branches: [main], paths: [a]}}",
        Event("push", "refs/heads/x", ["a"]),
        False,
        "branch and path must both match",
    ),
    ("pull_request", Event("pull_request", MAIN, type="opened"), True, "a new pull request"),
    ("pull_request", Event("pull_request", MAIN, type="closed"), False, "a closed one"),
    (
        "{pull_request: {types: [closed]}}",
        Event("pull_request", MAIN, type="closed"),
        True,
        "unless it asks for it",
    ),
    ("push", Event("push", MAIN, message="docs [skip ci]"), False, "a message that asks to skip"),
    ("push", Event("push", MAIN, message="x\n\nskip-checks: true"), False, "a trailer to skip"),
    ("workflow_dispatch", Event("workflow_dispatch", MAIN), True, "by hand"),
    ("workflow_dispatch", Event("push", MAIN), False, "only by hand"),
    ("{schedule: [{cron: '* * * * *'}]}", Event("schedule", MAIN), False, "no clock here"),
]


@pytest.mark.parametrize(
    ("on", "event", "expected"),
    [pytest.param(on, event, expected, id=reason) for on, event, expected, reason in TRIGGERS],
)
def test_trigger(on: str, event: Event, expected: bool) -> None:
    assert is_triggered(read_workflow("ci.yaml", f"on: {on}{JOBS}"), event) is expected
