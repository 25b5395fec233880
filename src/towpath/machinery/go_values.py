"""Values as Go prints them: messages of a kube-apiserver show what they refuse in this form."""

import json
from typing import Any


def go_text(value: Any) -> str:
    """%v of decoded JSON: `map[a:1 b:[x y]]`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case dict():
            inner = " ".join(f"{name}:{go_text(value[name])}" for name in sorted(value))
            return f"map[{inner}]"
        case list():
            return f"[{' '.join(go_text(item) for item in value)}]"
        case _:
            return str(value)


def go_syntax(value: Any) -> str:
    """%#v of decoded JSON: `map[string]interface {}{"a":1}`."""
    match value:
        case None:
            return "interface {}(nil)"
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            inner = ", ".join(
                f"{json.dumps(name, ensure_ascii=False)}:{go_syntax(value[name])}"
                for name in sorted(value)
            )
            return f"map[string]interface {{}}{{{inner}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(go_syntax(item) for item in value)}}}"
        case _:
            return str(value)


def go_type(value: Any) -> str:
    """%T of decoded JSON."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "int64"
        case float():
            return "float64"
        case list():
            return "[]interface {}"
        case _:
            return "map[string]interface {}"
