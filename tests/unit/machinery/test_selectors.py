import pytest

from towpath.machinery.errors import BadRequest
from towpath.machinery.selectors import from_object, parse_fields, parse_labels

LABELS = {"app": "web", "tier": "front", "n": "7", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        pytest.param("", True, id="nothing asked matches everything"),
        pytest.param("app=web", True, id="equal"),
        pytest.param("app==api", False, id="equal to something else"),
        pytest.param("app!=api,other!=x", True, id="an absent label differs from every value"),
        pytest.param("app in (web, api)", True, id="in"),
        pytest.param("app notin (web)", False, id="notin"),
        pytest.param("tier,!other", True, id="exists and does not"),
        pytest.param("n>6,n<8", True, id="numbers"),
        pytest.param("empty=", True, id="an empty value"),
        pytest.param("empty in ()", True, id="a set with the empty value"),
    ],
)
def test_label_selectors_match(text: str, matches: bool) -> None:
    assert parse_labels(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a===b",
            "unable to parse requirement: found '=', expected: identifier",
            id="a third equals sign",
        ),
        pytest.param(
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            id="a word that is no operator",
        ),
        pytest.param("=x", "found '=', expected: !, identifier, or 'end of string'", id="no key"),
        pytest.param("a=b,", "found '', expected: identifier after ','", id="a comma at the end"),
        pytest.param(
            "a in (b",
            "unable to parse requirement: found '', expected: ',' or ')'",
            id="an open set",
        ),
    ],
)
def test_a_broken_selector_is_a_bad_request(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_labels(text)
    assert caught.value.message == message


def test_a_selector_prints_as_it_is_written() -> None:
    text = "a=b,c!=d,e in (f,g),!h,i"
    assert str(parse_labels(text)) == text


def test_object_selectors() -> None:
    assert not from_object(None).matches(LABELS)
    assert from_object({}).matches(LABELS)
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front"]},
            {"key": "other", "operator": "DoesNotExist"},
        ],
    }
    assert from_object(selector).matches(LABELS)
    with pytest.raises(BadRequest):
        from_object({"matchExpressions": [{"key": "a", "operator": "Is"}]})


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n,1"}, "status": {"ready": True}}
    assert parse_fields("metadata.name=a,status.phase!=Running").matches(pod)
    assert parse_fields("status.phase=").matches(pod)
    assert parse_fields("status.ready==true").matches(pod)
    assert parse_fields(r"spec.nodeName=n\,1").matches(pod)
    assert parse_fields("metadata.name=a").exact("metadata.name") == "a"
    assert parse_fields("metadata.name!=a").exact("metadata.name") is None
    with pytest.raises(BadRequest):
        parse_fields("metadata.name")
    with pytest.raises(BadRequest):
        parse_fields("spec.x=1").check({"metadata.name"})
