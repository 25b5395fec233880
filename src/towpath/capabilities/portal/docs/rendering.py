"""Rendering beside the platform: one child process takes pages and gives back what they became.

    python -m towpath.capabilities.portal.docs.rendering

Markdown is read by patterns that somebody's text can make slow, and it takes the processor: so it
happens in a process that is given little memory and a deadline for each page, and that ends when
nobody has needed it for a while. It reads lines of JSON: a site, then its pages. Everything here
blocks; call it in a thread.
"""

import atexit
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

import orjson

from towpath.capabilities.portal.docs.book import prose_of
from towpath.capabilities.portal.docs.prose import Bases, Prose, as_text, rendered
from towpath.capabilities.portal.docs.site import Site

PAGE_S_MAX = 10.0
IDLE_S_MAX = 60.0
MEMORY_BYTES_MAX = 1024 * 1024 * 1024
NICENESS = 5


@dataclass(frozen=True, slots=True)
class Work:
    """A site by the names of its files, and where its addresses begin."""

    files: Sequence[str]
    first: str
    bases: Bases


class Renderer:
    """The child, started when it is needed. One page at a time: whoever comes later waits."""

    def __init__(self, page_s_max: float = PAGE_S_MAX) -> None:
        self._page_s_max = page_s_max
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None

    def render(self, work: Work, pages: Mapping[str, str]) -> dict[str, Prose]:
        """Pages by path and text. One that cannot be rendered is shown as its text."""
        with self._lock:
            self._stay()
            try:
                return self._rendered(work, pages)
            finally:
                self._leave_later()

    def close(self) -> None:
        with self._lock:
            self._stay()
            self._end()

    def _rendered(self, work: Work, pages: Mapping[str, str]) -> dict[str, Prose]:
        done: dict[str, Prose] = {}
        told = False
        for path, text in pages.items():
            lines = [] if told and self._child else [{"site": asdict(work)}]
            answer = self._asked([*lines, {"page": path, "text": text}])
            told = answer is not None
            if answer is None:
                self._end()
                why = f"it took longer than {self._page_s_max:g} s, or more memory than there is"
                done[path] = as_text(text, why)
            else:
                done[path] = prose_of(answer)
        return done

    def _asked(self, lines: Sequence[Mapping[str, Any]]) -> Any:
        """None when the child did not live to answer."""
        child = self._child = self._child or _start()
        assert child.stdin is not None, "it reads from us"
        assert child.stdout is not None, "it writes to us"
        late = threading.Timer(self._page_s_max, child.kill)
        late.start()
        try:
            child.stdin.write(b"".join(orjson.dumps(line) + b"\n" for line in lines))
            child.stdin.flush()
            answer = child.stdout.readline()
        except OSError:
            return None
        finally:
            late.cancel()
        return orjson.loads(answer) if answer.endswith(b"\n") else None

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None, "both are pipes"
            try:
                pipe.close()
            except OSError:
                continue  # what was not sent is nobody's any more

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _leave_later(self) -> None:
        self._idle = threading.Timer(IDLE_S_MAX, self.close)
        self._idle.daemon = True
        self._idle.start()


RENDERER = Renderer()
"""The platform's."""
atexit.register(RENDERER.close)


def _start() -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "towpath.capabilities.portal.docs.rendering"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd="/",
    )


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """The child: until nobody asks any more."""
    site, bases = Site("", {}, ()), Bases("")
    for line in asked:
        said = orjson.loads(line)
        if "site" in said:
            told = said["site"]
            site = Site("", dict.fromkeys(told["files"], b""), (), begins=told["first"])
            bases = Bases(**told["bases"])
            continue
        try:
            prose = rendered(site, said["page"], said["text"], bases)
        except Exception as error:  # noqa: BLE001 - of whatever somebody's text sets off
            prose = as_text(said["text"], f"it cannot be read ({type(error).__name__})")
        answers.write(orjson.dumps(asdict(prose)) + b"\n")
        answers.flush()


if __name__ == "__main__":
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    serve(sys.stdin.buffer, sys.stdout.buffer)
