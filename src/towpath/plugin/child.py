"""The plug-in's process: `python -m towpath.plugin.child MODULE:ATTRIBUTE`.

It connects before it imports the plug-in, so that a plug-in that never comes back from its import
is seen to be there. What the plug-in prints goes to its log file; the socket is ours alone. On
SIGTERM it writes where every thread is to the log, whatever the plug-in is doing: that is how a
plug-in that hangs is told at which line.
"""

import asyncio
import contextlib
import faulthandler
import importlib
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from towpath.plugin import hooks, wire
from towpath.plugin.declaration import Declined, Object, Plugin

NO_PLUGIN = 2
NICENESS = 5
THREADS = 16
"""For hooks that are plain functions."""


class PipeApi:
    """declaration.Api in the name of one call."""

    def __init__(self, child: "Child", call: int) -> None:
        self._child = child
        self._call = call

    async def get(
        self, api_version: str, kind: str, name: str, *, namespace: str | None = None
    ) -> Object:
        found: Object = await self._child.ask(
            self._call,
            "get",
            {"api_version": api_version, "kind": kind, "name": name, "namespace": namespace},
        )
        return found

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
    ) -> Any:
        arguments = {
            "api_version": api_version,
            "kind": kind,
            "namespace": namespace,
            "labels": labels,
            "fields": fields,
            "limit": limit,
        }
        return await self._child.ask(self._call, "list", arguments)


class Child:
    def __init__(
        self, plugin: Plugin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._plugin = plugin
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(THREADS))
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._asks = 0

    async def run(self) -> None:
        """Answer calls until the platform closes the pipe."""
        while line := await self._reader.readline():
            message = wire.decode_to_plugin(line)
            if isinstance(message, wire.Call):
                self._calls[message.call] = self._loop.create_task(self._answer(message))
            elif isinstance(message, wire.Cancel):
                if message.call in self._calls:
                    self._calls[message.call].cancel()
            else:
                self._hear(message)

    async def ask(self, call: int, verb: Any, arguments: dict[str, Any]) -> Any:
        self._asks += 1
        number = self._asks
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._asked[number] = answer
        self._say(wire.Ask(call, number, verb, arguments))
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    def _hear(self, answer: wire.Answer) -> None:
        waiting = self._asked.get(answer.ask)
        if waiting is None or waiting.done():
            return
        if not answer.refusal:
            waiting.set_result(answer.value)
            return
        errors = {"missing": LookupError, "forbidden": PermissionError}
        waiting.set_exception(errors.get(answer.refusal, RuntimeError)(answer.message))

    async def _answer(self, call: wire.Call) -> None:
        function: Any = None
        try:
            function = hooks.find(self._plugin, call.hook, call.id)
            if call.hook == "read":
                await self._tell(call, await hooks.descriptors(function, self._argument(call)))
                return
            value = await hooks.call(function, self._argument(call))
            self._say(wire.Done(call.call, hooks.result_of(call.hook, value)))
        except hooks.Nonsense as error:
            self._say(wire.Failed(call.call, "nonsense", str(error), _home(function), "nonsense"))
        except Declined as error:
            self._say(wire.Failed(call.call, "Declined", str(error)[:4000], "", "declined"))
        except asyncio.CancelledError as error:
            self._say(wire.Failed(call.call, "cancelled", "", hooks.place_of(error), "cancelled"))
        except BaseException as error:  # noqa: BLE001 - SystemExit too: it ends a hook, not us
            traceback.print_exception(error)
            self._say(_failure(call.call, error))
        finally:
            self._calls.pop(call.call, None)

    async def _tell(self, call: wire.Call, found: Sequence[Any]) -> None:
        """In parts: one message would be too long."""
        part: list[Any] = []
        size = 0
        for one in found:
            length = len(wire.encode(one))
            if length > wire.PART_SIZE_MAX:
                raise hooks.Nonsense(f"a descriptor is longer than {wire.PART_SIZE_MAX} bytes")
            if part and size + length > wire.PART_SIZE_MAX:
                self._say(wire.Part(call.call, part))
                await self._writer.drain()
                part, size = [], 0
            part.append(one)
            size += length
        self._say(wire.Part(call.call, part))
        self._say(wire.Done(call.call, None))

    def _argument(self, call: wire.Call) -> Any:
        if call.hook in ("tab", "check"):
            return hooks.service_of(call.subject, PipeApi(self, call.call))
        if call.hook == "read":
            return hooks.reading_of(call.subject, self._log_of(call.call))
        return hooks.step_of(call.subject, self._log_of(call.call))

    def _log_of(self, call: int) -> Callable[[str], None]:
        here = threading.get_ident()

        def log(text: str) -> None:
            message = wire.Log(call, str(text)[:20_000])
            if threading.get_ident() == here:
                self._say(message)
            else:
                self._loop.call_soon_threadsafe(self._say, message)

        return log

    def _say(self, message: wire.FromPlugin) -> None:
        self._writer.write(wire.encode(message) + b"\n")


def _failure(call: int, error: BaseException) -> wire.Failed:
    kind = type(error).__name__[:200]
    return wire.Failed(call, kind, str(error)[:4000], hooks.place_of(error)[:500])


def _home(function: Any) -> str:
    """Where a function is that returned something odd."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    return f"{hooks.short_path(code.co_filename)}:{code.co_firstlineno} in {code.co_name}"


def load(value: str) -> Plugin:
    """The object that an entry point names. Raises whatever its import raises, and Nonsense."""
    module_name, _, attribute = value.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        found = getattr(found, part)
    if not isinstance(found, Plugin):
        raise hooks.Nonsense(f"{value} is a {type(found).__name__}, not a towpath.plugin.Plugin")
    return found


def _introduce(value: str) -> tuple[Plugin | None, wire.FromPlugin]:
    """Import it. Whatever that raises is told, not raised."""
    try:
        plugin = load(value)
        return plugin, wire.Hello(hooks.offers_of(plugin))
    except BaseException as error:  # noqa: BLE001 - an import may raise anything, SystemExit too
        traceback.print_exception(error)
        said = str(error) if isinstance(error, hooks.Nonsense) else _sentence(error)
        return None, wire.Refused(said[:4000], hooks.place_of(error)[:500])


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def _serve(plugin: Plugin, platform: socket.socket, hello: wire.FromPlugin) -> None:
    limit = wire.ANSWER_SIZE_MAX
    reader, writer = await asyncio.open_unix_connection(sock=platform, limit=limit)
    writer.write(wire.encode(hello) + b"\n")
    await Child(plugin, reader, writer).run()


def main() -> None:
    # Pages of others come first, whatever this one computes.
    os.nice(NICENESS)
    faulthandler.register(signal.SIGTERM, file=sys.stderr, all_threads=True, chain=True)
    platform = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    platform.connect(wire.SOCKET)
    plugin, hello = _introduce(sys.argv[1])
    if plugin is None:
        platform.sendall(wire.encode(hello) + b"\n")
        sys.exit(NO_PLUGIN)
    with contextlib.suppress(ConnectionError):
        asyncio.run(_serve(plugin, platform, hello))
    # Threads of the plug-in may go on for ever; nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    main()
