"""The child process of `foreign.py`: an order on standard input, an answer on standard output."""

import base64
import json
import posixpath
import re
import resource
import sys
import uuid
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from towpath.machinery.documents import dump_document, load_document

CPU_S = 15
MEMORY_BYTES = 1024 * 2**20
BYTES_MAX = 64 * 2**20
FILES_MAX = 10_000

Entry = tuple[bytes, bool]


class Refused(Exception):
    """`str()` is for the template's author."""


class _Environment(ImmutableSandboxedEnvironment):
    def __init__(self, undefined: type[Undefined], **given: Any) -> None:
        super().__init__(undefined=undefined, keep_trailing_newline=True, **given)
        self.filters |= {
            "jsonify": lambda value, indent=4: json.dumps(value, sort_keys=True, indent=indent),
            "slugify": _slug,
            "to_json": json.dumps,
            "to_nice_json": lambda value: json.dumps(value, indent=4, sort_keys=True),
            "to_yaml": lambda value, **_: dump_document(value),
            "to_nice_yaml": lambda value, **_: dump_document(value),
        }
        self.globals |= {"uuid4": lambda: str(uuid.uuid4())}

    def filled(self, text: str, given: Mapping[str, Any]) -> str:
        if len(text) > BYTES_MAX:
            raise Refused("a file is too large to be rendered")
        return self.from_string(text).render(given)


def _slug(value: str, separator: str = "-") -> str:
    return re.sub(r"[^a-z0-9]+", separator, str(value).lower()).strip(separator)


def _text(content: bytes) -> str | None:
    if b"\0" in content[:8192]:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _place(path: str) -> str | None:
    """A rendered path that stays inside; None when a part of it is empty. Raises Refused."""
    parts = path.split("/")
    if "" in parts:
        return None
    if any(part in (".", "..") or "\\" in part or "\0" in part for part in parts):
        raise Refused(f"the file name {path!r} would leave the workspace")
    if ".git" in (part.lower() for part in parts):
        raise Refused(f"the file name {path!r} is inside Git's own folder")
    return path


# Cookiecutter.


def cookiecutter(
    files: Mapping[str, Entry], values: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[dict[str, Entry], list[str]]:
    if "cookiecutter.json" not in files:
        raise Refused("it has no cookiecutter.json")
    asked = json.loads(files["cookiecutter.json"][0])
    root = _cookiecutter_root(files)
    environment = _Environment(StrictUndefined, **(asked.get("_jinja2_env_vars") or {}))
    given = {"cookiecutter": _cookiecutter_answers(environment, asked, values)}
    copy_only = [*(asked.get("_copy_without_render") or ()), *options["copy_only"]]
    made: dict[str, Entry] = {}
    for path, (content, executable) in files.items():
        if not path.startswith(f"{root}/"):
            continue
        name = path.removeprefix(f"{root}/")
        target = _place(environment.filled(name, given))
        if target is None:
            continue
        text = None if any(fnmatch(name, one) for one in copy_only) else _text(content)
        rendered = content if text is None else environment.filled(text, given).encode()
        made[target] = (rendered, executable)
    notes = ["Hooks of the template were not run."] if _any_below(files, "hooks/") else []
    return made, notes


def _cookiecutter_root(files: Mapping[str, Entry]) -> str:
    for path in sorted(files):
        top, slash, _ = path.partition("/")
        if slash and "{{" in top and "}}" in top and "cookiecutter" in top:
            return top
    raise Refused("it has no folder that is named {{ cookiecutter.… }}")


def _cookiecutter_answers(
    environment: _Environment, asked: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    known = {**asked, **{key: value for key, value in values.items() if key not in asked}}
    for key, default in known.items():
        choice = values.get(key, default)
        if key.startswith("_") and not key.startswith("__"):
            answers[key] = choice
            continue
        if isinstance(default, list) and key not in values:
            choice = default[0] if default else ""
        if isinstance(default, list) and key in values and choice not in default:
            raise Refused(f"{key} is {choice!r}, which is not offered: {default}")
        given = {"cookiecutter": answers}
        answers[key] = _deep(environment, choice, given)
    return answers


def _deep(environment: _Environment, value: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return environment.filled(value, given)
    if isinstance(value, dict):
        return {key: _deep(environment, one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [_deep(environment, one, given) for one in value]
    return value


# Copier.

SUFFIX = ".jinja"
COPIER_EXCLUDED = (
    "copier.yaml",
    "copier.yml",
    "~*",
    "*.py[co]",
    "__pycache__",
    ".git",
    ".DS_Store",
    ".svn",
)


def copier(
    files: Mapping[str, Entry], values: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[dict[str, Entry], list[str]]:
    asked = _copier_questions(files)
    settings = {key[1:]: value for key, value in asked.items() if key.startswith("_")}
    environment = _Environment(Undefined, **_delimiters(settings.get("envops") or {}))
    answers, hidden = _copier_answers(environment, asked, values, settings)
    kept = {key: value for key, value in answers.items() if key not in hidden}
    given = {
        **answers,
        "_copier_answers": {**kept, "_src_path": options["source"]},
        "_copier_conf": {"answers_file": settings.get("answers_file") or ".copier-answers.yml"},
    }
    below = environment.filled(str(settings.get("subdirectory") or ""), given).strip("/")
    suffix = settings.get("templates_suffix", SUFFIX)
    excluded = [environment.filled(str(one), given) for one in settings.get("exclude") or ()]
    made: dict[str, Entry] = {}
    for path, (content, executable) in _below(files, below):
        name = environment.filled(path.removesuffix(suffix) if suffix else path, given)
        target = _place(name)
        if target is None or _is_excluded(target, excluded or COPIER_EXCLUDED):
            continue
        text = _text(content) if not suffix or path.endswith(suffix) else None
        made[target] = (
            content if text is None else environment.filled(text, given).encode(),
            executable,
        )
    notes = ["Tasks of the template were not run."] if settings.get("tasks") else []
    return made, notes


def _copier_questions(files: Mapping[str, Entry]) -> dict[str, Any]:
    for name in ("copier.yml", "copier.yaml"):
        if name in files:
            asked = load_document(files[name][0])
            if not isinstance(asked, dict):
                raise Refused(f"{name} holds no questions")
            return asked
    raise Refused("it has no copier.yml")


def _delimiters(envops: Mapping[str, Any]) -> dict[str, Any]:
    known = ("block", "variable", "comment")
    named = {f"{kind}_{end}_string" for kind in known for end in ("start", "end")}
    return {
        key: value
        for key, value in envops.items()
        if key in named or key in ("trim_blocks", "lstrip_blocks")
    }


def _copier_answers(
    environment: _Environment,
    asked: Mapping[str, Any],
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], set[str]]:
    """The answers, and the names of those that are not written down."""
    answers: dict[str, Any] = {}
    hidden = set(settings.get("secret_questions") or ())
    for key, question in asked.items():
        if key.startswith("_"):
            continue
        detail = question if isinstance(question, dict) else {"default": question}
        default = _deep(environment, detail.get("default"), answers)
        answers[key] = _cast(str(detail.get("type", "")), values.get(key, default))
        if detail.get("secret"):
            hidden.add(key)
    return {**values, **answers}, hidden


def _cast(kind: str, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if kind in ("int", "float", "bool", "yaml", "json"):
        return load_document(value)
    return value


def _below(files: Mapping[str, Entry], folder: str) -> Iterator[tuple[str, Entry]]:
    for path, entry in files.items():
        if not folder:
            yield path, entry
        elif path.startswith(f"{folder}/"):
            yield path.removeprefix(f"{folder}/"), entry


def _is_excluded(path: str, patterns: Any) -> bool:
    parts = path.split("/")
    return any(
        fnmatch(path, pattern) or any(fnmatch(part, pattern) for part in parts)
        for pattern in patterns
    )


def _any_below(files: Mapping[str, Entry], folder: str) -> bool:
    return any(path.startswith(folder) for path in files)


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    files = {
        posixpath.normpath(path): (base64.b64decode(text), bool(executable))
        for path, (text, executable) in order["files"].items()
    }
    if len(files) > FILES_MAX:
        return {"error": f"it has more than {FILES_MAX} files"}
    render = {"cookiecutter": cookiecutter, "copier": copier}[order["style"]]
    try:
        made, notes = render(files, order["values"], order["options"])
    except (Refused, TemplateError, ValueError, TypeError) as error:
        return {"error": str(error) or type(error).__name__}
    if sum(len(content) for content, _ in made.values()) > BYTES_MAX:
        return {"error": f"it makes more than {BYTES_MAX} bytes"}
    return {
        "files": {
            path: [base64.b64encode(content).decode(), executable]
            for path, (content, executable) in made.items()
        },
        "notes": notes,
    }


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    sys.stdout.write(json.dumps(_answer(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
