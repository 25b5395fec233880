"""References to catalogue entities, as Backstage writes them: `[<kind>:][<namespace>/]<name>`.

Missing parts come from where the reference stands, so parsing always takes the defaults of that
place. References are compared in lower case; `str()` is the full form with its letters as written.
"""

import re

from msgspec import Struct

DEFAULT_NAMESPACE = "default"
NAME_LENGTH_MAX = 63


_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")


def catalogue_name(text: str) -> str:
    """Of a person or a group as others call them; "" when nothing is left.

    What no name of the catalogue may hold becomes `_`, as with Backstage's own importers:
    `alice@example.org` is `alice_example.org`.
    """
    return _OTHER.sub("_", text.strip())[:NAME_LENGTH_MAX].strip("_.-")


def person_ref(name: str) -> str:
    """How the catalogue knows whoever signs in by that name, in lower case as it is compared."""
    return f"user:{DEFAULT_NAMESPACE}/{catalogue_name(name)}".lower()


def group_ref(name: str) -> str:
    return f"group:{DEFAULT_NAMESPACE}/{catalogue_name(name)}".lower()


class BadReference(ValueError):
    """The text is no reference; `str()` is one sentence for its author."""


class EntityRef(Struct, frozen=True):
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}"

    @property
    def key(self) -> str:
        """The form in which two references to the same entity are equal."""
        return str(self).lower()


def parse_reference(
    text: str, *, default_kind: str = "", default_namespace: str = DEFAULT_NAMESPACE
) -> EntityRef:
    """Raises BadReference: not of the form, or without a kind where there is no default."""
    # As upstream reads it: the first colon ends the kind unless a slash comes before it, the first
    # slash ends the namespace, and all that follows is the name.
    kind, colon, rest = text.partition(":")
    if not colon or "/" in kind:
        kind, rest = "", text
    namespace, slash, name = rest.partition("/")
    if not slash:
        namespace, name = "", rest
    is_empty_kind = text.startswith(":")
    if not name or is_empty_kind or (slash and not namespace):
        raise BadReference(f"{text!r} is not a reference of the form [<kind>:][<namespace>/]<name>")
    if not (kind or default_kind):
        raise BadReference(f"{text!r} needs a kind here, such as component:{text}")
    return EntityRef(kind or default_kind, namespace or default_namespace, name)
