"""Sequences about admission policies: which are taken, and what they do to writes."""

# ruff: noqa: E501 - what is asked stands on a line

from collections.abc import Iterable
from typing import Any

import pytest
from tests.conformance.asked import MAPS as CONFIG_MAPS
from tests.conformance.asked import config_map as bare_map
from tests.conformance.sides import Json, Step, delete, get, patch, post

GROUP = "/apis/admissionregistration.k8s.io"
POLICIES = f"{GROUP}/v1/validatingadmissionpolicies"
BINDINGS = f"{GROUP}/v1/validatingadmissionpolicybindings"
RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["configmaps"],
}
HERE = {"matchLabels": {"kubernetes.io/metadata.name": "{ns}"}}
MATCH = {"resourceRules": [RULE], "namespaceSelector": HERE}


def config_map(name: str, data: dict[str, str]) -> Json:
    return bare_map(name, data=data)


def policy(name: str, *validations: Any, **spec: Any) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"{{ns}}-{name}"},
        "spec": {
            "matchConstraints": MATCH,
            **({"validations": [_rule(one) for one in validations]} if validations else {}),
            **spec,
        },
    }


def _rule(one: Any) -> Json:
    return {"expression": one} if isinstance(one, str) else one


def binding(name: str, of: str = "", **spec: Any) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"{{ns}}-{name}"},
        "spec": {"policyName": f"{{ns}}-{of or name}", "validationActions": ["Deny"], **spec},
    }


def until_refused(name: str, words: str = "", **data: str) -> Step:
    """Policies and parameters take a moment to be heard of."""
    return post(
        CONFIG_MAPS,
        config_map(name, data),
        query={"dryRun": "All"},
        until=lambda status, body: status in (403, 413, 422) and words in body["message"],
        quiet=True,
    )


def dry(path: str, bodies: Iterable[Json]) -> list[Step]:
    return [post(path, body, query={"dryRun": "All"}) for body in bodies]


def _enforced(name: str, *validations: Any, probe: Json, **spec: Any) -> list[Step]:
    return [
        post(POLICIES, policy(name, *validations, **spec)),
        post(BINDINGS, binding(name)),
        until_refused("probe", **probe),
    ]


def _gone(name: str) -> list[Step]:
    return [
        delete(f"{BINDINGS}/{{ns}}-{name}", quiet=True),
        delete(f"{POLICIES}/{{ns}}-{name}", quiet=True),
    ]


WRONG = [
    policy("a"),
    policy("a", "object.metadata.name == 1 +"),
    policy("a", "object.metadata.name"),
    policy("a", "'a'"),
    policy("a", "1"),
    policy("a", "params.x == 1"),
    policy("a", "params.x == 1", paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
    policy("a", "params.x == 1", paramKind={"apiVersion": "a/b/c", "kind": ""}),
    policy("a", "params.x == 1", paramKind={"apiVersion": "", "kind": "a b"}),
    policy("a", "request.nope == 'a'"),
    policy("a", "request.userInfo.username == 1"),
    policy("a", "request.userInfo.groups.exists(g, g == 'a')"),
    policy("a", "request.options.dryRun == ['All']"),
    policy("a", "namespaceObject.metadata.labels['a'] == 'b'"),
    policy("a", "namespaceObject.metadata.nope == 'b'"),
    policy("a", "namespaceObject.metadata.creationTimestamp < timestamp('2020-01-01T00:00:00Z')"),
    policy("a", "authorizer.group('').resource('pods').check('get').allowed()"),
    policy("a", "authorizer.group('').resource('pods').namespace(1).check('get').allowed()"),
    policy("a", "authorizer.requestResource.check('get').reason() == ''"),
    policy("a", "authorizer.path('/a').check('get').allowed()"),
    policy(
        "a", "authorizer.serviceAccount('a', 'b').group('').resource('pods').check('get').allowed()"
    ),
    policy("a", "variables.a", variables=[{"name": "a", "expression": "true"}]),
    policy("a", "variables.a > 1", variables=[{"name": "a", "expression": "true"}]),
    policy("a", "variables.b", variables=[{"name": "a", "expression": "true"}]),
    policy("a", "variables.a", variables=[{"name": "a", "expression": "1 +"}]),
    policy(
        "a",
        "variables.b == 'x'",
        variables=[
            {"name": "a", "expression": "object.metadata.name"},
            {"name": "b", "expression": "variables.a + 'x'"},
        ],
    ),
    policy("a", "variables.a", variables=[{"name": "in", "expression": "true"}]),
    policy("a", "true", variables=[{"name": "a-b", "expression": ""}]),
    policy("a", {"expression": "true", "messageExpression": "1"}),
    policy("a", {"expression": "true", "messageExpression": "' '", "message": " "}),
    policy(
        "a", {"expression": "true", "messageExpression": "authorizer.path('/').check('a').reason()"}
    ),
    policy("a", {"expression": "true", "message": "a\nb", "reason": "Nonsense"}),
    policy("a", {"expression": " "}),
    policy("a", "true", matchConditions=[{"name": "a", "expression": "1"}]),
    policy("a", "true", matchConditions=[{"name": "", "expression": ""}]),
    policy(
        "a",
        "true",
        matchConditions=[
            {"name": "a b", "expression": "true"},
            {"name": "a", "expression": "variables.a"},
        ],
    ),
    policy("a", "true", matchConditions=[{"name": "a", "expression": "params.x == 'a'"}]),
    policy("a", "true", failurePolicy="Perhaps"),
    policy("a", "true", matchConstraints=None),
    policy("a", "true", matchConstraints={}),
    policy("a", "true", matchConstraints={"resourceRules": [{}]}),
    policy(
        "a", "true", matchConstraints={"resourceRules": [{**RULE, "operations": ["*", "CREATE"]}]}
    ),
    policy("a", "true", matchConstraints={"resourceRules": [{**RULE, "operations": ["READ"]}]}),
    policy("a", "true", matchConstraints={"resourceRules": [{**RULE, "apiGroups": ["*", "a"]}]}),
    policy("a", "true", matchConstraints={"resourceRules": [{**RULE, "apiVersions": ["*", ""]}]}),
    policy("a", "true", matchConstraints={"resourceRules": [{**RULE, "resources": ["*", "pods"]}]}),
    policy(
        "a", "true", matchConstraints={"resourceRules": [{**RULE, "resources": ["*/*", "pods"]}]}
    ),
    policy(
        "a",
        "true",
        matchConstraints={"resourceRules": [{**RULE, "resources": ["pods/*", "pods/log"]}]},
    ),
    policy(
        "a",
        "true",
        matchConstraints={"resourceRules": [{**RULE, "resourceNames": ["a", "a", "b/c"]}]},
    ),
    policy("a", "true", matchConstraints={**MATCH, "matchPolicy": "Nearly"}),
    policy("a", "true", matchConstraints={"resourceRules": [{**RULE, "scope": "Galaxy"}]}),
    policy("a", auditAnnotations=[{"key": "k", "valueExpression": "'a'"}]),
    policy("a", auditAnnotations=[{"key": "k", "valueExpression": "1"}]),
    policy("a", auditAnnotations=[{"key": "k k", "valueExpression": ""}]),
    policy(
        "a",
        auditAnnotations=[
            {"key": "k", "valueExpression": "null"},
            {"key": "k", "valueExpression": "'a'"},
        ],
    ),
]
WRONG_BINDINGS = [
    binding("a"),
    binding("a", validationActions=[]),
    binding("a", validationActions=["Deny", "Warn"]),
    binding("a", validationActions=["Deny", "Deny", "Shout"]),
    binding("a", validationActions=["Audit", "Warn"]),
    binding("a", policyName=""),
    binding("a", paramRef={}),
    binding("a", paramRef={"name": "a", "parameterNotFoundAction": "Perhaps"}),
    binding("a", paramRef={"name": "a", "selector": {}, "parameterNotFoundAction": "Deny"}),
    binding("a", paramRef={"name": "a/b", "parameterNotFoundAction": "Allow"}),
    binding("a", matchResources={"resourceRules": [{}]}),
]
POLICY_SEQUENCES = [
    pytest.param(dry(POLICIES, WRONG), id="which policies are taken"),
    pytest.param(dry(BINDINGS, WRONG_BINDINGS), id="which bindings are taken"),
    pytest.param(
        [
            *_enforced(
                "words",
                {"expression": "!has(object.data.a)", "message": " not a "},
                {
                    "expression": "!has(object.data.b)",
                    "messageExpression": "'b is ' + object.data.b",
                },
                {
                    "expression": "!has(object.data.c)",
                    "messageExpression": "'two' + string(1/0)",
                    "message": "c",
                },
                {"expression": "!has(object.data.d)", "reason": "Forbidden"},
                {"expression": "!has(object.data.e)", "reason": "RequestEntityTooLarge"},
                "!has(object.data.f) || object.data.nope == 'x'",
                "!has(object.data.g) || int(object.data.g) > 3",
                {"expression": "!has(object.data.h)", "messageExpression": "'a\\nb'"},
                probe={"a": "1"},
            ),
            *(post(CONFIG_MAPS, config_map(f"x{key}", {key: "1"})) for key in "abcdefgh"),
            post(CONFIG_MAPS, config_map("many", dict.fromkeys("abcd", "1"))),
            post(CONFIG_MAPS, config_map("good", {"z": "1"})),
            patch(f"{CONFIG_MAPS}/good", {"data": {"a": "2"}}),
            patch(f"{CONFIG_MAPS}/good", {"data": {"z": "2"}}),
            delete(f"{CONFIG_MAPS}/good"),
            get(f"{POLICIES}/{{ns}}-words", quiet=True),
            *_gone("words"),
        ],
        id="what a policy says when it refuses",
    ),
    pytest.param(
        [
            post(
                POLICIES,
                policy(
                    "warns",
                    "object.data.a == '1'",
                    {"expression": "!has(object.data.b)", "message": "no b"},
                ),
            ),
            post(BINDINGS, binding("warns", validationActions=["Warn", "Audit"])),
            *_enforced("stops", "!has(object.data.stop)", probe={"stop": "1"}),
            post(CONFIG_MAPS, config_map("one", {"a": "1"})),
            post(CONFIG_MAPS, config_map("two", {"a": "2", "b": "1"})),
            post(CONFIG_MAPS, config_map("three", {"a": "2", "stop": "1"})),
            *_gone("warns"),
            *_gone("stops"),
        ],
        id="policies that only warn",
    ),
    pytest.param(
        [
            *_enforced(
                "vars",
                "variables.size < 3",
                {
                    "expression": "variables.user != 'x'",
                    "messageExpression": "'hello ' + variables.user",
                },
                "variables.late || !has(object.data.late)",
                variables=[
                    {"name": "keys", "expression": "has(object.data) ? object.data.map(k, k) : []"},
                    {"name": "size", "expression": "variables.keys.size()"},
                    {"name": "user", "expression": "has(object.data.user) ? object.data.user : ''"},
                    {"name": "late", "expression": "object.data.nope == 'a'"},
                ],
                probe={"a": "1", "b": "1", "c": "1"},
            ),
            post(CONFIG_MAPS, config_map("one", {"a": "1"})),
            post(CONFIG_MAPS, config_map("two", {"a": "1", "b": "2", "c": "3"})),
            post(CONFIG_MAPS, config_map("three", {"user": "x"})),
            post(CONFIG_MAPS, config_map("four", {"late": "x"})),
            *_gone("vars"),
        ],
        id="variables",
    ),
    pytest.param(
        [
            post(CONFIG_MAPS, config_map("limits", {"max": "2"})),
            post(
                POLICIES,
                policy(
                    "par",
                    {
                        "expression": "params == null || object.data.size() <= int(params.data.max)",
                        "messageExpression": "'at most ' + params.data.max + ' of ' + params.metadata.name",
                    },
                    paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
                    matchConditions=[
                        {
                            "name": "not-params",
                            "expression": "!object.metadata.name.startsWith('limits')",
                        }
                    ],
                ),
            ),
            post(
                BINDINGS,
                binding("par", paramRef={"name": "limits", "parameterNotFoundAction": "Deny"}),
            ),
            until_refused("probe", "at most", a="1", b="1", c="1"),
            post(CONFIG_MAPS, config_map("one", {"a": "1"})),
            post(CONFIG_MAPS, config_map("two", {"a": "1", "b": "1", "c": "1"})),
            patch(f"{CONFIG_MAPS}/limits", {"data": {"max": "5"}}, quiet=True),
            delete(f"{BINDINGS}/{{ns}}-par", quiet=True),
            post(
                BINDINGS,
                binding(
                    "par2", "par", paramRef={"name": "absent", "parameterNotFoundAction": "Deny"}
                ),
            ),
            until_refused("probe", "par2", a="1"),
            post(CONFIG_MAPS, config_map("three", {"a": "1"})),
            *_gone("par"),
            delete(f"{BINDINGS}/{{ns}}-par2", quiet=True),
        ],
        id="parameters",
    ),
    pytest.param(
        [
            *_enforced(
                "broken",
                "true",
                paramKind={"apiVersion": "example.dev/v1", "kind": "Nothing"},
                probe={"a": "1"},
            ),
            post(CONFIG_MAPS, config_map("one", {"a": "1"})),
            *_gone("broken"),
        ],
        id="a kind of parameters that nobody serves",
    ),
    pytest.param(
        [
            *_enforced(
                "asks",
                {
                    "expression": "authorizer.requestResource.check('nonsense').allowed() || !has(object.data.a)",
                    "message": "who may do nonsense",
                },
                {
                    "expression": "!has(object.data.b) || authorizer.serviceAccount(request.namespace, 'default')"
                    ".group('').resource('secrets').namespace(request.namespace).check('get').allowed()",
                    "message": "its account may not",
                },
                {
                    "expression": "!has(object.data.c) || !(request.userInfo.username != '' && "
                    "request.operation == 'CREATE' && request.resource.resource == 'configmaps' && "
                    "request.kind.kind == 'ConfigMap' && request.name == object.metadata.name && "
                    "request.namespace == namespaceObject.metadata.name && !request.dryRun && "
                    "oldObject == null && request.options.kind == 'CreateOptions')",
                    "message": "all is there",
                },
                probe={"b": "1"},
            ),
            post(CONFIG_MAPS, config_map("one", {"a": "1"})),
            post(CONFIG_MAPS, config_map("two", {"b": "1"})),
            post(CONFIG_MAPS, config_map("three", {"c": "1"})),
            *_gone("asks"),
        ],
        id="authorizer and request",
    ),
    pytest.param(
        [
            *_enforced(
                "dear",
                "!has(object.data.a) || object.data.all(a, object.data.all(b, object.data.all(c, "
                "object.data.all(d, a + b + c + d != 'x'))))",
                "!has(object.data.b)",
                probe={"b": "1"},
            ),
            post(
                CONFIG_MAPS,
                config_map("one", {f"key{i}": "a" * 30 for i in range(40)} | {"a": "1"}),
            ),
            *_gone("dear"),
        ],
        id="a policy that costs too much",
    ),
]
