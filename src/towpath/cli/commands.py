"""Every command: those of the capabilities and the shell's own."""

from towpath.app.capabilities import BUILT_IN
from towpath.cli.account_commands import ACCOUNT_COMMANDS
from towpath.cli.backup_commands import BACKUP_COMMANDS
from towpath.cli.git_commands import GIT_COMMANDS
from towpath.cli.object_commands import OBJECT_COMMANDS, deleting_files_too
from towpath.cli.platform_commands import PLATFORM_COMMANDS
from towpath.cli.transfer_commands import TRANSFER_COMMANDS
from towpath.hooks.commands import Command


def all_commands() -> list[Command]:
    contributed = [
        deleting_files_too(command) if command.words == ("delete",) else command
        for capability in BUILT_IN
        for command in capability.load_commands()
    ]
    return [
        *PLATFORM_COMMANDS,
        *BACKUP_COMMANDS,
        *TRANSFER_COMMANDS,
        *ACCOUNT_COMMANDS,
        *GIT_COMMANDS,
        *OBJECT_COMMANDS,
        *contributed,
    ]
