"""`pods/exec` and `pods/attach` over a WebSocket, as the clients of Kubernetes speak it.

Each message begins with its channel: 0 input, 1 output, 2 error output, 3 how it ended as a Status,
4 the terminal's size; in v5.channel.k8s.io the client closes a channel with 255 and its number.
Source: KEP-4006, and `k8s.io/apimachinery/pkg/util/remotecommand`.
"""

from urllib.parse import parse_qsl

import anyio
import orjson

from towpath.apiserver.http.podsockets import LASTS_S_MAX, PodSockets
from towpath.apiserver.http.query import boolean
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.sockets import WebSocket
from towpath.apiserver.pods import ExecOptions, Execution, Pods
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject

INPUT, OUTPUT, ERRORS, STATUS, SIZE, CLOSE = 0, 1, 2, 3, 4, 255


class ExecSockets(PodSockets):
    subresource = "exec"
    subprotocols = ("v5.channel.k8s.io", "v4.channel.k8s.io")

    async def _talk(
        self, socket: WebSocket, subprotocol: str, request: ApiRequest, pods: Pods, pod: RawObject
    ) -> None:
        options = self._options(request)
        await socket.accept(subprotocol)
        try:
            asked = {"container": options.container}
            if options.command:
                asked["command"] = " ".join(options.command)
            await pods.put_on_record(request.user, pod, self.subresource, asked)
            execution = await self._begin(pods, pod, options)
        except StatusError as error:
            # Refused any sooner, kubectl would ask again by SPDY, and tell of that instead.
            await _end(socket, error.to_status())
            return
        try:
            await self._converse(socket, execution)
        finally:
            execution.end()

    def _options(self, request: ApiRequest) -> ExecOptions:
        options = exec_options(request)
        if not options.command:
            raise BadRequest("you must specify at least one command for the container")
        return options

    async def _begin(self, pods: Pods, pod: RawObject, options: ExecOptions) -> Execution:
        return await pods.execute(pod, options)

    async def _converse(self, socket: WebSocket, execution: Execution) -> None:
        async with self.lasting(at_most_s=LASTS_S_MAX), anyio.create_task_group() as tasks:
            tasks.start_soon(_hear, socket, execution)
            async for is_error, data in execution.output():
                await socket.send(bytes((ERRORS if is_error else OUTPUT,)) + data)
            await _end(socket, exit_status(await execution.wait()))
            tasks.cancel_scope.cancel()


class AttachSockets(ExecSockets):
    subresource = "attach"

    def _options(self, request: ApiRequest) -> ExecOptions:
        return exec_options(request)

    async def _begin(self, pods: Pods, pod: RawObject, options: ExecOptions) -> Execution:
        return await pods.attach(pod, options)


async def _end(socket: WebSocket, status: RawObject) -> None:
    await socket.send(bytes((STATUS,)) + orjson.dumps(status))
    await socket.close()


async def _hear(socket: WebSocket, execution: Execution) -> None:
    """What the client says; when it leaves, so does the program."""
    async for message in socket.messages():
        channel, data = message[:1], message[1:]
        if channel == bytes((INPUT,)):
            await execution.write(data)
        elif channel == bytes((SIZE,)):
            size = _size(data)
            execution.resize(*size)
        elif message == bytes((CLOSE, INPUT)):
            execution.close_input()
    execution.end()


def _size(data: bytes) -> tuple[int, int]:
    """Columns and rows; 0 for what makes no sense, which a terminal takes as unknown."""
    try:
        size = orjson.loads(data)
        sizes = [int(size.get(name, 0)) for name in ("Width", "Height")]
    except (ValueError, TypeError, AttributeError):
        return 0, 0
    columns, rows = (size if 0 < size < 2**15 else 0 for size in sizes)
    return columns, rows


def exec_options(request: ApiRequest) -> ExecOptions:
    query = request.query
    pairs = parse_qsl(request.scope["query_string"].decode("utf-8", "replace"), True)
    options = ExecOptions(
        container=query.get("container", ""),
        command=tuple(value for name, value in pairs if name == "command"),
        stdin=boolean(query, "stdin"),
        stdout=boolean(query, "stdout"),
        stderr=boolean(query, "stderr"),
        tty=boolean(query, "tty"),
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise BadRequest("you must specify at least one of stdin, stdout, stderr")
    return options


def exit_status(code: int) -> RawObject:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
