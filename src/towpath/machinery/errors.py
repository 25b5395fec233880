"""What can go wrong in the API: one exception family, each a Kubernetes Status.

    StatusError
    ├── BadRequest 400      ├── Conflict 409            ├── UnsupportedMediaType 415
    ├── Unauthorized 401    │   └── AlreadyExists 409   ├── Invalid 422
    ├── Forbidden 403       ├── Gone 410 (Expired)      ├── TooManyRequests 429
    ├── NotFound 404        ├── TooLarge 413            ├── Unavailable 503
    ├── MethodNotAllowed 405                            ├── Timeout 504
    └── StorageFull 507                                 └── NotImplementedHere 501

Source of codes and reasons: k8s.io/apimachinery/pkg/api/errors and metav1.StatusReason.
"""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from towpath.machinery.objects import RawObject


class Cause(Struct, frozen=True):
    """One reason among several. `message` must not repeat the field: clients print both."""

    reason: str
    message: str
    field: str = ""


class StatusError(Exception):
    """An answer of the API that is not success. `str()` is the message a person reads."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        details: RawObject | None = None,
        causes: Sequence[Cause] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}
        self.causes = tuple(causes)
        self.retry_after_s = retry_after_s
        self.continue_token = ""
        """With which a list can go on that cannot go on as it began."""
        self.warnings: tuple[str, ...] = ()
        """What was to be said of the request before it was refused."""

    def to_status(self) -> RawObject:
        """The Status object, as it goes over the wire."""
        details = dict(self.details)
        if self.causes:
            details["causes"] = [
                {
                    name: told
                    for name in ("reason", "message", "field")
                    if (told := getattr(cause, name))
                }
                for cause in self.causes
            ]
        if self.retry_after_s is not None:
            details["retryAfterSeconds"] = self.retry_after_s
        status: RawObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_token} if self.continue_token else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if details:
            status["details"] = details
        status["code"] = self.code
        return status


class Unclassified(StatusError):
    """What a kube-apiserver answers where its code gives an error no class: 500 and no reason."""

    reason = ""


class BadRequest(StatusError):
    code, reason = 400, "BadRequest"


class Undecodable(BadRequest):
    """An object that does not fit its kind; `why` without what is said around it."""

    def __init__(self, kind: str, version: str, expected: str, why: str) -> None:
        super().__init__(f'{kind} in version "{version}" cannot be handled as a {expected}: {why}')
        self.why = why


class Unauthorized(StatusError):
    code, reason = 401, "Unauthorized"


class Forbidden(StatusError):
    code, reason = 403, "Forbidden"


class NotFound(StatusError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(StatusError):
    code, reason = 406, "NotAcceptable"


class Conflict(StatusError):
    code, reason = 409, "Conflict"


class AlreadyExists(Conflict):
    reason = "AlreadyExists"


class Gone(StatusError):
    """A resourceVersion or continue token older than what is kept: list again."""

    code, reason = 410, "Expired"


class TooLarge(StatusError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    code, reason = 422, "Invalid"


class TooManyRequests(StatusError):
    code, reason = 429, "TooManyRequests"


class NotImplementedHere(StatusError):
    """Refused by name: the request is understood and this server does not do it."""

    code, reason = 501, "NotImplemented"


class Unavailable(StatusError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    """Asked for a state that has not come about in time; ask again a little later."""

    code, reason = 504, "Timeout"


class CannotBeApplied(StatusError):
    """An applied object whose fields cannot be counted; Kubernetes gives it no reason."""

    code, reason = 500, ""


class ObjectTooLarge(StatusError):
    """An object of more bytes than are stored; Kubernetes passes on what etcd says, as a 500."""

    code, reason = 500, ""


class StorageFull(StatusError):
    """The disk under the store is full; reads go on, and writes work again once there is room."""

    code, reason = 507, "InsufficientStorage"


_BY_REASON: dict[str, type[StatusError]] = {
    error.reason: error
    for error in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        NotAcceptable,
        Conflict,
        AlreadyExists,
        Gone,
        TooLarge,
        UnsupportedMediaType,
        Invalid,
        TooManyRequests,
        NotImplementedHere,
        Unavailable,
        Timeout,
        StorageFull,
    )
}
_BY_CODE: dict[int, type[StatusError]] = {
    error.code: error for error in _BY_REASON.values() if error is not AlreadyExists
}


def from_status(status: RawObject) -> StatusError:
    """The exception for a Status object received from a server."""
    error = _BY_REASON.get(status.get("reason", "")) or _BY_CODE.get(
        status.get("code", 500), StatusError
    )
    details = dict(status.get("details") or {})
    causes = [
        Cause(cause.get("reason", ""), cause.get("message", ""), cause.get("field", ""))
        for cause in details.pop("causes", None) or ()
    ]
    retry_after_s = details.pop("retryAfterSeconds", None)
    message = status.get("message") or error.reason
    return error(message, details=details, causes=causes, retry_after_s=retry_after_s)
