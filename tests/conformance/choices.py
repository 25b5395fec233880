"""What generated requests choose from: options, pieces of metadata, bodies; good ones and bad."""

from typing import Any

from tests.conformance.asked import PARTIAL, PARTIAL_LIST, TABLE, Object

Json = Any
MANAGERS = ("one", "two", "kubectl")
WRITE_OPTIONS: dict[str, tuple[str, ...]] = {
    "fieldManager": (*MANAGERS, *MANAGERS, "x" * 129, "bad\tname"),
    "dryRun": ("All", "All", "None", "", "All,All"),
    "fieldValidation": ("Strict", "Warn", "Ignore", "", "strict"),
    "pretty": ("true", "false", "x"),
    "unknown": ("1",),
}
DELETE_OPTIONS: dict[str, tuple[str, ...]] = {
    "propagationPolicy": ("Foreground", "Background", "Orphan", "Never"),
    "gracePeriodSeconds": ("0", "1", "-1", "30", "x"),
    "orphanDependents": ("true", "false", "x"),
    "dryRun": ("All", "All", "Some"),
}
LIST_OPTIONS: dict[str, tuple[str, ...]] = {
    "limit": ("1", "2", "0", "-1", "x", "99999999999999999999"),
    "continue": ("", "{continue}", "x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiIifQ"),
    "resourceVersion": ("", "0", "{version}", "-1", "x", "1"),
    "resourceVersionMatch": ("", "Exact", "NotOlderThan", "exact"),
    "labelSelector": (
        *("app=a", "app!=a", "app", "!app", "app in (a,b)", "app notin (a)", "x=", "app==a,x!=1"),
        *("app>1", "app in", "=a", "app=a b", "-x=1", "app in (a", "a=b=c", "app=-x", ","),
    ),
    "fieldSelector": (
        *("metadata.name=a", "metadata.namespace={ns}", "metadata.name!=a", "metadata.uid=1"),
        *("spec.size=1", "type=Opaque", "status.phase=Running", "metadata.name", "a=b=c", "=="),
        *("spec.color=red", "metadata.name=a,metadata.name!=b", "metadata.labels.app=a"),
    ),
    "timeoutSeconds": ("1", "x", "-1"),
    "allowWatchBookmarks": ("true", "x"),
    "sendInitialEvents": ("true", "false", "x"),
}
ACCEPTS = (
    *("application/json", TABLE, PARTIAL, PARTIAL_LIST, "*/*", "application/*", "text/html"),
    *("application/yaml", f"{TABLE},application/json", "application/json;as=Other;v=v1;g=x.io"),
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    "application/json;as=Table;v=v9;g=meta.k8s.io",
    "application/json;q=0.5,application/yaml;q=0.9",
    "application/json;stream=watch",
)

METADATA: dict[str, tuple[Json, ...]] = {
    "labels": ({"app": "b"}, {"app": "a", "-x": "1"}, {"x": "y z"}, {}, None, [], {"x": 1}),
    "annotations": ({"n": "1"}, {"a/b/c": "1"}, {"x": None}, {}, None),
    "finalizers": (
        ["example.dev/hold"],
        ["plain"],
        [],
        None,
        ["a/b", "a/b"],
        ["foregroundDeletion"],
    ),
    "ownerReferences": (
        # Of a kind that is not there: who collects garbage would delete what has lost its owner.
        [{"apiVersion": "owners.example.dev/v1", "kind": "Owner", "name": "o", "uid": "u"}],
        [{"apiVersion": "v1", "kind": "ConfigMap", "name": "", "uid": ""}],
        [{"apiVersion": "", "kind": "", "name": "o", "uid": "u", "controller": True}] * 2,
        [],
    ),
    "namespace": ("{ns}", "other", ""),
    "generateName": ("generated-", "Bad_", ""),
    "resourceVersion": ("", "{version}", "1", "x"),
    "uid": ("", "{uid}", "x"),
    "generation": (7, -1, "x"),
    "creationTimestamp": (None, "2020-01-01T00:00:00Z", "soon"),
    "deletionTimestamp": (None, "2020-01-01T00:00:00Z"),
    "deletionGracePeriodSeconds": (1,),
    "selfLink": ("/x",),
    "managedFields": ([], [{}], None),
    "unknown": (1,),
}

PARTS: tuple[Object, ...] = (
    {"status": {"replicas": 1}},
    {"status": {"ready": True}},
    {"status": {"conditions": [{"type": "A", "status": "True"}]}},
    {"status": None},
    {"status": 3},
    {"spec": {"replicas": 2}},
    {"spec": {"replicas": -1}},
    {"status": {"unknown": 1}},
)
DIRECTIVES: tuple[Object, ...] = (
    {"$patch": "replace"},
    {"$patch": "delete"},
    {"$patch": "merge"},
    {"$patch": "other"},
    {"$retainKeys": ["type"]},
    {"$setElementOrder/containers": [{"name": "main"}]},
    {"$setElementOrder/ports": [{"port": 80}]},
    {"$deleteFromPrimitiveList/finalizers": ["example.dev/hold"]},
    {"$setElementOrder/finalizers": ["a/b"]},
)

DELETE_BODIES: tuple[Json, ...] = (
    {"preconditions": {"uid": "x"}},
    {"preconditions": {"uid": "{uid}"}},
    {"preconditions": {"resourceVersion": "1"}},
    {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"},
    {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Orphan"},
    {"propagationPolicy": "Nonsense"},
    {"propagationPolicy": "Orphan", "orphanDependents": True},
    {"orphanDependents": False},
    {"gracePeriodSeconds": 0},
    {"gracePeriodSeconds": -1},
    {"gracePeriodSeconds": "x"},
    {"dryRun": ["All"]},
    {"dryRun": ["Some"]},
    {"kind": "Other", "apiVersion": "v1"},
    {"unknown": 1},
    "not json",
    [],
)
