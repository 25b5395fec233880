"""Collecting blobs that no image uses any more.

Marks from every manifest of every image, then deletes unmarked blobs whose grace period is over. A
push asks for a blob first and refers to it later: asking touches the blob, so that it cannot
vanish in between. Blocks: call it in a thread.
"""

from towpath.engines.registry.blobs import Digest
from towpath.engines.registry.images import Images

GRACE_S = 3600.0


def collect(images: Images, grace_s: float = GRACE_S) -> int:
    """How many blobs were deleted. An unreadable manifest ends it before anything is deleted."""
    marked: set[Digest] = set()
    for name in images.names():
        used: set[Digest] = set()
        for manifest in images.manifests(name):
            used |= {manifest.digest, *manifest.blobs, *manifest.manifests}
        images.unused_links(name, used, grace_s)
        marked |= used
    unmarked = [digest for digest in images.blobs.all() if digest not in marked]
    return sum(images.blobs.delete(digest, grace_s) for digest in unmarked)
