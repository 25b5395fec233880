"""Fields of Backstage that are more than their schema says: pickers, and secrets.

A picker is plain inputs here. One that asks for several things, as the repository's, is a group of
fields in the form and one text in the parameters.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

Schema = Mapping[str, Any]

REPO_URL = "RepoUrlPicker"
HIDDEN_TEXT = "Secret"
MULTIPLE = "MultiEntityPicker"
ENTITY_NAME = "EntityNamePicker"
TAGS = "EntityTagsPicker"
GROUPS = "MyGroupsPicker"
BRANCH = "RepoBranchPicker"
KNOWN = frozenset(
    {
        REPO_URL,
        HIDDEN_TEXT,
        MULTIPLE,
        ENTITY_NAME,
        TAGS,
        GROUPS,
        BRANCH,
        "EntityPicker",
        "OwnerPicker",
        "OwnedEntityPicker",
        "RepositoryPicker",
        "RepoOwnerPicker",
    }
)

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_TAG = re.compile(r"[a-z0-9:+#]+(?:-[a-z0-9:+#]+)*")
_PARTS = ("owner", "repo", "project", "workspace", "organization")


def options_of(schema: Schema) -> Mapping[str, Any]:
    found = schema.get("ui:options")
    return found if isinstance(found, Mapping) else {}


def field_of(schema: Schema) -> str:
    return str(schema.get("ui:field") or options_of(schema).get("field") or "")


def expanded(schema: Schema, host: str) -> dict[str, Any]:
    """The field as the form shows it: a picker of several things is a group."""
    field = field_of(schema)
    shown = {**schema}
    for short in ("title", "description", "help", "placeholder", "widget", "rows", "enumNames"):
        told = schema.get(f"ui:{short}", options_of(schema).get(short))
        if told is not None and short in ("title", "description"):
            shown[short] = told
        elif told is not None:
            shown[f"ui:{short}"] = told
    if field == REPO_URL:
        return {**shown, "type": "object", "properties": _repository_fields(schema, host)}
    if field == HIDDEN_TEXT:
        shown["ui:widget"] = "password"
    return shown


def _repository_fields(schema: Schema, host: str) -> dict[str, Any]:
    asked = options_of(schema)
    hosts = [str(one) for one in asked.get("allowedHosts") or (host,)]
    fields: dict[str, Any] = {
        "host": {"title": "Host", "type": "string", "default": hosts[0]},
        "owner": {"title": "Owner", "type": "string"},
        "repo": {"title": "Repository", "type": "string"},
    }
    if len(hosts) > 1:
        fields["host"]["enum"] = hosts
    for name, key in (("owner", "allowedOwners"), ("repo", "allowedRepos")):
        if asked.get(key):
            fields[name]["enum"] = [str(one) for one in asked[key]]
    if any("azure" in one or "bitbucket" in one for one in hosts):
        fields["project"] = {"title": "Project", "type": "string"}
    if any("bitbucket" in one for one in hosts):
        fields["workspace"] = {"title": "Workspace", "type": "string"}
    return fields


def repository_url(parts: Mapping[str, Any]) -> str:
    """`<host>?owner=…&repo=…`, "" while nothing but the host is known."""
    query = [f"{name}={quote(str(parts[name]), safe='')}" for name in _PARTS if parts.get(name)]
    return f"{parts.get('host', '')}?{'&'.join(query)}" if query else ""


def repository_parts(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(f"https://{url}")
        query = parse_qs(parts.query)
    except ValueError:
        return {}
    found = {name: query[name][0] for name in _PARTS if name in query}
    return {"host": parts.netloc, **found} if parts.netloc else found


def complaints(schema: Schema, value: Any) -> list[str]:
    """What speaks against a value that a picker gave, beside its schema."""
    field, asked = field_of(schema), options_of(schema)
    if value in (None, "", []):
        return []
    if field == ENTITY_NAME and not (_NAME.fullmatch(str(value)) and len(str(value)) <= 63):
        return [
            f"{value!r} is no name of an entity: letters, digits, dashes, dots and underscores, "
            "63 at most"
        ]
    if field == TAGS and isinstance(value, list):
        return _wrong_tags(value)
    if field == REPO_URL and isinstance(value, str):
        return _wrong_repository(asked, repository_parts(value))
    return []


def _wrong_tags(tags: Sequence[Any]) -> list[str]:
    wrong = [tag for tag in tags if not _TAG.fullmatch(str(tag)) or len(str(tag)) > 63]
    return [f"{wrong[0]!r} is no tag: lower case, digits and dashes, 63 at most"] if wrong else []


def _wrong_repository(asked: Mapping[str, Any], parts: Mapping[str, str]) -> list[str]:
    found = []
    for name in ("host", "owner", "repo"):
        allowed = asked.get(f"allowed{name.capitalize()}s")
        if allowed and parts.get(name) and parts[name] not in map(str, allowed):
            found.append(f"the {name} {parts[name]} is not allowed; choose {', '.join(allowed)}")
    if not parts.get("repo"):
        found.append("the name of the repository is missing")
    return found
