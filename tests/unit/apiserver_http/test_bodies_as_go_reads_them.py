"""What Go makes of a body that other parsers refuse, or read in another way."""

import pytest

from towpath.apiserver.http.bodies import as_go_numbers, check_patch_duplicates, decode
from towpath.machinery.errors import BadRequest, Invalid

YAML = "application/yaml"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb'"\ud800"', "\ufffd"),
        (rb'"\ud800x\udc00"', "\ufffdx\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ud800\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud800 \udfff"', "\\ud800 \ufffd"),
    ],
)
def test_half_of_a_surrogate_pair_is_the_sign_for_what_cannot_be_read(
    sent: bytes, read: str
) -> None:
    assert decode(sent, "application/json") == read


def test_numbers_beyond_64_bits_are_of_floating_point_where_no_type_is_known() -> None:
    body = b'{"a": [9223372036854775808, 9223372036854775807, 1]}'
    read = as_go_numbers(decode(body, "application/json"))
    assert [type(each) for each in read["a"]] == [float, int, int]


def test_an_empty_body_of_yaml_is_an_object_that_says_nothing() -> None:
    assert decode(b" \n", YAML) is None


@pytest.mark.parametrize(
    ("media_type", "body", "words"),
    [
        (MERGE, b'{"a": {"b": 1, "b": 2}}', 'duplicate field "a.b"'),
        (JSON_PATCH, b'[{"op": "add", "op": "test"}]', 'json patch duplicate field "[0].op"'),
        (APPLY, b'{"a": 1,\n "a": 2}', 'line 2: key "a" already set in map'),
    ],
)
def test_keys_of_patches_that_come_twice_are_told_or_refused(
    media_type: str, body: bytes, words: str
) -> None:
    patch = decode(body, YAML if media_type == APPLY else "application/json")
    assert check_patch_duplicates(body, media_type, patch, "Warn") == [words]
    assert check_patch_duplicates(body, media_type, patch, "Ignore") == []
    refusal = BadRequest if media_type == APPLY else Invalid
    with pytest.raises(refusal, match="strict decoding"):
        check_patch_duplicates(body, media_type, patch, "Strict")


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        pytest.param(APPLY, rb'{"a": "\ud83d\ude00", "a": 2}', id="JSON that is no YAML"),
        pytest.param(APPLY, b'{"a": 1, "a": "' + b"x" * 40_000 + b'"}', id="long JSON as YAML"),
        pytest.param(MERGE, b'\n{"a": 1, "a": 2}', id="JSON after an empty line"),
    ],
)
def test_keys_that_come_twice_are_told_by_their_paths(media_type: str, body: bytes) -> None:
    patch = decode(body, YAML if media_type == APPLY else "application/json")
    assert check_patch_duplicates(body, media_type, patch, "Warn") == ['duplicate field "a"']


def test_quotes_in_a_comment_of_yaml_are_no_keys() -> None:
    body = b'{"a": 1 # """"\n}'
    assert check_patch_duplicates(body, APPLY, decode(body, YAML), "Warn") == []
