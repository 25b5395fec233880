"""Databases: roles, databases and grants of PostgreSQL servers, as provider-sql has them.

Where Crossplane runs, its provider reconciles these objects; here we do. What was made in a server
carries its object's uid; anything else there is left alone.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="databases",
    summary="PostgreSQL databases, roles and grants",
    kinds=".kinds:KINDS",
    controllers=".reconcile:controllers",
)
