"""A copy of a running PostgreSQL server with all its databases and roles, as one tar stream.

What comes is the server's folder with the log that makes it whole: a server that is started on it
recovers to the moment at which the copy ended. It needs the same major version to be read.
"""

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from towpath.engines.databases.embedded import environment, find_binaries, launch
from towpath.engines.databases.port import DatabaseError, ServerAddress

PROGRAM = "pg_basebackup"
CHUNK_BYTES = 64 * 1024


def server_version() -> str:
    """Of the binaries, such as `18.1`. Raises DatabaseError."""
    command = [*launch(find_binaries() / "postgres"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        raise DatabaseError(f"postgres --version failed: {done.stderr.strip()}")
    return done.stdout.split()[-1]


@contextmanager
def base_copy(address: ServerAddress) -> Iterator[tarfile.TarFile]:
    """Its members are to be read one after the other. Raises DatabaseError, also at the end."""
    program = find_binaries() / PROGRAM
    if not program.exists():
        raise DatabaseError(
            f"there is no {PROGRAM} in {program.parent}; install PostgreSQL's client programs there"
        )
    command = [
        *launch(program),
        *("--host", address.host, "--port", str(address.port), "--username", address.username),
        *("--pgdata", "-", "--format", "tar", "--wal-method", "fetch"),
        *("--checkpoint", "fast", "--no-password", "--no-manifest"),
    ]
    env = {**environment(), "PGPASSWORD": address.password}
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=env) as child,
    ):
        assert child.stdout is not None
        damage = ""
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|") as stream:
                yield stream
            while child.stdout.read(CHUNK_BYTES):
                pass
        except tarfile.ReadError as error:
            damage = str(error)
        except BaseException:
            child.kill()
            raise
        if child.wait() != 0 or damage:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()[-800:]
            raise DatabaseError(f"the databases could not be copied: {said or damage}")
