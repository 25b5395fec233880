"""What a new version of an API breaks, and what it does not."""

import pytest

from towpath.capabilities.portal.apis.differences import Severity, differences
from towpath.capabilities.portal.apis.reading import read

BREAKING, RISKY, COMPATIBLE = Severity.BREAKING, Severity.RISKY, Severity.COMPATIBLE
BASE = """
openapi: 3.0.0
info: {title: A, version: "1"}
paths:
  /a:
    get:
      parameters:
        - {name: q, in: query, schema: {type: string, enum: [x, y]}}
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [id]
                properties: {id: {type: integer}, state: {type: string, enum: [open]}}
    post:
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {n: {type: integer}, m: {type: string}}}
      responses: {"201": {description: made}}
"""
GRAPHQL = """
type Query { a(x: Int): A }
type A { b: String! }
input I { c: Int }
enum E { ONE TWO }
"""
PROTO = """
syntax = "proto3";
service S { rpc Get(A) returns (A); }
message A { string x = 1; int32 y = 2; }
"""


def compared(kind: str, old: str, new: str) -> list[tuple[Severity, str, str]]:
    found = differences(read(kind, old), read(kind, new))
    return [(one.severity, one.where, one.sentence) for one in found]


@pytest.mark.parametrize(
    ("was", "becomes", "severity", "sentence"),
    [
        ("    post:\n", "    put:\n", BREAKING, "The operation was removed."),
        ("name: q,", "name: q, required: true,", BREAKING, "query q is required now."),
        ("enum: [x, y]", "enum: [x]", BREAKING, "query q is never y any more."),
        ("enum: [x, y]", "enum: [x, y, z]", COMPATIBLE, "query q may be z too."),
        ("enum: [open]", "enum: [open, shut]", RISKY, "state may be shut too."),
        ("required: [id]", "required: []", RISKY, "id may be missing in the answer now."),
        ("{id: {type: integer}, ", "{", BREAKING, "id is not answered any more."),
        ("n: {type: integer}", "n: {type: string}", BREAKING, "n: integer became string."),
        (
            "n: {type: integer}",
            "n: {type: number}",
            COMPATIBLE,
            "n: integer became number, which takes more.",
        ),
        (
            "schema: {type: object, properties: {n:",
            "schema: {type: object, required: [k], properties: {k: {type: string}, n:",
            BREAKING,
            "k is new and required.",
        ),
        (", m: {type: string}", "", RISKY, "m is not taken any more."),
        ('"201": {', '"202": {', BREAKING, "The answer 201 was removed."),
    ],
)
def test_openapi(was: str, becomes: str, severity: Severity, sentence: str) -> None:
    assert was in BASE
    found = compared("openapi", BASE, BASE.replace(was, becomes, 1))
    assert (severity, sentence) in [(one[0], one[2]) for one in found]


def test_the_same_is_no_difference() -> None:
    for kind, text in (("openapi", BASE), ("graphql", GRAPHQL), ("grpc", PROTO)):
        assert compared(kind, text, text) == []


@pytest.mark.parametrize(
    ("was", "becomes", "severity", "sentence"),
    [
        ("a(x: Int)", "a(x: Int!)", BREAKING, "x is required now."),
        ("a(x: Int)", "a(x: Int, y: Int!)", BREAKING, "y is new and required."),
        ("b: String!", "b: String", BREAKING, "b: String! became String."),
        ("b: String!", "b: String!, c: Int", COMPATIBLE, "c is answered too."),
        ("c: Int", "c: Int, d: Int!", BREAKING, "d is new and required."),
        ("ONE TWO", "ONE", BREAKING, "TWO was removed."),
        ("ONE TWO", "ONE TWO THREE", RISKY, "E may be THREE too."),
        ("input I { c: Int }\n", "", BREAKING, "The input was removed."),
    ],
)
def test_graphql(was: str, becomes: str, severity: Severity, sentence: str) -> None:
    assert was in GRAPHQL
    found = compared("graphql", GRAPHQL, GRAPHQL.replace(was, becomes, 1))
    assert (severity, sentence) in [(one[0], one[2]) for one in found]


@pytest.mark.parametrize(
    ("was", "becomes", "severity", "sentence"),
    [
        ("rpc Get", "rpc Take", BREAKING, "The operation was removed."),
        ("string x = 1", "bytes x = 1", BREAKING, "The field 1 was string x, and is bytes now."),
        ("string x = 1", "string z = 1", RISKY, "The field 1 was called x, and is z now."),
        ("int32 y = 2; ", "", BREAKING, "The field y = 2 was removed."),
        ("int32 y = 2;", "int32 y = 2; int32 z = 3;", COMPATIBLE, "The field z = 3 is new."),
        ("returns (A)", "returns (stream A)", BREAKING, "The answer: A became stream A."),
    ],
)
def test_protobuf(was: str, becomes: str, severity: Severity, sentence: str) -> None:
    assert was in PROTO
    found = compared("grpc", PROTO, PROTO.replace(was, becomes, 1))
    assert (severity, sentence) in [(one[0], one[2]) for one in found]
