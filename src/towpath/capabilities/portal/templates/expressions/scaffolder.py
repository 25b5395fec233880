"""Backstage's own filters: parseRepoUrl, parseEntityRef, pick and projectSlug."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from towpath.capabilities.portal.templates.expressions import values
from towpath.capabilities.portal.templates.expressions.arguments import Arguments
from towpath.capabilities.portal.templates.expressions.limits import ExpressionError
from towpath.capabilities.portal.templates.expressions.values import Value
from towpath.machinery.references import BadReference, parse_reference

_PARTS = ("owner", "organization", "workspace", "project", "repo")


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """`<host>?owner=<owner>&repo=<repo>`: what Backstage's repository picker gives."""

    host: str
    owner: str
    repo: str
    parts: Mapping[str, str]


def parse_repository_url(text: str) -> RepositoryUrl:
    """Raises ExpressionError with the part that is missing."""
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        query = parse_qs(url.query)
        host = url.netloc
    except ValueError as error:
        raise ExpressionError(f"{text!r} is not a repository address: {error}") from error
    parts = {name: query[name][0] for name in _PARTS if name in query}
    for name in ("owner", "repo"):
        if not parts.get(name):
            raise ExpressionError(
                f"{text!r} is not a repository address: it has no {name}; "
                "write <host>?owner=<project>&repo=<name>"
            )
    if not host:
        raise ExpressionError(f"{text!r} is not a repository address: it has no host")
    return RepositoryUrl(host, parts["owner"], parts["repo"], parts)


def _parse_repo_url(value: Value, arguments: Arguments) -> Value:
    url = parse_repository_url(values.text_of(value))
    return {"host": url.host, **url.parts}


def _project_slug(value: Value, arguments: Arguments) -> Value:
    url = parse_repository_url(values.text_of(value))
    return f"{url.owner}/{url.repo}"


def _parse_entity_ref(value: Value, arguments: Arguments) -> Value:
    context = arguments.get(0, "context", {})
    if not isinstance(value, str):
        raise ExpressionError(f"parseEntityRef needs a text, not {values.kind_of(value)}")
    try:
        found = parse_reference(
            value,
            default_kind=_setting(context, "defaultKind", ""),
            default_namespace=_setting(context, "defaultNamespace", "default"),
        )
    except BadReference as error:
        raise ExpressionError(str(error)) from error
    return {"kind": found.kind, "namespace": found.namespace, "name": found.name}


def _setting(context: Value, name: str, default: str) -> str:
    return values.printed(values.member(context, name)) or default


def _pick(value: Value, arguments: Arguments) -> Value:
    for key in values.text_of(arguments.get(0, "key", "")).split("."):
        value = values.member(value, key)
    return value


SCAFFOLDER_FILTERS: Mapping[str, Callable[[Value, Arguments], Value]] = {
    "parseEntityRef": _parse_entity_ref,
    "parseRepoUrl": _parse_repo_url,
    "pick": _pick,
    "projectSlug": _project_slug,
}
