"""Pages as a reader follows them: their shell blocks, typed into terminals beside a platform.

A terminal keeps its folder and what was exported from block to block. Only three things differ from
what a reader has: the port, where the data directory is, and what a page's test says it replaces.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.platform import Finished, PlatformProcess

ROOT = Path(__file__).parent.parent.parent.parent
BLOCK = re.compile(
    r"^(?:<!-- terminal: (?P<terminal>\w+) -->\n)?(?P<indent> *)```sh\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
FIRST = "first"
COMMAND_S_MAX = 90
"""Also of a block that would go on for ever."""


@dataclass(frozen=True, slots=True)
class Block:
    terminal: str
    text: str


def blocks(page: str) -> list[Block]:
    """The shell blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(found["terminal"] or FIRST, textwrap.dedent(found["text"]))
        for found in BLOCK.finditer(text)
    ]


@dataclass(slots=True)
class Reader:
    """Somebody with a home of their own, the checkout as the folder they begin in."""

    platform: PlatformProcess
    home: Path
    replaced: Mapping[str, str] = field(default_factory=dict)
    """What this page's blocks say that cannot be typed here, and what is typed instead."""

    async def type(self, block: Block) -> Finished:
        """Raises AssertionError when it fails."""
        state = self.home / f".terminal-{block.terminal}"
        script = self._here(block.text)
        kept = f'if [ -f "{state}" ]; then . "{state}"; fi; cd "${{HERE:-$HOME}}"'
        keeping = f'HERE="$PWD"; export HERE; export -p > "{state}"'
        done = await self.platform.run(
            "timeout",
            str(COMMAND_S_MAX),
            "env",
            f"HOME={self.home}",
            f"PATH={ROOT / '.venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "GIT_AUTHOR_NAME=Alice",
            "GIT_AUTHOR_EMAIL=alice@example.org",
            "GIT_COMMITTER_NAME=Alice",
            "GIT_COMMITTER_EMAIL=alice@example.org",
            "bash",
            "-ec",
            f"{kept}\n{script}\n{keeping}",
            timeout_s=COMMAND_S_MAX + 10,
        )
        assert done.code == 0, f"{block.text}\n{done.stdout}{done.stderr}"
        return done

    def _here(self, text: str) -> str:
        data_dir = str(self.platform.data_dir)
        for there, here in (
            ("localhost:8080", f"localhost:{self.platform.port}"),
            ("$HOME/.local/share/towpath", data_dir),
            ("~/.local/share/towpath", data_dir),
            *self.replaced.items(),
        ):
            text = text.replace(there, here)
        return text
