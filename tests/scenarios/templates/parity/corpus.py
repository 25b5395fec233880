"""Templates of our own, and what a real Backstage made of each: the cases, and how they are asked.

`cases/*.yaml` are the inputs, `recorded/*.json` the answers; README.md says of which Backstage and
how they were recorded. Both sides get the very same request, and are compared after the same
cleaning: colours, numbers of tasks and temporary folders are of one run only.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
THEMES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FOLDERS = re.compile(
    r"/[^\s'\"]*?/(?:dry-run-)?(?:content-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as JavaScript reads it: `yes` is a text, and so is a date."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in known if not tag.endswith((":bool", ":timestamp"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), list("tf"))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    given: Mapping[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """Of the request for a dry run."""
        known = ("parameters", "output")
        template = {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": "corpus"},
            "spec": {
                "type": "service",
                "steps": self.given.get("steps"),
                **{key: self.given[key] for key in known if key in self.given},
                **self.given.get("spec", {}),
            },
        }
        files = [
            {"path": path, "base64Content": base64.b64encode(content).decode()}
            for path, content in self.files()
        ]
        return {
            "template": self.given.get("template", template),
            "values": self.given.get("values", {}),
            "secrets": self.given.get("secrets", {}),
            "directoryContents": files,
            **self.given.get("body", {}),
        }

    def files(self) -> Iterator[tuple[str, bytes]]:
        for path, file in self.given.get("files", {}).items():
            if isinstance(file, str):
                yield path, file.encode()
            else:
                yield path, base64.b64decode(file["base64"])


def cases(theme: str) -> list[Case]:
    with (HERE / "cases" / f"{theme}.yaml").open(encoding="utf-8") as text:
        return [Case(one["name"], one) for one in yaml.load(text, _Loader)]


def recorded(theme: str) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((HERE / "recorded" / f"{theme}.json").read_text())
    return answers


def cleaned(status: int, answer: Any) -> dict[str, Any]:
    """What is compared of an answer."""
    if status >= 400:
        if "errors" in answer:
            errors = [[one["property"], one["message"]] for one in answer["errors"]]
            return {"status": status, "errors": errors}
        error = answer["error"]
        return {"status": status, "error": error["name"], "message": _clean(error["message"])}
    return {
        "log": [_told(one["body"]) for one in answer["log"]],
        "files": {one["path"]: _file(one) for one in answer["directoryContents"]},
        "output": answer["output"],
    }


def _told(body: Mapping[str, Any]) -> list[str]:
    return [body.get("stepId", ""), body.get("status", ""), _clean(body["message"])]


def _clean(text: str) -> str:
    return _FOLDERS.sub("FOLDER", _COLOURS.sub("", text))


def _file(one: Mapping[str, Any]) -> Any:
    content = base64.b64decode(one["base64Content"])
    try:
        text: Any = content.decode()
    except UnicodeDecodeError:
        text = {"base64": one["base64Content"]}
    return {"executable": text} if one.get("executable") else text
