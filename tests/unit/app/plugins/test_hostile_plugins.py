"""Whatever a plug-in does, it is named, and the page has its sentence; nobody else notices."""

import asyncio
from pathlib import Path

import pytest
from tests.unit.app.plugins.conftest import LINES_OF_HEAD, Site

from towpath.app.plugins.appetite import Appetite
from towpath.engines.processes.host import SupervisedProcesses

AT_IMPORT = {
    "raises": ("raise RuntimeError('no rota')", "It cannot be imported: RuntimeError: no rota"),
    "exits": ("sys.exit('bye')", "It cannot be imported: SystemExit: bye"),
    "ends its process": ("os._exit(3)", "It ended its process while it was imported"),
    "is no Python": ("def def", "It cannot be imported: SyntaxError: invalid syntax"),
    "imports what is not there": ("import nobody", "ModuleNotFoundError: No module named 'nobody'"),
    "loops for ever": ("while True: pass", "Importing it did not come to an end within 1 s"),
    "sleeps for ever": ("time.sleep(1e6)", "Importing it did not come to an end within 1 s"),
    "is deeper than Python": ("def f(): f()\nf()", "RecursionError"),
    "closes what it is spoken to by": ("os.closerange(3, 99)", "ended"),
    "asks for what we have not": ("from towpath.plugin import Widget", "ImportError"),
}


@pytest.mark.parametrize(("code", "what"), AT_IMPORT.values(), ids=AT_IMPORT)
async def test_a_plugin_is_named_that_at_its_import(site: Site, code: str, what: str) -> None:
    site.write(f"{code}\n", hook="quiet")
    async with site.running(start_deadline_s=1.0 if "within 1 s" in what else 20.0) as rig:
        assert what in await rig.told()
        assert rig.report().condition == "Failed"
        assert "does not answer just now" in await rig.tab()


async def test_the_line_is_told_at_which_an_import_hangs(site: Site) -> None:
    name = site.write("\nx = 1\nwhile True: x += 1\n", hook="quiet")
    async with site.running(start_deadline_s=3.0) as rig:
        await rig.told()
        where = rig.report().incidents[0].where
        assert where == f"site/plugin_{name}.py:{LINES_OF_HEAD + 3} in <module>"


DECLARED = {
    "no plug-in": ("PLUGIN = {'name': 'x'}", "is a dict, not a towpath.plugin.Plugin"),
    "another name": (
        "PLUGIN = Plugin(name='other', api='1.0', summary='')",
        "It calls itself other",
    ),
    "a newer interface": (
        "PLUGIN = Plugin(name='NAME', api='1.7', summary='')",
        "It asks for version 1.7 of towpath.plugin, and this Towpath has 1.1; update Towpath",
    ),
    "an older interface": (
        "PLUGIN = Plugin(name='NAME', api='0.9', summary='')",
        "it needs a newer release",
    ),
    "a part that is none": (
        "PLUGIN = Plugin(name='NAME', api='1.0', summary='', tabs=['x'])",
        "tabs holds 'x', which is no Tab",
    ),
    "a built-in action's name": (
        "PLUGIN = Plugin(name='NAME', api='1.0', summary='', actions=["
        "Action('publish:towpath', 'x', run=quiet)])",
        "Its action publish:towpath does not begin with NAME:",
    ),
    "a tab's key that is an address": (
        "PLUGIN = Plugin(name='NAME', api='1.0', summary='', tabs=[Tab('../x', 'X', quiet)])",
        "what it declares is not valid",
    ),
    "a summary that is none": (
        "PLUGIN = Plugin(name='NAME', api='1.0', summary=quiet)",
        "what it declares is not valid",
    ),
}


@pytest.mark.parametrize(("code", "what"), DECLARED.values(), ids=DECLARED)
async def test_a_plugin_is_refused_by_name_that_declares(site: Site, code: str, what: str) -> None:
    name = site.write("", hook="quiet")
    file = site.folder / f"plugin_{name}.py"
    file.write_text(file.read_text() + code.replace("NAME", name))
    async with site.running() as rig:
        assert what.replace("NAME", name) in await rig.told()


IN_A_HOOK = {
    "raises": ("raise KeyError('of carol')", "The tab It raised KeyError"),
    "exits": ("sys.exit(3)", "The tab It raised SystemExit"),
    "ends its process": ("os._exit(3)", "It ended its process, with exit code 3"),
    "kills itself": ("os.kill(os.getpid(), 9)", "It ended its process, with exit code 137"),
    "loops for ever": ("while True: pass", "The tab It did not answer within 0.3 s"),
    "sleeps in async code": ("time.sleep(1e6)", "The tab It did not answer within 0.3 s"),
    "waits for ever": ("await asyncio.sleep(1e6)", "The tab It did not answer within 0.3 s"),
    "returns nothing": ("return None", "The tab It returned what it must not"),
    "returns text": ("return '<b>hello</b>'", "The tab It returned what it must not"),
    "returns a list of nonsense": ("return [object()]", "The tab It returned what it must not"),
    "returns uneven rows": (
        "return [Table(['A', 'B'], [[1, 2], [3]])]",
        "The tab It returned what it must not",
    ),
    "returns a link to a script": (
        "return [Facts({'a': Link('x', 'javascript:alert(1)')})]",
        "The tab It returned what it must not",
    ),
    "returns more than a page bears": (
        "return [Text('x' * 100_000)]",
        "The tab It returned what it must not",
    ),
    "writes over the pipe": (
        "[os.write(n, b'rubbish\\n') for n in range(3, 30) if is_socket(n)]; return []",
        "It wrote something to the platform that is no message",
    ),
    "sends without end": (
        "[os.write(n, b'x' * 4_000_000) for n in range(3, 30) if is_socket(n)]",
        "It wrote something to the platform that is no message",
    ),
    "asks in vain for ever": (
        "\n    while True:\n        try: await service.api.list('v1', 'Secret')\n"
        "        except RuntimeError: pass",
        "It sent more than",
    ),
}
SOCKETS = """
import stat
def is_socket(n):
    try: return stat.S_ISSOCK(os.fstat(n).st_mode)
    except OSError: return False
"""


async def test_a_plugin_is_named_whose_hook_eats_memory(site: Site) -> None:
    """A kernel that promises all that is asked for ends the process; another one refuses."""
    site.write("async def hook(service):\n    x = bytearray(1 << 40)\n")
    async with site.running() as rig:
        await rig.running()
        assert str(await rig.tab()).endswith(".")
        told = await rig.told()
    assert "It used more than 512 MiB of memory" in told or "The tab It raised MemoryError" in told


@pytest.mark.parametrize(("code", "what"), IN_A_HOOK.values(), ids=IN_A_HOOK)
async def test_a_plugin_is_named_whose_hook(site: Site, code: str, what: str) -> None:
    site.write(f"{SOCKETS}\nasync def hook(service):\n    {code}\n")
    async with site.running() as rig:
        await rig.running()
        deadline_s = 0.3 if "0.3 s" in what else 15.0
        shown = await rig.tab(deadline_s=deadline_s)
        assert isinstance(shown, str) and shown.endswith(".")
        assert what in await rig.told()
        # What one visitor's call said is nobody else's to read.
        assert "carol" not in str(rig.report())


async def test_the_line_is_told_at_which_a_hook_hangs(site: Site) -> None:
    code = (
        "async def hook(service):\n    return spin()\n\ndef spin():\n    while True: time.time()\n"
    )
    name = site.write(code)
    async with site.running() as rig:
        await rig.running()
        await rig.tab(deadline_s=0.3)
        await rig.told()
        where = rig.report().incidents[0].where
        assert where == f"site/plugin_{name}.py:{LINES_OF_HEAD + 5} in spin"


async def test_an_old_line_is_not_told_of_a_new_end(site: Site) -> None:
    site.write(
        "async def hook(service):\n    if service.object: os._exit(3)\n    while True: pass\n"
    )
    async with site.running() as rig:
        await rig.running()
        await rig.tab(deadline_s=0.3)
        await rig.told()
        await rig.running()
        await rig.tab(obj={"spec": {}})
        await rig.told("", "exit code 3")
        by_what = {one.what: one.where for one in rig.report().incidents}
        assert by_what["It ended its process, with exit code 3"] == ""


async def test_one_that_only_waits_keeps_its_process(site: Site) -> None:
    name = site.write(
        "async def hook(service):\n"
        "    globals()['calls'] = globals().get('calls', 0) + 1\n"
        "    if calls == 1: await asyncio.sleep(1e6)\n"
        "    return [Text(f'call {calls}')]\n"
    )
    async with site.running() as rig:
        await rig.running()
        assert "did not answer" in await rig.tab(deadline_s=0.3)
        assert (await rig.tab())[0]["text"] == "call 2"
        (incident,) = rig.report(name).incidents
        assert incident.where == f"site/plugin_{name}.py:{LINES_OF_HEAD + 3} in hook"


async def test_visitors_who_leave_cost_it_nothing(site: Site) -> None:
    site.write(
        "async def hook(service):\n"
        "    if not service.object: await asyncio.sleep(1e6)\n"
        "    return [Text('here')]\n"
    )
    async with site.running() as rig:
        await rig.running()
        for _ in range(3):
            leaving = [asyncio.create_task(rig.tab()) for _ in range(60)]
            assert (await rig.tab(obj={"spec": {}}))[0]["text"] == "here"
            for one in leaving:
                one.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            assert (await rig.tab(obj={"spec": {}}))[0]["text"] == "here"
        assert rig.report().incidents == ()


async def test_threads_that_never_end_are_noticed(site: Site) -> None:
    name = site.write("def hook(service):\n    threading.Event().wait()\n")
    async with site.running() as rig:
        await rig.running()
        leaving = [asyncio.create_task(rig.tab()) for _ in range(20)]
        await asyncio.sleep(0)
        for one in leaving:
            one.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        assert "did not answer" in await rig.tab(deadline_s=0.3)
        await rig.told()
        (incident,) = rig.report().incidents
        assert incident.where == f"site/plugin_{name}.py:{LINES_OF_HEAD + 2} in hook"
        await rig.running()


async def test_it_is_started_again_after_its_end(site: Site) -> None:
    site.write("async def hook(service):\n    os._exit(1)\n")
    async with site.running() as rig:
        await rig.running()
        await rig.tab()
        assert "does not answer just now. It is started again" in await rig.tab()
        await rig.running()
        assert rig.report().condition == "Degraded"


async def test_what_went_wrong_again_is_counted(site: Site) -> None:
    site.write("async def hook(service):\n    raise ValueError\n")
    async with site.running() as rig:
        await rig.running()
        for _ in range(3):
            await rig.tab()
        (incident,) = rig.report().incidents
        assert incident.count == 3
        assert incident.first_s <= incident.last_s


HUNGRY = {
    "in a thread": "def burn():\n    while True: pass\nthreading.Thread(target=burn).start()\n",
    "in a child": "def burn():\n    while True: pass\nos.fork() or burn()\n",
}


@pytest.mark.parametrize("code", HUNGRY.values(), ids=HUNGRY)
async def test_one_that_computes_all_the_time_is_named(site: Site, code: str) -> None:
    site.write(code, hook="quiet")
    # It must be more than nothing: on a busy machine nobody gets a whole processor.
    async with site.running(appetite=Appetite(0.3, 0.02, 2)) as rig:
        assert await rig.told() == "It took more than 2% of a processor for 0.6 s"


async def test_the_others_go_on(site: Site) -> None:
    good = site.write("", hook="quiet")
    bad = site.write("while True: pass\n", hook="quiet")
    worse = site.write("async def hook(service):\n    while True: pass\n")
    async with site.running(start_deadline_s=2.0) as rig:
        await rig.running(good)
        await rig.running(worse)
        assert "did not answer" in await rig.tab(worse, deadline_s=0.3)
        assert (await rig.tab(good))[0]["text"] == "all is quiet"
        await rig.told(bad)
        assert rig.report(good).incidents == ()


async def test_what_it_prints_is_in_its_log_and_disturbs_nothing(site: Site) -> None:
    site.write(
        "async def hook(service):\n"
        '    for n in range(5000): print(\'{"type": "done"}\', n)\n'
        "    sys.stdout.buffer.write(bytes(range(256)) * 100)\n"
        "    return [Text('done')]\n"
    )
    async with site.running() as rig:
        await rig.running()
        assert (await rig.tab())[0]["text"] == "done"
        log = site.data_dir / rig.report().log
        assert '"type": "done"' in log.read_bytes().decode(errors="replace")


async def test_a_plugin_that_is_switched_off_is_never_started(site: Site) -> None:
    name = site.write("open('/dev/null').close()\n", hook="quiet")
    async with site.running(without=[name, "another"]) as rig:
        assert rig.plugins.told() == f"without {name}; no plug-in another is installed"
        assert (rig.report().condition, rig.report().switch_off) == ("Switched off", "")
        assert rig.plugins.tabs() == ()


async def test_it_finds_no_credential(site: Site) -> None:
    site.write(
        "async def hook(service):\n"
        f"    data = {str(site.data_dir)!r}\n"
        "    seen = os.path.exists(data + '/kubeconfig')\n"
        "    names = [name for name in os.environ if 'TOWPATH' in name]\n"
        "    return [Facts({'kubeconfig': seen, 'names': ' '.join(names)})]\n"
    )
    async with site.running() as rig:
        await rig.running()
        (facts,) = await rig.tab()
        assert "TOWPATH_TOKEN" not in facts["facts"]["names"]
        assert facts["facts"]["kubeconfig"] is (site.isolation == "none")


async def test_a_plugin_gets_its_own_settings_only(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = site.write(
        "async def hook(service):\n"
        "    return [Text(' '.join(k for k in os.environ if k.startswith('TOWPATH_PLUGIN')))]\n"
    )
    own = f"TOWPATH_PLUGIN_{name.upper()}_URL"
    monkeypatch.setenv(own, "http://pager")
    monkeypatch.setenv("TOWPATH_PLUGIN_OTHER_TOKEN", "secret")
    async with site.running() as rig:
        await rig.running()
        assert (await rig.tab())[0]["text"] == own


async def test_a_hanging_one_is_ended_where_nothing_is_kept_apart(
    site: Site, tmp_path: Path
) -> None:
    """A machine without namespaces: one user for all, and the same deadlines."""
    site.write("async def hook(service):\n    while True: pass\n")
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    host = SupervisedProcesses(data_dir / "run", grace_s=1.0, isolations=("none",))
    async with host as processes, Site(site.folder, data_dir, processes).running() as rig:
        await rig.running()
        assert "did not answer" in await rig.tab(deadline_s=0.3)
        await rig.told()
        assert rig.report().incidents[0].where.endswith("in hook")
