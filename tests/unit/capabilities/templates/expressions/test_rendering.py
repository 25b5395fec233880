"""What templates print: the behaviour of Nunjucks, case by case."""

import pytest

from towpath.capabilities.portal.templates.expressions import Dialect, ExpressionError, render

GIVEN = {
    "name": "order-service",
    "number": 3,
    "half": 1.5,
    "zero": 0,
    "no": False,
    "nothing": None,
    "empty_list": [],
    "empty_object": {},
    "list": [1, None, "z"],
    "object": {"a": 1, "b": {"c": "deep"}},
    "people": [{"name": "bob", "age": 3}, {"name": "alice", "age": 2}],
}

PRINTING = {
    "text without tags is left alone": ("a $b ${c} {{ d }}", "a $b ${c} {{ d }}"),
    "undefined prints nothing": ("[${{ missing }}${{ missing.deeper.still }}]", "[]"),
    "null prints nothing": ("[${{ nothing }}]", "[]"),
    "booleans are written as in JavaScript": ("${{ true }} ${{ no }}", "true false"),
    "a list is joined by commas, null in it is empty": ("${{ list }}", "1,,z"),
    "an object has no text": ("${{ object }}", "[object Object]"),
    "True and None are ordinary, undefined names": ("[${{ True }}${{ None }}]", "[]"),
    "whole floats print without a point": ("${{ 10 / 2 }} ${{ half }}", "5 1.5"),
    "large and small numbers print as in JavaScript": (
        "${{ 10 ** 21 }} ${{ 0.0000001 }} ${{ 0.1 + 0.2 }}",
        "1e+21 1e-7 0.30000000000000004",
    ),
    "line ends of Windows are kept": ("a ${{ number }}\r\nb\r\n", "a 3\r\nb\r\n"),
    "the last line end is kept": ("${{ number }}\n", "3\n"),
    "raw text is not rendered": ("{% raw %}${{ x }}{% endraw %}", "${{ x }}"),
    "comments vanish": ("a{# ${{ b }} #}c", "ac"),
    "a dash trims the white space beside it": ("a  ${{- ' b ' -}}  c", "a b c"),
    "a slice of a text is a list of characters": ("${{ 'abc'[0:2] }}", "a,b"),
}

TRUTH = {
    "an empty list is true": ("${{ 'yes' if empty_list else 'no' }}", "yes"),
    "an empty object is true": ("{% if empty_object %}yes{% endif %}", "yes"),
    "zero, empty text, null and undefined are false": (
        "${{ zero or '' or nothing or missing or 'last' }}",
        "last",
    ),
    "and gives its operand, not a boolean": ("${{ number and name }}", "order-service"),
    "if without else is empty": ("[${{ 'x' if no }}]", "[]"),
    "two equals convert": (
        "${{ '1' == 1 }} ${{ 0 == no }} ${{ nothing == missing }}",
        "true " * 2 + "true",
    ),
    "three equals do not": ("${{ '1' === 1 }} ${{ '1' !== 1 }} ${{ 1 === 1 }}", "false true true"),
    "texts compare by character, others by number": (
        "${{ 'b' > 'a' }} ${{ '10' > 9 }}",
        "true true",
    ),
    "in looks into lists, texts and objects": (
        "${{ 1 in list }} ${{ 'ord' in name }} ${{ 'a' in object }} ${{ 5 not in list }}",
        "true true true true",
    ),
    "tests": ("${{ 3 is odd }} ${{ missing is defined }} ${{ name is string }}", "true false true"),
}

ARITHMETIC = {
    "plus joins when one side is text": ("${{ '1' + 1 }} ${{ 1 + 1 }}", "11 2"),
    "minus makes numbers of texts": ("${{ '3' - 1 }}", "2"),
    "precedence": (
        "${{ 3 + 4 - 5 * 6 / 10 }} ${{ 4 ** 5 }} ${{ 9 // 5 }} ${{ 9 % 5 }}",
        "4 1024 1 4",
    ),
    "tilde joins as text": ("${{ 4 ~ 'a' ~ 5 }}", "4a5"),
    "what has no number": ("${{ name * 2 }} ${{ 1 / 0 }}", "NaN Infinity"),
    "a power that is too large is infinite, not slow": ("${{ 9 ** 999999999 }}", "Infinity"),
    "plus on lists makes text": ("${{ empty_list + list }}", "1,,z"),
}

STATEMENTS = {
    "elif and elseif are the same": (
        "{% if no %}a{% elif no %}b{% elseif number %}c{% else %}d{% endif %}",
        "c",
    ),
    "set in a loop changes the variable outside": (
        "{% set v = 5 %}{% for i in [1, 2] %}{% set v = v + 1 %}{% endfor %}${{ v }}",
        "7",
    ),
    "set in a loop without a variable outside ends with the loop": (
        "{% for i in [1] %}{% set v = 5 %}{% endfor %}[${{ v }}]",
        "[]",
    ),
    "a loop over an object has key and value": (
        "{% for k, v in { one: 1, two: 2 } %}${{ k }}=${{ v }};{% endfor %}",
        "one=1;two=2;",
    ),
    "a loop takes rows apart": (
        "{% for a, b in [[1, 2], [3, 4]] %}${{ a }}-${{ b }} {% endfor %}",
        "1-2 3-4 ",
    ),
    "a loop over nothing runs its else": (
        "{% for i in missing %}x{% else %}none{% endfor %}",
        "none",
    ),
    "loop knows where it is": (
        "{% for i in 'abc' %}${{ loop.index }}${{ ',' if not loop.last }}{% endfor %}",
        "1,2,3",
    ),
    "an inner loop hides the outer variable": (
        "{% for i in [1, 2] %}{% for i in [3, 4] %}${{ i }}{% endfor %}${{ i }}{% endfor %}",
        "341342",
    ),
    "a macro has defaults and named arguments": (
        "{% macro f(x, y=2, z=5) %}${{ x }}${{ y }}${{ z }}{% endmacro %}${{ f(1, z=3) }}",
        "123",
    ),
    "a macro sees nothing of its caller": (
        "{% macro one(v) %}${{ two() }}{% endmacro %}"
        "{% macro two() %}[${{ v }}]{% endmacro %}${{ one(1) }}",
        "[]",
    ),
    "a call block is what caller() gives": (
        "{% macro w(e) %}<${{ e }}>${{ caller() }}{% endmacro %}{% call w('p') %}hi{% endcall %}",
        "<p>hi",
    ),
    "set with a body": ("{% set x %}a${{ number }}{% endset %}${{ x }}", "a3"),
    "a filter over a block": ("{% filter upper %}a${{ name }}{% endfilter %}", "AORDER-SERVICE"),
}

FILTERS = {
    "dump writes JSON": ("${{ object | dump }}", '{"a":1,"b":{"c":"deep"}}'),
    "dump indents": ("${{ [1] | dump(2) }}", "[\n  1\n]"),
    "default replaces undefined only": (
        "${{ missing | default('d') }}${{ nothing | default('d') }}",
        "d",
    ),
    "default with true replaces what is false": ("${{ '' | default('d', true) }}", "d"),
    "replace": (
        "${{ name | replace('-', '_') }} ${{ 'aaa' | replace('a', 'b', 2) }}",
        "order_service bba",
    ),
    "replace by pattern": (
        r"${{ 'a.b.c' | replace(r/\./g, '-') }} ${{ 'Ab' | replace(r/B/i, '$&$&') }}",
        "a-b-c Abb",
    ),
    "upper, lower, title, capitalize, trim": (
        "${{ 'aB' | upper }}${{ 'aB' | lower }}${{ 'a bC' | title }}"
        "${{ 'aB' | capitalize }}${{ ' x ' | trim }}",
        "ABabA BcAbx",
    ),
    "join takes a separator and an attribute": (
        "${{ [1, 2] | join('-') }} ${{ people | join(', ', 'name') }}",
        "1-2 bob, alice",
    ),
    "first, last, length, reverse": (
        "${{ 'abc' | first }}${{ [1, 2] | last }}${{ object | length }}${{ 'abc' | reverse }}",
        "a22cba",
    ),
    "sort by attribute": (
        "${{ people | sort(false, false, 'age') | join(' ', 'name') }}",
        "alice bob",
    ),
    "select by attribute": ("${{ people | selectattr('name') | length }}", "2"),
    "int, float and round": (
        "${{ '12px' | int }} ${{ 'x' | int(7) }} ${{ '1.5' | float }} ${{ 2.5 | round }}",
        "12 7 1.5 3",
    ),
    "indent": ("${{ 'a\nb' | indent(2) }}", "a\n  b"),
    "parseRepoUrl": (
        "${{ 'github.com?repo=r&owner=o' | parseRepoUrl | dump }}",
        '{"host":"github.com","owner":"o","repo":"r"}',
    ),
    "projectSlug": ("${{ 'h?owner=o&repo=r' | projectSlug }}", "o/r"),
    "parseEntityRef fills in what is missing": (
        "${{ 'x' | parseEntityRef({ defaultKind: 'group', defaultNamespace: 'n' }) | dump }}",
        '{"kind":"group","namespace":"n","name":"x"}',
    ),
    "pick": ("${{ 'user:ns/x' | parseEntityRef | pick('namespace') }}", "ns"),
}

ALL = {**PRINTING, **TRUTH, **ARITHMETIC, **STATEMENTS, **FILTERS}


@pytest.mark.parametrize(("source", "expected"), ALL.values(), ids=ALL.keys())
def test_prints(source: str, expected: str) -> None:
    assert render(source, GIVEN) == expected


WRONG = {
    "a broken expression": "${{ name | }}",
    "an unknown filter": "${{ name | shout }}",
    "an unknown test": "${{ name is loud }}",
    "another template": "{% include 'x' %}",
    "a block that does not end": "{% if name %}",
    "a method of a text": "${{ name.upper() }}",
    "a reference without a kind": "${{ 'x' | parseEntityRef }}",
    "a repository address without an owner": "${{ 'host?repo=r' | parseRepoUrl }}",
    "a key that is a number": "${{ { 1: 2 } }}",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG.keys())
def test_refuses(source: str) -> None:
    with pytest.raises(ExpressionError):
        render(source, GIVEN)


ENDLESS = {
    "loops in loops": "{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}"
    "{% endfor %}",
    "a macro that calls itself": "{% macro f() %}${{ f() }}{% endmacro %}${{ f() }}",
    "a text that doubles": "{% set s = 'aa' %}"
    "{% for i in range(60) %}{% set s = s + s %}{% endfor %}",
    "a list of lists that doubles": "{% set l = ['a'] %}"
    "{% for i in range(60) %}{% set l = [l, l] %}{% endfor %}${{ l }}",
    "a range without end": "${{ range(1000000000) }}",
    "a long line": "${{ 'x' | center(1000000000) }}",
    "a replacement that multiplies": "{% set s %}{% for i in range(9000) %}a{% endfor %}"
    "{% endset %}"
    "${{ s | replace('a', s) }}",
    "parentheses without end": "${{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
}


@pytest.mark.slow
@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS.keys())
def test_ends(source: str) -> None:
    with pytest.raises(ExpressionError):
        render(source, GIVEN)


@pytest.mark.slow
def test_a_pattern_that_goes_back_without_end_is_interrupted() -> None:
    with pytest.raises(ExpressionError, match="longer than"):
        render("${{ text | replace(r/^(a|aa)+$/, '') }}", {"text": "a" * 200 + "!"})
    assert render("${{ 1 + 1 }}", {}) == "2"


REACHING = {
    "attributes of Python": "${{ ''.__class__ }}${{ list.append }}${{ object.keys }}",
    "the scope": "${{ self }}${{ context }}${{ loop }}",
}


@pytest.mark.parametrize("source", REACHING.values(), ids=REACHING.keys())
def test_reaches_no_python(source: str) -> None:
    assert render(source, GIVEN) == ""


def test_cookiecutter_writes_its_tags_without_a_dollar() -> None:
    assert render("{{ name }} ${{ name }}", GIVEN, dialect=Dialect(cookiecutter=True)) == (
        "order-service $order-service"
    )


def test_given_values_are_not_changed_by_set() -> None:
    given = {"name": "a"}
    render("{% set name = 'b' %}", given)
    assert given == {"name": "a"}
