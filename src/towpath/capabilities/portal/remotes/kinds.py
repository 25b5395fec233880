"""RemoteRepository: a repository on another Git host. PullRequest: a branch of it, proposed there.

Under its own name a RemoteRepository is a repository of the project too: whatever reads, compares
or merges there works on it unchanged, and asks for a PullRequest instead of moving main.
"""

from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

REMOTE_REPOSITORY = towpath_resource("RemoteRepository", "remoterepositories")
PULL_REQUEST = towpath_resource("PullRequest", "pullrequests")

GERRIT = "gerrit"
HOST_NAMES = (
    "azure",
    "bitbucketCloud",
    "bitbucketServer",
    GERRIT,
    "gitea",
    "github",
    "gitlab",
)

OPENING, OPEN, MERGED, CLOSED = "Opening", "Open", "Merged", "Closed"

_COMMIT: RawObject = {"type": "string", "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"}
_NAME: RawObject = {"type": "string", "minLength": 1, "maxLength": 253}
_BRANCH: RawObject = {
    "type": "string",
    "pattern": "^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$",
    "maxLength": 200,
}
_URL: RawObject = {"type": "string", "maxLength": 500}


def _fixed(schema: RawObject, what: str) -> RawObject:
    rule = {"rule": "self == oldSelf", "message": f"{what} cannot be changed"}
    return {**schema, "x-kubernetes-validations": [rule]}


REMOTE_REPOSITORY_CRD = custom_resource_definition(
    REMOTE_REPOSITORY,
    spec={
        "type": "object",
        "required": ["host", "repository", "secret"],
        "x-kubernetes-validations": [
            {
                "rule": "has(self.url) || !(self.host in ['bitbucketServer', 'gerrit'])",
                "message": "url is needed: there is no such host for everybody",
            },
            {
                "rule": "has(self.owner) != (self.host == 'gerrit')",
                "message": "owner is needed, but for gerrit, whose projects have none",
            },
        ],
        "properties": {
            "host": {
                "type": "string",
                "enum": list(HOST_NAMES),
                "description": "Which kind of Git host; `gitea` is Forgejo too.",
            },
            "url": {
                **_URL,
                "pattern": "^https?://[^/]+(/.*[^/])?$",
                "description": "Where that host is, for one of one's own.",
            },
            "owner": {
                "type": "string",
                "minLength": 1,
                "maxLength": 300,
                "description": "Whose it is: an organisation, a group with those above it, a "
                "workspace, a project's key, `organisation/project` of Azure DevOps.",
            },
            "repository": {
                "type": "string",
                "minLength": 1,
                "maxLength": 300,
                "description": "Its name there.",
            },
            "branch": {
                **_BRANCH,
                "default": "main",
                "description": "What is main there.",
            },
            "secret": {
                **_NAME,
                "description": "A Secret of this project with the key token, or username and "
                "password, whose annotation towpath.dev/hosts lists where it may be sent.",
            },
            "interval": {
                "type": "string",
                "default": "2m",
                "pattern": "^([0-9]+(h|m|s))+$",
                "maxLength": 20,
                "description": "How often the host is asked for news; one look at an open pull "
                "request is some four requests.",
            },
            "checksWithin": {
                "type": "string",
                "default": "5m",
                "pattern": "^([0-9]+(h|m|s))+$",
                "maxLength": 20,
                "description": "By when after a push a first pipeline is heard of; none by then "
                "means that there is none.",
            },
        },
    },
    status={
        "type": "object",
        "properties": {
            "remote": {"type": "string", "description": "Its address for Git."},
            "page": {"type": "string", "description": "Its files, for people."},
            "head": {"type": "string", "description": "The commit of main that is here."},
            "observedGeneration": {"type": "integer"},
            "conditions": CONDITIONS_SCHEMA,
        },
    },
    columns=(
        Column("Host", ".spec.host"),
        Column("Owner", ".spec.owner"),
        Column("Repository", ".spec.repository"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        AGE,
    ),
    categories=("towpath",),
)

PULL_REQUEST_CRD = custom_resource_definition(
    PULL_REQUEST,
    spec={
        "type": "object",
        "required": ["repository", "branch", "title"],
        "properties": {
            "repository": _fixed(
                {**_NAME, "description": "A RemoteRepository of this project."}, "the repository"
            ),
            "branch": _fixed(
                {**_BRANCH, "description": "What is proposed: a branch of it here."}, "the branch"
            ),
            "title": {
                "type": "string",
                "minLength": 1,
                "maxLength": 250,
                "description": "What it does, in a line.",
            },
            "body": {
                "type": "string",
                "default": "",
                "maxLength": 30_000,
                "description": "Why, for those who look at it. Markdown.",
            },
            "merge": {
                "type": "object",
                "required": ["commit"],
                "description": "Have the host merge it.",
                "properties": {
                    "commit": {**_COMMIT, "description": "The branch's head as it was looked at."}
                },
            },
            "closed": {
                "type": "boolean",
                "default": False,
                "description": "It is not wanted any more.",
            },
        },
    },
    status={
        "type": "object",
        "properties": {
            "phase": {
                "type": "string",
                "enum": [OPENING, OPEN, MERGED, CLOSED],
                "description": "What it is at its host.",
            },
            "message": {"type": "string", "description": "In a sentence."},
            "id": {"type": "string", "description": "Its number there."},
            "url": {"type": "string", "description": "Its page there."},
            "head": {"type": "string", "description": "The branch's head that it was made of."},
            "pushed": {"type": "string", "description": "The commit that it proposes there."},
            "merged": {"type": "string", "description": "The commit of main that holds it."},
            "pushing": {"type": "string", "description": "The commit that was pushed last."},
            "shared": {
                "type": "boolean",
                "description": "Whether somebody has committed to the branch there.",
            },
            "pushedAt": {"type": "string", "format": "date-time"},
            "checked": {
                "type": "boolean",
                "description": "Whether its checks are known: some are told of, or none came in "
                "the time that the RemoteRepository says.",
            },
            "told": {"type": "string", "description": "Digest of what the host was told last."},
            "checks": {
                "type": "array",
                "maxItems": 200,
                "description": "What pipelines there say of its head.",
                "items": {
                    "type": "object",
                    "required": ["name", "phase"],
                    "properties": {
                        "name": {"type": "string"},
                        "phase": {"type": "string"},
                        "url": {"type": "string"},
                    },
                },
            },
            "observedGeneration": {"type": "integer"},
            "conditions": CONDITIONS_SCHEMA,
        },
    },
    columns=(
        Column("Repository", ".spec.repository"),
        Column("Branch", ".spec.branch"),
        Column("Phase", ".status.phase"),
        Column("URL", ".status.url", priority=1),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    categories=("towpath",),
)

KINDS = (REMOTE_REPOSITORY_CRD, PULL_REQUEST_CRD)


async def is_remote(api: Client, project: str, repository: str) -> bool:
    """Whether its main branch is somebody else's, so that a change of it is proposed."""
    try:
        await api.get(REMOTE_REPOSITORY, repository, project)
    except NotFound:
        return False
    return True


async def propose(
    api: Client, name: str, project: str, owner: RawObject, spec: RawObject
) -> RawObject:
    """The PullRequest of that name, which lives as long as its owner; it says what `spec` says."""
    try:
        found = await api.get(PULL_REQUEST, name, project)
    except NotFound:
        obj = PULL_REQUEST.object(name, project, spec=spec)
        metadata = owner["metadata"]
        obj["metadata"]["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            }
        ]
        return await api.create(PULL_REQUEST, obj)
    changed = {key: value for key, value in spec.items() if found["spec"].get(key) != value}
    if not changed:
        return found
    return await api.patch(PULL_REQUEST, name, project, {"spec": changed})
