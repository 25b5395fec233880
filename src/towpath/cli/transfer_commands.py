"""Objects from one cluster to another: `towpath export`, `towpath import`."""

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from towpath.cli import output
from towpath.client.protocols import Client
from towpath.hooks.commands import CONFLICT, FAILED, NO_PLATFORM, USAGE, Command, CommandError

STDIO = "-"
MANAGER = "towpath-import"
CLUSTER_FOLDER, NAMESPACES_FOLDER = "cluster", "namespaces"
LINES_SHOWN = 12


async def export(
    _: None,
    kinds: tuple[str, ...] = (),
    *,
    to: str = STDIO,
    namespace: tuple[str, ...] = (),
    labels: str = "",
    kubeconfig: Path | None = None,
    context: str = "",
    secrets: bool = False,
    owned: bool = False,
    with_status: bool = False,
) -> None:
    """Take objects out of a cluster as YAML that another one can take in.

    KINDS are kinds or plurals, such as deployments or certificates.cert-manager.io; all that can
    be taken elsewhere, if none is named. What the server owns or gave out is left out, and so is
    what controllers make of other objects. Namespaces and definitions that are needed come along.

    Parameters
    ----------
    to
        A folder, a .yaml file, or - for standard output (default). A folder gets a file for each
        object, always the same for the same object; what it had of an earlier export goes.
    namespace : -n
        Only there; everywhere but in Kubernetes' own, if left out. Can be repeated.
    labels : -l
        Only those with these labels, as in kubectl.
    kubeconfig
        Of the cluster. Default: the platform's.
    context
        The kubeconfig's context. Default: its current one.
    secrets
        Secrets too, as plain text.
    owned
        Also what controllers have made of other objects.
    with_status
        Keep what controllers have said in status.
    """
    from towpath.client.exporting import Wanted
    from towpath.client.exporting import export as taken

    wanted = Wanted(kinds, namespace, labels, secrets, owned, with_status)
    async with _client(kubeconfig, context) as client:
        exported = await taken(client, wanted)
    pairs = [(resource.plural, resource.group, obj) for resource, obj in exported.objects]
    if to == STDIO or to.endswith((".yaml", ".yml")):
        _write_file(to, [obj for _, _, obj in pairs])
    else:
        _write_folder(Path(to), pairs)
    output.say(f"{len(pairs)} objects" + ("" if to == STDIO else f" in {to}"))
    for why, count in sorted(exported.left_out.items()):
        output.say(f"  left out: {count} {why}")


async def import_(
    _: None,
    source: tuple[str, ...],
    *,
    kubeconfig: Path | None = None,
    context: str = "",
    dry_run: bool = False,
    force: bool = False,
    secrets: bool = False,
    with_status: bool = False,
    manager: str = MANAGER,
) -> None:
    """Bring objects into a cluster from files, folders, or what `towpath export` writes.

    Definitions first, then namespaces, then what others stand on, by server-side apply. One that
    fails keeps no other from being brought, and a second run does what is left. From cluster to
    cluster: towpath export --context old | towpath import - --context new.

    Parameters
    ----------
    kubeconfig
        Of the cluster. Default: the platform's.
    context
        The kubeconfig's context. Default: its current one.
    dry_run
        Change nothing; say what would be created, and what would change in what is there.
    force
        Take over fields that another manager owns.
    secrets
        Secrets too.
    with_status
        Bring the status that the files hold.
    manager
        Who owns the fields that are brought.
    """
    from towpath.client.importing import Options, bring, without_secrets

    objects = list(_read(source))
    left_out = 0
    if not secrets:
        objects, left_out = without_secrets(objects)
    options = Options(manager, force, dry_run, with_status)
    async with _client(kubeconfig, context) as client:
        outcomes = await bring(client, objects, options)
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.result] = counts.get(outcome.result, 0) + 1
        _show(outcome, dry_run=dry_run)
    if left_out:
        output.say(f"{left_out} Secrets left out; bring them with --secrets")
    said = ", ".join(f"{count} {result}" for result, count in sorted(counts.items())) or "nothing"
    output.say(f"{'Dry run: ' if dry_run else ''}{said}")
    _fail_for(counts)


def _fail_for(counts: dict[str, int]) -> None:
    if conflicts := counts.get("conflict"):
        raise CommandError(
            f"{conflicts} objects have fields that others own; see above",
            hint="take the fields over with --force, or leave them to who owns them",
            exit_code=CONFLICT,
        )
    if failed := counts.get("failed"):
        raise CommandError(
            f"{failed} objects could not be brought; see above",
            hint="what is repaired is brought by running it again",
            exit_code=FAILED,
        )


def _show(outcome: Any, *, dry_run: bool) -> None:
    if outcome.result == "unchanged" and not outcome.lines:
        return
    would = "would be " if dry_run and outcome.result in ("created", "changed") else ""
    print(f"{outcome.name}: {would}{outcome.result}")  # noqa: T201 - this is the output
    for line in outcome.lines[:LINES_SHOWN]:
        print(f"  {line}")  # noqa: T201
    if (more := len(outcome.lines) - LINES_SHOWN) > 0:
        print(f"  and {more} more lines")  # noqa: T201


@asynccontextmanager
async def _client(kubeconfig: Path | None, context: str) -> AsyncIterator[Client]:
    from towpath.app.datadir import default_data_dir
    from towpath.cli.connection import PLATFORM_CONTEXT, find_platform
    from towpath.client.kubeconfig import KubeconfigError, from_kubeconfig
    from towpath.client.kubernetes import KubernetesClient

    try:
        if kubeconfig is not None:
            connection = from_kubeconfig(kubeconfig, context=context)
        else:
            reach = find_platform(default_data_dir())
            named = context not in ("", PLATFORM_CONTEXT)
            connection = reach.cluster(context) if named else reach.platform
    except KubeconfigError as error:
        raise CommandError(str(error), exit_code=NO_PLATFORM) from error
    async with KubernetesClient(connection, manager=MANAGER) as client:
        yield client


# -- files -----------------------------------------------------------------------------------


def _text(obj: Any) -> str:
    from towpath.machinery.documents import dump_document

    return dump_document(obj)


def _write_file(to: str, objects: Sequence[Any]) -> None:
    text = "---\n".join(_text(obj) for obj in objects)
    if to == STDIO:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    from towpath.files import write_private

    write_private(Path(to).absolute(), text.encode())


def _write_folder(folder: Path, pairs: Sequence[tuple[str, str, Any]]) -> None:
    """A file for each object; files of an earlier export whose object is gone go too."""
    try:
        others = {child.name for child in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise CommandError(f"{folder} is no folder: {error.strerror}", exit_code=USAGE) from error
    ours = {CLUSTER_FOLDER, NAMESPACES_FOLDER}
    if strange := sorted(name for name in others - ours if not name.startswith(".")):
        raise CommandError(
            f"{folder} holds {', '.join(strange[:3])}, which no export wrote",
            hint="name a new folder, or one of an earlier export",
            exit_code=USAGE,
        )
    written = set()
    for plural, group, obj in pairs:
        metadata = obj["metadata"]
        place = folder / CLUSTER_FOLDER
        if namespace := metadata.get("namespace"):
            place = folder / NAMESPACES_FOLDER / _safe(namespace)
        path = place / f"{plural}.{group}".rstrip(".") / f"{_safe(metadata['name'])}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(obj))
        if obj["kind"] == "Secret":
            path.chmod(0o600)
        written.add(path)
    for name in ours:
        for path in (folder / name).rglob("*.yaml"):
            if path not in written:
                path.unlink()


def _safe(name: str) -> str:
    if "/" in name or name.startswith("."):
        raise CommandError(f"{name!r} cannot be the name of a file")
    # Roles have colons in their names, which not every file system can keep.
    return name.replace(":", "%3A")


def _read(sources: tuple[str, ...]) -> Iterator[Any]:
    for source in sources:
        if source == STDIO:
            yield from _objects(sys.stdin.read(), "standard input")
            continue
        path = Path(source)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file == path or file.suffix in (".yaml", ".yml", ".json"):
                try:
                    yield from _objects(file.read_text(), str(file))
                except OSError as error:
                    raise CommandError(
                        f"{file} cannot be read: {error.strerror}", exit_code=USAGE
                    ) from error


def _objects(text: str, shown: str) -> Iterator[Any]:
    """Document by document: an export has no limit, a document has."""
    from towpath.cli.object_commands import checked
    from towpath.machinery.documents import DocumentError, load_documents

    for part in text.replace("\n---\n", "\n\0").removeprefix("---\n").split("\0"):
        try:
            documents = load_documents(part)
        except DocumentError as error:
            raise CommandError(f"{shown} is not YAML: {error}", exit_code=USAGE) from error
        for document in documents:
            yield from checked(document, shown)


TRANSFER_COMMANDS = [
    Command(("export",), export, local=True),
    Command(("import",), import_, local=True),
]
