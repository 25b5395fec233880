"""GraphQL's schema language: queries, mutations and subscriptions as operations, and the types."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    TypeNode,
    build_client_schema,
    parse,
    print_schema,
)
from graphql.language import ast

from towpath.capabilities.portal.apis.definition import (
    Body,
    Definition,
    Field,
    Operation,
    Problem,
    Shape,
)

TOKENS_MAX = 200_000
ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_OBJECTS = (
    ast.ObjectTypeDefinitionNode,
    ast.ObjectTypeExtensionNode,
    ast.InterfaceTypeDefinitionNode,
    ast.InterfaceTypeExtensionNode,
)
_INPUTS = (ast.InputObjectTypeDefinitionNode, ast.InputObjectTypeExtensionNode)


def read_graphql(text: str) -> Definition:
    try:
        document = parse(text, max_tokens=TOKENS_MAX)
    except GraphQLSyntaxError as error:
        line = error.locations[0].line if error.locations else 0
        return Definition("GraphQL", problems=(Problem(error.message, line),))
    roots = _roots(document)
    by_name = {name: kind for kind, name in roots.items()}
    operations: list[Operation] = []
    shapes: dict[str, Shape] = {}
    for node in document.definitions:
        name = getattr(getattr(node, "name", None), "value", "")
        if isinstance(node, _OBJECTS) and name in by_name:
            operations += [_operation(by_name[name], one) for one in node.fields or ()]
        elif (shape := _shape(node, name)) is not None:
            shapes[name] = _joined(shapes.get(name), shape)
    return Definition("GraphQL", operations=tuple(operations), shapes=tuple(shapes.values()))


def read_introspection(document: Mapping[str, Any]) -> Definition:
    """What a server answers to the introspection query."""
    said: Any = document.get("data", document)
    try:
        return read_graphql(print_schema(build_client_schema(said)))
    except (GraphQLError, TypeError, KeyError) as error:
        return Definition("GraphQL", problems=(Problem(f"no whole introspection: {error}"),))


def _roots(document: DocumentNode) -> dict[str, str]:
    """The names of the types that operations are fields of."""
    for node in document.definitions:
        if isinstance(node, ast.SchemaDefinitionNode):
            return {one.operation.value: one.type.name.value for one in node.operation_types}
    return ROOTS


def _operation(kind: str, node: ast.FieldDefinitionNode) -> Operation:
    name = node.name.value
    inputs = tuple(_field(one) for one in node.arguments or ())
    answer = Body("", _type(node.type), description="")
    told = node.description.value if node.description else ""
    return Operation(
        f"{kind} {name}",
        kind.upper(),
        name,
        group={"query": "Queries", "mutation": "Mutations"}.get(kind, "Subscriptions"),
        summary=told.strip().partition("\n")[0],
        description=told.strip().partition("\n")[2].strip(),
        deprecated=_is_deprecated(node),
        inputs=inputs,
        answers=(answer,),
        example=_example(kind, name, inputs, node.type),
    )


def _example(kind: str, name: str, inputs: Sequence[Field], type_: TypeNode) -> str:
    """A query to complete: the arguments as variables."""
    variables = ", ".join(f"${one.name}: {one.type}" for one in inputs)
    given = ", ".join(f"{one.name}: ${one.name}" for one in inputs)
    head = f"{kind} {name[:1].upper()}{name[1:]}" + (f"({variables})" if variables else "")
    call = name + (f"({given})" if given else "")
    inner = _named(type_)
    plain = inner in ("Int", "Float", "String", "Boolean", "ID")
    return f"{head} {{\n  {call}{'' if plain else ' { __typename }'}\n}}"


def _shape(node: ast.DefinitionNode, name: str) -> Shape | None:
    description = getattr(node, "description", None)
    told = description.value.strip() if description else ""
    if isinstance(node, _OBJECTS):
        fields = tuple(_field(one) for one in node.fields or ())
        kind = "interface" if "Interface" in type(node).__name__ else "type"
        return Shape(name, kind, told, fields)
    if isinstance(node, _INPUTS):
        fields = tuple(_field(one) for one in node.fields or ())
        return Shape(name, "input", told, fields, is_input=True)
    if isinstance(node, ast.EnumTypeDefinitionNode | ast.EnumTypeExtensionNode):
        return Shape(name, "enum", told, values=tuple(one.name.value for one in node.values or ()))
    if isinstance(node, ast.UnionTypeDefinitionNode | ast.UnionTypeExtensionNode):
        return Shape(name, "union", told, values=tuple(one.name.value for one in node.types or ()))
    if isinstance(node, ast.ScalarTypeDefinitionNode):
        return Shape(name, "scalar", told)
    return None


def _joined(known: Shape | None, more: Shape) -> Shape:
    """A type with what extends it."""
    if known is None:
        return more
    return Shape(
        known.name,
        known.type,
        known.description or more.description,
        (*known.fields, *more.fields),
        (*known.values, *more.values),
        known.is_input,
    )


def _field(node: ast.FieldDefinitionNode | ast.InputValueDefinitionNode) -> Field:
    required = isinstance(node.type, ast.NonNullTypeNode)
    default = getattr(node, "default_value", None)
    arguments = tuple(_field(one) for one in getattr(node, "arguments", None) or ())
    return Field(
        node.name.value,
        _type(node.type),
        required and default is None,
        node.description.value.strip() if node.description else "",
        fields=arguments,
        deprecated=_is_deprecated(node),
    )


def _is_deprecated(node: ast.FieldDefinitionNode | ast.InputValueDefinitionNode) -> bool:
    return any(one.name.value == "deprecated" for one in node.directives or ())


def _type(node: TypeNode) -> str:
    if isinstance(node, ast.NonNullTypeNode):
        return f"{_type(node.type)}!"
    if isinstance(node, ast.ListTypeNode):
        return f"[{_type(node.type)}]"
    return _named(node)


def _named(node: TypeNode) -> str:
    while isinstance(node, ast.NonNullTypeNode | ast.ListTypeNode):
        node = node.type
    return node.name.value if isinstance(node, ast.NamedTypeNode) else ""
