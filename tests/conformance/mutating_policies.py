"""Sequences about policies that change objects: which are taken, and what they do to writes."""

# ruff: noqa: E501 - what is asked stands on a line

from typing import Any

import pytest
from tests.conformance.asked import MAPS as CONFIG_MAPS
from tests.conformance.policies import GROUP, MATCH, RULE, config_map, dry
from tests.conformance.sides import Json, Step, delete, patch, post

MUTATING = f"{GROUP}/v1beta1/mutatingadmissionpolicies"
MUTATING_BINDINGS = f"{GROUP}/v1beta1/mutatingadmissionpolicybindings"


def mutating(name: str, *mutations: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1beta1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": f"{{ns}}-{name}"},
        "spec": {
            "matchConstraints": MATCH,
            "mutations": list(mutations),
            "reinvocationPolicy": "Never",
            **spec,
        },
    }


def mutating_binding(name: str, of: str = "", **spec: Any) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1beta1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": f"{{ns}}-{name}"},
        "spec": {"policyName": f"{{ns}}-{of or name}", **spec},
    }


def applied(expression: str) -> Json:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression: str) -> Json:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def until_labelled(label: str) -> Step:
    body = config_map("probe", {})
    return post(
        CONFIG_MAPS,
        body,
        query={"dryRun": "All"},
        until=lambda _status, made: label in (made.get("metadata", {}).get("labels") or {}),
        quiet=True,
    )


WRONG_MUTATIONS = [
    mutating("a"),
    mutating("a", applied("Object{metadata: Object.metadata{labels: {'a': 'b'}}}")),
    mutating("a", applied("Object{metadata: Object.wrong{labels: {'a': 'b'}}}")),
    mutating("a", applied("object")),
    mutating("a", applied("{'a': 'b'}")),
    mutating("a", applied(" ")),
    mutating("a", patched("[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': 'b'}}]")),
    mutating("a", patched("[JSONPatch{op: 1, path: '/metadata/labels'}]")),
    mutating("a", patched("[JSONPatch{nope: 'add'}]")),
    mutating("a", patched("JSONPatch{op: 'add'}")),
    mutating("a", patched("[]")),
    mutating("a", patched("[JSONPatch{op: 'remove', path: '/a/' + jsonpatch.escapeKey('b/c')}]")),
    mutating("a", {"patchType": "Strange"}),
    mutating("a", {"patchType": "JSONPatch"}),
    mutating("a", {**patched("[]"), "applyConfiguration": {"expression": "Object{}"}}),
    mutating("a", applied("Object{}"), reinvocationPolicy="Often"),
    mutating(
        "a",
        applied("Object{}"),
        matchConstraints={"resourceRules": [{**RULE, "operations": ["DELETE"]}]},
    ),
    mutating(
        "a",
        applied("Object{spec: Object.spec{a: variables.a}}"),
        variables=[{"name": "a", "expression": "1"}],
    ),
]

MUTATING_SEQUENCES = [
    pytest.param(dry(MUTATING, WRONG_MUTATIONS), id="which mutating policies are taken"),
    pytest.param(
        [
            post(
                MUTATING,
                mutating(
                    "labels",
                    applied(
                        "Object{metadata: Object.metadata{labels: {'one': 'apply', 'name': string(object.metadata.name)}}}"
                    ),
                    patched(
                        "[JSONPatch{op: 'add', path: '/data', value: {'x': 'y'}}, "
                        "JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]"
                    ),
                    matchConditions=[
                        {"name": "not-bad", "expression": "!object.metadata.name.startsWith('bad')"}
                    ],
                ),
            ),
            post(MUTATING_BINDINGS, mutating_binding("labels")),
            until_labelled("one"),
            post(CONFIG_MAPS, config_map("one", {"a": "1"})),
            patch(f"{CONFIG_MAPS}/one", {"data": {"b": "2"}}),
            post(CONFIG_MAPS, config_map("bad", {"a": "1"})),
            delete(f"{MUTATING_BINDINGS}/{{ns}}-labels", quiet=True),
            delete(f"{MUTATING}/{{ns}}-labels", quiet=True),
        ],
        id="policies that change objects",
    ),
    pytest.param(
        [
            post(
                MUTATING,
                mutating(
                    "fails",
                    applied("Object{metadata: Object.metadata{labels: {'probe': 'yes'}}}"),
                    matchConditions=[
                        {"name": "m", "expression": "object.metadata.name == 'probe'"}
                    ],
                ),
            ),
            post(MUTATING_BINDINGS, mutating_binding("fails")),
            *(
                step
                for name, mutation in (
                    ("wrong", applied("Object{metadata: Object.wrong{labels: {'a': 'b'}}}")),
                    (
                        "zero",
                        applied("Object{metadata: Object.metadata{labels: {'a': string(1/0)}}}"),
                    ),
                    ("path", patched("[JSONPatch{op: 'remove', path: '/data/nope'}]")),
                    (
                        "test",
                        patched(
                            "[JSONPatch{op: 'test', path: '/data/a', value: 'z'}, JSONPatch{op: 'add', path: '/data/q', value: 'z'}]"
                        ),
                    ),
                    ("type", patched("[JSONPatch{op: 'add', path: '/data/q', value: 5}]")),
                )
                for step in (
                    post(
                        MUTATING,
                        mutating(
                            name,
                            mutation,
                            matchConditions=[
                                {"name": "m", "expression": f"object.metadata.name == '{name}'"}
                            ],
                        ),
                    ),
                    post(MUTATING_BINDINGS, mutating_binding(name)),
                )
            ),
            until_labelled("probe"),
            post(  # the last of them is known to both
                CONFIG_MAPS,
                config_map("type", {"a": "1"}),
                query={"dryRun": "All"},
                until=lambda status, _: status == 500,
                quiet=True,
            ),
            *(
                post(CONFIG_MAPS, config_map(name, {"a": "1"}))
                for name in ("wrong", "zero", "path", "test", "type")
            ),
            *(
                step
                for name in ("fails", "wrong", "zero", "path", "test", "type")
                for step in (
                    delete(f"{MUTATING_BINDINGS}/{{ns}}-{name}", quiet=True),
                    delete(f"{MUTATING}/{{ns}}-{name}", quiet=True),
                )
            ),
        ],
        id="mutations that fail",
    ),
]
