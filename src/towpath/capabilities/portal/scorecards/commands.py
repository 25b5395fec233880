"""Commands of the terminal: `scorecard list`, `scorecard show`."""

from typing import Any

from towpath.capabilities.portal.scorecards.kinds import SCORECARD
from towpath.capabilities.portal.scorecards.shown import NO_LEVEL, level_names, owner_name, told
from towpath.hooks.commands import NOT_FOUND, Command, CommandError, Terminal
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject


async def list_scorecards(terminal: Terminal, *, project: str = "") -> None:
    """List the scorecards, and how many entities are at which level.

    Parameters
    ----------
    project : -p
        The project; its scorecards are shown beside the platform's.
    """
    found = (await terminal.api.list(SCORECARD, SYSTEM_NAMESPACE)).items
    found += (await terminal.api.list(SCORECARD, project)).items
    terminal.show({"items": found}, [await _row(terminal, card) for card in found])


async def _row(terminal: Terminal, card: RawObject) -> dict[str, str]:
    """With what whoever asks may see."""
    namespace, name = card["metadata"]["namespace"], card["metadata"]["name"]
    (today,) = (await terminal.read(f"scorecards/{namespace}/{name}/days", days="1"))["items"]
    ranks = {int(rank): count for rank, count in today["ranks"].items()}
    return {
        "scorecard": name,
        "of": namespace,
        "title": card["spec"]["title"],
        "entities": str(sum(ranks.values())),
        "levels": told(ranks, level_names(card)),
    }


async def show_scorecard(
    terminal: Terminal,
    name: str,
    *,
    owner: str = "",
    rule: str = "",
    project: str = "",
) -> None:
    """Show how each entity does on a scorecard, those with the most to do first.

    Parameters
    ----------
    name
        The scorecard's name.
    owner
        Only what this group or person owns, as group:default/team-a; none for what nobody owns.
    rule
        Only where this rule does not pass.
    project : -p
        The project whose scorecard it is, if it is not the platform's.
    """
    namespace = await _namespace(terminal, name, project)
    asked = {key: text for key, text in (("owner", owner), ("rule", rule)) if text}
    path = f"scorecards/{namespace}/{name}/scores"
    found = await terminal.read(path, limit="1000", **asked)
    terminal.show(found, [_score(one) for one in found["items"]])


async def _namespace(terminal: Terminal, name: str, project: str) -> str:
    for namespace in (project, SYSTEM_NAMESPACE):
        try:
            await terminal.api.get(SCORECARD, name, namespace)
        except NotFound:
            continue
        return namespace
    raise CommandError(
        f"there is no scorecard {name}",
        hint="`towpath scorecard list` shows those that there are",
        exit_code=NOT_FOUND,
    )


def _score(one: dict[str, Any]) -> dict[str, str]:
    left = [rule["id"] for rule in one["rules"] if rule["outcome"] != "Passed"]
    return {
        "entity": one["entity"],
        "level": one["level"] or NO_LEVEL,
        "rules": f"{one['passed']} of {len(one['rules'])}",
        "owner": owner_name(one["owner"]),
        "left": ", ".join(left),
    }


COMMANDS = (
    Command(("scorecard", "list"), list_scorecards),
    Command(("scorecard", "show"), show_scorecard),
)
