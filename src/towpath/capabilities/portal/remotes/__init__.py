"""Repositories that stay on another Git host: followed here, and changed there by pull requests.

    kinds      RemoteRepository: which one, and with which secret; PullRequest: a branch proposed
    opening    the door to its host, with the secret where that may go
    mirroring  its main branch, fetched into a repository of the project that nobody pushes to
    pulling    a branch of that repository, pushed there, proposed, followed until it is merged

Rules: the host is the truth. Its main branch is never pushed to; what people do to a proposed
branch or to its pull request is taken over, and never overwritten.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="remotes",
    summary="Repositories on other Git hosts, and pull requests there",
    kinds=".kinds:KINDS",
    controllers=".controllers:controllers",
)
