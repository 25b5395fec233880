"""Offerings: what can be requested beyond software, each a composite kind with its Composition.

A claim is an object of such a kind in a project's namespace: made from a service's score.yaml, or
by a person with the form. Its page says how it is, what it is composed of and who uses it; what
opens it (a password) is in a Secret and on no page.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="offerings",
    summary="What can be requested: PostgreSQLInstance",
    objects=".postgresql:OBJECTS",
    pages=".pages:PAGES",
)
