"""What `towpath image build` does, in order. Blocking: the command runs it in a thread."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.capabilities.delivery.images.destination import (
    Destination,
    find_credentials,
    find_destination,
)
from towpath.capabilities.delivery.images.origin import find_origin
from towpath.engines.registry.builder.base_image import Base, load_base
from towpath.engines.registry.builder.image import BuiltImage, build_image
from towpath.engines.registry.builder.layout import write_layout
from towpath.engines.registry.client import RegistryClient
from towpath.engines.registry.port import LOGICAL_HOST, ImageError
from towpath.hooks.commands import CommandError


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """The options of the command, as they were typed."""

    folder: Path
    push: bool
    tag: str
    base: str
    project: str
    workload: str
    registry: str
    commit: str
    username: str
    password_stdin: bool
    insecure: bool
    layout: str


def say(text: str) -> None:
    """Progress, on standard error: standard output is for the reference alone."""
    sys.stderr.write(f"{text}\n")


def run_build(request: BuildRequest) -> str:
    """Build, push if asked, and print the reference, which is also the answer."""
    environment = os.environ
    destination = _destination(request, environment)
    password = sys.stdin.readline().rstrip("\n") if request.password_stdin else ""

    def connect(host: str) -> RegistryClient:
        given = password if host == destination.host else ""
        name = request.username if given else ""
        if host == LOGICAL_HOST:
            host = environment.get("TOWPATH_REGISTRY", host)
        credentials = find_credentials(host, name, given, environment)
        return RegistryClient(host, credentials, plain_http=request.insecure)

    cache = cache_folder(environment)
    origin = find_origin(request.folder, environment, request.commit)
    base = _load_base(request.base, connect, cache)
    image = build_image(
        request.folder, cache=cache, origin=origin, base=base, base_name=request.base, say=say
    )
    if request.layout:
        write_layout(image, Path(request.layout), request.tag or origin.revision)
    if request.push:
        client = connect(destination.host)
        try:
            image.push(client, destination.name, request.tag or origin.revision)
        finally:
            client.close()
        say(f"Pushed {destination.host}/{destination.name}")
    return _report(image, destination, environment)


def _destination(request: BuildRequest, environment: Mapping[str, str]) -> Destination:
    """Raises CommandError when something is to be pushed and it is not known where to."""
    if not request.push and not (request.workload or environment.get("TOWPATH_WORKLOAD")):
        return Destination("", request.folder.resolve().name, "")
    found = find_destination(request.registry, request.project, request.workload, environment)
    if request.push and not found.host:
        raise CommandError(
            "It is not known where to push to",
            hint="Give --registry HOST[:PORT], or set TOWPATH_REGISTRY.",
        )
    return found


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where finished layers are kept between builds; it may be deleted at any time."""
    if declared := environment.get("TOWPATH_CACHE"):
        return Path(declared) / "builds"
    shared = environment.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "towpath" / "builds"


def _load_base(
    reference: str, connect: Callable[[str], RegistryClient], cache: Path
) -> Base | None:
    if not reference:
        return None
    try:
        return load_base(reference, connect, cache / "base")
    except ImageError as error:
        say(f"The base is only declared, since it could not be pulled: {error}")
        return None


def _report(image: BuiltImage, destination: Destination, environment: Mapping[str, str]) -> str:
    reference = destination.reference(image.digest)
    output = environment.get("GITHUB_OUTPUT", "")
    if output:
        with Path(output).open("a") as file:
            file.write(f"image={reference}\n")
    sys.stdout.write(f"{reference}\n")
    sys.stdout.flush()
    return reference
