"""The registry's error answers, in the words and codes of the OCI distribution specification."""

import errno

import orjson

from towpath.engines.asgi import Headers, answer
from towpath.engines.registry.images import BlobMissing
from towpath.engines.registry.port import ImageInvalid, ImageNotFound
from towpath.machinery.asgi import Send

API_VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")
CHALLENGE = ("WWW-Authenticate", 'Basic realm="towpath"')


class RegistryError(Exception):
    """An answer other than success: an HTTP status, a code of the specification, a sentence."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


def unknown_blob(digest: str) -> RegistryError:
    return RegistryError(404, "BLOB_UNKNOWN", f"This image has no blob {digest}")


def invalid(code: str, error: ImageInvalid) -> RegistryError:
    return RegistryError(400, code, str(error))


def as_answer(error: Exception) -> RegistryError:
    """What a client is told of an error of ours. Raises the error when it is not one of those."""
    if isinstance(error, RegistryError):
        return error
    if isinstance(error, ImageNotFound):
        return RegistryError(404, "MANIFEST_UNKNOWN", str(error))
    if isinstance(error, BlobMissing):
        return RegistryError(400, "MANIFEST_BLOB_UNKNOWN", str(error))
    if isinstance(error, ImageInvalid):
        return RegistryError(400, "MANIFEST_INVALID", str(error))
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return RegistryError(507, "UNKNOWN", "The disk under the registry is full")
        return RegistryError(503, "UNKNOWN", f"The registry's disk answered: {error.strerror}")
    raise error


async def send_error(send: Send, error: RegistryError, *, head: bool) -> None:
    body = orjson.dumps({"errors": [{"code": error.code, "message": str(error)}]})
    headers = [("Content-Type", "application/json"), API_VERSION, *error.headers]
    if error.status == 401:
        headers.append(CHALLENGE)
    if head:
        headers.append(("Content-Length", str(len(body))))
        body = b""
    await answer(send, error.status, body, headers)
