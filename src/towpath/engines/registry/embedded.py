"""The embedded image registry: OCI images in a folder.

blobs         content by digest           images        names, tags, links
manifests     what they say               garbage       blobs that nobody uses
transfers     blobs over HTTP             distribution  the OCI API on all of it
"""

from pathlib import Path

from towpath.engines.registry.blobs import Blobs
from towpath.engines.registry.distribution import Distribution
from towpath.engines.registry.garbage import GRACE_S, collect
from towpath.engines.registry.images import Images
from towpath.engines.registry.transfers import Transfers
from towpath.machinery.users import Authenticate, Authorize

BLOB_BYTES_MAX = 4 * 2**30


class EmbeddedRegistry:
    """`app` is its ASGI app, for every path below /v2/."""

    def __init__(
        self,
        root: Path,
        authenticate: Authenticate,
        authorize: Authorize,
        *,
        blob_bytes_max: int = BLOB_BYTES_MAX,
    ) -> None:
        self.images = Images(root, Blobs(root))
        self.images.blobs.prepare()
        self.images.prepare()
        self._transfers = Transfers(self.images, blob_bytes_max=blob_bytes_max)
        self.app = Distribution(self.images, self._transfers, authenticate, authorize)

    async def remove(self, name: str) -> None:
        """Forget `<project>/<image>`, then collect what nobody uses any more."""
        await self._transfers.in_thread(self.images.remove, name)
        await self.collect()

    async def collect(self, grace_s: float = GRACE_S) -> int:
        """Delete blobs that no image uses; answers how many."""
        return await self._transfers.in_thread(collect, self.images, grace_s)
