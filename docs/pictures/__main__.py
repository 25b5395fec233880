"""Takes every page of the portal in four worlds and writes one contact sheet for each.

    python -m docs.pictures [WORLD ...] [--full FOLDER] [--only TEXT]

The normal world also gives the README its pictures. `--full` writes every picture, whole pages and
at full size, for somebody who judges them. Not a part of `make docs`: pixels differ from machine to
machine.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.run import find_browser
from tests.worlds import WORLDS, open_world
from tests.worlds.visiting import chromium, sign_in

from docs.pictures.sheets import compose
from docs.pictures.taking import Shot, take_all, take_front

PICTURES = Path(__file__).parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="docs.pictures", description=__doc__)
    parser.add_argument("worlds", nargs="*", help="default: all")
    parser.add_argument("--full", type=Path, help="where to write every picture at full size")
    parser.add_argument("--only", default="", help="pages whose address has this in it")
    return parser.parse_args()


async def main(asked: argparse.Namespace) -> None:
    executable = find_browser()
    if executable is None:
        sys.exit("no Chromium is here, and none could be installed")
    for world in asked.worlds or WORLDS:
        with tempfile.TemporaryDirectory() as folder:
            shots = await take_world(world, Path(folder), executable, asked)
        say(f"{world}: {len(shots)} pictures")


async def take_world(
    world: str, folder: Path, executable: str, asked: argparse.Namespace
) -> list[Shot]:
    async with open_world(world, folder) as platform, chromium(executable) as browser:
        visitor = await sign_in(platform, WORLDS[world].visitor)
        taken = await take_all(
            browser,
            visitor,
            first=WORLDS[world].telling,
            only=asked.only,
            whole=bool(asked.full),
        )
        if asked.full:
            save(taken, asked.full / world)
        else:
            (PICTURES / f"{world}.webp").write_bytes(await compose(browser, world, taken))
            if world == "normal":
                for name, image in (await take_front(browser, visitor)).items():
                    (PICTURES / name).write_bytes(image)
    return taken


def save(shots: list[Shot], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for shot in shots:
        (folder / f"{shot.file_name}.png").write_bytes(shot.image)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
