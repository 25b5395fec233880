"""One object of every kind that we ship, and what can be wrong with it, by its schema."""

import copy
from collections.abc import Iterator
from typing import Any

from towpath.machinery.objects import RawObject

Json = Any
Path = tuple[str, ...]
WRONG: dict[str, Json] = {
    "string": 7,
    "integer": "seven",
    "number": "seven",
    "boolean": "yes",
    "array": {},
    "object": [],
}


def variants(good: RawObject, schema: RawObject) -> Iterator[tuple[str, RawObject]]:
    """Each way to be wrong that the schema knows, once, at every place that it describes."""
    for path, property_schema, required in _places(schema, ()):
        if path[0] not in ("spec",):
            continue
        where = ".".join(path)
        if required and (changed := _without(good, path)):
            yield f"without {where}", changed
        kind = property_schema.get("type", "")
        if kind in WRONG and (changed := _with(good, path, WRONG[kind])):
            yield f"{where} of another type", changed
        if "enum" in property_schema and (changed := _with(good, path, "no-such-word")):
            yield f"{where} out of its list", changed
        if "pattern" in property_schema and (changed := _with(good, path, "!? \n")):
            yield f"{where} against its pattern", changed
        if "maxLength" in property_schema and (
            changed := _with(good, path, "x" * (property_schema["maxLength"] + 1))
        ):
            yield f"{where} too long", changed
        if "minLength" in property_schema and (changed := _with(good, path, "")):
            yield f"{where} empty", changed
        if "minimum" in property_schema and (
            changed := _with(good, path, property_schema["minimum"] - 1)
        ):
            yield f"{where} too small", changed
        if changed := _with(good, path, None):
            yield f"{where} null", changed
    yield "an unknown field", _with(good, ("spec", "noSuchField"), 1) or good


def _places(schema: RawObject, path: Path) -> Iterator[tuple[Path, RawObject, bool]]:
    for name, inner in (schema.get("properties") or {}).items():
        here = (*path, name)
        yield here, inner, name in (schema.get("required") or ())
        yield from _places(inner, here)


def _with(good: RawObject, path: Path, value: Json) -> RawObject | None:
    """A copy with another value at `path`; None where the example has nothing to hold it."""
    changed = copy.deepcopy(good)
    holder = changed
    for name in path[:-1]:
        holder = holder.get(name)
        if not isinstance(holder, dict):
            return None
    holder[path[-1]] = value
    return changed


def _without(good: RawObject, path: Path) -> RawObject | None:
    changed = _with(good, path, None)
    if changed is None:
        return None
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    return changed


_DIGEST = f"sha256:{'a' * 64}"
_PROVIDER_CONFIG: RawObject = {
    "spec": {
        "credentials": {
            "source": "PostgreSQLConnectionSecret",
            "connectionSecretRef": {"name": "server", "namespace": "towpath-system"},
        },
        "sslMode": "disable",
    }
}
_REFERENCE: RawObject = {"kind": "ProviderConfig", "name": "default"}

EXAMPLES: dict[str, RawObject] = {
    "Project": {
        "spec": {
            "displayName": "Orders",
            "description": "Takes orders.",
            "members": [{"kind": "User", "name": "alice", "role": "owner"}],
            "quota": {"requests.memory": "4Gi", "pods": 10},
        }
    },
    "Cluster": {"spec": {"type": "local", "engines": {"gitops": "external"}, "trust": "single"}},
    "Environment": {
        "spec": {
            "cluster": "local",
            "mode": "auto",
            "order": 10,
            "approvals": {"required": 1},
            "gates": {"after": ["staging"]},
            "quota": {"pods": 10},
        }
    },
    "CompositeResourceDefinition": {
        "spec": {
            "group": "example.dev",
            "names": {"kind": "Cache", "plural": "caches"},
            "scope": "Namespaced",
            "defaultCompositionRef": {"name": "shared"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "referenceable": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        }
    },
    "Composition": {
        "spec": {
            "compositeTypeRef": {"apiVersion": "example.dev/v1", "kind": "Cache"},
            "mode": "Pipeline",
            "pipeline": [
                {
                    "step": "make",
                    "functionRef": {"name": "function-patch-and-transform"},
                    "input": {"apiVersion": "pt.fn.crossplane.io/v1beta1", "kind": "Resources"},
                }
            ],
        }
    },
    "Database": {
        "spec": {
            "forProvider": {"owner": "orders", "connectionLimit": 5, "isTemplate": False},
            "managementPolicies": ["Observe"],
            "providerConfigRef": _REFERENCE,
            "writeConnectionSecretToRef": {"name": "details"},
        }
    },
    "Role": {
        "spec": {
            "forProvider": {
                "privileges": {"login": True},
                "passwordSecretRef": {"name": "details", "key": "password"},
            },
            "providerConfigRef": _REFERENCE,
        }
    },
    "Grant": {
        "spec": {
            "forProvider": {
                "privileges": ["CONNECT"],
                "roleRef": {"name": "orders"},
                "databaseRef": {"name": "orders"},
            },
        }
    },
    "ProviderConfig": _PROVIDER_CONFIG,
    "ClusterProviderConfig": _PROVIDER_CONFIG,
    "ExternalSecret": {
        "spec": {
            "secretStoreRef": {"name": "towpath", "kind": "SecretStore"},
            "target": {"name": "orders-db", "template": {"type": "Opaque", "data": {"a": "b"}}},
            "data": [{"secretKey": "host", "remoteRef": {"key": "orders", "property": "host"}}],
        }
    },
    "SecretStore": {
        "spec": {
            "provider": {
                "kubernetes": {
                    "remoteNamespace": "demo",
                    "server": {"url": "https://localhost:8443", "caBundle": "YQ=="},
                    "auth": {"token": {"bearerToken": {"name": "towpath", "key": "token"}}},
                }
            }
        }
    },
    "Workload": {
        "spec": {
            "repository": "order-service",
            "environments": ["staging", "production"],
            "owner": "team-a",
            "score": {"path": "score.yaml"},
            "deletionPolicy": {"data": "Retain"},
        }
    },
    "Release": {
        "spec": {
            "workload": "order-service",
            "image": f"registry.towpath.dev/demo/order-service@{_DIGEST}",
            "commit": "b" * 40,
            "repository": "order-service",
            "score": {"apiVersion": "score.dev/v1b1", "metadata": {"name": "order-service"}},
        }
    },
    "Promotion": {
        "spec": {
            "workload": "order-service",
            "environment": "staging",
            "release": "order-service-bbbbbbbb",
            "reason": "The fix.",
            "requestedBy": "system:serviceaccount:towpath-system:towpath",
        }
    },
    "Approval": {
        "spec": {
            "subject": {"kind": "Promotion", "name": "one"},
            "decision": "Approve",
            "user": "system:serviceaccount:towpath-system:towpath",
        }
    },
    "Action": {
        "spec": {
            "title": "Set a note",
            "operation": "DAY-2",
            "target": {"apiVersion": "v1", "kind": "ConfigMap"},
            "userInputs": {"properties": {"note": {"type": "string"}}},
            "permitted": "'team-a' in groups",
            "approval": {"required": 1, "expiresAfter": "72h"},
            "lease": {"default": "24h", "max": "48h"},
            "backend": {
                "type": "object",
                "object": {"operation": "patch", "patch": {"data": {"note": "${inputs.note}"}}},
            },
        }
    },
    "ActionRun": {
        "spec": {
            "action": {"name": "set-a-note"},
            "target": {"apiVersion": "v1", "kind": "ConfigMap", "name": "notes"},
            "inputs": {"note": "hello"},
            "keep": "24h",
            "requestedBy": "system:serviceaccount:towpath-system:towpath",
        }
    },
    "Application": {
        "spec": {
            "project": "demo",
            "source": {"repoURL": "http://localhost/git/demo/deployments.git", "path": "a/b"},
            "destination": {"name": "local", "namespace": "demo-staging"},
            "syncPolicy": {"automated": {"prune": True}},
        }
    },
    "AppProject": {
        "spec": {
            "description": "Demo",
            "sourceRepos": ["*"],
            "destinations": [{"name": "local", "namespace": "demo-*"}],
        }
    },
    "PipelineRun": {
        "spec": {
            "repository": "order-service",
            "ref": "refs/heads/main",
            "commit": "b" * 40,
            "workflow": ".github/workflows/ci.yaml",
            "event": "push",
            "actor": "alice",
        }
    },
    "SoftwareTemplate": {
        "spec": {
            "descriptor": {
                "apiVersion": "scaffolder.backstage.io/v1beta3",
                "kind": "Template",
                "metadata": {"name": "python-service"},
                "spec": {"type": "service", "owner": "team-a", "steps": [{"action": "fetch"}]},
            },
            "source": {"repository": "towpath/golden-paths", "path": "python-service"},
        }
    },
    "TemplateInstance": {
        "spec": {"repository": "order-service", "optOut": {"reason": "it is switched off in May"}}
    },
    "TemplateUpgrade": {
        "spec": {
            "repository": "order-service",
            "revision": "0" * 40,
            "parameters": {"size": "small"},
            "renamed": {"listen": "port"},
            "decisions": {"README.md": "Ours"},
            "requestedBy": "system:serviceaccount:towpath-system:towpath",
            "mergeWhenGreen": True,
            "merge": {"commit": "1" * 40, "by": "system:serviceaccount:towpath-system:towpath"},
            "closed": {"reason": "not wanted"},
        }
    },
    "UpgradeCampaign": {
        "spec": {
            "template": {"name": "python-service", "namespace": "towpath-system"},
            "revision": "0" * 40,
            "projects": ["demo"],
            "waves": [1, 5],
            "order": "Name",
            "pause": "1h30m",
            "stopAfter": 2,
            "merge": "WhenGreen",
            "exclude": [{"repository": "demo/legacy", "reason": "it is rewritten"}],
            "parameters": {"size": "small"},
            "renamed": {"listen": "port"},
            "paused": True,
            "goOn": 1,
            "cancelled": False,
            "requestedBy": "system:serviceaccount:towpath-system:towpath",
        }
    },
    "TemplateRun": {
        "spec": {
            "template": {"name": "python-service"},
            "parameters": {"name": "order-service", "deep": {"er": [1, 2]}},
            "requestedBy": "system:serviceaccount:towpath-system:towpath",
        }
    },
    "CatalogSource": {"spec": {"type": "git", "repository": "order-service"}},
    "RemoteRepository": {
        "spec": {
            "host": "gitlab",
            "url": "https://gitlab.example.org",
            "owner": "shop/backend",
            "repository": "order-service",
            "branch": "main",
            "secret": "shop-gitlab",
            "interval": "1m",
            "checksWithin": "5m",
        }
    },
    "PullRequest": {
        "spec": {
            "repository": "order-service",
            "branch": "towpath/upgrade-python-service",
            "title": "Upgrade to the newer version of python-service",
            "body": "Why",
            "merge": {"commit": "1" * 40},
            "closed": False,
        }
    },
    "CatalogEdit": {
        "spec": {
            "entity": "component:demo/orders",
            "owner": "group:default/team-b",
            "reason": "team-a was dissolved in May",
        }
    },
    "EntityKind": {
        "spec": {
            "kind": "Dataset",
            "title": "Data set",
            "schema": {
                "type": "object",
                "required": ["rows"],
                "properties": {"rows": {"type": "integer", "minimum": 0}},
            },
            "computed": [
                {"name": "thousands", "calculation": {"expression": "entity.spec.rows / 1000"}}
            ],
        }
    },
    "Scorecard": {
        "spec": {
            "title": "Readiness",
            "levels": [{"name": "Bronze"}],
            "rules": [
                {"id": "owner", "title": "Has an owner", "level": "Bronze", "check": "owner"}
            ],
        }
    },
    "Initiative": {
        "spec": {
            "title": "Bronze by May",
            "scorecard": "readiness",
            "level": "Bronze",
            "due": "2027-05-01",
        }
    },
    "PostgreSQLInstance": {"spec": {"size": "small", "deletionPolicy": "Delete"}},
}
