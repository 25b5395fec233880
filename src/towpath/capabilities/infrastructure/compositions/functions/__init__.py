"""Composition functions that run in process, by the names that a Composition's pipeline uses."""

from towpath.capabilities.infrastructure.compositions.functions.auto_ready import auto_ready
from towpath.capabilities.infrastructure.compositions.functions.contract import Function
from towpath.capabilities.infrastructure.compositions.functions.patch_and_transform import (
    patch_and_transform,
)

BUILT_IN: dict[str, Function] = {
    "function-patch-and-transform": patch_and_transform,
    "function-auto-ready": auto_ready,
}
