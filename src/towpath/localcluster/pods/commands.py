"""What to execute for a container: its image's configuration under the pod's own words. Pure.

The local cluster runs an image's own layers with the host's interpreter: `python` of whatever path
is the host's. Where nothing can be mounted, `/app` and the other folders of the image are where
they were unpacked, and every mention of them is rewritten.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from towpath.localcluster.pods.environment import expand
from towpath.machinery.objects import RawObject

BASE_LABEL = "dev.towpath.image.base"
_PYTHON = re.compile(r"(/usr/local/bin/|/usr/bin/|/opt/[^ ]*/bin/)?python(3(\.[0-9]+)?)?")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ImageRefused(Exception):
    """The image cannot run here; `str()` says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an OCI image's configuration says about running it."""

    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    working_dir: str = "/"

    @classmethod
    def parse(cls, reference: str, config: Mapping[str, object]) -> "ImageConfig":
        """Raises ImageRefused when the image brings a system of its own."""
        inner = config.get("config")
        values: RawObject = dict(inner) if isinstance(inner, dict) else {}
        labels = values.get("Labels") or {}
        if BASE_LABEL not in labels:
            raise ImageRefused(
                f"image {reference} brings its own base layers, which a local cluster cannot run; "
                "build it with `towpath image build`, which declares the base instead"
            )
        pairs = (entry.partition("=") for entry in values.get("Env") or ())
        return cls(
            env={name: value for name, _, value in pairs},
            entrypoint=tuple(values.get("Entrypoint") or ()),
            command=tuple(values.get("Cmd") or ()),
            working_dir=values.get("WorkingDir") or "/",
        )


@dataclass(frozen=True, slots=True)
class Relocation:
    """Where the image's folders are, when they are not where the image believes them."""

    moved: Mapping[str, str] = field(default_factory=dict)
    """From `/app` to the folder where it was unpacked."""

    def of(self, text: str) -> str:
        for old, new in self.moved.items():
            # Only whole path elements: /app and /app/x, also within PATH=/app/bin:/usr/bin.
            pattern = rf"(?<![\w./-]){re.escape(old)}(?=[/:,;'\"\s]|$)"
            text = re.sub(pattern, new.replace("\\", r"\\"), text)
        return text


def base_environment(
    image: ImageConfig, *, home: Path, programs: Path, relocation: Relocation
) -> dict[str, str]:
    """What every container has before its pod says anything. `programs` holds our `python`."""
    own = {
        "HOME": str(home),
        "TMPDIR": "/tmp",  # noqa: S108 - private to the process, or the host's own
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
    own |= {name: relocation.of(value) for name, value in image.env.items()}
    own["PATH"] = f"{programs}:{own.get('PATH') or _SYSTEM_PATH}"
    return own


def command_of(
    container: RawObject,
    image: ImageConfig,
    env: Mapping[str, str],
    *,
    python: str,
    relocation: Relocation,
) -> list[str]:
    """`command` replaces the image's Entrypoint and Cmd, `args` its Cmd. Raises ImageRefused."""
    command = [expand(word, env) for word in container.get("command") or ()]
    arguments = [expand(word, env) for word in container.get("args") or ()]
    if command:
        words = [*command, *arguments]
    else:
        words = [*image.entrypoint, *(arguments or image.command)]
    if not words:
        raise ImageRefused(f"container {container['name']} has no command, and its image neither")
    words = [relocation.of(word) for word in words]
    if _PYTHON.fullmatch(words[0]):
        words[0] = python
    return words


def working_dir_of(container: RawObject, image: ImageConfig, relocation: Relocation) -> str:
    return relocation.of(container.get("workingDir") or image.working_dir or "/")
