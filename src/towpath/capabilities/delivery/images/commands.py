"""`towpath image build`: needs no API server, so that it runs on any CI."""

from pathlib import Path

from towpath.hooks.commands import Command, CommandError, Terminal


async def image_build(
    _terminal: Terminal | None,
    path: Path = Path(),
    *,
    push: bool = False,
    tag: str = "",
    base: str = "",
    project: str = "",
    workload: str = "",
    registry: str = "",
    commit: str = "",
    username: str = "",
    password_stdin: bool = False,
    insecure: bool = False,
    layout: str = "",
) -> None:
    """Build an OCI image from a folder, without a daemon, and print its reference.

    Understands Python applications (pyproject.toml with uv.lock) and static sites (public/ or
    index.html). Standard output is the reference by digest and nothing else.

    Parameters
    ----------
    path
        The folder with the application.
    push
        Push the image to the registry.
    tag
        The tag to push besides the digest; the commit if not given.
    base
        An image or OCI layout folder to stack on. Where it cannot be had, it is only declared.
    project
        The project; TOWPATH_PROJECT if not given.
    workload
        The workload; TOWPATH_WORKLOAD if not given.
    registry
        host[:port][/prefix] of another registry; TOWPATH_REGISTRY if not given.
    commit
        The commit of the sources; GITHUB_SHA or git's HEAD if not given.
    username
        The name for the registry; TOWPATH_TOKEN or Docker's config is used if not given.
    password_stdin
        Read the registry's password from standard input.
    insecure
        Speak plain HTTP to a registry that is not on this machine.
    layout
        Also write the image to this folder as an OCI layout.
    """
    import asyncio

    from towpath.capabilities.delivery.images.build import BuildRequest, run_build
    from towpath.engines.registry.port import ImageError

    request = BuildRequest(
        folder=path,
        push=push,
        tag=tag,
        base=base,
        project=project,
        workload=workload,
        registry=registry,
        commit=commit,
        username=username,
        password_stdin=password_stdin,
        insecure=insecure,
        layout=layout,
    )
    try:
        await asyncio.to_thread(run_build, request)
    except ImageError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"The image could not be built: {error}") from error


COMMANDS = (Command(("image", "build"), image_build, local=True),)
