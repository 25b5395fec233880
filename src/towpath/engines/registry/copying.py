"""A copy of all images while people push: every manifest with everything that it refers to."""

from pathlib import Path

from towpath.files import link_living


def link_images(root: Path, target: Path) -> None:
    """Second names for the files of all images. Blocks.

    Blobs come before the images that use them, so that none can be collected in between, and again
    after them, for what was pushed meanwhile.
    """
    for part in ("blobs", "images", "blobs"):
        link_living(root / part, target / part, skip=lambda name: name.startswith("."))
