"""How a `run` becomes a program: the shell's name to its command line and its script file."""

from collections.abc import Sequence
from dataclasses import dataclass


class UnknownShell(Exception):
    """`str()` says which shells there are."""


@dataclass(frozen=True, slots=True)
class Shell:
    argv: tuple[str, ...]
    """`{0}` stands for the script's path."""
    suffix: str = ".sh"

    def command(self, script: str) -> Sequence[str]:
        return [part.replace("{0}", script) for part in self.argv]


_SHELLS = {
    # Without a name a failing command ends the step; a failing part of a pipe does so with `bash`.
    "": Shell(("bash", "-e", "{0}")),
    "bash": Shell(("bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}")),
    "sh": Shell(("sh", "-e", "{0}")),
    "python": Shell(("python", "{0}"), ".py"),
}
_ELSEWHERE = ("pwsh", "powershell", "cmd")


def shell_named(name: str) -> Shell:
    """The shell that a step asks for. Raises UnknownShell."""
    if name in _SHELLS:
        return _SHELLS[name]
    words = name.split()
    if words and words[0] in _ELSEWHERE:
        raise UnknownShell(f"the shell `{words[0]}` is not to be had here: use bash, sh or python")
    if "{0}" not in name:
        raise UnknownShell(
            f"`{name}` is not a shell: use bash, sh, python, or a command line with {{0}} for the "
            "script"
        )
    return Shell(tuple(words), "")
