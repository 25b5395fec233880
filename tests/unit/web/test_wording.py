"""States, times, durations and log lines, as they are told."""

import pytest

from towpath.web import wording

NOW_S = 1_790_000_000.0


@pytest.mark.parametrize(
    ("value", "tone", "word"),
    [
        pytest.param("Healthy", "good", "Healthy", id="well"),
        pytest.param("OutOfSync", "warn", "Out of sync", id="words are taken apart"),
        pytest.param("waiting-for-approval", "warn", "Waiting for approval", id="dashes too"),
        pytest.param("CrashLoopBackOff", "bad", "Crash loop back off", id="a pod's reason"),
        pytest.param("Cancelled", "still", "Cancelled", id="nothing goes on"),
        pytest.param("Bewildered", "none", "Bewildered", id="unheard of is shown as it is"),
        pytest.param(None, "none", "Unknown", id="nothing is unknown"),
        pytest.param(True, "good", "True", id="a condition's status"),
    ],
)
def test_a_state_has_a_tone_and_a_word(value: object, tone: str, word: str) -> None:
    shown = wording.status_of(value)
    assert (tone, word) == (shown.tone, shown.word)


@pytest.mark.parametrize(
    ("passed_s", "told"),
    [
        pytest.param(4, "just now", id="seconds do not matter"),
        pytest.param(59, "59 seconds ago", id="under a minute"),
        pytest.param(60, "1 minute ago", id="one is not plural"),
        pytest.param(3 * 3600 + 59, "3 hours ago", id="rounded down"),
        pytest.param(-7200, "in 2 hours", id="to come"),
        pytest.param(400 * 86400, "1 year ago", id="long ago"),
    ],
)
def test_times_are_told_from_now(passed_s: float, told: str) -> None:
    assert told == wording.ago(NOW_S - passed_s, NOW_S)


def test_what_is_no_time_is_told_as_nothing() -> None:
    assert wording.ago("yesterday") == "" == wording.exact(None) == wording.duration("", "")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.42, "0.4 s"), (12, "12 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (-3, "0 s")],
)
def test_durations_have_units(seconds: float, told: str) -> None:
    assert told == wording.duration(NOW_S, NOW_S + seconds)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param("\x1b[1;32mok\x1b[0m", "ok", id="colours go"),
        pytest.param("\x1b]0;title\x07text", "text", id="a title for the terminal goes"),
        pytest.param("10%\r55%\r100%", "100%", id="of a progress line the last state"),
        pytest.param("done\r", "done", id="a line with a foreign ending"),
        pytest.param("a\u202eb\x00c", "abc", id="what hides other characters goes"),
        pytest.param("<b>&", "<b>&", id="markup is text, and escaped by the template"),
    ],
)
def test_a_log_line_is_plain(line: str, shown: str) -> None:
    assert shown == wording.plain(line)


def test_a_diff_tells_its_lines_apart() -> None:
    text = "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same"
    kinds = [kind for kind, _ in wording.diff_lines(text)]
    assert kinds == ["file", "file", "hunk", "removed", "added", "same"]


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8", "A browser"),
    ],
    ids=["Firefox", "Edge, which says it is everything", "something else"],
)
def test_a_session_is_named_after_its_browser(agent: str, said: str) -> None:
    assert said == wording.browser(agent)


@pytest.mark.parametrize(
    ("passed_s", "told"),
    [(2.7, "3 s"), (59.2, "59 s"), (300, "5 min"), (7200, "2 hours"), (86400 * 3, "3 days")],
)
def test_how_long_something_lasts_is_rounded(passed_s: float, told: str) -> None:
    assert wording.lasting(1000, now_s=1000 + passed_s) == told


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        pytest.param("plain", [("", "plain")], id="no colour"),
        pytest.param(
            "\x1b[1;31mbad\x1b[0m well", [("ansi-bold ansi-1", "bad"), ("", " well")], id="a colour"
        ),
        pytest.param("\x1b[38;5;196mx", [("", "x")], id="one of 256"),
        pytest.param("\x1b[38;2;1;2;3mx", [("", "x")], id="one of millions"),
        pytest.param("\x1b[92mok\x1b[39m.", [("ansi-2", "ok"), ("", ".")], id="a bright one"),
        pytest.param("a\x1b[2Jb\x1b]0;t\x07c", [("", "a"), ("", "b"), ("", "c")], id="movements"),
        pytest.param("10%\r100%", [("", "100%")], id="a line written over"),
        pytest.param("\x1b[31mev\u202eil", [("ansi-1", "evil")], id="what hides"),
        pytest.param("\x1b[m;<b>", [("", ";<b>")], id="an empty code"),
        pytest.param("##[group]Run tests", [("ansi-bold", "Run tests")], id="a group begins"),
        pytest.param("##[endgroup]", [("log-end", "")], id="a group ends"),
        pytest.param("##[error]no\x1b[0m!", [("ansi-bold ansi-1", "no"), ("", "!")], id="marked"),
        pytest.param(
            '{"time": "x", "level": "error", "message": "no", "path": "/", "n": [1]}',
            [("ansi-bold ansi-1", "ERROR "), ("", "no"), ("ansi-dim", " path=/ n=[1]")],
            id="a structured line",
        ),
        pytest.param('{"msg": "well"}', [("", "well")], id="a structured line of few words"),
        pytest.param('{"msg": "a\\u001b[31mb\\u202ec"}', [("", "abc")], id="what it hides"),
        pytest.param('{"a": 1}', [("", '{"a": 1}')], id="an object without a sentence"),
        pytest.param('{"msg": 1}', [("", '{"msg": 1}')], id="whose sentence is none"),
        pytest.param('{"msg": ', [("", '{"msg": ')], id="half of a structured line"),
        pytest.param("a ##[error]", [("", "a ##[error]")], id="no mark inside a line"),
    ],
)
def test_colours_of_a_log_line(line: str, parts: list[tuple[str, str]]) -> None:
    assert wording.ansi_parts(line) == parts
