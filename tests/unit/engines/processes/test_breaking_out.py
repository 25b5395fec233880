"""What a hostile program tries first: it must not see or change more than it was given."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from towpath.engines.processes.host import SupervisedProcesses
from towpath.engines.processes.port import ProcessSpec

OWN = "uid" if os.geteuid() == 0 else "userns"

HOSTILE = """
import ctypes, os, stat, sys
links = ("fd", "stdin", "stdout", "stderr")
secret, prefix = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def tried(what, act):
    try:
        got = act()
    except Exception as error:
        got = None
    print(what, "GOT" if got else "refused", flush=True)

def read(path):
    return open(path, "rb").read(10)

tried("the secret", lambda: read(secret))
tried("through the sitter's root", lambda: read("/proc/1/root" + secret))
tried("the sitter's environment", lambda: read("/proc/1/environ"))
descriptors = "/proc/1/fd/"
tried("the sitter's log", lambda: [os.stat(descriptors + n) for n in os.listdir(descriptors)])
tried("tracing the sitter", lambda: libc.ptrace(16, 1, 0, 0) == 0)
tried("killing the sitter", lambda: os.kill(1, 9) or not os.path.exists("/proc/1"))
tried("becoming root", lambda: os.setuid(0) or True)

def is_there(pid):
    try:
        return os.kill(pid, 0) is None
    except OSError:
        return False

own = (1, os.getpid())
tried("finding others", lambda: [n for n in range(1, 70000) if n not in own and is_there(n)])

tried("the machine's terminals", lambda: [n for n in os.listdir("/dev/pts") if n.isdigit()])
devices = [os.stat(f"/dev/{n}").st_mode for n in os.listdir("/dev") if n not in links]
tried("the machine's disks", lambda: [mode for mode in devices if stat.S_ISBLK(mode)])
tried("a log of the kernel", lambda: os.path.exists("/dev/kmsg"))
tried("other folders in /dev", lambda: set(os.listdir("/dev")) & {"mqueue", "mapper", "input"})
open("/dev/null", "w").write("x")
assert len(open("/dev/urandom", "rb").read(4)) == 4
os.close(os.openpty()[0])

# A user namespace of its own gives it rights over what is in it, not over what it was given.
uid, gid = os.getuid(), os.getgid()
if libc.unshare(0x10000000 | 0x00020000) == 0:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        open(f"/proc/self/{name}", "w").write(text)
    print("namespace made", flush=True)
tried("a look below /tmp", lambda: libc.umount2(b"/tmp", 2) == 0)
remount = 32 | 4096
tried("the prefix made writable", lambda: libc.mount(0, prefix.encode(), 0, remount, 0) == 0)
tried("the root made writable", lambda: libc.mount(0, b"/", 0, remount, 0) == 0)
tried("writing to the root", lambda: open("/made", "w"))
tried("writing to the prefix", lambda: open(prefix + "/made", "w"))
tried("the secret again", lambda: read(secret))
tried("the secret by chroot", lambda: [os.chdir("/proc/1/root")])
"""


@pytest.fixture(params=dict.fromkeys([OWN, "userns"]))
async def host(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[SupervisedProcesses]:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    async with SupervisedProcesses(data_dir / "run", isolations=(request.param, "none")) as found:
        if found.isolation != request.param:
            pytest.skip(f"this machine allows no isolation {request.param}")
        yield found


async def test_nothing_that_a_hostile_program_tries_succeeds(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    secret = tmp_path / "data" / "kubeconfig"
    secret.write_text("token")
    secret.chmod(0o644)
    folder = tmp_path / "data" / "pod"
    spec = ProcessSpec(
        id="hostile",
        project="demo",
        argv=[sys.executable, "-c", HOSTILE, str(secret), sys.prefix],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        log=tmp_path / "data" / "log",
        writable=(folder,),
    )
    ended = await (await host.start(spec)).wait()
    lines = [line.partition(" ")[2] for line in spec.log.read_text().splitlines()]
    assert "namespace made" in lines
    assert [line for line in lines if line.endswith("GOT")] == []
    assert lines[-1] == "the secret by chroot refused"
    assert ended.code == 0
    assert not (Path(sys.prefix) / "made").exists()
