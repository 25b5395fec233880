"""OpenAPI version 2 out of version 3: the same paths and definitions in the older words.

What version 2 has no word for is left out, as a kube-apiserver leaves it out: nullable and the
combinations of schemas of custom kinds. Of a value that may be null, or have fields that nobody
declared, the type is left out too: clients of version 2 would refuse it.
"""

from typing import Any

from towpath.machinery.objects import RawObject

REFERENCE_3, REFERENCE_2 = "#/components/schemas/", "#/definitions/"
_NO_WORD_FOR = frozenset({"nullable", "anyOf", "oneOf", "not", "default"})
_OPEN = ("nullable", "x-kubernetes-preserve-unknown-fields")
_TOO_NARROW = frozenset({"type", "properties", "items"})


def swagger(documents: list[RawObject], info: RawObject) -> RawObject:
    """One document of version 2 for all groups."""
    definitions: RawObject = {}
    paths: RawObject = {}
    for document in documents:
        definitions |= document["components"]["schemas"]
        paths |= document["paths"]
    return {
        "swagger": "2.0",
        "info": info,
        "paths": {path: _path(operations) for path, operations in sorted(paths.items())},
        "definitions": {name: _definition(definitions[name]) for name in sorted(definitions)},
    }


def _definition(schema: RawObject) -> RawObject:
    """Quantities, and what may be a number or a text, are texts to version 2."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": "string", **{key: schema[key] for key in schema if key == "format"}}
    result: RawObject = _schema(schema)
    return result


def _schema(value: Any) -> Any:
    if isinstance(value, list):
        return [_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    whole = value.get("allOf")
    if isinstance(whole, list) and len(whole) == 1 and set(whole[0]) == {"$ref"}:
        value = {**whole[0], **{name: each for name, each in value.items() if name != "allOf"}}
    is_open = any(value.get(name) is True for name in _OPEN)
    left_out = _NO_WORD_FOR | _TOO_NARROW if is_open else _NO_WORD_FOR
    return {
        name: inner.replace(REFERENCE_3, REFERENCE_2)
        if name == "$ref" and isinstance(inner, str)
        else _properties(inner)
        if name == "properties" and isinstance(inner, dict)
        else _schema(inner)
        for name, inner in value.items()
        if name not in left_out
    }


def _properties(properties: RawObject) -> RawObject:
    """Their names are anybody's words, also those that version 2 lacks."""
    return {name: _schema(inner) for name, inner in properties.items()}


def _path(operations: RawObject) -> RawObject:
    return {
        method: [_parameter(each) for each in operation]
        if method == "parameters"
        else _operation(operation)
        for method, operation in operations.items()
    }


def _operation(operation: RawObject) -> RawObject:
    result = {name: value for name, value in operation.items() if name != "requestBody"}
    result["parameters"] = [_parameter(each) for each in operation["parameters"]]
    if (body := operation.get("requestBody")) is not None:
        media_types = list(body["content"])
        schema = _schema(body["content"][media_types[0]]["schema"])
        required = bool(body.get("required"))
        whole: RawObject = {"name": "body", "in": "body", "schema": schema}
        result["parameters"].append({**whole, "required": True} if required else whole)
        result["consumes"] = media_types
    result["produces"] = ["application/json", "application/yaml"]
    result["responses"] = {
        code: _response(response) for code, response in operation["responses"].items()
    }
    return result


def _parameter(parameter: RawObject) -> RawObject:
    result = {name: value for name, value in parameter.items() if name != "schema"}
    result.update(parameter["schema"])
    return result


def _response(response: RawObject) -> RawObject:
    result = {"description": response["description"]}
    if (content := response.get("content")) is not None:
        result["schema"] = _schema(content["application/json"]["schema"])
    return result
