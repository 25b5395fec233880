"""Images: `towpath image build` turns a folder into an OCI image and pushes it, on any CI alike.

The digest is what a Release names; on standard output there is exactly that reference and nothing
else, so that a workflow can keep it in a variable.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="images",
    summary="Build images from source and push them to a registry",
    commands=".commands:COMMANDS",
)
