"""Every kind of failure has its exit code, a sentence on standard error, and no traceback."""

import click
import pytest
from click.testing import CliRunner

from towpath.cli.adapter import build
from towpath.cli.main import invoke
from towpath.hooks.commands import (
    CONFLICT,
    FAILED,
    NO_PLATFORM,
    NOT_FOUND,
    TIMED_OUT,
    USAGE,
    Command,
    CommandError,
)
from towpath.machinery.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
    Unavailable,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(CommandError("it is so"), FAILED, id="a command says what is wrong"),
        pytest.param(CommandError("it is so", exit_code=USAGE), USAGE, id="and how to say so"),
        pytest.param(NotFound("it is so"), NOT_FOUND, id="it is not there"),
        pytest.param(Conflict("it is so"), CONFLICT, id="somebody was faster"),
        pytest.param(AlreadyExists("it is so"), CONFLICT, id="the name is taken"),
        pytest.param(Forbidden("it is so"), FAILED, id="not allowed"),
        pytest.param(Invalid("it is so"), FAILED, id="not valid"),
        pytest.param(Unauthorized("it is so"), NO_PLATFORM, id="not signed in"),
        pytest.param(Unavailable("it is so"), NO_PLATFORM, id="not running"),
        pytest.param(ConnectionRefusedError("it is so"), NO_PLATFORM, id="nobody listens"),
        pytest.param(TimeoutError("it is so"), TIMED_OUT, id="waited in vain"),
        pytest.param(
            ExceptionGroup("two", [NotFound("it is so")]), NOT_FOUND, id="from a task of it"
        ),
    ],
)
def test_a_failure_has_a_code_and_a_sentence(error: Exception, code: int) -> None:
    async def fail(_: None) -> None:
        """Fail."""
        raise error

    root: click.Group = build([Command(("fail",), fail, local=True)], invoke, "")
    done = CliRunner().invoke(root, ["fail"])
    assert done.exit_code == code
    assert done.stderr.startswith("error: ")
    assert "it is so" in done.stderr
    assert done.stdout == ""
