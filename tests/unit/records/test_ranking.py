"""How texts are ranked, and which piece of one is shown."""

from towpath.records.ranking import SNIPPET_CHARACTERS, LookedFor
from towpath.records.search import MARK_BEGINS, MARK_ENDS

RESTART = LookedFor.of([["restart"]])


def test_a_title_weighs_more_than_a_text_and_a_whole_word_more_than_its_beginning() -> None:
    in_title = RESTART.score("Restart it", "x", "x")
    begun = RESTART.score("Restarting", "x", "x")
    in_text = RESTART.score("x", "x", "restart restart restart")
    once = RESTART.score("x", "x", "restart")
    in_long_text = RESTART.score("x", "x", "restart " + "word " * 2000)
    assert in_title > begun > in_text > once > in_long_text > 0 == RESTART.score("x", "x", "x")


def test_a_snippet_is_the_piece_around_the_first_word_that_fits() -> None:
    text = "before " * 40 + "Restarts here " + "after " * 60
    snippet = RESTART.snippet(text)
    assert f"{MARK_BEGINS}Restarts{MARK_ENDS} here" in snippet
    assert snippet.startswith("…before")
    assert snippet.endswith("after…")
    assert len(snippet) <= SNIPPET_CHARACTERS + 4
    assert RESTART.snippet("short") == "short"


def test_words_are_looked_for_as_they_are_written() -> None:
    odd = LookedFor.of([["a+b", "c.d"], ["("]])
    assert odd.marked("x c.d y") == f"x {MARK_BEGINS}c.d{MARK_ENDS} y"
    assert odd.score("axb", "", "") == 0
