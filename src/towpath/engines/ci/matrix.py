"""The combinations of a matrix: the product of its vectors, less `exclude`, more `include`."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.engines.ci.expressions import ExpressionError, Value, to_text

COMBINATIONS_MAX = 256


def combinations(matrix: Value) -> list[dict[str, Value]]:
    """Every combination of a computed matrix, in order. Raises ExpressionError."""
    if not isinstance(matrix, dict):
        raise ExpressionError(f"a matrix is a mapping of lists, not `{to_text(matrix)}`")
    include = _mappings(matrix, "include")
    exclude = _mappings(matrix, "exclude")
    vectors = {
        key: _vector(key, values)
        for key, values in matrix.items()
        if key not in ("include", "exclude")
    }
    originals = _product(vectors)
    originals = [one for one in originals if not any(_is_part(out, one) for out in exclude)]
    combined = _include(originals, include, vectors)
    if not combined:
        raise ExpressionError("the matrix has no combination")
    if len(combined) > COMBINATIONS_MAX:
        raise ExpressionError(
            f"the matrix has {len(combined)} combinations; at most {COMBINATIONS_MAX} are run"
        )
    return combined


def _product(vectors: Mapping[str, list[Value]]) -> list[dict[str, Value]]:
    if not vectors:
        return []
    size = 1
    for values in vectors.values():
        size *= len(values)
        if size > COMBINATIONS_MAX * 16:
            raise ExpressionError(f"the matrix has more than {COMBINATIONS_MAX} combinations")
    return [
        dict(zip(vectors, values, strict=True)) for values in itertools.product(*vectors.values())
    ]


def _vector(key: str, values: Value) -> list[Value]:
    if not isinstance(values, list):
        raise ExpressionError(f"matrix.{key} is a list of values, not `{to_text(values)}`")
    if not values:
        raise ExpressionError(f"matrix.{key} is empty")
    return values


def _mappings(matrix: Mapping[str, Value], key: str) -> list[dict[str, Value]]:
    entries = matrix.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ExpressionError(f"matrix.{key} is a list of mappings")
    return entries


def _is_part(part: Mapping[str, Value], whole: Mapping[str, Value]) -> bool:
    return all(key in whole and _same(value, whole[key]) for key, value in part.items())


def _same(left: Any, right: Any) -> bool:
    # True is 1 in Python, and not in a workflow file.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _include(
    originals: Sequence[dict[str, Value]],
    include: Sequence[dict[str, Value]],
    vectors: Mapping[str, list[Value]],
) -> list[dict[str, Value]]:
    """An entry is added to each original combination whose own values it would not overwrite.

    Where there is none, it is a combination by itself, to which later entries are not added.
    """
    combined = [dict(original) for original in originals]
    alone: list[dict[str, Value]] = []
    for entry in include:
        own = {key: value for key, value in entry.items() if key in vectors}
        fitting = [
            extended
            for original, extended in zip(originals, combined, strict=True)
            if _is_part(own, original)
        ]
        for extended in fitting:
            extended.update(entry)
        if not fitting:
            alone.append(dict(entry))
    return combined + alone


def title(job_name: str, combination: Mapping[str, Value]) -> str:
    """`test (3.11, linux)`: the values in the order of the matrix."""
    leaves = [to_text(leaf) for value in combination.values() for leaf in _leaves(value)]
    return f"{job_name} ({', '.join(leaves)})" if leaves else job_name


def _leaves(value: Value) -> list[Value]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]
