"""Definitions in each language become operations, types and fields; broken ones say where."""

import json
from typing import Any

import pytest

from towpath.capabilities.portal.apis.definition import FIELDS_MAX, Definition, Operation, flat
from towpath.capabilities.portal.apis.reading import read

OPENAPI = """
openapi: 3.1.0
info: {title: Orders, version: "2.1", description: Takes orders.}
servers:
  - url: https://{region}.example.org/v2
    variables: {region: {default: eu}}
tags: [{name: orders}]
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
    get:
      tags: [orders]
      summary: One order
      parameters:
        - {name: expand, in: query, schema: {type: array, items: {type: string, enum: [lines]}}}
      responses:
        "200":
          description: The order
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
        "404": {description: There is none}
  /orders:
    post:
      tags: [orders]
      deprecated: true
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
      responses: {"201": {description: Made}}
components:
  schemas:
    Order:
      type: object
      required: [item]
      properties:
        item: {type: string, description: What is bought}
        count: {type: [integer, "null"]}
        parent: {$ref: "#/components/schemas/Order"}
        lines: {type: array, items: {$ref: "#/components/schemas/Line"}}
        gone: {$ref: "#/components/schemas/Gone"}
    Line: {type: object, properties: {price: {type: number}}}
"""
SWAGGER = """
swagger: "2.0"
info: {title: Old, version: "1"}
host: api.example.org
basePath: /v1
paths:
  /pets:
    post:
      parameters:
        - {name: pet, in: body, schema: {type: object, properties: {name: {type: string}}}}
        - {name: limit, in: query, type: integer, required: true}
      responses: {200: {description: ok, schema: {type: array, items: {type: string}}}}
"""
ASYNC_2 = """
asyncapi: 2.6.0
info: {title: Events, version: "1"}
servers: {main: {url: broker.example.org, protocol: kafka}}
channels:
  order/created:
    subscribe:
      summary: Told of each order
      message:
        name: OrderCreated
        payload: {type: object, required: [id], properties: {id: {type: string}}}
"""
ASYNC_3 = """
asyncapi: 3.0.0
info: {title: Events, version: "1"}
channels:
  created:
    address: order/created
    messages: {OrderCreated: {payload: {type: object, properties: {id: {type: string}}}}}
operations:
  tell: {action: send, channel: {$ref: "#/channels/created"}}
"""
GRAPHQL = '''
"""Everything about orders"""
type Query {
  "One order"
  order(id: ID!, full: Boolean = false): Order
}
type Mutation { buy(input: OrderInput!): Order! @deprecated(reason: "old") }
type Order { id: ID!, lines: [Line!]! }
type Line { price: Float }
extend type Order { note: String }
input OrderInput { item: String! }
enum State { OPEN CLOSED }
'''
PROTO = """
syntax = "proto3";
package shop.v1;
import "google/protobuf/empty.proto";
option go_package = "x/y";
// Takes orders.
service Orders {
  // One of them.
  rpc Get (GetRequest) returns (Order) { option (google.api.http) = { get: "/x" }; }
  rpc Watch(stream GetRequest) returns (stream Order);
}
message GetRequest { string id = 1; }
message Order {
  string id = 1 [deprecated = true];
  repeated Line lines = 2;
  map<string, int32> counts = 3;
  oneof payment { string card = 4; string bill = 5; }
  reserved 8, 9 to 11;
  message Line { double price = 1; }
  enum State { OPEN = 0; CLOSED = 1; }
}
"""
MCP = """
{"name": "shop", "version": "1.0", "remotes": [{"type": "streamable-http", "url": "https://x/mcp"}],
 "tools": [{"name": "buy", "description": "Buys.",
            "inputSchema": {"type": "object", "required": ["item"],
                            "properties": {"item": {"type": "string"}}}}]}
"""


def operation(definition: Definition, key: str) -> Operation:
    return next(one for one in definition.operations if one.key == key)


def test_openapi_3() -> None:
    found = read("openapi", OPENAPI)
    assert (found.language, found.title, found.version) == ("OpenAPI 3.1", "Orders", "2.1")
    assert found.servers == (("https://eu.example.org/v2", ""),)
    get = operation(found, "GET /orders/{id}")
    assert [(one.name, one.place, one.type, one.required, one.values) for one in get.inputs] == [
        ("id", "path", "string (uuid)", True, ()),
        ("expand", "query", "list of string", False, ("lines",)),
    ]
    paths = {path: one.type for path, one in flat(get.answers[0].fields)}
    assert paths["count"] == "integer or null"
    assert paths["lines.price"] == "number"
    assert paths["parent"] == "Order"
    assert not any(path.startswith("parent.") for path in paths)
    assert get.answers[1].code == "404"
    assert get.example == "curl https://eu.example.org/v2/orders/ID"
    post = operation(found, "POST /orders")
    assert post.deprecated
    assert "--request POST" in post.example
    assert '"item"' in post.bodies[0].example
    assert [one.name for one in found.shapes] == ["Order", "Line"]
    assert [one.message for one in found.problems] == [
        "#/components/schemas/Gone leads nowhere in this document"
    ]


def test_openapi_2() -> None:
    found = read("openapi", SWAGGER)
    post = operation(found, "POST /pets")
    assert (found.language, found.servers[0][0]) == ("OpenAPI 2.0", "https://api.example.org/v1")
    assert [one.name for one in post.bodies[0].fields] == ["name"]
    assert (post.inputs[0].name, post.inputs[0].type) == ("limit", "integer")
    assert post.answers[0].type == "list of string"
    assert "?limit=LIMIT" in post.example


@pytest.mark.parametrize("text", [ASYNC_2, ASYNC_3], ids=["version 2", "version 3"])
def test_asyncapi(text: str) -> None:
    found = read("asyncapi", text)
    told = operation(found, "RECEIVE order/created")
    assert told.answers[0].type == "OrderCreated"
    assert [one.name for one in told.answers[0].fields] == ["id"]


def test_graphql() -> None:
    found = read("graphql", GRAPHQL)
    order = operation(found, "query order")
    assert (order.summary, order.answers[0].type) == ("One order", "Order")
    assert [(one.name, one.type, one.required) for one in order.inputs] == [
        ("id", "ID!", True),
        ("full", "Boolean", False),
    ]
    assert "order(id: $id, full: $full) { __typename }" in order.example
    assert operation(found, "mutation buy").deprecated
    shapes = {one.name: one for one in found.shapes}
    assert [one.name for one in shapes["Order"].fields] == ["id", "lines", "note"]
    assert shapes["State"].values == ("OPEN", "CLOSED")
    assert shapes["OrderInput"].is_input


def test_protobuf() -> None:
    found = read("grpc", PROTO)
    assert found.language == "gRPC (proto3)"
    get = operation(found, "shop.v1.Orders/Get")
    assert (get.summary, get.bodies[0].type, get.answers[0].type) == (
        "One of them.",
        "GetRequest",
        "Order",
    )
    assert operation(found, "shop.v1.Orders/Watch").bodies[0].type == "stream GetRequest"
    shapes = {one.name: one for one in found.shapes}
    fields = [(one.name, one.type, one.number) for one in shapes["Order"].fields]
    assert fields == [
        ("id", "string", 1),
        ("lines", "repeated Line", 2),
        ("counts", "map of string to int32", 3),
        ("card", "string", 4),
        ("bill", "string", 5),
    ]
    assert shapes["Order"].fields[0].deprecated
    assert shapes["Order.State"].values == ("OPEN = 0", "CLOSED = 1")
    assert found.problems == ()


def test_mcp() -> None:
    found = read("mcp-server", MCP)
    assert found.servers == (("https://x/mcp", "streamable-http"),)
    tool = operation(found, "TOOL buy")
    assert [(one.name, one.required) for one in tool.bodies[0].fields] == [("item", True)]


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        pytest.param("openapi", "openapi: 3.0.0\npaths: [\n  a: }\n", 3, id="YAML"),
        pytest.param("openapi", '{\n"openapi": ,\n}', 2, id="JSON"),
        pytest.param("openapi", "info: {}\n", 1, id="no version"),
        pytest.param("graphql", "type Query {\n  a: \n}\n", 3, id="GraphQL"),
        pytest.param("grpc", "message A {\n  string x\n = y;\n}", 3, id="protobuf"),
        pytest.param("grpc", "\nmessage A {\n", 2, id="protobuf without its end"),
    ],
)
def test_a_broken_definition_says_at_which_line(kind: str, text: str, line: int) -> None:
    (problem,) = read(kind, text).problems
    assert problem.line == line


@pytest.mark.parametrize(
    "text",
    [
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [1, {$ref: '#/x'}], responses: 3}}}\n",
        "openapi: 3.0.0\npaths: []\ncomponents: {schemas: {A: 1, B: {allOf: [7]}}}\n",
        "asyncapi: 3.0.0\noperations: {a: {channel: 5, messages: [x]}}\n",
        "asyncapi: 2.0.0\nchannels: {a: {publish: {message: {oneOf: [1]}}}}\n",
        '{"tools": [{"inputSchema": 4}], "remotes": [3]}',
        "openapi: 3.0.0\npaths: {/a: {$ref: '#/paths/~1a'}}\n",
        "- a list\n",
        "",
    ],
)
def test_whatever_is_written_is_read_without_breaking(text: str) -> None:
    assert isinstance(read("openapi", text), Definition)


def multiplying(depth: int, each: int) -> dict[str, Any]:
    """Schemas of which each holds the next one many times."""
    return {
        f"S{number}": {
            "type": "object",
            "properties": {
                f"p{at}": {"$ref": f"#/components/schemas/S{number + 1}"} for at in range(each)
            },
        }
        for number in range(depth)
    }


def test_a_definition_that_multiplies_stays_small() -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}
    document = {
        "openapi": "3.0.0",
        "paths": {"/a": {"get": {"responses": {"200": {"content": content}}}}},
        "components": {"schemas": multiplying(6, 20)},
    }
    found = read("openapi", json.dumps(document))
    assert sum(1 for _ in flat(found.operations[0].answers[0].fields)) <= FIELDS_MAX
