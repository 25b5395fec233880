"""JSON Schema as OpenAPI, AsyncAPI and MCP use it: told as types and fields, with examples. Pure.

References within the document are followed; those to other files are told by their name. A schema
that contains itself is shown once, then by its name.
"""

import json
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.apis.definition import (
    DEFINITION_FIELDS_MAX,
    FIELDS_DEEP_MAX,
    Budget,
    Field,
    Problem,
)

ALTERNATIVES = {"oneOf": " or ", "anyOf": " or "}
EXAMPLE_DEEP_MAX = 5
EXAMPLE_CHARACTERS_MAX = 4000
EXAMPLE_VALUES_MAX = 200
_SAMPLES = {
    "string": "string",
    "integer": 0,
    "number": 0.0,
    "boolean": True,
    "null": None,
}
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "somebody@example.org",
    "uri": "https://example.org",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._budget = Budget(DEFINITION_FIELDS_MAX)
        self.missing: dict[str, None] = {}
        """References that lead nowhere, in their order."""

    def budget(self) -> Budget:
        """Of one operation, or of one type."""
        return Budget(of=self._budget)

    def resolved(self, value: Any) -> Any:
        """What a reference leads to; what is none is itself."""
        for _ in range(FIELDS_DEEP_MAX):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            found = self._at(value["$ref"])
            if found is None:
                self.missing[value["$ref"]] = None
                return {"x-towpath-named": name_of(value["$ref"])}
            value = found
        return {}

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return None
        found: Any = self._document
        for part in reference.lstrip("#/").split("/") if reference != "#" else ():
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                return None
        return found

    def type_of(self, schema: Any, depth: int = 0) -> str:
        """`list of Order`, `string (date-time)`, `string or null`."""
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            return name_of(schema["$ref"])
        if not isinstance(schema, dict) or depth > FIELDS_DEEP_MAX:
            return "anything"
        if "x-towpath-named" in schema:
            return str(schema["x-towpath-named"])
        for word, joint in ALTERNATIVES.items():
            if isinstance(schema.get(word), list):
                return joint.join(
                    dict.fromkeys(self.type_of(one, depth + 1) for one in schema[word])
                )
        types = schema.get("type")
        if isinstance(types, list):
            return " or ".join(self.type_of({**schema, "type": one}, depth + 1) for one in types)
        if types == "array" or "items" in schema:
            return f"list of {self.type_of(schema.get('items'), depth + 1)}"
        if "allOf" in schema or types == "object" or "properties" in schema:
            return str(schema.get("title") or "object")
        if "const" in schema:
            return json.dumps(schema["const"])
        if not types:
            return "anything"
        kind = f"{types} ({schema['format']})" if schema.get("format") else str(types)
        return f"{kind} or null" if schema.get("nullable") is True else kind

    def values_of(self, schema: Any, depth: int = 0) -> tuple[str, ...]:
        schema = self.resolved(schema)
        if not isinstance(schema, dict) or depth > FIELDS_DEEP_MAX:
            return ()
        if schema.get("type") == "array":
            return self.values_of(schema.get("items"), depth + 1)
        values = schema.get("enum")
        return tuple(_said(one) for one in values) if isinstance(values, list) else ()

    def fields_of(
        self, schema: Any, budget: Budget, above: tuple[str, ...] = ()
    ) -> tuple[Field, ...]:
        """Of an object, or of what a list holds; `above` are the schemas that one is within."""
        named = schema.get("$ref", "") if isinstance(schema, dict) else ""
        if (named and named in above) or len(above) >= FIELDS_DEEP_MAX:
            return ()
        above = (*above, str(named))
        schema = self.resolved(schema)
        if not isinstance(schema, dict):
            return ()
        if schema.get("type") == "array" or "items" in schema:
            return self.fields_of(schema.get("items"), budget, above)
        fields: dict[str, Field] = {}
        for part in schema.get("allOf") or ():
            fields.update({one.name: one for one in self.fields_of(part, budget, above)})
        required = schema.get("required")
        needed = set(required) if isinstance(required, list) else set()
        properties = schema.get("properties")
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            if not budget.spend():
                break
            fields[name] = self.field(str(name), inner, name in needed, budget, above)
        return tuple(fields.values())

    def field(
        self,
        name: str,
        schema: Any,
        required: bool,
        budget: Budget,
        above: tuple[str, ...] = (),
        place: str = "",
    ) -> Field:
        whole = self.resolved(schema)
        whole = whole if isinstance(whole, dict) else {}
        return Field(
            name,
            self.type_of(schema),
            required,
            str(whole.get("description") or ""),
            place,
            self.values_of(schema),
            self.fields_of(schema, budget, above),
            deprecated=whole.get("deprecated") is True,
        )

    def example_of(self, schema: Any) -> str:
        """As JSON: the author's, else one made of types."""
        sample = self._sample(schema, 0, Budget(EXAMPLE_VALUES_MAX))
        made = json.dumps(sample, indent=2, ensure_ascii=False)
        return made if len(made) <= EXAMPLE_CHARACTERS_MAX else ""

    def _sample(self, schema: Any, depth: int, budget: Budget) -> Any:
        schema = self.resolved(schema)
        if not isinstance(schema, dict) or depth > EXAMPLE_DEEP_MAX or not budget.spend():
            return None
        for word in ("example", "default", "const"):
            if word in schema:
                return schema[word]
        for word in ("examples", "enum"):
            if isinstance(schema.get(word), list) and schema[word]:
                return schema[word][0]
        for word in ("oneOf", "anyOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                return self._sample(schema[word][0], depth + 1, budget)
        types = schema.get("type")
        kind = types[0] if isinstance(types, list) and types else types
        if kind == "array" or "items" in schema:
            return [self._sample(schema.get("items"), depth + 1, budget)]
        if kind == "object" or "properties" in schema or "allOf" in schema:
            return self._object(schema, depth, budget)
        if kind == "string":
            return _FORMATS.get(str(schema.get("format")), "string")
        return _SAMPLES.get(str(kind))

    def _object(self, schema: Mapping[str, Any], depth: int, budget: Budget) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for part in schema.get("allOf") or ():
            inner = self._sample(part, depth + 1, budget)
            made.update(inner if isinstance(inner, dict) else {})
        properties = schema.get("properties")
        for name, inner in list(properties.items())[:30] if isinstance(properties, dict) else ():
            made[str(name)] = self._sample(inner, depth + 1, budget)
        return made


def missing(schemas: Schemas) -> tuple[Problem, ...]:
    return tuple(Problem(f"{one} leads nowhere in this document") for one in schemas.missing)


def name_of(reference: str) -> str:
    return reference.rstrip("/").rpartition("/")[2].removesuffix(".json").removesuffix(".yaml")


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
