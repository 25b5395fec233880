"""What commands print: data without noise, tables that line up."""

import pytest

from towpath.cli.output import without_managed_fields, write_names, write_table


def test_who_owns_which_field_is_not_shown() -> None:
    owned = {"metadata": {"name": "a", "managedFields": [{"manager": "x"}]}}
    shown = {"metadata": {"name": "a"}}
    assert without_managed_fields(owned) == shown
    assert without_managed_fields({"items": [owned]}) == {"items": [shown]}
    assert without_managed_fields({"workload": owned, "releases": (owned,)}) == {
        "workload": shown,
        "releases": [shown],
    }


def test_a_column_with_a_plus_is_for_wide_tables(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "+message": "two  words"}]
    write_table(rows)
    write_table(rows, wide=True)
    assert capsys.readouterr().out.splitlines() == [
        "NAME",
        "a",
        "NAME   MESSAGE",
        "a      two words",
    ]


def test_the_whole_answer_is_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write_table([{"name": "a"}], words=["It is well."])
    write_table([], words=["There is none yet."])
    said = capsys.readouterr()
    assert said.out.splitlines() == ["NAME", "a", "It is well.", "There is none yet."]
    assert said.err == ""


def test_names_are_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_names({"items": [{"metadata": {"name": "a"}}, {"name": "b"}]})
    write_names({"metadata": {"name": "c"}})
    assert capsys.readouterr().out.split() == ["a", "b", "c"]
