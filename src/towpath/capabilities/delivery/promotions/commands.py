"""What the terminal offers."""

COMMANDS = ()
