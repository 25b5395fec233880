"""Field ownership: who set what, kept in metadata.managedFields by machinery's rules."""

from towpath.apiserver.core import Operation


def record(operation: Operation) -> None:
    """Note in the object what its writer has changed."""
