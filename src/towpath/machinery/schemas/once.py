"""Each part of a schema is compiled once, however often it is referred to."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from towpath.machinery.objects import RawObject

T = TypeVar("T")

Memory = dict[int, Any]


def once(compile_part: Callable[[RawObject, Memory], T]) -> Callable[[RawObject, Memory], T]:
    @wraps(compile_part)
    def compile_once(schema: RawObject, memory: Memory) -> T:
        known = memory.get(id(schema))
        if known is None:
            # The part is kept beside what became of it: its id must not be given to another.
            known = memory[id(schema)] = (compile_part(schema, memory), schema)
        compiled: T = known[0]
        return compiled

    return compile_once
