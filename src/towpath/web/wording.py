"""How things are told on a page: states, times, durations, log lines. Pure functions."""

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
YEAR_S = 365 * DAY_S

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

HUES = 8


@dataclass(frozen=True, slots=True)
class Status:
    """A state as it is shown; none of the three means anything alone."""

    tone: str
    icon: str
    word: str


_TONES = {
    "good": "healthy synced succeeded ready available active established bound complete completed "
    "approved approve true ok up passed merged current done",
    "busy": "progressing pending running rendering syncing deploying queued waiting starting "
    "terminating inprogress in_progress open checking preparing",
    "warn": "degraded outofsync waitingforapproval warning stale drift missing expiring behind "
    "conflicted needsanswers quarantined entitiesinvalid descriptornotfound repositoryempty",
    "bad": "failed error stalled rejected reject false crashloopbackoff imagepullbackoff lost down "
    "unreachable overdue failing stopped unreadable descriptorinvalid notallowed "
    "repositorynotfound",
    "still": "paused suspended cancelled canceled superseded undone skipped archived inactive "
    "retained notenforced closed",
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words.split()}
_ICONS = {
    "good": "check",
    "busy": "progress",
    "warn": "alert",
    "bad": "cross",
    "still": "pause",
    "none": "question",
}


def status_of(value: object) -> Status:
    """`OutOfSync` -> warn, alert, "Out of sync"; what nobody knows is shown as it is written."""
    text = str(value or "Unknown").strip()
    tone = _TONE_OF.get(text.lower().replace(" ", "").replace("-", ""), "none")
    return Status(tone, _ICONS[tone], words(text))


def words(text: str) -> str:
    """`WaitingForApproval` -> `Waiting for approval`; acronyms and single words stay."""
    first, *rest = CAMEL.sub(" ", text.replace("_", " ").replace("-", " ")).split() or [""]
    return " ".join(
        [first[:1].upper() + first[1:], *(w if w.isupper() else w.lower() for w in rest)]
    )


def moment(value: object) -> float | None:
    """Seconds since 1970 of a number or of a Kubernetes time; None for what is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, datetime):
        return value.timestamp()
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def ago(value: object, now_s: float | None = None) -> str:
    """`3 minutes ago`, `in 2 hours`, `just now`."""
    at_s = moment(value)
    if at_s is None:
        return ""
    passed_s = (time.time() if now_s is None else now_s) - at_s
    if abs(passed_s) < 10:
        return "just now"
    told = _largest(abs(passed_s))
    return f"in {told}" if passed_s < 0 else f"{told} ago"


def _largest(seconds: float) -> str:
    for unit_s, unit in (
        (YEAR_S, "year"),
        (30 * DAY_S, "month"),
        (DAY_S, "day"),
        (HOUR_S, "hour"),
        (MINUTE_S, "minute"),
    ):
        if seconds >= unit_s:
            return _counted(int(seconds // unit_s), unit)
    return _counted(int(seconds), "second")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def exact(value: object) -> str:
    """`2026-11-21 10:09:21 UTC`"""
    at_s = moment(value)
    if at_s is None:
        return ""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine_time(value: object) -> str:
    at_s = moment(value)
    if at_s is None:
        return ""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def clock(value: object) -> str:
    """`10:09:21`, for log lines."""
    at_s = moment(value)
    return "" if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S")


def duration(start: object, end: object = None) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`; without an end until now."""
    start_s = moment(start)
    end_s = time.time() if end in (None, "") else moment(end)
    if start_s is None or end_s is None:
        return ""
    seconds = max(0.0, end_s - start_s)
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    if seconds < MINUTE_S:
        return f"{int(seconds)} s"
    if seconds < HOUR_S:
        return f"{int(seconds // MINUTE_S)} min {int(seconds % MINUTE_S):02} s"
    return f"{int(seconds // HOUR_S)} h {int(seconds % HOUR_S // MINUTE_S):02} min"


def lasting(start: object, now_s: float | None = None) -> str:
    """For how long, in one rounded unit: `3 s`, `5 min`, `2 hours`, `3 days`."""
    start_s = moment(start)
    if start_s is None:
        return ""
    seconds = max(0, round((time.time() if now_s is None else now_s) - start_s))
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min"
    return _largest(seconds)


SGR = re.compile(r"\x1b\[([0-9;]*)m")
MARK = re.compile(r"##\[(group|endgroup|error|warning|notice|debug)\]")
"""How a runner of GitHub Actions marks a line of its log."""
MARKED = {
    "group": ("ansi-bold",),
    "endgroup": ("log-end",),
    "error": ("ansi-bold", "ansi-1"),
    "warning": ("ansi-3",),
    "notice": ("ansi-4",),
    "debug": ("ansi-dim",),
}


def ansi_parts(text: object) -> list[tuple[str, str]]:
    """A log line in pieces, each with the classes of its colour and weight; "" for none."""
    line = str(text).rpartition("\r")[2] or str(text)
    look: tuple[str, ...] = ()
    if found := MARK.match(line):
        look, line = MARKED[found[1]], line[found.end() :]
    if line.startswith("{") and (told := _structured(line)):
        return told
    if "\x1b" not in line:
        return [(" ".join(look), CONTROL.sub("", line))]
    parts: list[tuple[str, str]] = []
    at = 0
    for found in ANSI.finditer(line):
        parts.append((" ".join(look), CONTROL.sub("", line[at : found.start()])))
        at = found.end()
        if codes := SGR.fullmatch(found.group()):
            look = _look_after(look, codes.group(1))
    parts.append((" ".join(look), CONTROL.sub("", line[at:])))
    return [(classes, piece) for classes, piece in parts if piece]


_LEVELS = {
    "critical": "ansi-bold ansi-1",
    "fatal": "ansi-bold ansi-1",
    "error": "ansi-bold ansi-1",
    "warning": "ansi-3",
    "warn": "ansi-3",
    "debug": "ansi-dim",
    "trace": "ansi-dim",
}
_SENTENCES = ("message", "msg", "event")
_BESIDE = frozenset({"time", "timestamp", "ts", "@timestamp", "level", "severity", *_SENTENCES})
"""Told elsewhere: the viewer has a clock of its own."""


def _structured(line: str) -> list[tuple[str, str]]:
    """A line that is a JSON object: its level, its sentence, then its fields; [] for another."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return []
    sentence = next((said[name] for name in _SENTENCES if name in said), None)
    if not isinstance(sentence, str):
        return []
    level = str(said.get("level") or said.get("severity") or "")
    fields = "".join(
        f" {name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in said.items()
        if name not in _BESIDE
    )
    parts = (
        (_LEVELS.get(level.lower(), ""), f"{level.upper()} " if level else ""),
        ("", sentence),
        ("ansi-dim", fields),
    )
    return [(classes, shown) for classes, piece in parts if (shown := plain(piece))]


_WEIGHTS = {1: "ansi-bold", 2: "ansi-dim", 3: "ansi-italic", 4: "ansi-underlined"}


def _look_after(look: tuple[str, ...], codes: str) -> tuple[str, ...]:
    """The look of what follows the codes of one escape sequence."""
    numbers = [int(code or 0) for code in codes.split(";")]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            look = ()
        elif code in (38, 48) and numbers:
            # A colour of 256, or of millions: it is skipped with its parts.
            del numbers[: 2 if numbers[0] == 5 else 4]
        elif code in _WEIGHTS and _WEIGHTS[code] not in look:
            look = (*look, _WEIGHTS[code])
        elif 30 <= code <= 37 or 90 <= code <= 97 or code == 39:
            look = tuple(one for one in look if not one[-1].isdigit())
            look = look if code == 39 else (*look, f"ansi-{code % 10}")
    return look


def plain(text: object) -> str:
    """A log line without marks, colours, cursor movements and characters that hide others."""
    line = str(text).rpartition("\r")[2] or str(text)
    return CONTROL.sub("", ANSI.sub("", MARK.sub("", line, count=1)))


def initials(name: object) -> str:
    """`team-a` -> `TA`, `alice` -> `A`."""
    parts = [part for part in re.split(r"[^\w]+", str(name)) if part]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


def hue(name: object) -> int:
    """Always the same colour for the same name: one of the classes `hue-0` to `hue-7`."""
    return sum(str(name).encode()) % HUES


def diff_lines(text: str) -> list[tuple[str, str]]:
    """The lines of a unified diff, each with its kind: file, hunk, added, removed, same."""
    told = []
    for line in text.splitlines():
        if line.startswith(("+++", "---", "diff ", "index ", "new file", "deleted file")):
            kind = "file"
        elif line.startswith("@@"):
            kind = "hunk"
        else:
            kind = {"+": "added", "-": "removed"}.get(line[:1], "same")
        told.append((kind, line))
    return told


# In the order in which they claim to be one another: Edge says Chrome, Chrome says Safari.
_BROWSERS = {"Edg": "Edge", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari"}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def browser(user_agent: str) -> str:
    """`Firefox on Linux`, for a person to know their own session again."""
    name = next((said for sign, said in _BROWSERS.items() if sign in user_agent), "A browser")
    system = next((said for sign, said in _SYSTEMS.items() if sign in user_agent), "")
    return f"{name} on {system}" if system else name
