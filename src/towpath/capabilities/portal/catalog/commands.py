"""Commands of the terminal: `catalog`, with what is done about its sources, and in and out."""

from pathlib import Path
from typing import Any

from towpath.hooks.commands import NOT_FOUND, USAGE, Command, CommandError, Terminal
from towpath.machinery.objects import RawObject


async def sources(terminal: Terminal, *, namespace: str = "") -> None:
    """List where the catalogue comes from, how each source is, and what is held back.

    Parameters
    ----------
    namespace : -n
        Only there: a project, or towpath-system; all, if left out.
    """
    from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
    from towpath.capabilities.portal.catalog.source_pages import changes_of, state_of, what_of
    from towpath.machinery.conditions import get_condition

    found = (await terminal.api.list(CATALOG_SOURCE, namespace)).items
    rows = []
    for source in found:
        status = source.get("status") or {}
        ready = get_condition(source, "Ready") or {}
        held = "; ".join(
            f"{one['removed']} of {one['of']} would go" for one in status.get("quarantine") or ()
        )
        rows.append(
            {
                "project": source["metadata"]["namespace"],
                "source": source["metadata"]["name"],
                "state": state_of(source),
                "entities": str(status.get("count", "")),
                "reads": what_of(source),
                "+changed": " ".join(filter(None, (status.get("lastChange"), changes_of(status)))),
                "+read": status.get("lastRead") or "",
                "+next": status.get("nextRead") or "",
                "+why": held or (ready.get("message", "") if ready.get("status") != "True" else ""),
            }
        )
    terminal.show({"apiVersion": "v1", "kind": "List", "items": found}, rows)


async def accept(terminal: Terminal, source: str, *, project: str = "", version: str = "") -> None:
    """Accept that what a source says now takes entities out of the catalogue.

    Parameters
    ----------
    source
        The CatalogSource.
    project : -p
        Its project, where you have several.
    version
        Only this version; all that is held back, if left out.
    """
    await _decide(terminal, source, project, "accept", version)
    terminal.say(f"Accepted: the catalogue follows what {source} says.")


async def undo(terminal: Terminal, source: str, *, project: str = "", version: str = "") -> None:
    """Bring back what was there before a source's last change, until it says something else.

    Parameters
    ----------
    source
        The CatalogSource.
    project : -p
        Its project, where you have several.
    version
        The version that is taken back; the last one, if left out.
    """
    await _decide(terminal, source, project, "undo", version)
    terminal.say(f"Undone: the catalogue has what was there before {source} said this.")


async def refresh(terminal: Terminal, source: str, *, project: str = "") -> None:
    """Read a source again now.

    Parameters
    ----------
    source
        The CatalogSource.
    project : -p
        Its project, where you have several.
    """
    await _decide(terminal, source, project, "refresh", "")
    terminal.say(f"{source} is read again.")


async def _decide(terminal: Terminal, name: str, project: str, what: str, version: str) -> None:
    from towpath.capabilities.portal.catalog.deciding import decide
    from towpath.machinery.errors import BadRequest

    source = await _source(terminal, name, project)
    try:
        written = await decide(terminal.api, source, what, version)
    except BadRequest as error:
        raise CommandError(str(error)) from error
    metadata = written["metadata"]
    terminal.show(written, [{"project": metadata["namespace"], "source": metadata["name"]}])


async def _source(terminal: Terminal, name: str, project: str) -> RawObject:
    from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE

    listed = (await terminal.api.list(CATALOG_SOURCE, project)).items
    found = [one for one in listed if one["metadata"]["name"] == name]
    if not found:
        hint = "`towpath catalog sources` lists them"
        raise CommandError(f"there is no source {name}", hint=hint, exit_code=NOT_FOUND)
    if len(found) > 1:
        where = ", ".join(one["metadata"]["namespace"] for one in found)
        raise CommandError(
            f"{name} is in several projects: {where}", hint="say --project", exit_code=USAGE
        )
    return found[0]


async def export(
    terminal: Terminal, *, format: str = "yaml", kind: str = "", only_project: str = ""
) -> None:
    """Write the whole catalogue that you may see: descriptors, as their sources wrote them.

    Parameters
    ----------
    format : -f
        yaml (documents that can be imported again), json or csv.
    kind : -k
        Only this kind.
    only_project
        Only what is of this project.
    """
    import sys

    from towpath.capabilities.portal.catalog.transfer import FORMATS, written

    if format not in FORMATS:
        known = ", ".join(FORMATS)
        raise CommandError(f"--format {format}: there is {known}", exit_code=USAGE)
    asked = {"kind": kind, "project": only_project}
    parameters = {name: value for name, value in asked.items() if value}
    items: list[RawObject] = []
    token = ""
    while True:
        more = {"continue": token} if token else {}
        page: Any = await terminal.read(
            "catalog/entities", limit="1000", sort="name", **parameters, **more
        )
        items += page["items"]
        token = page["continue"]
        if not token:
            break
    sys.stdout.write(written(items, format))


async def import_(
    terminal: Terminal, file: Path, *, repository: str, path: str = "", dry_run: bool = False
) -> None:
    """Describe entities of a file in a repository: a commit for each that is new or differs.

    Parameters
    ----------
    file
        What `towpath catalog export` wrote: YAML, JSON or CSV.
    repository : -r
        `<project>/<repository>`: where the descriptions go.
    path
        The file there; one for each kind below catalog/, if left out.
    dry_run
        Only say what would be described.
    """
    from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT
    from towpath.capabilities.portal.catalog.transfer import TransferError, edit_of, read_file

    project, _, name = repository.partition("/")
    if not (project and name):
        raise CommandError("--repository must be <project>/<repository>", exit_code=USAGE)
    try:
        descriptors = read_file(file.read_text(encoding="utf-8"), file.suffix)
        edits = [edit_of(one, name, path) for one in descriptors]
    except (OSError, TransferError) as error:
        raise CommandError(f"{file}: {error}") from error
    rows = [
        {"entity": one["entity"], "file": f"{repository}/{one['put']['path']}"} for one in edits
    ]
    for number, spec in enumerate(edits):
        if dry_run:
            break
        edit = CATALOG_EDIT.object("", project, spec=spec)
        edit["metadata"] = {"generateName": "import-", "namespace": project}
        await terminal.api.create(CATALOG_EDIT, edit)
        if number % 100 == 99:
            terminal.say(f"{number + 1} of {len(edits)}")
    terminal.show(edits, rows)


COMMANDS = (
    Command(("catalog", "sources"), sources),
    Command(("catalog", "accept"), accept),
    Command(("catalog", "undo"), undo),
    Command(("catalog", "refresh"), refresh),
    Command(("catalog", "export"), export),
    Command(("catalog", "import"), import_),
)
