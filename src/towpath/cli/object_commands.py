"""Objects of the API for those without kubectl: get, apply and delete -f."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from towpath.client.protocols import Client
from towpath.hooks.commands import NOT_FOUND, TIMED_OUT, USAGE, Command, CommandError, Terminal
from towpath.machinery.conditions import get_condition
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject
from towpath.runtime.following import follow_object

MANAGER = "towpath-cli"
PROJECT_S_MAX = 30


async def get(
    terminal: Terminal,
    kind: str,
    name: str = "",
    *,
    namespace: str = "",
    labels: str = "",
    cluster: str = "",
) -> None:
    """Show objects of a kind, or one of them.

    Parameters
    ----------
    cluster : -c
        Of this cluster; of the platform itself, if left out.
    namespace : -n
        Only there; all namespaces, if left out.
    labels : -l
        Only those with these labels, as in kubectl.
    """
    api = _api(terminal, cluster)
    resource = await _resource(api, kind)
    if name:
        found = await api.get(resource, name, namespace)
        terminal.show(found, [_row(found)])
        return
    listed = await api.list(resource, namespace, labels=labels)
    document = {"apiVersion": "v1", "kind": "List", "items": listed.items}
    terminal.show(document, [_row(obj) for obj in listed.items])


async def apply(
    terminal: Terminal,
    *,
    file: tuple[Path, ...],
    namespace: str = "",
    force: bool = False,
    cluster: str = "",
) -> None:
    """Create or change objects as files say, by server-side apply.

    What lies in a project of the same files waits until the project has its namespace.

    Parameters
    ----------
    file : -f
        A YAML or JSON file, a folder of them, or - for standard input. Can be repeated.
    namespace : -n
        For objects that name none.
    force
        Take over fields that another manager owns.
    cluster : -c
        On this cluster; on the platform itself, if left out.
    """
    api = _api(terminal, cluster)
    made: dict[str, Resource] = {}
    for obj in _objects(file):
        resource = await api.resolve(obj["apiVersion"], obj["kind"])
        _place(obj, resource, namespace)
        place = obj["metadata"].get("namespace", "")
        if place in made:
            await _until_there(api, made.pop(place), place)
        await api.apply(resource, obj, manager=MANAGER, force=force)
        if resource.kind == "Project":
            made[obj["metadata"]["name"]] = resource
        terminal.say(f"{resource.plural}/{obj['metadata']['name']} applied")


async def _until_there(api: Client, project: Resource, name: str) -> None:
    """A project's namespace comes a moment after the project."""
    changes = follow_object(api, project, Key("", name))
    try:
        async with asyncio.timeout(PROJECT_S_MAX), aclosing(changes):
            async for found in changes:
                if (
                    found is not None
                    and (get_condition(found, "Ready") or {}).get("status") == "True"
                ):
                    return
    except TimeoutError as error:
        raise CommandError(
            f"the project {name} is not ready after {PROJECT_S_MAX} s",
            hint=f"see why with `towpath get Project {name} -o yaml`, then apply again",
            exit_code=TIMED_OUT,
        ) from error


def deleting_files_too(command: Command) -> Command:
    """The workloads' `delete APP`, with `-f FILE` beside it."""

    async def delete(
        terminal: Terminal,
        app: str = "",
        *,
        project: str = "",
        file: tuple[Path, ...] = (),
        yes: bool = False,
        wait: bool = False,
        cluster: str = "",
    ) -> None:
        """Delete a workload with all that it has, or the objects that files name.

        Parameters
        ----------
        project : -p
            The workload's project.
        file : -f
            Delete the objects of this file instead. Can be repeated.
        yes : -y
            Do not ask.
        wait
            Return when everything is gone.
        cluster : -c
            The cluster that the file's objects are on; the platform itself, if left out.
        """
        if bool(app) == bool(file):
            raise CommandError(
                "name a workload or give files with -f, one of both", exit_code=USAGE
            )
        if app:
            await command.run(terminal, app, project=project, yes=yes, wait=wait)
            return
        api = _api(terminal, cluster)
        for obj in reversed(list(_objects(file))):
            resource = await api.resolve(obj["apiVersion"], obj["kind"])
            _place(obj, resource, "")
            metadata = obj["metadata"]
            await api.delete(resource, metadata["name"], metadata.get("namespace", ""))
            terminal.say(f"{resource.plural}/{metadata['name']} deleted")

    return Command(("delete",), delete)


def _api(terminal: Terminal, cluster: str) -> Client:
    return terminal.cluster(cluster) if cluster else terminal.api


async def _resource(api: Client, word: str) -> Resource:
    """A kind by its kind, plural, or plural.group, whatever the case."""
    wanted = word.lower()
    for resource in await api.resources():
        names = {resource.kind.lower(), resource.plural, f"{resource.plural}.{resource.group}"}
        if wanted in names:
            return resource
    raise CommandError(
        f"the server has no kind {word!r}",
        hint="a kind is named in full or by its plural, such as Workload or workloads",
        exit_code=NOT_FOUND,
    )


def _objects(files: tuple[Path, ...]) -> Iterator[RawObject]:
    from towpath.machinery.documents import DocumentError, load_documents

    for path in files:
        for text, shown in _texts(path):
            try:
                documents = load_documents(text)
            except DocumentError as error:
                raise CommandError(f"{shown} is not YAML: {error}", exit_code=USAGE) from error
            for document in documents:
                yield from checked(document, shown)


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    if str(path) == "-":
        yield sys.stdin.read(), "standard input"
        return
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.suffix in (".yaml", ".yml", ".json"):
                yield file.read_text(), str(file)
        return
    try:
        yield path.read_text(), str(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", exit_code=USAGE) from error


def checked(document: Any, shown: str) -> Iterator[RawObject]:
    if isinstance(document, dict) and document.get("kind") == "List":
        for item in document.get("items") or ():
            yield from checked(item, shown)
        return
    complete = (
        isinstance(document, dict)
        and isinstance(document.get("metadata"), dict)
        and all(document.get(field) for field in ("apiVersion", "kind"))
        and document["metadata"].get("name")
    )
    if not complete:
        raise CommandError(
            f"{shown} has a document without apiVersion, kind and metadata.name", exit_code=USAGE
        )
    yield document


def _place(obj: RawObject, resource: Resource, namespace: str) -> None:
    if resource.namespaced:
        obj["metadata"].setdefault("namespace", namespace or "default")


def _row(obj: RawObject) -> dict[str, str]:
    metadata = obj["metadata"]
    ready = get_condition(obj, "Ready") or {}
    return {
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "ready": ready.get("status", ""),
        "reason": ready.get("reason", ""),
        "age": _age(metadata.get("creationTimestamp", "")),
    }


def _age(created: str) -> str:
    from towpath.machinery.durations import human_duration

    if not created:
        return ""
    return human_duration((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())


OBJECT_COMMANDS = [Command(("get",), get), Command(("apply",), apply)]
