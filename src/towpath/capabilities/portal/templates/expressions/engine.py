"""Backstage's own template engine, in an embedded JavaScript engine: text in, text out.

A realm is one JavaScript world with the libraries of `javascript/`; it belongs to the thread that
made it, so realms have threads of their own. While one works, Python does not wait for it. It
ends after TIME_S of processor time, at MEMORY_BYTES and at STACK_BYTES, regular expressions
included; one that ended like that is thrown away.

Templates are data to the library: they reach no JavaScript, and JavaScript here reaches nothing.
"""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

REALMS = 2
TIME_S = 5.0
MEMORY_BYTES = 192 * 2**20
STACK_BYTES = 4 * 2**20
_THREAD_STACK_BYTES = 4 * STACK_BYTES

_OURS = files("towpath.capabilities.portal.templates.expressions") / "javascript"
_LIBRARIES = _OURS / "built"
"""Bundled at installation; see `javascript/README.md`."""


class ExpressionError(Exception):
    """The template is wrong or asks for too much; `str()` is one sentence for its author."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a template is written: Backstage's `${{ }}`, or Cookiecutter's `{{ }}`."""

    cookiecutter: bool = False
    trim_blocks: bool = False
    lstrip_blocks: bool = False

    @property
    def options(self) -> str:
        """For the library."""
        given = {
            "cookiecutterCompat": self.cookiecutter,
            "trimBlocks": self.trim_blocks,
            "lstripBlocks": self.lstrip_blocks,
        }
        return json.dumps(given)


BACKSTAGE = Dialect()


class _Realm:
    def __init__(self) -> None:
        import quickjs  # a tenth of a second that only those pay who render

        self._failure = quickjs.JSException
        self._too_deep = quickjs.StackOverflow
        self._context = quickjs.Context()
        self._context.set_memory_limit(MEMORY_BYTES)
        self._context.set_max_stack_size(STACK_BYTES)
        self._context.set_time_limit(TIME_S)
        self._loaded: set[str] = set()
        self._context.eval((_OURS / "engine.js").read_text(encoding="utf-8"))
        self._load("nunjitsu")

    def _load(self, name: str) -> None:
        if name not in self._loaded:
            try:
                text = (_LIBRARIES / f"{name}.js").read_text(encoding="utf-8")
            except FileNotFoundError as error:
                raise RuntimeError(f"{name}.js was not built; run tools/javascript") from error
            self._context.eval(text)
            self._loaded.add(name)

    def call(self, function: str, texts: tuple[Any, ...]) -> str:
        """Raises ExpressionError when it was stopped; then this realm is of no more use."""
        library = _LIBRARY_OF.get(function)
        if library is not None:
            self._load(library)
        try:
            answer: str = self._context.get(function)(*texts)
        except self._too_deep as error:
            raise ExpressionError("the template is nested too deeply") from error
        except self._failure as error:
            raise ExpressionError(_stopped(str(error))) from error
        return answer


_LIBRARY_OF = {"writeYaml": "yaml", "schemaErrors": "jsonschema"}


def _stopped(message: str) -> str:
    if "interrupted" in message:
        return f"the template runs longer than {TIME_S:g} s; does it loop too far?"
    if "out of memory" in message:
        return f"the template needs more than {MEMORY_BYTES // 2**20} MB"
    return f"the template cannot be rendered: {message.partition(chr(10))[0]}"


class _Realms:
    """The threads, and the realm of each; made when the first template is rendered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._own = threading.local()

    def forget(self) -> None:
        """In a process that was forked: the threads stayed in the other one."""
        self.__init__()  # type: ignore[misc]

    def call(self, function: str, texts: tuple[Any, ...]) -> str:
        with self._lock:
            if self._pool is None:
                self._pool = _threads()
        return self._pool.submit(self._call, function, texts).result()

    def _call(self, function: str, texts: tuple[Any, ...]) -> str:
        realm: _Realm | None = getattr(self._own, "realm", None)
        if realm is None:
            realm = self._own.realm = _Realm()
        try:
            return realm.call(function, texts)
        except ExpressionError:
            self._own.realm = None
            raise


def _threads() -> ThreadPoolExecutor:
    """With stacks that are deeper than JavaScript may go."""
    before = threading.stack_size(_THREAD_STACK_BYTES)
    try:
        pool = ThreadPoolExecutor(REALMS, thread_name_prefix="templates")
        started = threading.Barrier(REALMS + 1)
        for _ in range(REALMS):
            pool.submit(started.wait)
        started.wait()
    finally:
        threading.stack_size(before)
    return pool


_REALMS = _Realms()
os.register_at_fork(after_in_child=_REALMS.forget)


def call(function: str, *texts: Any) -> dict[str, Any]:
    """What a function of `engine.js` answers. Blocks: call it in a thread.

    Raises ExpressionError.
    """
    answer: dict[str, Any] = json.loads(_REALMS.call(function, texts))
    if "error" in answer:
        raise ExpressionError(str(answer["error"]))
    return answer


def indented(value: Any) -> str:
    """As JavaScript writes it over several lines. Blocks: call it in a thread."""
    text: str = call("indented", as_json(value))["text"]
    return text


def as_json(value: Any) -> str:
    """A date that YAML has read is its text, as in JSON."""
    return json.dumps(value, default=str)
