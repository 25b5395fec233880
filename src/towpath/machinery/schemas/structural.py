"""Which schemas a CustomResourceDefinition may have."""

from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject


def structural_errors(
    openapi: RawObject, path: str = "spec.validation.openAPIV3Schema"
) -> list[Cause]:
    """Everything that keeps a schema from being structural."""
    return []
