"""Container variables: a Score text becomes an env entry, a secret in it a reference, never text.

Kubernetes expands `$(NAME)` in a value from the entries before it, so the secret outputs of a
container come first, under names of their own. A dollar of the author's is escaped the way
Kubernetes unescapes it.
"""

import re
from collections.abc import Callable

from towpath.capabilities.delivery.promotions.render.resources import Output, SecretOutput
from towpath.capabilities.delivery.promotions.score.substitution import (
    Piece,
    Reference,
    parse_template,
)
from towpath.machinery.objects import RawObject

Resolve = Callable[[Reference, str], Output]
"""What a reference stands for; the second argument is the path for the error message."""


def container_env(
    workload: str, variables: dict[str, str], path: str, resolve: Resolve
) -> list[RawObject]:
    """The `env` of one container, sorted by name, secrets first."""
    secrets: dict[str, RawObject] = {}
    entries: list[RawObject] = []
    for name, text in sorted(variables.items()):
        pieces = parse_template(text)
        where = f"{path}.{name}"
        if len(pieces) == 1 and isinstance(pieces[0], Reference):
            output = resolve(pieces[0], where)
            if isinstance(output, SecretOutput):
                entries.append({"name": name, "valueFrom": _secret_key(workload, output)})
                continue
        entries.append({"name": name, "value": _value(workload, pieces, where, resolve, secrets)})
    return [secrets[name] for name in sorted(secrets)] + entries


def _value(
    workload: str,
    pieces: list[Piece],
    where: str,
    resolve: Resolve,
    secrets: dict[str, RawObject],
) -> str:
    value = ""
    literal = ""
    for piece in pieces:
        output = piece if isinstance(piece, str) else resolve(piece, where)
        if isinstance(output, str):
            literal += output
            continue
        name = secret_variable(output)
        secrets[name] = {"name": name, "valueFrom": _secret_key(workload, output)}
        value += f"{_escape(literal, last=False)}$({name})"
        literal = ""
    return value + _escape(literal, last=True)


def secret_variable(output: SecretOutput) -> str:
    """A name for a secret output among the container's own variables."""
    return re.sub(r"[^A-Z0-9]", "_", f"SCORE_{output.resource}_{output.key}".upper())


def secret_name(workload: str, resource: str) -> str:
    """The Secret, and the ExternalSecret that makes it, in the workload's namespace."""
    return f"{workload}-{resource}"


def _secret_key(workload: str, output: SecretOutput) -> RawObject:
    return {"secretKeyRef": {"name": secret_name(workload, output.resource), "key": output.key}}


def _escape(text: str, *, last: bool) -> str:
    """Double each dollar that Kubernetes would read as the beginning of something."""
    escaped = re.sub(r"\$(?=[$(])", "$$", text)
    if not last and text.endswith("$"):
        escaped += "$"
    return escaped
