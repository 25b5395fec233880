"""`authorizer` in policies: what the user of a request, or a service account, may do.

A check needs an answer that comes from outside. The first evaluation that meets an unknown one
ends with NeedsAnswer; who evaluates asks, notes the answer and evaluates again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from towpath.machinery.cel.errors import CelError
from towpath.machinery.cel.functions import Library
from towpath.machinery.names import label_errors, subdomain_errors
from towpath.machinery.users import AccessRequest, UserInfo, service_account


@dataclass(frozen=True, slots=True)
class Decision:
    TYPE_NAME = "kubernetes.authorization.Decision"
    allowed: bool
    reason: str = ""


class Answers(dict[str, Decision]):
    """What has been asked already, by the question's text."""

    __slots__ = ()


class NeedsAnswer(Exception):
    def __init__(self, user: UserInfo, request: AccessRequest) -> None:
        super().__init__(f"{user.name} {request}")
        self.user = user
        self.request = request

    @property
    def key(self) -> str:
        return str(self)


class Authorizer(Struct, frozen=True, eq=False):
    TYPE_NAME = "kubernetes.authorization.Authorizer"
    user: UserInfo
    answers: Answers


class PathCheck(Struct, frozen=True, eq=False):
    TYPE_NAME = "kubernetes.authorization.PathCheck"
    authorizer: Authorizer
    path: str


class GroupCheck(Struct, frozen=True, eq=False):
    TYPE_NAME = "kubernetes.authorization.GroupCheck"
    authorizer: Authorizer
    group: str


class ResourceCheck(Struct, frozen=True, eq=False):
    TYPE_NAME = "kubernetes.authorization.ResourceCheck"
    authorizer: Authorizer
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


AUTHORIZATION = Library(
    {
        "Authorizer": Authorizer,
        "PathCheck": PathCheck,
        "GroupCheck": GroupCheck,
        "ResourceCheck": ResourceCheck,
        "Decision": Decision,
    }
)


def _answer(authorizer: Authorizer, request: AccessRequest) -> Decision:
    question = NeedsAnswer(authorizer.user, request)
    known = authorizer.answers.get(question.key)
    if known is None:
        raise question
    return known


def _check(check: ResourceCheck, verb: str) -> Decision:
    request = AccessRequest(
        verb=verb,
        group=check.group,
        resource=check.resource,
        namespace=check.namespace,
        name=check.name,
        subresource=check.subresource,
    )
    return _answer(check.authorizer, request)


def _check_path(check: PathCheck, verb: str) -> Decision:
    request = AccessRequest(verb=verb, group="", resource="", path=check.path)
    return _answer(check.authorizer, request)


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise CelError("path must not be empty")
    return PathCheck(authorizer, path)


def _resource(check: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise CelError("resource must not be empty")
    return ResourceCheck(check.authorizer, check.group, resource)


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    if subdomain_errors(name):
        raise CelError("Invalid service account name")
    if label_errors(namespace):
        raise CelError("Invalid service account namespace")
    return Authorizer(service_account(namespace, name), authorizer.answers)


def _declare() -> None:
    add = AUTHORIZATION.add
    add("path", "authorizer_path", "Authorizer.(string) PathCheck", _path)
    add("group", "authorizer_group", "Authorizer.(string) GroupCheck", GroupCheck)
    add(
        "serviceAccount",
        "authorizer_serviceaccount",
        "Authorizer.(string, string) Authorizer",
        _service_account,
    )
    add("resource", "groupcheck_resource", "GroupCheck.(string) ResourceCheck", _resource)
    for name, attribute in {
        "subresource": "subresource",
        "namespace": "namespace",
        "name": "name",
        "fieldSelector": "field_selector",
        "labelSelector": "label_selector",
    }.items():
        add(name, f"resourcecheck_{name}", "ResourceCheck.(string) ResourceCheck", _with(attribute))
    add("check", "pathcheck_check", "PathCheck.(string) Decision", _check_path)
    add("check", "resourcecheck_check", "ResourceCheck.(string) Decision", _check)
    add("errored", "decision_errored", "Decision.() bool", lambda _decision: False)
    add("error", "decision_error", "Decision.() string", lambda _decision: "")
    add("allowed", "decision_allowed", "Decision.() bool", lambda decision: decision.allowed)
    add("reason", "decision_reason", "Decision.() string", lambda decision: decision.reason)


def _with(attribute: str) -> Callable[[ResourceCheck, str], ResourceCheck]:
    def run(check: ResourceCheck, value: str) -> ResourceCheck:
        changed: dict[str, Any] = {attribute: value}
        return replace(check, **changed)

    return run


_declare()
