"""Our catalogue answers what a real Backstage answered: `recorded.json`, of Backstage 1.55.

`record.py` tells how that was recorded. What differs is named here, with the reason, and has a line
in docs/reference/backstage-api.md.
"""

import json
from pathlib import Path
from typing import Any

from tests.parity.catalog.asked import Asked
from tests.parity.catalog.asking import answered
from tests.parity.catalog.everything import ALL
from tests.parity.catalog.ours import our_catalogue

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text())

QUOTES = "a text that is put together is quoted with more care"
NO_PATH = "what is not there is told in the usual form, not by an empty answer"
JUDGED = {
    "annotations": "what it takes for annotations is a text, which it spreads into letters",
    "Environment": "a kind of ours and of others, not of its own",
    "Capability": "a kind of ours and of others, not of its own",
}
DIFFERENT = {
    "GET /entities": QUOTES,
    "GET /entities?filter[]=kind%3Dapi": QUOTES,
    "GET /entities?filter=metadata.name%3Dodd.letters&fields=spec.list.length": (
        "the length of a list is none of its items"
    ),
    "GET /entities/by-query?fields=kind,metadata.namespace,metadata.name&filter=kind=component"
    "&orderField=metadata.tags&limit=3": "an entity is answered once, not once for each value",
    "POST /entities/by-query {'limit': -1}": "it breaks there",
    "GET /entities/by-name/component/default": NO_PATH,
    "GET /nothing-here": NO_PATH,
    "GET /entities/nothing-here": NO_PATH,
    "GET /": NO_PATH,
    "PUT /entities {}": NO_PATH,
    "DELETE /entities": NO_PATH,
    "POST /entities {}": NO_PATH,
    "POST /analyze-location {'location': {'type': 'url', 'target':"
    " 'http://localhost:7190/parts/leaf.yaml'}}": "what is registered from there is told",
}


def reason(asked: Asked) -> str:
    if asked.address == "/validate-entity":
        entity = asked.body.get("entity")
        if isinstance(entity, dict):
            is_text = entity.get("metadata", {}) and entity["metadata"].get("annotations") == "x"
            return JUDGED["annotations"] if is_text else JUDGED.get(entity.get("kind", ""), "")
    return DIFFERENT.get(asked.name, "")


async def test_we_answer_what_backstage_answered(tmp_path: Path) -> None:
    wrong, no_longer = {}, []
    async with our_catalogue(tmp_path) as ours:
        for asked in ALL:
            said = json.loads(json.dumps(await answered(ours, asked)))
            is_same = said == RECORDED[asked.name]
            if is_same and reason(asked):
                no_longer.append(asked.name)
            elif not is_same and not reason(asked):
                wrong[asked.name] = {"here": said, "there": RECORDED[asked.name]}
    assert wrong == {}
    assert no_longer == [], "these are the same now: take them out of DIFFERENT"


def test_nothing_else_was_recorded() -> None:
    assert {asked.name for asked in ALL} == RECORDED.keys()
