"""The composite kinds that the platform offers by itself."""

from towpath.machinery.kinds import Resource

GROUP = "offerings.towpath.dev"
POSTGRESQL_INSTANCE = Resource(GROUP, "v1alpha1", "PostgreSQLInstance", "postgresqlinstances")

TITLE = "towpath.dev/title"
DESCRIPTION = "towpath.dev/description"
"""Annotations of a CompositeResourceDefinition: what people are told that is on offer."""
