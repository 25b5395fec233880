"""The house stays tidy: what a reviewer would have to say again and again, said once, as a test."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "towpath"

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_LENGTH_MAX = 100

BANNED_SUFFIXES = ("Manager", "Service", "Helper", "Util", "Utils", "Factory", "Processor")
# A service is what people have here: the noun by itself is no vague suffix.
NOUNS = {"Service"}
BANNED_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
MARKERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SLEEPS = re.compile(r"\b(time|asyncio|anyio)\.sleep\((?!0\))")  # 0 only lets others run
# A deadline loop has to wait somewhere; it does so here and nowhere else.
MAY_SLEEP = {
    "tests/conformance/sides.py",
    "tests/engines/kube.py",
    "tests/support.py",
    # Here it is the plug-ins that sleep, for ever.
    "tests/unit/app/plugins/test_hostile_plugins.py",
}


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_shipped_content(path: Path) -> bool:
    """Files that we ship as somebody else's source, such as a template's skeleton."""
    return "golden_paths" in path.parts


ALL = [path for path in python_files("src", "tests", "bench") if not is_shipped_content(path)]
OURS = [path for path in python_files("src") if not is_shipped_content(path)]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in ALL}
    too_long = {path: lines for path, lines in lengths.items() if lines > FILE_LINES_MAX}
    assert too_long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {
        f"{shown(path)}:{function.name}": body_lines(function)
        for path in ALL
        for function in functions(ast.parse(path.read_text()))
        if body_lines(function) > FUNCTION_LINES_MAX
    }
    assert too_long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        shown(path)
        for path in OURS
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_classes_are_named_after_what_they_are() -> None:
    vague = [
        f"{shown(path)}: {node.name}"
        for path in OURS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and node.name.endswith(BANNED_SUFFIXES)
        and node.name not in NOUNS
    ]
    assert vague == []


def test_modules_are_named_after_their_noun() -> None:
    assert [shown(path) for path in ALL if path.stem in BANNED_MODULES] == []


def test_nothing_unfinished_is_left_behind() -> None:
    marked = [
        shown(path) for path in ALL if path != Path(__file__) and MARKERS.search(path.read_text())
    ]
    assert marked == []


def test_tests_wait_for_conditions_and_never_sleep() -> None:
    sleeping = [
        shown(path)
        for path in python_files("tests")
        if SLEEPS.search(path.read_text()) and shown(path) not in MAY_SLEEP
        if path != Path(__file__)
    ]
    assert sleeping == []


def test_no_broad_exception_is_swallowed_in_silence() -> None:
    silent = [
        f"{shown(path)}:{handler.lineno}"
        for path in OURS
        for handler in ast.walk(ast.parse(path.read_text()))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or getattr(handler.type, "id", "") in ("Exception",))
        and all(isinstance(statement, ast.Pass) for statement in handler.body)
    ]
    assert silent == []


def test_yaml_is_read_and_written_at_one_door() -> None:
    """Workflow files are the exception: they are YAML 1.2, and their problems have places."""
    doors = {"src/towpath/machinery/dialect.py", "src/towpath/engines/ci/workflow/places.py"}
    knowing = {shown(path) for path in OURS if re.search(r"\bimport yaml\b", path.read_text())}
    assert knowing == doors


def test_lock_files_hold_no_address_of_a_mirror() -> None:
    lock = (ROOT / "uv.lock").read_text()
    hosts = set(re.findall(r"https?://([^/\"]+)", lock))
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}
