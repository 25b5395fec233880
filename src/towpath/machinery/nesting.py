"""How deep data from outside may be nested: what works on it calls itself once for each level.

kube-apiserver stops at 10,000 levels. Here it is what every later step can take, the encoder of
JSON first of all, so that a deep object is refused by name when it comes and never later.
"""

from typing import Any

DEPTH_MAX = 200


def is_too_deep(value: Any, text: bytes) -> bool:
    """`text` is its JSON: where there are few brackets nobody has to look further."""
    if text.count(b"{") + text.count(b"[") <= DEPTH_MAX:
        return False
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)


def _inside(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value
    return [one for one in children if isinstance(one, dict | list)]
