"""The composite kinds that the platform offers by itself."""

from towpath.machinery.kinds import Resource

GROUP = "offerings.towpath.dev"
POSTGRESQL_INSTANCE = Resource(GROUP, "v1alpha1", "PostgreSQLInstance", "postgresqlinstances")
