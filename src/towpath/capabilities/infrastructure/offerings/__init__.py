"""Offerings: what can be requested beyond software, each a composite kind with its Composition."""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="offerings",
    summary="What can be requested: PostgreSQLInstance",
    objects=".postgresql:OBJECTS",
)
