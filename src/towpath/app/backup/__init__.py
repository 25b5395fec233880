"""Backups: the truth of a data directory in one file, taken while the platform runs.

archive     a stream of files that says at its end what it should have held
passphrase  the same stream, encrypted
parts       what of a data directory is truth, and where it lies
taking      from a data directory, running or not, into an archive
restoring   from an archive into a new data directory
"""


class BackupError(Exception):
    """What is in the way, and what to do; `str()` is for the person who typed the command."""
