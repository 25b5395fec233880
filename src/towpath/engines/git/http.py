"""Git's smart HTTP protocol, served by real `git upload-pack` and `git receive-pack` children.

    GET  /git/<project>/<name>.git/info/refs?service=git-upload-pack|git-receive-pack
    POST /git/<project>/<name>.git/git-upload-pack
    POST /git/<project>/<name>.git/git-receive-pack

Git shows the text of a refusal only when it comes as text/plain to `info/refs`, which it always
asks first. A request's body is spooled to a file before git starts, so a slow, broken or vanished
client never holds a repository's lock or a child; answers stream with the client's own pace.
"""

import asyncio
import logging
import os
import re
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import IO, Literal, Protocol, cast
from urllib.parse import parse_qs

from towpath.engines.asgi import (
    ClientLeft,
    answer,
    body_chunks,
    header,
    send_chunk,
    start_answer,
    token_of,
    while_connected,
)
from towpath.engines.git.children import GitChild, GitChildren
from towpath.engines.git.folders import Folders, Ownership, is_name
from towpath.engines.git.port import (
    MAIN,
    PUSHED,
    GitUnavailable,
    Push,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.objects import CommitSHA
from towpath.machinery.users import AccessRequest, Authenticate, Authorize, UserInfo

log = logging.getLogger(__name__)

Service = Literal["git-upload-pack", "git-receive-pack"]

_ADDRESS = re.compile(r"/git/[^/]+/[^/]+\.git/?")
_PATH = re.compile(r"/git/([^/]+)/([^/]+)\.git/(info/refs|git-upload-pack|git-receive-pack)")
_PROTOCOL = re.compile(r"[a-z0-9=:.-]{1,64}")
_NO_CACHE = ("Cache-Control", "no-cache, max-age=0, must-revalidate")
_CHALLENGE = ("WWW-Authenticate", 'Basic realm="towpath"')
_FETCH_BODY_MAX = 16 * 2**20
_IN_MEMORY_MAX = 2**20
_COMMANDS_MAX = 2**20
_REPORT_MAX = 4 * 2**20
_CHILDREN_MAX = 16
_TIME_LIMIT_S = 900.0
_STALL_LIMIT_S = 60.0


class Refusal(Exception):
    """An answer other than success, with a sentence that git shows to the user."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Request:
    repository: RepositoryName
    service: Service
    advertise: bool
    protocol: str
    user: UserInfo


class Repositories(Protocol):
    """What is asked of the host that holds them."""

    children: GitChildren
    folders: Folders
    reserved: frozenset[str]
    is_project: Callable[[str], Awaitable[bool]]

    async def create(
        self, repository: RepositoryName, *, owner_uid: str, protected: bool = False
    ) -> None: ...

    async def ownership(self, repository: RepositoryName) -> Ownership: ...

    async def all_refs(self, repository: RepositoryName) -> dict[str, CommitSHA]: ...

    def writing(self, repository: RepositoryName) -> AbstractAsyncContextManager[None]: ...

    def after_kill(self, repository: RepositoryName) -> None: ...

    def announce(self, pushes: Iterable[Push]) -> None: ...


class SmartHttp:
    """The ASGI app."""

    def __init__(
        self,
        host: Repositories,
        authenticate: Authenticate,
        authorize: Authorize,
        *,
        push_bytes_max: int,
    ) -> None:
        self._host = host
        self._authenticate = authenticate
        self._authorize = authorize
        self._push_bytes_max = push_bytes_max
        self._children = asyncio.Semaphore(_CHILDREN_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        try:
            async with asyncio.timeout(_TIME_LIMIT_S):
                request = await self._admit(scope)
                if request.advertise:
                    await self._advertise(request, send)
                elif request.service == "git-upload-pack":
                    await self._fetch(request, scope, receive, send)
                else:
                    await self._push(request, scope, receive, send)
        except ClientLeft:
            log.info("git client left", extra={"path": scope["path"]})
        except Refusal as refusal:
            await _refuse(send, refusal)
        except RepositoryNotFound as error:
            await _refuse(send, Refusal(404, str(error)))
        except GitUnavailable as error:
            await _refuse(send, Refusal(503, str(error)))
        except OSError as error:
            await _refuse(send, Refusal(507, f"The Git host's disk answered: {error.strerror}"))
        except TimeoutError:
            log.warning("git request took too long", extra={"path": scope["path"]})

    async def _admit(self, scope: Scope) -> Request:
        """Parse and authorise. Raises Refusal."""
        repository, service, advertise = _parse(scope)
        token = token_of(scope)
        user = await self._authenticate(token) if token else None
        if user is None:
            raise Refusal(
                401,
                "That token is not valid any more; make a new one with `towpath login`."
                if token
                else "Sign in with any user name and a Towpath token as the password.",
            )
        await self._check_rights(repository, service, user)
        protocol = header(scope, "git-protocol")
        if not _PROTOCOL.fullmatch(protocol) or service == "git-receive-pack":
            protocol = ""
        return Request(repository, service, advertise, protocol, user)

    async def _check_rights(
        self, repository: RepositoryName, service: Service, user: UserInfo
    ) -> None:
        """What one may not see does not exist; what one may only read says so."""
        absent = Refusal(404, f"There is no repository {repository}, or you may not see it.")
        try:
            protected = (await self._host.ownership(repository)).protected
        except RepositoryNotFound as error:
            if service != "git-receive-pack" or not await self._may_make(user, repository):
                raise absent from error
            # Pushing what is not there makes it: that is how a repository that somebody has comes.
            await self._host.create(repository, owner_uid=PUSHED)
            protected = False
        resource = "protectedrepositories" if protected else "repositories"
        if not await self._may(user, "get", resource, repository):
            raise absent
        if service == "git-upload-pack" or await self._may(user, "update", resource, repository):
            return
        if protected:
            raise Refusal(403, _protected(repository))
        raise Refusal(
            403, f"{user.name} may read {repository} but not push to it: ask a project owner."
        )

    async def _may_make(self, user: UserInfo, repository: RepositoryName) -> bool:
        if repository.name in self._host.reserved or not is_name(repository.name):
            return False
        may = await self._may(user, "create", "repositories", repository)
        return may and await self._host.is_project(repository.project)

    async def _may(
        self, user: UserInfo, verb: str, resource: str, repository: RepositoryName
    ) -> bool:
        question = AccessRequest(
            verb=verb,
            group="git.towpath.dev",
            resource=resource,
            namespace=repository.project,
            name=repository.name,
        )
        return await self._authorize(user, question)

    async def _advertise(self, request: Request, send: Send) -> None:
        arguments = [_command(request), "--stateless-rpc", "--advertise-refs", self._place(request)]
        output = b""
        # Protocol v2 begins with the version line instead.
        if "version=2" not in request.protocol:
            output = _packet(f"# service={request.service}\n".encode()) + b"0000"
        async with (
            self._children,
            self._child(arguments, asyncio.subprocess.DEVNULL, request) as child,
        ):
            async for chunk in child.chunks():
                output += chunk
            code = await child.wait()
            if code != 0:
                raise _failed(request, code, child.complaints())
        media_type = f"application/x-{request.service}-advertisement"
        await answer(send, 200, output, [("Content-Type", media_type), _NO_CACHE])

    async def _fetch(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        with self._question_file(scope) as body:
            await self._spool(scope, receive, body, _FETCH_BODY_MAX)
            arguments = ["upload-pack", "--stateless-rpc", self._place(request)]
            async with (
                self._children,
                self._child(arguments, body.fileno(), request) as child,
            ):
                await while_connected(receive, self._stream(request, child, send))

    async def _stream(self, request: Request, child: GitChild, send: Send) -> None:
        """Send git's output as the client takes it; give up on one that does not read."""
        media_type = f"application/x-{request.service}-result"
        started = False
        async for chunk in child.chunks():
            async with asyncio.timeout(_STALL_LIMIT_S):
                if not started:
                    await start_answer(send, 200, [("Content-Type", media_type), _NO_CACHE])
                    started = True
                await send_chunk(send, chunk, more=True)
        code = await child.wait()
        if not started:
            raise _failed(request, code, child.complaints())
        # After a failure the answer is left unfinished, which the client sees as an error.
        if code == 0:
            await send_chunk(send, b"", more=False)
        else:
            log.warning("git failed", extra={"code": code, "why": child.complaints()})

    async def _push(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        with self._spool_file() as body:
            try:
                await self._spool(scope, receive, body, self._push_bytes_max)
                refs = _commanded_refs(body)
                report = await self._receive_pack(request, body, refs) if refs else b""
            except Refusal as refusal:
                if not _takes_sideband(body):
                    raise
                # Git shows no text of a refused push, but it does show this band's.
                report = _packet(b"\x03" + refusal.text.encode()) + b"0000"
        media_type = f"application/x-{request.service}-result"
        await answer(send, 200, report, [("Content-Type", media_type), _NO_CACHE])

    async def _receive_pack(self, request: Request, body: IO[bytes], refs: set[str]) -> bytes:
        """Let git take the push; it goes on when the client leaves, since all of it is here."""
        options = ["-c", "receive.denyNonFastForwards=true"] if MAIN in refs else []
        arguments = [*options, "receive-pack", "--stateless-rpc", self._place(request)]
        report = b""
        async with self._host.writing(request.repository), self._children:
            before = await self._host.all_refs(request.repository)
            try:
                async with self._child(arguments, body.fileno(), request) as child:
                    async for chunk in child.chunks():
                        report = (report + chunk)[:_REPORT_MAX]
                    code = await child.wait()
                    if not report:
                        raise _failed(request, code, child.complaints())
            except BaseException:
                self._host.after_kill(request.repository)
                raise
            after = await self._host.all_refs(request.repository)
            self._host.announce(_moved(request, before, after))
        return report

    def _child(
        self, arguments: list[str], stdin: int, request: Request
    ) -> AbstractAsyncContextManager[GitChild]:
        return self._host.children.start(arguments, stdin=stdin, protocol=request.protocol)

    def _place(self, request: Request) -> str:
        return str(self._host.folders.place_of(request.repository))

    def _question_file(self, scope: Scope) -> IO[bytes]:
        """For what a fetch asks: in memory, so that a full disk keeps nobody from reading."""
        length = header(scope, "content-length")
        if not length.isdecimal() or int(length) > _IN_MEMORY_MAX:
            return self._spool_file()
        return os.fdopen(os.memfd_create("git-fetch"), "w+b", buffering=0)

    def _spool_file(self) -> IO[bytes]:
        return tempfile.TemporaryFile(dir=self._host.folders.temporary, buffering=0)

    async def _spool(self, scope: Scope, receive: Receive, body: IO[bytes], bytes_max: int) -> None:
        """Write the request's body to the file, inflated. Raises Refusal."""
        size = 0
        try:
            async for chunk in _inflated(scope, receive):
                size += len(chunk)
                if size > bytes_max:
                    raise Refusal(413, f"This is more than the {bytes_max // 2**20} MiB allowed.")
                _write_all(body, chunk)
        except zlib.error as error:
            raise Refusal(400, "The request's body is not valid gzip.") from error
        except OSError as error:
            raise Refusal(507, f"The Git host's disk answered: {error.strerror}") from error
        os.lseek(body.fileno(), 0, os.SEEK_SET)


def _parse(scope: Scope) -> tuple[RepositoryName, Service, bool]:
    """Which repository and service, and whether only its refs are asked for. Raises Refusal."""
    found = _PATH.fullmatch(scope["path"])
    if found is None and _ADDRESS.fullmatch(scope["path"]):
        raise Refusal(
            404,
            "This is an address for git, not for a browser: `git clone` takes it. Commits are "
            "shown on the service's page in the portal.",
        )
    if found is None:
        raise Refusal(
            404, "There is nothing here. A repository's address is /git/<project>/<name>.git"
        )
    project, name, action = found.groups()
    advertise = action == "info/refs"
    method = scope["method"]
    if method != ("GET" if advertise else "POST"):
        raise Refusal(405, f"{method} is not how git asks for {action}.")
    service = action
    if advertise:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        service = query.get("service", [""])[0]
        if service not in ("git-upload-pack", "git-receive-pack"):
            raise Refusal(403, "Only git's smart HTTP protocol is served here; update git.")
    return RepositoryName(project, name), cast(Service, service), advertise


def _protected(repository: RepositoryName) -> str:
    return (
        f"{repository} is protected: the platform writes it. Change what runs by a Promotion "
        "(`towpath promote`) or open a pull request."
    )


def _command(request: Request) -> str:
    return request.service.removeprefix("git-")


def _packet(line: bytes) -> bytes:
    return f"{len(line) + 4:04x}".encode() + line


def _failed(request: Request, code: int, complaints: str) -> Refusal:
    log.warning(
        "git failed",
        extra={"repository": str(request.repository), "code": code, "why": complaints},
    )
    return Refusal(500, f"git could not serve {request.repository}; the platform's log says why.")


async def _refuse(send: Send, refusal: Refusal) -> None:
    headers = [("Content-Type", "text/plain; charset=utf-8"), _NO_CACHE]
    if refusal.status == 401:
        headers.append(_CHALLENGE)
    await answer(send, refusal.status, refusal.text.encode() + b"\n", headers)


async def _inflated(scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
    """The body's chunks, decompressed in steps of bounded size."""
    if header(scope, "content-encoding") not in ("gzip", "x-gzip"):
        async for chunk in body_chunks(receive):
            yield chunk
        return
    inflater = zlib.decompressobj(wbits=31)
    async for chunk in body_chunks(receive):
        waiting = chunk
        while waiting:
            yield inflater.decompress(waiting, 2**20)
            waiting = inflater.unconsumed_tail
    if not inflater.eof:
        raise zlib.error("the stream ends too early")


def _write_all(file: IO[bytes], chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:  # a write to a filling disk may be partial
        view = view[file.write(view) :]


def _takes_sideband(body: IO[bytes]) -> bool:
    """Whether the client said, with its first command, that it reads messages beside a report."""
    try:
        return b"side-band-64k" in next(_packets(os.pread(body.fileno(), _COMMANDS_MAX, 0)), b"")
    except Refusal:
        return False


def _packets(data: bytes) -> Iterator[bytes]:
    """The pkt-lines up to the first flush. Raises Refusal."""
    at = 0
    while True:
        digits = data[at : at + 4]
        try:
            length = int(digits, 16)
        except ValueError as error:
            raise Refusal(400, "The push does not begin with ref commands.") from error
        if length == 0:
            return
        if length < 4 or at + length > len(data):
            raise Refusal(400, "The push has a ref command that ends too early.")
        yield data[at + 4 : at + length]
        at += length


def _commanded_refs(body: IO[bytes]) -> set[str]:
    """The refs that a push wants to move; none in the probe that git sends before a big push."""
    refs: set[str] = set()
    for line in _packets(os.pread(body.fileno(), _COMMANDS_MAX, 0)):
        command = line.partition(b"\0")[0].strip().split(b" ", 2)
        if len(command) == 3:
            refs.add(command[2].decode("utf-8", "replace"))
    return refs


def _moved(
    request: Request, before: Mapping[str, CommitSHA], after: Mapping[str, CommitSHA]
) -> list[Push]:
    return [
        Push(request.repository, ref, before.get(ref), after.get(ref), request.user.name)
        for ref in sorted(before.keys() | after.keys())
        if before.get(ref) != after.get(ref)
    ]
