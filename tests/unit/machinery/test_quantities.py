from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.machinery.quantities import canonical, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("1025", "1025"),
        ("1e3", "1e3"),
        ("0", "0"),
        ("-0.5", "-500m"),
        ("0.0000000001", "1n"),
        ("3.5Ki", "3584"),
        ("+1", "1"),
        ("100m", "100m"),
    ],
)
def test_the_one_form_of_a_quantity(text: str, written: str) -> None:
    assert canonical(text) == written


@pytest.mark.parametrize("text", ["", "abc", "1x", "1e", "1.2.3", "1 Gi", "--1", "1ki"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantit"):
        parse_quantity(text)


@given(
    st.integers(-(10**6), 10**6),
    st.sampled_from(["n", "u", "m", "", "k", "M", "G", "Ki", "Mi", "Gi", "e2", "e-3"]),
)
def test_the_form_keeps_the_amount_and_is_stable(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    written = canonical(text)
    assert parse_quantity(written) == parse_quantity(text)
    assert canonical(written) == written


def test_amounts_are_written_like_others() -> None:
    assert format_quantity(Fraction(1, 2)) == "500m"
    assert format_quantity(2**30, like="1Mi") == "1Gi"
