"""Kubernetes' own CEL functions, written in Python."""

from typing import Any


def function_declarations() -> list[Any]:
    return []
