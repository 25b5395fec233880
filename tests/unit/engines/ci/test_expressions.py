"""The expression language, case by case."""

import math

import pytest

from towpath.engines.ci.expressions import (
    ExpressionError,
    Scope,
    Value,
    condition,
    evaluate,
    parse,
    render,
    render_text,
    to_text,
)

SHARED = {"name": "shared"}
CONTEXTS: dict[str, Value] = {
    "github": {
        "event_name": "push",
        "ref": "refs/heads/main",
        "sha": "0123456789",
        "event": {
            "commits": [
                {"id": "a", "author": {"name": "Ada"}, "tags": ["x", "y"]},
                {"id": "b", "author": {"name": "Bob"}},
                {"id": "c"},
            ],
            "numbers": [1, 2.5, 3],
            "by-id": {"one": {"v": 1}, "two": {"v": 2}},
            "empty": {},
        },
    },
    "env": {"Mode": "Fast", "ZERO": "0", "EMPTY": ""},
    "one": SHARED,
    "same": SHARED,
    "twin": {"name": "shared"},
    "list": ["Push", "tag", None, 1, True],
    "nothing": None,
}
SCOPE = Scope(
    CONTEXTS,
    {
        "success": lambda _: True,
        "failure": lambda _: False,
        "always": lambda _: True,
        "cancelled": lambda _: False,
    },
)
FAILED = Scope(
    CONTEXTS,
    {
        "success": lambda _: False,
        "failure": lambda _: True,
        "always": lambda _: True,
        "cancelled": lambda _: False,
    },
)

VALUES = [
    # literals
    ("null", None, "null"),
    ("true", True, "a boolean"),
    ("42", 42, "an integer"),
    ("-9.2", -9.2, "a negative fraction"),
    (".5", 0.5, "a fraction without its zero"),
    ("0xff", 255, "a hexadecimal number"),
    ("0o17", 15, "an octal number"),
    ("-2.99e-2", -0.0299, "a number with an exponent"),
    ("'It''s'", "It's", "two quotes in a string are one"),
    ("''", "", "the empty string"),
    # dereference
    ("github.event_name", "push", "a property"),
    ("GitHub.Event_Name", "push", "names have no case"),
    ("github['event_name']", "push", "a property by index"),
    ("github.event['by-id'].one.v", 1, "a property with a dash in its name"),
    ("github.event.by-id.two.v", 2, "a dash needs no quotes"),
    ("github.missing", None, "what is missing is null"),
    ("github.missing.more[0].still", None, "and so is everything below it"),
    ("github.event.numbers[1]", 2.5, "an element"),
    ("github.event.numbers['1']", 2.5, "an index that is a numeric string"),
    ("github.event.numbers[1.9]", 2.5, "an index is rounded down"),
    ("github.event.numbers[7]", None, "an index beyond the end"),
    ("github.event.numbers[-1]", None, "no index from the end"),
    ("github.event_name.length", None, "strings have no properties"),
    ("github[format('event_{0}', 'name')]", "push", "a computed index"),
    # filters
    ("github.event.commits.*.id", ["a", "b", "c"], "a property of each element"),
    ("github.event.commits.*.author.name", ["Ada", "Bob"], "elements without it are left out"),
    ("github.event.by-id.*.v", [1, 2], "the values of an object"),
    ("github.event.commits.*.tags.*", ["x", "y"], "a filter of a filter is flat"),
    ("github.event.commits[*].id", ["a", "b", "c"], "a filter in brackets"),
    ("github.event_name.*", [], "a filter of a string is empty"),
    # logic returns operands
    ("'a' && 'b'", "b", "and returns the last operand"),
    ("'' && 'b'", "", "and returns the first false operand"),
    ("0 || 'b'", "b", "or returns the first true operand"),
    ("'' || 0", 0, "or returns the last operand when none is true"),
    ("github.event_name == 'push' && 'yes' || 'no'", "yes", "the poor man's if"),
    ("false && fromJSON('broken')", False, "the right side is not computed in vain"),
    ("true || fromJSON('broken')", True, "nor after a true left side"),
    ("true || true && false", True, "and binds stronger than or"),
    ("(true || true) && false", False, "parentheses"),
    ("!true == false", True, "not binds stronger than equality"),
    ("1 < 2 == true", True, "order binds stronger than equality"),
    ("!''", True, "the empty string is false"),
    ("!'false'", False, "any other string is true"),
    ("!0", True, "zero is false"),
    ("!-0", True, "and so is minus zero"),
    ("!NaN", True, "and so is NaN"),
    ("!nothing", True, "and so is null"),
    ("!github.event.empty", False, "an empty object is true"),
    # loose comparison
    ("'ABC' == 'abc'", True, "strings have no case"),
    ("env.mode == 'fast'", True, "names and values have no case"),
    ("null == 0", True, "null counts as 0"),
    ("null == ''", True, "so null equals the empty string"),
    ("'' == 0", True, "the empty string counts as 0"),
    ("true == 1", True, "true counts as 1"),
    ("true == '1'", True, "and a string as its number"),
    ("true == 'true'", False, "the word true is not a number"),
    ("'0x10' == 16", True, "a string in hexadecimal"),
    ("' 12 ' == 12", True, "space around a number does not matter"),
    ("'1,000' == 1000", False, "no thousands separators"),
    ("NaN == NaN", False, "NaN equals nothing"),
    ("NaN != NaN", True, "so it differs from itself"),
    ("'abc' == 0", False, "a word is no number"),
    ("one == same", True, "an object equals itself"),
    ("one == twin", False, "and no other object"),
    ("one == 'Object'", False, "an object equals no string"),
    ("null == null", True, "null equals null"),
    ("1 == 1.0", True, "numbers are of one kind"),
    ("2 > '1'", True, "order coerces to numbers"),
    ("'b' > 'A'", True, "strings are ordered without case"),
    ("'10' > '9'", False, "strings are ordered as strings"),
    ("'a' > 1", False, "what is no number is not greater"),
    ("'a' <= 1", False, "and not smaller either"),
    ("null >= 0", True, "null counts as 0 in an order"),
    ("one > 0", False, "objects have no order"),
    # functions
    ("contains('Hello world', 'WORLD')", True, "contains has no case"),
    ("contains(list, 'push')", True, "contains in an array compares loosely"),
    ("contains(list, 'us')", False, "contains in an array compares whole elements"),
    ("contains(fromJSON('[1, 2]'), '2')", True, "contains coerces elements"),
    ("contains(github.event.commits.*.author.name, 'ada')", True, "contains in a filter"),
    ("contains(123, 2)", True, "contains makes text of numbers"),
    ("startsWith('Hello', 'he')", True, "startsWith has no case"),
    ("STARTSWITH('Hello', 'he')", True, "functions have no case"),
    ("endsWith(github.ref, '/main')", True, "endsWith"),
    ("startsWith(nothing, '')", True, "null is the empty string"),
    ("format('{0}-{1}-{0}', 'a', 2)", "a-2-a", "format"),
    ("format('{{0}} {0}', true)", "{0} true", "format escapes braces by doubling"),
    ("join(list, '+')", "Push+tag++1+true", "join makes text of elements"),
    ("join(github.event.numbers)", "1,2.5,3", "join with a comma by default"),
    ("join('single', '+')", "single", "join of a string is the string"),
    ("toJSON('a\"b')", '"a\\"b"', "toJSON of a string"),
    ("toJSON(github.event.numbers)", "[\n  1,\n  2.5,\n  3\n]", "toJSON of an array"),
    ("toJSON(one)", '{\n  "name": "shared"\n}', "toJSON of an object"),
    ("toJSON(github.event.empty)", "{}", "toJSON of nothing"),
    ("toJSON(null)", "null", "toJSON of null"),
    ("fromJSON('{\"a\": [1, null]}').a[0]", 1, "fromJSON"),
    ("fromJSON('true') && 'on'", "on", "fromJSON makes booleans"),
    ("fromJSON(toJSON(list))[0]", "Push", "toJSON and back"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(text, expected, id=reason) for text, expected, reason in VALUES],
)
def test_value(text: str, expected: Value) -> None:
    found = evaluate(parse(text), SCOPE)
    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


ERRORS = [
    ("", "nothing at all"),
    ('"double"', "double quotes"),
    ("'open", "a string without its end"),
    ("a b", "two values without an operator"),
    ("github.", "a dot without a name"),
    ("github[1", "an open bracket"),
    ("(1", "an open parenthesis"),
    ("1 +", "arithmetic"),
    ("a = b", "a single equals sign"),
    ("a & b", "a single ampersand"),
    ("1.2.3", "a version is not a number"),
    ("f(1,)", "an argument that is missing"),
    ("(" * 60 + "1" + ")" * 60, "too many parentheses"),
    ("a" + ".b" * 500, "too long a way"),
    ("a && " * 500 + "a", "too many operators"),
    ("unknown", "an unknown context"),
    ("unknown()", "an unknown function"),
    ("contains('a')", "too few arguments"),
    ("startsWith('a', 'b', 'c')", "too many arguments"),
    ("format('{1}', 'a')", "a placeholder without a value"),
    ("format('{x}', 'a')", "a placeholder without a number"),
    ("fromJSON('{')", "broken JSON"),
    ("join(fromJSON('[1,2]'), format('{0}{0}', hashFiles))", "a function without parentheses"),
]


@pytest.mark.parametrize("text", [pytest.param(text, id=reason) for text, reason in ERRORS])
def test_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(parse(text), SCOPE)


NUMBERS = [
    (1.0, "1", "a whole number has no point"),
    (0.1 + 0.2, "0.3", "fifteen digits"),
    (1e20, "1E+20", "very large"),
    (1e-7, "1E-07", "very small"),
    (123456789012345, "123456789012345", "fifteen whole digits"),
    (-0.0, "0", "minus zero"),
    (math.nan, "NaN", "not a number"),
    (-math.inf, "-Infinity", "minus infinity"),
]


@pytest.mark.parametrize(
    ("number", "text"), [pytest.param(n, text, id=reason) for n, text, reason in NUMBERS]
)
def test_number_as_text(number: float, text: str) -> None:
    assert to_text(number) == text


TEMPLATES = [
    ("plain", "plain", "no expression"),
    ("${{ 1 == 1 }}", True, "a single expression keeps its kind"),
    (" ${{ true }}", " true", "with text around, it becomes text"),
    ("a${{ 1 }}b${{ null }}c", "a1bc", "several expressions"),
    ("${{ github.event.numbers }}", [1, 2.5, 3], "a whole array"),
    ("x ${{ github.event.numbers }}", "x Array", "an array inside text is only named"),
    ("${{ '}}' }}", "}}", "closing braces inside a string"),
    ("${{ 'it''s }}' }}!", "it's }}!", "after a doubled quote"),
    ("$ {{ 1 }} $1 ${X}", "$ {{ 1 }} $1 ${X}", "what only looks like one"),
    ({"a": ["${{ 2 }}", 3]}, {"a": [2, 3]}, "inside lists and mappings"),
]


@pytest.mark.parametrize(
    ("template", "expected"),
    [pytest.param(template, expected, id=reason) for template, expected, reason in TEMPLATES],
)
def test_template(template: Value, expected: Value) -> None:
    assert render(template, SCOPE) == expected


def test_a_template_without_its_end_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        render_text("${{ github.ref }", SCOPE)


CONDITIONS = [
    ("github.ref == 'refs/heads/main'", True, False, "success is implied"),
    ("${{ github.ref == 'refs/heads/main' }}", True, False, "also with the braces"),
    ("always()", True, True, "always"),
    ("failure()", False, True, "failure"),
    ("Failure() && github.ref == 'refs/heads/main'", False, True, "a status in an operand"),
    ("!cancelled()", True, True, "not cancelled"),
    ("contains('x', 'y') || always()", True, True, "a status anywhere"),
    ("", True, False, "nothing is success"),
    ("false", False, False, "never"),
    ("${{ false }} && ${{ false }}", True, False, "text around expressions is a true string"),
]


@pytest.mark.parametrize(
    ("text", "after_success", "after_failure"),
    [pytest.param(text, good, bad, id=reason) for text, good, bad, reason in CONDITIONS],
)
def test_condition(text: str, after_success: bool, after_failure: bool) -> None:
    assert condition(text).holds(SCOPE) is after_success
    assert condition(text).holds(FAILED) is after_failure
