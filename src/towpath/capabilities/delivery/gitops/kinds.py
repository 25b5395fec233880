"""Argo CD's Application and AppProject, as the engine that syncs them here understands them.

Authority: argoproj/argo-cd `docs/operator-manual/{application,project}.yaml`. As there, Application
has no status subresource: whoever syncs writes status and takes `operation` away in one write.
Fields that we do not act on are kept, and named in a condition where ignoring them would mislead.
"""

from towpath.machinery.kinds import AGE, Column, Resource, custom_resource_definition
from towpath.machinery.objects import RawObject

APPLICATION = Resource("argoproj.io", "v1alpha1", "Application", "applications")
APP_PROJECT = Resource("argoproj.io", "v1alpha1", "AppProject", "appprojects")

ARGOCD_NAMESPACE = "argocd"
FIELD_MANAGER = "argocd-controller"
TRACKING_ANNOTATION = "argocd.argoproj.io/tracking-id"
REFRESH_ANNOTATION = "argocd.argoproj.io/refresh"
SYNC_WAVE_ANNOTATION = "argocd.argoproj.io/sync-wave"
SYNC_OPTIONS_ANNOTATION = "argocd.argoproj.io/sync-options"
HOOK_ANNOTATION = "argocd.argoproj.io/hook"
CASCADE_FINALIZER = "resources-finalizer.argocd.argoproj.io"
SKIP_RECONCILE_ANNOTATION = "argocd.argoproj.io/skip-reconcile"
"""`"true"` on an Application: it is left as it is, until it is deleted."""

ALLOW_MASS_DELETION_ANNOTATION = "towpath.dev/allow-mass-deletion"
"""`<commit>` on an Application: this commit may remove more than half of what it manages."""

GIT_LOGICAL_HOST = "git.towpath.dev"
"""Stands in Applications for the platform's Git host, whose address is computed (DESIGN 12.7)."""

_KEEP: RawObject = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_KEEP_LIST: RawObject = {"type": "array", "items": _KEEP}
_STRINGS: RawObject = {"type": "array", "items": {"type": "string"}}

_SOURCE: RawObject = {
    "type": "object",
    "required": ["repoURL"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "repoURL": {"type": "string", "minLength": 1},
        "path": {"type": "string"},
        "targetRevision": {"type": "string"},
        "directory": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"recurse": {"type": "boolean"}},
        },
    },
}

_DESTINATION: RawObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "server": {"type": "string"},
        "namespace": {"type": "string"},
    },
}

_SYNC_POLICY: RawObject = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "automated": {
            "type": "object",
            "properties": {
                "enabled": {"type": "boolean"},
                "prune": {"type": "boolean"},
                "selfHeal": {"type": "boolean"},
                "allowEmpty": {"type": "boolean"},
            },
        },
        "syncOptions": _STRINGS,
        "retry": {
            "type": "object",
            "properties": {
                "limit": {"type": "integer"},
                "refresh": {"type": "boolean"},
                "backoff": {
                    "type": "object",
                    "properties": {
                        "duration": {"type": "string"},
                        "factor": {"type": "integer"},
                        "maxDuration": {"type": "string"},
                    },
                },
            },
        },
    },
}

_IGNORE_DIFFERENCES: RawObject = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["kind"],
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {
            "group": {"type": "string"},
            "kind": {"type": "string"},
            "name": {"type": "string"},
            "namespace": {"type": "string"},
            "jsonPointers": _STRINGS,
            "managedFieldsManagers": _STRINGS,
        },
    },
}

_APPLICATION_SPEC: RawObject = {
    "type": "object",
    "required": ["project", "destination"],
    "properties": {
        "project": {"type": "string", "minLength": 1},
        "source": _SOURCE,
        "sources": {"type": "array", "items": _SOURCE},
        "destination": _DESTINATION,
        "syncPolicy": _SYNC_POLICY,
        "ignoreDifferences": _IGNORE_DIFFERENCES,
        "info": _KEEP_LIST,
        "revisionHistoryLimit": {"type": "integer", "minimum": 0},
    },
}

_RESOURCE_STATUS: RawObject = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "group": {"type": "string"},
        "version": {"type": "string"},
        "kind": {"type": "string"},
        "namespace": {"type": "string"},
        "name": {"type": "string"},
        "status": {"type": "string"},
        "requiresPruning": {"type": "boolean"},
        "hook": {"type": "boolean"},
        "syncWave": {"type": "integer"},
        "health": {
            "type": "object",
            "properties": {"status": {"type": "string"}, "message": {"type": "string"}},
        },
    },
}

_CONDITIONS: RawObject = {
    "type": "array",
    "description": "Argo CD's own form: what is wrong, nothing when all is well.",
    "items": {
        "type": "object",
        "required": ["type", "message"],
        "properties": {
            "type": {"type": "string"},
            "message": {"type": "string"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
        },
    },
}

_APPLICATION_STATUS: RawObject = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "sync": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"status": {"type": "string"}, "revision": {"type": "string"}},
        },
        "health": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"status": {"type": "string"}},
        },
        "resources": {"type": "array", "items": _RESOURCE_STATUS},
        "history": _KEEP_LIST,
        "operationState": _KEEP,
        "conditions": _CONDITIONS,
        "reconciledAt": {"type": "string", "format": "date-time"},
        "summary": _KEEP,
        "drift": {
            "type": "array",
            "description": "Ours: the last changes made past Git, who made them, what became.",
            "items": _KEEP,
        },
        "tree": {
            "type": "array",
            "description": "Ours: what the synced resources have made, by owner references.",
            "items": _KEEP,
        },
    },
}


def _application_crd() -> RawObject:
    crd = custom_resource_definition(
        APPLICATION,
        spec=_APPLICATION_SPEC,
        columns=(
            Column("Sync Status", ".status.sync.status"),
            Column("Health Status", ".status.health.status"),
            Column("Revision", ".status.sync.revision", priority=1),
            Column("Project", ".spec.project", priority=1),
            AGE,
        ),
        short_names=("app", "apps"),
    )
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["status"] = _APPLICATION_STATUS
    properties["operation"] = _KEEP
    return crd


_KIND_LIST: RawObject = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["group", "kind"],
        "properties": {
            "group": {"type": "string"},
            "kind": {"type": "string"},
            "name": {"type": "string"},
        },
    },
}

_APP_PROJECT_SPEC: RawObject = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "description": {"type": "string", "maxLength": 255},
        "sourceRepos": _STRINGS,
        "destinations": {"type": "array", "items": _DESTINATION},
        "clusterResourceWhitelist": _KIND_LIST,
        "clusterResourceBlacklist": _KIND_LIST,
        "namespaceResourceWhitelist": _KIND_LIST,
        "namespaceResourceBlacklist": _KIND_LIST,
        "destinationServiceAccounts": _KEEP_LIST,
    },
}


def _app_project_crd() -> RawObject:
    crd = custom_resource_definition(
        APP_PROJECT, spec=_APP_PROJECT_SPEC, short_names=("appproj", "appprojs")
    )
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["status"] = _KEEP
    return crd


APPLICATION_CRD = _application_crd()
APP_PROJECT_CRD = _app_project_crd()
KINDS = (APPLICATION_CRD, APP_PROJECT_CRD)


def application_name(project: str, workload: str, environment: str, *, infra: bool = False) -> str:
    name = f"{project}-{workload}-{environment}"
    return f"{name}-infra" if infra else name


def repository_url(project: str, repository: str) -> str:
    """The logical address of a repository of the platform's Git host."""
    return f"https://{GIT_LOGICAL_HOST}/{project}/{repository}.git"


def sickest_part(status: RawObject) -> str:
    """A sentence about what keeps an Application from being healthy, "" when nothing does.

    Pods come first: a Deployment that has waited too long is the sum of a pod that does not start.
    """
    parts = [*(status.get("tree") or ()), *(status.get("resources") or ())]
    pods = [part for part in parts if part["kind"] == "Pod" and not part.get("leaving")]
    for group in (pods, parts):
        for rank in ("Degraded", "Missing", "Progressing"):
            for part in group:
                health = part.get("health") or {}
                if health.get("status") == rank:
                    detail = health.get("message") or rank.lower()
                    return _ended(f"{part['kind']} {part['name']}: {detail}")
    return ""


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def tracking_id(application: str, group: str, kind: str, namespace: str, name: str) -> str:
    return f"{application}:{group}/{kind}:{namespace}/{name}"
