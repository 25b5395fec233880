from typing import Any

import pytest

from towpath.machinery.cel import CelError, CelSyntaxError, Environment
from towpath.machinery.cel.types import DYN

ENVIRONMENT = Environment({"self": DYN})
SELF = {"names": ["ab", "b"], "n": 2, "quota": "1.5Gi"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("self.n > 1 && self.names.all(x, size(x) < 3)", True),
        ("self.?missing.orValue(7)", 7),
        ("quantity(self.quota).isGreaterThan(quantity('1Gi'))", True),
        ("quantity('500m').add(quantity('0.5')) == quantity('1')", True),
        ("quantity('5').sub(2).asInteger()", 3),
        ("isQuantity('many')", False),
        ("url('https://a.b:80/c?d=e').getHost()", "a.b:80"),
        ("url('https://[::1]:80/c').getHostname()", "::1"),
        ("isURL('not a url')", False),
        ("ip('127.0.0.1').isLoopback()", True),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')", False),
        ("semver('1.2.3-a').isLessThan(semver('1.2.3'))", True),
        ("semver('v1.2', true).minor()", 2),
        ("[1, 2].sum()", 3),
        ("[3, 1].min()", 1),
        ("[1, 3, 2].isSorted()", False),
        ("'abc123'.find('[0-9]+')", "123"),
        ("'1 2 3'.findAll('[0-9]', 2)", ["1", "2"]),
        ("sets.contains([1, 2], [1])", True),
        ("self.names.map(x, x + '!').join(' ')", "ab! b!"),
        ("duration('1h') > duration('59m')", True),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    assert ENVIRONMENT.compile(expression).evaluate({"self": SELF}) == value


@pytest.mark.parametrize("expression", ["self.", "other == 1", "1 + 'a'", "self.n.foo()"])
def test_what_does_not_compile_says_so(expression: str) -> None:
    with pytest.raises(CelSyntaxError) as caught:
        ENVIRONMENT.compile(expression)
    assert caught.value.expression == expression


@pytest.mark.parametrize(
    "expression", ["self.missing == 1", "self.names[9]", "self.n / 0", "sign(quantity('x'))"]
)
def test_what_fails_carries_its_expression(expression: str) -> None:
    with pytest.raises(CelError) as caught:
        ENVIRONMENT.compile(expression).evaluate({"self": SELF})
    assert caught.value.expression == expression
