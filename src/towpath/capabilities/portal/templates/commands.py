"""Commands of the terminal: `new`, `templates`, `runs` and `template test`."""

from towpath.hooks.commands import Command

COMMANDS: tuple[Command, ...] = ()
