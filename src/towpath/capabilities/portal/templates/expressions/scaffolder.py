"""`<host>?owner=<owner>&repo=<repo>`: what Backstage's repository picker gives, for our actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from towpath.capabilities.portal.templates.expressions.engine import ExpressionError

_PARTS = ("owner", "organization", "workspace", "project", "repo")


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    host: str
    owner: str
    """"" where the host has another word for it, or none: see `parts`."""
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
    parts = {name: query[name][0].strip("/") for name in _PARTS if name in query}
    if not parts.get("repo"):
        raise ExpressionError(
            f"{text!r} is not a repository address: it has no repo; "
            "write <host>?owner=<project>&repo=<name>"
        )
    if not host:
        raise ExpressionError(f"{text!r} is not a repository address: it has no host")
    return RepositoryUrl(host, parts.get("owner", ""), parts["repo"], parts)
