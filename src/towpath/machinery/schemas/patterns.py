"""Regular expressions of schemas: Go's RE2 in Kubernetes, Rust's regex here.

Both run in linear time and agree on nearly everything. What jsonschema-rs reads otherwise is
rewritten (POSIX classes); what its engine refuses is refused when the schema is admitted.
"""

import re

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:(" + "|".join(_POSIX) + r"):\]")


def translate_pattern(pattern: str) -> str:
    return _CLASS.sub(lambda found: _POSIX[found[1]], pattern)


_DOUBTFUL = re.compile(r"\{\d*,?\d{4,}|[*+?}][*+]|[*+?}]\?[*+?{]|\[:")
"""More repetitions, or of repetitions, and unknown classes: Go may refuse them, Rust does not."""


def pattern_error(pattern: str) -> str:
    """Why the pattern cannot be used, as Go says it; "" when it can."""
    import jsonschema_rs

    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": translate_pattern(pattern)}, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError:
        why = f"error parsing regexp: `{pattern}`"
    else:
        why = ""
    if not why and _DOUBTFUL.search(translate_pattern(pattern)) is None:
        return ""
    # RE2 comes with the library of CEL, which is loaded when it is needed.
    from towpath.machinery.cel.regexes import syntax_error

    return syntax_error(pattern) or why
