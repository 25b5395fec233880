"""The process host with real processes, once per way of isolation that this machine allows."""

import asyncio
import fcntl
import os
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import eventually

from towpath.engines.processes.host import SupervisedProcesses, always_readable
from towpath.engines.processes.port import Limits, ProcessError, ProcessSpec, Stdio

DEADLINE_S = 10.0
OWN = "uid" if os.geteuid() == 0 else "userns"


async def until(condition: Callable[[], bool], what: str) -> None:
    async def check() -> bool:
        return condition()

    await eventually(check, deadline_s=DEADLINE_S)
    assert condition(), what


@pytest.fixture(params=dict.fromkeys([OWN, "userns", "none"]))
async def host(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[SupervisedProcesses]:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    processes = SupervisedProcesses(
        data_dir / "run", isolations=(request.param, "none"), grace_s=1.0
    )
    async with processes:
        if processes.isolation != request.param:
            pytest.skip(f"this machine allows no isolation {request.param}")
        yield processes


@pytest.fixture
async def isolated(tmp_path: Path) -> AsyncIterator[SupervisedProcesses]:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    async with SupervisedProcesses(data_dir / "run", grace_s=1.0) as processes:
        if processes.isolation == "none":
            pytest.skip("this machine allows no isolation")
        yield processes


def program(tmp_path: Path, *argv: str, **changes: object) -> ProcessSpec:
    name = str(changes.pop("id", "one"))
    folder = tmp_path / "data" / "pods" / name
    fields: dict[str, object] = {
        "id": name,
        "project": "demo",
        "argv": argv,
        "cwd": folder,
        "env": {"PATH": "/usr/bin:/bin"},
        "log": tmp_path / "data" / "logs" / f"{name}.log",
        "writable": (folder,),
        **changes,
    }
    return ProcessSpec(**fields)  # type: ignore[arg-type]


def python(tmp_path: Path, code: str, **changes: object) -> ProcessSpec:
    return program(tmp_path, sys.executable, "-c", code, **changes)


def logged(spec: ProcessSpec) -> list[str]:
    return [line.partition(" ")[2] for line in spec.log.read_text().splitlines()]


async def test_output_is_logged_line_by_line_with_the_time(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    spec = program(tmp_path, "sh", "-c", "echo out; echo err >&2; printf last; exit 3")
    running = await host.start(spec)
    ended = await running.wait()
    assert ended.code == 3
    assert ended.finished_s >= ended.started_s
    assert logged(spec) == ["out", "err", "last"]
    stamp = spec.log.read_text().split(" ")[0]
    assert len(stamp) == len("2026-01-02T03:04:05.123456789Z")


async def test_environment_and_folder_are_exactly_those_asked_for(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    code = "import os; print(sorted(os.environ)); print(os.getcwd()); open('made', 'w')"
    spec = python(tmp_path, code, env={"PATH": "/bin", "GREETING": "hello"})
    await (await host.start(spec)).wait()
    names, folder = logged(spec)
    assert "'GREETING'" in names
    assert "HOME" not in names
    assert folder == str(spec.cwd)
    assert (spec.cwd / "made").exists()


async def test_terminate_reaches_the_whole_group(host: SupervisedProcesses, tmp_path: Path) -> None:
    spec = program(
        tmp_path,
        "sh",
        "-c",
        "trap 'echo got it; exit 7' TERM; echo up; while :; do sleep 0.05; done",
    )
    running = await host.start(spec)
    await until(lambda: spec.log.exists() and "up" in logged(spec), "it runs")
    running.terminate()
    assert (await running.wait()).code == 7
    assert "got it" in logged(spec)


async def test_kill_is_reported_as_a_signal(host: SupervisedProcesses, tmp_path: Path) -> None:
    running = await host.start(program(tmp_path, "sleep", "1000"))
    running.kill()
    assert (await running.wait()).code == 137


async def test_a_program_that_does_not_exist_is_refused_by_name(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    with pytest.raises(ProcessError):
        await host.start(program(tmp_path, "no-such-program"))
    # The id is free again.
    assert (await (await host.start(program(tmp_path, "true"))).wait()).code == 0


async def test_an_id_runs_once_at_a_time(host: SupervisedProcesses, tmp_path: Path) -> None:
    running = await host.start(program(tmp_path, "sleep", "1000"))
    with pytest.raises(ProcessError):
        await host.start(program(tmp_path, "true"))
    running.kill()
    await running.wait()
    assert (await (await host.start(program(tmp_path, "true"))).wait()).code == 0


async def test_what_a_program_leaves_in_the_background_ends_with_it(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    token = f"1000.{os.getpid()}"
    spec = program(tmp_path, "sh", "-c", f"setsid sleep {token} & echo started")
    await (await host.start(spec)).wait()
    assert not living(f"sleep {token}")


async def test_a_flood_of_output_is_bounded_and_complete_to_its_end(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    code = "import sys\nfor n in range(20000): print(n, 'x' * 80)\nprint('y' * 100_000)"
    spec = python(tmp_path, code)
    await (await host.start(spec)).wait()
    lines = logged(spec)
    assert lines[19_999].startswith("19999 ")
    assert "".join(lines[20_000:]) == "y" * 100_000


async def test_more_memory_than_allowed_ends_the_program_not_the_machine(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    spec = python(tmp_path, "x = b'x' * (300 << 20)", limits=Limits(memory_bytes=100 << 20))
    ended = await (await host.start(spec)).wait()
    assert ended.code != 0
    assert ended.oom_killed or "MemoryError" in logged(spec)


async def test_privileges_cannot_be_gained(host: SupervisedProcesses, tmp_path: Path) -> None:
    spec = program(tmp_path, "grep", "NoNewPrivs", "/proc/self/status")
    await (await host.start(spec)).wait()
    assert logged(spec) == ["NoNewPrivs:\t1"]


async def test_the_data_directory_and_other_projects_cannot_be_read(
    isolated: SupervisedProcesses, tmp_path: Path
) -> None:
    secret = tmp_path / "data" / "kubeconfig"
    secret.write_text("token")
    secret.chmod(0o644)
    other = program(tmp_path, "sleep", "1000", id="other", project="other", env={"KEY": "s3cret"})
    running = await isolated.start(other)
    paths = [str(secret), str(other.cwd), str(Path.home() / ".cache"), f"/proc/{running.pid}"]
    code = f"import os\nfor path in {paths!r}: print(os.path.exists(path))\n"
    code += "print([pid for pid in os.listdir('/proc') if pid.isdigit()])"
    spec = python(tmp_path, code)
    await (await isolated.start(spec)).wait()
    assert logged(spec)[:-1] == ["False"] * len(paths)
    assert logged(spec)[-1] == "['1', '2']"
    running.kill()
    await running.wait()


async def test_only_the_folders_named_writable_can_be_written(
    isolated: SupervisedProcesses, tmp_path: Path
) -> None:
    readable = tmp_path / "shared"
    readable.mkdir()
    (readable / "file").write_text("data")
    code = (
        "import os, sys\n"
        f"print(open({str(readable / 'file')!r}).read(), open('/app/file').read())\n"
        f"for folder in ({str(readable)!r}, '/app', '/', sys.prefix, '/usr'):\n"
        "    try: open(os.path.join(folder, 'made'), 'w')\n"
        "    except OSError: print('refused')\n"
        "open('/tmp/made', 'w')\n"
    )
    spec = python(tmp_path, code, readable=(readable,), mounts={"/app": readable})
    ended = await (await isolated.start(spec)).wait()
    assert logged(spec) == ["data data", *["refused"] * 5]
    assert ended.code == 0


async def test_a_writable_folder_can_be_mounted_elsewhere(
    isolated: SupervisedProcesses, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "volume"
    spec = program(
        tmp_path, "touch", "/data/made", writable=(folder,), cwd=folder, mounts={"/data": folder}
    )
    assert (await (await isolated.start(spec)).wait()).code == 0
    assert (folder / "made").exists()


async def test_mounts_are_refused_where_nothing_can_be_mounted(tmp_path: Path) -> None:
    async with SupervisedProcesses(tmp_path / "data" / "run", isolations=("none",)) as processes:
        with pytest.raises(ProcessError):
            await processes.start(program(tmp_path, "true", mounts={"/app": tmp_path}))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give each project a user")
async def test_projects_are_users_and_keep_their_number(tmp_path: Path) -> None:
    async def uid_of(project: str) -> str:
        async with SupervisedProcesses(tmp_path / "data" / "run") as processes:
            spec = program(tmp_path, "id", "-u", id=project, project=project)
            await (await processes.start(spec)).wait()
            return logged(spec)[-1]

    first, second = await uid_of("a"), await uid_of("b")
    assert first != second
    assert await uid_of("a") == first


async def test_leaving_ends_everything(tmp_path: Path) -> None:
    async with SupervisedProcesses(tmp_path / "data" / "run", grace_s=0.2) as processes:
        stubborn = program(
            tmp_path, "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
        )
        running = await processes.start(stubborn)
        await until(lambda: "deaf" in logged(stubborn), "it does not listen any more")
        pids = [processes.supervisor_pid, running.pid]
    assert (await running.wait()).code == 137
    gone = lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)  # noqa: E731
    await until(gone, "supervisor and program are gone")


async def test_a_killed_supervisor_takes_its_programs_along_and_is_replaced(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    running = await host.start(program(tmp_path, "sleep", "1000"))
    os.kill(host.supervisor_pid, 9)
    assert (await running.wait()).code == 137
    await until(lambda: not Path(f"/proc/{running.pid}").exists(), "its program is gone")
    assert (await (await host.start(program(tmp_path, "true"))).wait()).code == 0


PLATFORM = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from towpath.engines.processes.host import SupervisedProcesses
from towpath.engines.processes.port import ProcessSpec

async def main(run_dir, isolation, program):
    async with SupervisedProcesses(run_dir, isolations=(isolation, "none"), grace_s=0.3) as host:
        folder = run_dir.parent / "pod"
        running = await host.start(ProcessSpec(
            id="one", project="demo", argv=["sh", "-c", program], cwd=folder, writable=[folder],
            env={"PATH": "/bin:/usr/bin"}, log=run_dir.parent / "log"))
        print(host.supervisor_pid, running.pid, flush=True)
        await running.wait()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
"""


def living(command: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
            if words == command:
                found.append(entry.name)
    return found


def crashed_platform(tmp_path: Path, isolation: str, command: str) -> list[int]:
    """Start a platform in a process of its own and kill -9 it; the pids it had."""
    script = f"trap '' TERM; setsid {command} & {command}; {command}"
    platform = subprocess.Popen(
        [sys.executable, "-c", PLATFORM, str(tmp_path / "data" / "run"), isolation, script],
        stdout=subprocess.PIPE,
    )
    with platform:
        assert platform.stdout is not None
        pids = [int(pid) for pid in platform.stdout.readline().split()]
        deadline = time.monotonic() + DEADLINE_S
        while not living(command) and time.monotonic() < deadline:
            pass
        platform.kill()
    return pids


@pytest.mark.parametrize("isolation", dict.fromkeys([OWN, "userns", "none"]))
async def test_kill_9_of_the_platform_leaves_no_orphan(tmp_path: Path, isolation: str) -> None:
    command = f"sleep 1001.{os.getpid()}"
    pids = await asyncio.to_thread(crashed_platform, tmp_path, isolation, command)
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "all are gone")
    assert not living(command)


async def test_what_outlived_a_crash_is_swept_at_the_next_start(tmp_path: Path) -> None:
    run_dir = tmp_path / "data" / "run"
    async with SupervisedProcesses(run_dir) as processes:
        spec = program(tmp_path, sys.executable, "-c", "import os; print(os.environ)")
        await (await processes.start(spec)).wait()
    name = "TOWPATH_SWEEP_TOKEN"
    token = logged(spec)[0].partition(f"'{name}': '")[2].partition("'")[0]
    left = subprocess.Popen(["sleep", "1000"], env={name: token})  # noqa: ASYNC220
    strange = subprocess.Popen(["sleep", "1000"], env={name: "another"})  # noqa: ASYNC220
    try:
        async with SupervisedProcesses(run_dir):
            assert left.wait(timeout=DEADLINE_S) == -9
            assert strange.poll() is None
    finally:
        for process in (left, strange):
            process.kill()
            process.wait()


NESTED = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from towpath.engines.processes.host import SupervisedProcesses
from towpath.engines.processes.port import ProcessSpec

async def main():
    async with SupervisedProcesses(Path("data/run").absolute()) as host:
        print(host.isolation)
        folder = Path("data/pod").absolute()
        log = Path("data/log")
        secret = Path("data/secret").absolute()
        secret.write_text("s")
        program = f"id -u; ls {secret}; ls /proc | grep -c '^[0-9]'; touch made && echo written"
        running = await host.start(ProcessSpec(
            id="one", project="demo", argv=["sh", "-c", program], cwd=folder, writable=[folder],
            env={"PATH": "/bin:/usr/bin"}, log=log))
        await running.wait()
        print(log.read_text(), end="")

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
async def test_an_ordinary_user_gets_the_same_view_by_a_user_namespace(tmp_path: Path) -> None:
    assert always_readable()
    async with SupervisedProcesses(tmp_path / "data" / "run") as processes:
        if processes.isolation != "uid":
            pytest.skip("this machine allows no isolation")
        spec = program(tmp_path, sys.executable, "-B", "-c", NESTED)
        await (await processes.start(spec)).wait()
    isolation, uid, secret, processes_seen, written = logged(spec)
    assert isolation == "userns"
    assert "200001" in uid
    assert "No such file" in secret
    assert int(processes_seen.split()[-1]) < 6
    assert written.endswith("written")


# -- programs that somebody talks with --------------------------------------------------------


async def talk(
    host: SupervisedProcesses, spec: ProcessSpec, said: bytes
) -> tuple[bytes, bytes, int]:
    """Say something to the program; what it answers, what it complains, its exit code."""
    (input_, to_input), (output, output_end), (errors, errors_end) = os.pipe(), os.pipe(), os.pipe()
    stdio = Stdio(input_, output_end, errors_end)
    running = await host.start(replace(spec, stdio=stdio))
    for descriptor in (input_, output_end, errors_end):
        os.close(descriptor)
    os.write(to_input, said)
    os.close(to_input)

    def everything(descriptor: int) -> bytes:
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    heard = await asyncio.to_thread(everything, output)
    complaints = await asyncio.to_thread(everything, errors)
    return heard, complaints, (await running.wait()).code


async def test_a_program_with_stdio_hears_and_answers_and_logs_nothing(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    spec = program(tmp_path, "sh", "-c", "read it; echo heard $it; echo but >&2; exit 3")
    assert await talk(host, spec, b"this\n") == (b"heard this\n", b"but\n", 3)
    assert logged(spec) == []


async def test_large_input_and_output_pass_whole(host: SupervisedProcesses, tmp_path: Path) -> None:
    sent = os.urandom(50_000)
    heard, complaints, code = await talk(host, program(tmp_path, "cat"), sent)
    assert (heard == sent, complaints, code) == (True, b"", 0)


async def test_a_terminal_is_the_program_s_own(host: SupervisedProcesses, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    code = "test -t 0 && test -t 1 && exec 3</dev/tty && stty size"
    spec = program(tmp_path, "sh", "-c", code, stdio=Stdio(theirs, theirs, theirs, True))
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    running = await host.start(spec)
    os.close(theirs)
    assert (await running.wait()).code == 0
    assert os.read(ours, 1024).split() == [b"33", b"99"]
    os.close(ours)


async def test_beside_another_program_its_files_and_processes_are_seen(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    service = program(tmp_path, "sh", "-c", "echo mine >note; echo ready; exec sleep 1000")
    running = await host.start(service)
    await until(lambda: logged(service) == ["ready"], "the service is ready")
    look = 'cat note; for each in /proc/[0-9]*; do tr "\\0" " " <$each/cmdline; done'
    guest = program(tmp_path, "sh", "-c", look, id="guest", beside=running, cwd=service.cwd)
    heard, _, code = await talk(host, guest, b"")
    assert (heard.splitlines()[0], code) == (b"mine", 0)
    assert b"sleep 1000" in heard


async def test_what_runs_beside_a_program_ends_with_it(
    host: SupervisedProcesses, tmp_path: Path
) -> None:
    if host.isolation == "none":
        pytest.skip("processes end together in a PID namespace only")
    service = await host.start(program(tmp_path, "sleep", "1000"))
    guest = program(tmp_path, "sleep", "1000", id="guest", beside=service, cwd=Path("/"))
    running = await host.start(guest)
    service.kill()
    assert (await running.wait()).code == 128 + 9
    await service.wait()
    with pytest.raises(ProcessError, match="has ended"):
        await host.start(guest)
