"""Workflow commands in a step's output, the files it writes, and masks over both."""

import os
from pathlib import Path

import pytest

from towpath.engines.ci.actions.setup import version_matches
from towpath.engines.ci.commands import Listener
from towpath.engines.ci.filecommands import (
    FileCommandError,
    make_files,
    parse_pairs,
    read_files,
)
from towpath.engines.ci.masking import Mask
from towpath.engines.ci.network import host_network

LINES = [
    (["plain"], ["plain"], "a line of output"),
    (["::error::it broke"], ["##[error]it broke"], "an error"),
    (
        ["::error file=a.py,line=3,title=Oops::it broke"],
        ["##[error]a.py:3: it broke"],
        "an error with its place",
    ),
    (["::warning file=a%2Cb.py::x"], ["##[warning]a,b.py: x"], "an escaped property"),
    (["::notice::100%25 of%0Atwo lines"], ["##[notice]100% of", "##[notice]two lines"], "escapes"),
    (["::group::Build", "x", "::endgroup::"], ["##[group]Build", "x", "##[endgroup]"], "a group"),
    (["::debug::quiet"], [], "debug is not shown"),
    (["::add-mask::s3cret", "the s3cret"], ["the ***"], "a mask hides from then on"),
    (
        ["::stop-commands::word", "::error::text", "::word::", "::error::real"],
        ["::error::text", "##[error]real"],
        "commands can be stopped",
    ),
    (["::unknown::x"], ["::unknown::x"], "what is no command is output"),
    (["a::error::b"], ["a::error::b"], "a command begins the line"),
    (["  ::notice::x"], ["##[notice]x"], "or follows space"),
    (["::ERROR::x"], ["##[error]x"], "names have no case"),
]


@pytest.mark.parametrize(
    ("lines", "shown"), [pytest.param(lines, shown, id=reason) for lines, shown, reason in LINES]
)
def test_lines(lines: list[str], shown: list[str]) -> None:
    listener = Listener(Mask())
    assert [one for line in lines for one in listener.hear(line)] == shown


@pytest.mark.parametrize("name", ["set-output name=a", "set-env name=a", "add-path", "save-state"])
def test_what_is_gone_is_told_once_and_has_no_effect(name: str) -> None:
    listener = Listener(Mask())
    (warning,) = listener.hear(f"::{name}::value")
    assert warning.startswith("##[warning]")
    assert listener.hear(f"::{name}::value") == []


def test_the_first_error_is_kept_for_the_status_masked() -> None:
    listener = Listener(Mask(["s3cret"]))
    for line in ("::warning::w", "::error file=a.py::with s3cret", "::error::second"):
        listener.hear(line)
    assert listener.first_error == "a.py: with ***"


MASKS = [
    (["s3cret"], "a s3cret b", "a *** b", "a value"),
    (["abc", "abcdef"], "abcdef", "***", "the longer of two first"),
    (["line one\nline two"], "x line two", "x ***", "each line of a value"),
    (["a", ""], "a b", "a b", "values too short to hide"),
    (["(x|y)"], "(x|y) x", "*** x", "no regular expressions"),
]


@pytest.mark.parametrize(
    ("values", "text", "expected"),
    [pytest.param(values, text, want, id=reason) for values, text, want, reason in MASKS],
)
def test_masks(values: list[str], text: str, expected: str) -> None:
    assert Mask(values).hide(text) == expected


PAIRS = [
    ("a=1\nb=2\n", {"a": "1", "b": "2"}, "lines"),
    ("a=1=2", {"a": "1=2"}, "an equals sign in the value"),
    ("a=", {"a": ""}, "an empty value"),
    ("a=1\na=2", {"a": "2"}, "the last one counts"),
    ("a<<END\none\ntwo\nEND\nb=1", {"a": "one\ntwo", "b": "1"}, "several lines"),
    ("a<<END\nEND", {"a": ""}, "no lines"),
    ("a<<END\nx=<<y\nEND", {"a": "x=<<y"}, "anything inside"),
    ("a=<<END", {"a": "<<END"}, "an equals sign first"),
    ("\n\na=1\n\n", {"a": "1"}, "empty lines between"),
]


@pytest.mark.parametrize(
    ("text", "expected"), [pytest.param(text, want, id=reason) for text, want, reason in PAIRS]
)
def test_pairs(text: str, expected: dict[str, str]) -> None:
    assert parse_pairs(text, "GITHUB_OUTPUT") == expected


@pytest.mark.parametrize("text", ["word", "=value", "a<<", "a<<END\nnever ended", "<<END\nEND"])
def test_pairs_that_cannot_be_read(text: str) -> None:
    with pytest.raises(FileCommandError):
        parse_pairs(text, "GITHUB_OUTPUT")


def test_what_a_step_wrote_is_read(tmp_path: Path) -> None:
    files = make_files(tmp_path / "said")
    Path(files["GITHUB_OUTPUT"]).write_text("a=1\n")
    Path(files["GITHUB_ENV"]).write_text("B=2\nGITHUB_TOKEN=x\nNODE_OPTIONS=y\n")
    Path(files["GITHUB_PATH"]).write_text("/one\n\n/two\n")
    said = read_files(tmp_path / "said")
    assert (said.outputs, said.env, said.path) == ({"a": "1"}, {"B": "2"}, ["/one", "/two"])
    assert len(said.warnings) == 2


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a=stolen\n")
    files = make_files(tmp_path / "said")
    output = Path(files["GITHUB_OUTPUT"])
    output.unlink()
    output.symlink_to(secret)
    with pytest.raises(FileCommandError):
        read_files(tmp_path / "said")


def test_a_pipe_in_place_of_a_file_stops_nobody(tmp_path: Path) -> None:
    files = make_files(tmp_path / "said")
    output = Path(files["GITHUB_OUTPUT"])
    output.unlink()
    os.mkfifo(output)
    with pytest.raises(FileCommandError):
        read_files(tmp_path / "said")


def test_a_giant_file_is_refused(tmp_path: Path) -> None:
    files = make_files(tmp_path / "said")
    Path(files["GITHUB_OUTPUT"]).write_text("a=" + "x" * 2_000_000)
    with pytest.raises(FileCommandError):
        read_files(tmp_path / "said")


VERSIONS = [
    ("", "3.11.7", True, "anything"),
    ("3", "3.11.7", True, "a major version"),
    ("3.x", "3.11.7", True, "any minor version"),
    ("3.11", "3.11.7", True, "a minor version"),
    ("3.11.7", "3.11.7", True, "exactly"),
    ("3.11.8", "3.11.7", False, "another patch"),
    ("3.12", "3.11.7", False, "another minor version"),
    ("3.1", "3.11.7", False, "not by its text"),
    (">=3.10", "3.11.7", True, "at least"),
    (">=3.12", "3.11.7", False, "at least more"),
    (">=3.10 <3.12", "3.11.7", True, "a range"),
    (">=3.10,<3.11", "3.11.7", False, "outside of a range"),
    ("~3.11.0", "3.11.7", True, "about"),
    ("^3.10", "3.11.7", True, "compatible"),
    ("pypy3.10", "3.11.7", False, "another Python"),
]


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [pytest.param(wanted, has, want, id=reason) for wanted, has, want, reason in VERSIONS],
)
def test_versions_of_python(wanted: str, version: str, expected: bool) -> None:
    assert version_matches(wanted, version) is expected


def test_steps_get_the_way_to_the_network_and_nothing_else(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    network = host_network(
        {
            "HTTPS_PROXY": "http://user:s3cret@proxy:3128",
            "no_proxy": "localhost",
            "SSL_CERT_FILE": str(bundle),
            "PIP_CERT": str(tmp_path / "missing.pem"),
            "AWS_SECRET_ACCESS_KEY": "x",
            "HOME": "/root",
        }
    )
    assert sorted(network.variables) == ["HTTPS_PROXY", "PIP_CERT", "SSL_CERT_FILE", "no_proxy"]
    assert network.readable == (bundle,)
    assert network.secrets == ("s3cret",)
