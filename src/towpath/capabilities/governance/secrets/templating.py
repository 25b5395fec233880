"""The templates of an ExternalSecret's target: Go templates, as far as they only place values.

`{{ .key }}` and pipelines of the functions below. Source: External Secrets Operator, engine v2.
Anything else is refused by name: control structures and other functions are not implemented.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD = re.compile(r"\.([A-Za-z0-9_.-]+)")
_INDEX = re.compile(r'index\s+\.\s+"([^"]+)"')

_FUNCTIONS: dict[str, Callable[[str], str]] = {
    "toString": lambda text: text,
    "b64enc": lambda text: base64.b64encode(text.encode()).decode(),
    "b64dec": lambda text: base64.b64decode(text).decode(),
    "quote": json.dumps,
    "toJson": json.dumps,
    "trim": str.strip,
    "upper": str.upper,
    "lower": str.lower,
}


class TemplateError(Exception):
    """The template cannot be rendered; `str()` names the action, never a value."""


def render(template: str, values: Mapping[str, str]) -> str:
    return _ACTION.sub(lambda match: _evaluate(match.group(1), values), template)


def _evaluate(action: str, values: Mapping[str, str]) -> str:
    first, *functions = (part.strip() for part in action.split("|"))
    match = _FIELD.fullmatch(first) or _INDEX.fullmatch(first)
    if match is None:
        raise TemplateError(
            f"the template action {{{{ {action} }}}} is not implemented; "
            "only {{ .key }} and pipelines are"
        )
    name = match.group(1)
    if name not in values:
        raise TemplateError(f"the template uses .{name}, which the store's data does not have")
    value = values[name]
    for function in functions:
        if function not in _FUNCTIONS:
            raise TemplateError(
                f"the template function {function!r} is not implemented; "
                f"there are {', '.join(_FUNCTIONS)}"
            )
        value = _FUNCTIONS[function](value)
    return value
