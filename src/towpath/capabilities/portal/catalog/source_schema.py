"""What a CatalogSource says of the place that it reads, one schema per type."""

from towpath.capabilities.portal.catalog.entity_kind_schema import listed
from towpath.machinery.objects import RawObject

NAME = {
    "type": "string",
    "pattern": "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$",
    "maxLength": 100,
}
GLOB = {"type": "string", "minLength": 1, "maxLength": 500}


_SECRET: RawObject = {"type": "string", "minLength": 1, "maxLength": 253}
_OF_WEB = (
    "Name of a Secret beside the source, with the key token (sent as bearer token) or the keys "
    "username and password. It is sent to the hosts alone that its annotation towpath.dev/hosts "
    "lists."
)
_TEXT: RawObject = {"type": "string", "maxLength": 1000}
_NAMESPACE: RawObject = {
    "type": "string",
    "default": "default",
    "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$",
    "maxLength": 63,
    "description": "Of the entities.",
}

DISCOVERY: RawObject = {
    "type": "object",
    "description": "Of type discovery: which hosted repositories are looked through.",
    "properties": {
        "projects": listed(
            GLOB,
            "Patterns for names of projects, such as '*'. Default: the source's own. Another "
            "than its own only in the namespace towpath-system.",
            50,
        ),
        "repositories": listed(
            GLOB, "Patterns for names of repositories.", 50, default=["*"], minItems=1
        ),
        "exclude": listed(GLOB, "Patterns for names that are left out.", 50),
    },
}
URL: RawObject = {
    "type": "object",
    "description": "Of type url: what is read from the web.",
    "required": ["targets"],
    "properties": {
        "targets": listed(
            {"type": "string", "pattern": "^https?://", "maxLength": 2000},
            "Addresses of descriptor files. A page of a file on GitHub, GitLab or Gitea stands "
            "for the file.",
            500,
            minItems=1,
        ),
        "secret": {**_SECRET, "description": _OF_WEB},
    },
}
DIRECTORY: RawObject = {
    "type": "object",
    "description": "Of type directory: files of the machine that the platform runs on. Only in "
    "the namespace towpath-system, and below a folder that `towpath up --catalog-root` allows.",
    "required": ["path"],
    "properties": {
        "path": {
            "type": "string",
            "pattern": "^/",
            "maxLength": 1000,
            "description": "The folder.",
        },
        "files": listed(
            GLOB,
            "Patterns for the files in it.",
            50,
            default=["**/catalog-info.yaml"],
            minItems=1,
        ),
    },
}
KUBERNETES: RawObject = {
    "type": "object",
    "description": "Of type kubernetes: objects of a cluster, by their labels and owners.",
    "required": ["cluster"],
    "properties": {
        "cluster": {**NAME, "description": "Name of the Cluster."},
        "namespaces": listed(
            NAME,
            "The cluster's namespaces. Default: those of the source's project; of a source in "
            "towpath-system, all.",
            100,
        ),
        "labels": {
            "type": "string",
            "default": "",
            "maxLength": 1000,
            "description": "A label selector, such as 'app.kubernetes.io/part-of=shop'.",
        },
    },
}
ORGANISATION: RawObject = {
    "type": "object",
    "description": "Of type organisation: the repositories of an owner on another Git host.",
    "required": ["host", "owner"],
    "x-kubernetes-validations": [
        {
            "rule": "self.host != 'gitea' || has(self.url)",
            "message": "url is required for gitea: where it is",
        }
    ],
    "properties": {
        "host": {
            "type": "string",
            "enum": ["azure", "bitbucket", "gitea", "github", "gitlab"],
            "description": "Whose API it speaks: Azure DevOps, Bitbucket Cloud, Gitea or Forgejo, "
            "GitHub, GitLab.",
        },
        "url": {
            "type": "string",
            "pattern": "^https?://[^/?#]+(/[^?#]*[^/?#])?$",
            "maxLength": 500,
            "description": "Where it is, as people open it. Default: github.com, gitlab.com, "
            "bitbucket.org or dev.azure.com.",
        },
        "owner": {
            "type": "string",
            "pattern": "^[^/?#]+(/[^/?#]+)*$",
            "maxLength": 500,
            "description": "The organisation, or the person; of GitLab a group with those below "
            "it, of Bitbucket a workspace, of Azure an organisation or organisation/project.",
        },
        "repositories": listed(
            GLOB,
            "Patterns for names of repositories below the owner.",
            50,
            default=["**"],
            minItems=1,
        ),
        "exclude": listed(GLOB, "Patterns for names that are left out.", 50),
        "topics": listed(
            {"type": "string", "minLength": 1, "maxLength": 100},
            "Only repositories with one of these topics. Default: all.",
            50,
        ),
        "archived": {
            "type": "boolean",
            "default": False,
            "description": "Read archived repositories too.",
        },
        "forks": {"type": "boolean", "default": False, "description": "Read forks too."},
        "secret": {
            **_SECRET,
            "description": _OF_WEB + " Its key webhook is what the host signs webhooks with.",
        },
    },
}
SCIM: RawObject = {
    "type": "object",
    "description": "Of type scim: people and groups that an identity provider pushes to /scim/v2. "
    "Only in the namespace towpath-system.",
    "required": ["secret"],
    "properties": {
        "secret": {
            **_SECRET,
            "description": "Name of a Secret beside the source; its key token is the bearer token "
            "that the identity provider sends, at least 32 characters.",
        },
        "namespace": _NAMESPACE,
    },
}


_ATTRIBUTES = {
    "name": "The attribute with the name.",
    "displayName": "The attribute with the name to show.",
    "email": "The attribute with the address.",
    "description": "The attribute with a description.",
    "disabled": "An attribute that says, by TRUE or in Active Directory's userAccountControl, "
    "that somebody is here no more.",
    "members": "The attribute with the members, by DN or by name: people, and groups that are "
    "inside.",
}


def _entries(
    what: str, which: str, attributes: dict[str, str], more: str = "", **others: RawObject
) -> RawObject:
    """Of a directory, those that are `what`; `which` and `attributes` are defaults."""
    return {
        "type": "object",
        "description": f"Which entries are {what}, and what of them is what.{more}",
        "required": ["base"],
        "properties": {
            "base": {**_TEXT, "minLength": 1, "description": "Below which entry they are."},
            "subtree": {
                "type": "boolean",
                "default": True,
                "description": "Look below all entries, not only right below the base.",
            },
            "filter": {
                **_TEXT,
                "default": which,
                "description": f"Which entries there are {what}.",
            },
            **{
                name: {**_TEXT, "default": default, "description": _ATTRIBUTES[name]}
                for name, default in attributes.items()
            },
            **others,
        },
    }


LDAP: RawObject = {
    "type": "object",
    "description": "Of type ldap: people and groups of a directory. Only in the namespace "
    "towpath-system.",
    "required": ["url", "users"],
    "properties": {
        "url": {
            "type": "string",
            "pattern": "^ldaps?://[^/?#@]+$",
            "maxLength": 500,
            "description": "ldaps://<host>, or ldap://<host> with startTLS.",
        },
        "startTLS": {
            "type": "boolean",
            "default": False,
            "description": "Begin TLS on a connection of ldap://. A name and a password are sent "
            "over TLS alone.",
        },
        "secret": {
            **_SECRET,
            "description": "Name of a Secret beside the source, with the keys username (a DN) and "
            "password, and ca.crt if the directory's certificate is not of a public authority. "
            "Its annotation towpath.dev/hosts lists the directory's host. Default: anonymous.",
        },
        "pageSize": {
            "type": "integer",
            "default": 500,
            "minimum": 1,
            "maximum": 10000,
            "description": "So many entries are asked for at once.",
        },
        "namespace": _NAMESPACE,
        "users": _entries(
            "people",
            "(objectClass=inetOrgPerson)",
            {
                "name": "uid",
                "displayName": "cn",
                "email": "mail",
                "description": "description",
                "disabled": "",
            },
        ),
        "groups": _entries(
            "groups",
            "(objectClass=groupOfNames)",
            {
                "name": "cn",
                "displayName": "",
                "description": "description",
                "members": "member",
            },
            " Default: none.",
            type={
                **_TEXT,
                "default": "team",
                "minLength": 1,
                "description": "The spec.type of the groups.",
            },
        ),
    },
}
PLUGIN: RawObject = {
    "type": "object",
    "description": "Of type plugin: what a plug-in finds.",
    "required": ["plugin", "source"],
    "properties": {
        "plugin": {
            **NAME,
            "description": "Name of the plug-in; the page about the platform lists them.",
        },
        "source": {**NAME, "description": "Which of its sources."},
        "settings": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "description": "What the source asks for, as its schema says.",
        },
        "secret": {
            **_SECRET,
            "description": "Name of a Secret beside the source, which the plug-in is given. Its "
            "annotation towpath.dev/plugins lists the plug-ins that may have it.",
        },
    },
}
