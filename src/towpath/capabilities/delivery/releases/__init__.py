"""Releases: how a build becomes one. The kind is declared with the workloads it belongs to.

A Release is made by CI, on whichever CI the workflow runs: `towpath release create` is an ordinary
step that needs the image by digest, the commit and the Score file, and a token that may create it.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="releases",
    summary="Makes and lists releases: image, commit and Score file, immutable",
    objects=".checks:OBJECTS",
    commands=".commands:COMMANDS",
)
