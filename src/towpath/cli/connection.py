"""Which platform a command talks to, as whom.

In this order: `TOWPATH_SERVER` with `TOWPATH_TOKEN` (CI), `TOWPATH_KUBECONFIG`, the file that
`towpath login` wrote, and the administrator's in the data directory. Where `TOWPATH_DATA_DIR` names
a data directory, a sign-in counts only for the platform that runs there.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from towpath.client.kubeconfig import Connection, KubeconfigError, from_environment, from_kubeconfig
from towpath.hooks.commands import NO_PLATFORM, CommandError

PLATFORM_CONTEXT = "platform"


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach one platform; `file` is the kubeconfig it came from, if any."""

    platform: Connection
    file: Path | None

    def cluster(self, name: str) -> Connection:
        """A local cluster of the same platform."""
        if self.file is None:
            base = self.platform
            return Connection(f"{base.server}/clusters/{name}", base.token, base.ca_pem)
        try:
            return from_kubeconfig(self.file, context=name)
        except KubeconfigError as error:
            raise CommandError(str(error), exit_code=NO_PLATFORM) from error


def login_file() -> Path:
    """Where `towpath login` writes: several people on one machine name a file each."""
    if configured := os.environ.get("TOWPATH_KUBECONFIG"):
        return Path(configured)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "towpath" / "kubeconfig"


def find_platform(data_dir: Path) -> Reach:
    """Raises CommandError, which says where was looked and how to start or sign in."""
    try:
        if connection := from_environment():
            return Reach(connection, None)
        for file in _candidates(data_dir):
            if file.exists():
                return Reach(from_kubeconfig(file, context=PLATFORM_CONTEXT), file)
    except KubeconfigError as error:
        raise CommandError(str(error), exit_code=NO_PLATFORM) from error
    raise CommandError(
        f"no platform found: neither {login_file()} nor {data_dir / 'kubeconfig'} exists",
        hint="start one with `towpath up`, or sign in to one with `towpath login LINK`",
        exit_code=NO_PLATFORM,
    )


def _candidates(data_dir: Path) -> list[Path]:
    if configured := os.environ.get("TOWPATH_KUBECONFIG"):
        return [Path(configured)]
    own, signed_in = data_dir / "kubeconfig", login_file()
    # Who says where the data directory is means the platform that runs there, and whoever signed in
    # to that one means to be that person.
    named = "TOWPATH_DATA_DIR" in os.environ and os.access(own, os.R_OK)
    if named and signed_in.exists() and not _is_same_platform(own, signed_in):
        return [own]
    return [signed_in, own]


def _is_same_platform(own: Path, other: Path) -> bool:
    """By the authority, which a platform keeps as long as its data; its ports may change."""
    ours = from_kubeconfig(own, context=PLATFORM_CONTEXT)
    try:
        theirs = from_kubeconfig(other, context=PLATFORM_CONTEXT)
    except KubeconfigError:
        return False
    if ours.ca_pem or theirs.ca_pem:
        return ours.ca_pem == theirs.ca_pem
    return ours.server == theirs.server
