"""References to entities: missing parts come from the place where the reference stands."""

import pytest

from towpath.machinery.references import BadReference, group_ref, parse_reference, person_ref

CASES = {
    "all parts": ("component:ns/a", "component:ns/a"),
    "the kind from its place": ("ns/a", "group:ns/a"),
    "the namespace from its place": ("user:a", "user:here/a"),
    "only the name": ("a.b-c_d", "group:here/a.b-c_d"),
    "a colon in the name, as of an ARN": ("resource:x/arn:aws:rds", "resource:x/arn:aws:rds"),
    "a colon after a slash": ("a/b:c", "group:a/b:c"),
    "a slash in the name": ("k:a/b/c", "k:a/b/c"),
}


@pytest.mark.parametrize(("text", "full"), CASES.values(), ids=CASES.keys())
def test_parses(text: str, full: str) -> None:
    assert str(parse_reference(text, default_kind="group", default_namespace="here")) == full


def test_references_are_compared_without_case() -> None:
    assert parse_reference("Component:NS/A").key == parse_reference("component:ns/a").key


def test_people_and_groups_have_names_that_the_catalogue_can_hold() -> None:
    assert person_ref("Alice@example.org") == "user:default/alice_example.org"
    assert group_ref("Pay Ments") == "group:default/pay_ments"


@pytest.mark.parametrize("text", ["a", "", "k:", "k:/a", ":a", "/a"])
def test_refuses(text: str) -> None:
    with pytest.raises(BadReference):
        parse_reference(text)
