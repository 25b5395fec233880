"""`towpath template test`: templates tested without a platform, against files kept beside them.

A test is `tests/<name>.yaml`:

    parameters: {name: order-service}     # as a form would send them, before defaults
    towpath: {project: demo}              # optional: what `towpath.*` is
    outputs: {publish: {remoteUrl: x}}    # optional: what steps that need a platform give
    secrets: {TOKEN: x}                   # optional: shown as *** where inputs use them
    ignore: ["uv.lock"]                   # optional: files that are not compared
    error: "parameters.name"              # instead: the parameters are refused, and this is said

Its golden file `tests/<name>.expected.yaml` has the workspace's files, the inputs of all other
steps, and the template's outputs.
"""

import asyncio
import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS
from towpath.capabilities.portal.templates.context import expression_context, user_named
from towpath.capabilities.portal.templates.descriptor import (
    Descriptor,
    DescriptorInvalid,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.execution import Secrets, render_outputs
from towpath.capabilities.portal.templates.expressions import render_input
from towpath.capabilities.portal.templates.parameters import (
    parameter_errors,
    parameters_with_defaults,
)
from towpath.capabilities.portal.templates.rehearsal import rehearsal
from towpath.hooks.commands import CommandError
from towpath.machinery.documents import DocumentError, dump_document, load_document
from towpath.machinery.globs import Globs
from towpath.machinery.objects import RawObject

EXPECTED = ".expected.yaml"
_PLACE = {"project": "demo", "owner": "group:default/team-a", "host": "localhost:8080"}
_FIELDS = {"parameters", "towpath", "outputs", "secrets", "ignore", "error"}
_ACTIONS = {action.id: action for action in FILE_ACTIONS}


def run_tests(folder: Path, *, update: bool) -> None:
    """Prints one line a test. Raises CommandError when one has failed."""
    raw = _load(folder / "template.yaml")
    try:
        descriptor = parse_descriptor(raw)
    except DescriptorInvalid as error:
        raise CommandError(f"{folder / 'template.yaml'} is not valid: {error}") from error
    cases = [
        path for path in sorted((folder / "tests").glob("*.yaml")) if EXPECTED not in path.name
    ]
    if not cases:
        raise CommandError(
            f"there is no test in {folder / 'tests'}",
            hint="write tests/default.yaml with `parameters:`, then run it with --update",
        )
    failed = [case for case in cases if not _passes(folder, raw, descriptor, case, update=update)]
    if failed:
        raise CommandError(
            f"{len(failed)} of {len(cases)} tests failed",
            hint="if the change is meant, write it down with --update",
        )


def _passes(
    folder: Path, raw: RawObject, descriptor: Descriptor, path: Path, *, update: bool
) -> bool:
    case = _load(path)
    unknown = set(case) - _FIELDS
    if unknown:
        raise CommandError(f"{path}: there is no field {min(unknown)!r} in a test")
    problems = list(_problems(folder, raw, descriptor, path, case, update=update))
    _print(f"{'failed' if problems else 'passed'}  {path.stem}")
    for problem in problems:
        _print(problem)
    return not problems


def _problems(
    folder: Path,
    raw: RawObject,
    descriptor: Descriptor,
    path: Path,
    case: RawObject,
    *,
    update: bool,
) -> Iterator[str]:
    parameters = parameters_with_defaults(raw, case.get("parameters") or {})
    errors = "; ".join(map(str, parameter_errors(raw, parameters)))
    wanted = case.get("error")
    if wanted is not None or errors:
        if not wanted:
            yield errors
        elif wanted not in errors:
            yield f"expected the error {wanted!r}, got {errors or 'none'!r}"
        return
    text = dump_document(render_template(folder, descriptor, case, parameters))
    golden = path.with_name(f"{path.stem}{EXPECTED}")
    if update:
        golden.write_text(text)
        return
    if not golden.exists():
        yield f"there is no {golden.name}; write it with --update"
        return
    expected = golden.read_text()
    if text != expected:
        yield "".join(
            difflib.unified_diff(
                expected.splitlines(keepends=True),
                text.splitlines(keepends=True),
                "expected",
                "rendered",
            )
        )


def render_template(
    folder: Path, descriptor: Descriptor, case: RawObject, parameters: Mapping[str, Any]
) -> RawObject:
    """Everything that the template makes of the parameters, as plain data."""
    return asyncio.run(_rendered(folder, descriptor, case, parameters))


async def _rendered(
    folder: Path, descriptor: Descriptor, case: RawObject, parameters: Mapping[str, Any]
) -> RawObject:
    place = {**_PLACE, **(case.get("towpath") or {})}
    secrets = Secrets(case.get("secrets") or {})
    inputs: RawObject = {}
    steps: dict[str, Any] = {}
    given = expression_context(
        parameters=parameters, steps=steps, user=user_named("alice"), run_uid="run", place=place
    )
    files = folders.read_files(folder)
    project = _PLACE["project"]
    async with rehearsal(files, _ACTIONS, project=project, user="alice", secrets=secrets) as stage:
        for step in descriptor.steps:
            given = {**given, "steps": steps}
            if not await stage.execution(step, given).does_run():
                continue
            outputs = (case.get("outputs") or {}).get(step.id) or {}
            if step.action in _ACTIONS:
                outputs = await stage.perform(step, given)
            else:
                shown = {**given, "secrets": secrets.shown}
                inputs[step.id] = render_input(dict(step.input), shown)
            steps[step.id] = {"output": outputs}
        output = render_outputs(descriptor.output, {**given, "steps": steps})
        made = _texts(await stage.files(), Globs(case.get("ignore") or ()))
    return {"files": made, "inputs": inputs, "output": output}


def _texts(files: Mapping[str, Any], ignored: Globs) -> RawObject:
    return {
        path: file.content.decode(errors="replace")
        for path, file in files.items()
        if not ignored.match(path)
    }


def _load(path: Path) -> RawObject:
    try:
        loaded: RawObject = load_document(path.read_text())
    except FileNotFoundError as error:
        raise CommandError(f"there is no {path}") from error
    except DocumentError as error:
        raise CommandError(f"{path}: {error}") from error
    if not isinstance(loaded, dict):
        raise CommandError(f"{path} must hold an object")
    return loaded


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
