"""Git hosts of others: looked through, published to, and proposed to by pull requests.

One module each, by the host's documented REST API. None of them opens a connection: whoever looks
brings `Ask`, with its guard against closed addresses, its ETags and its patience; whoever changes
something comes through a Door, which has one credential.
"""

from towpath.engines.git.hosts.azure import AzureDevOps
from towpath.engines.git.hosts.bitbucket import Bitbucket
from towpath.engines.git.hosts.bitbucket_server import BitbucketServer
from towpath.engines.git.hosts.gerrit import Gerrit
from towpath.engines.git.hosts.gitea import Gitea
from towpath.engines.git.hosts.github import GitHub
from towpath.engines.git.hosts.gitlab import GitLab
from towpath.engines.git.hosts.port import ForeignHost, ProposingHost

HOSTS: dict[str, type[ForeignHost]] = {
    "azure": AzureDevOps,
    "bitbucket": Bitbucket,
    "gitea": Gitea,
    "github": GitHub,
    "gitlab": GitLab,
}
"""By what a CatalogSource calls them."""

PROPOSING: dict[str, type[ProposingHost]] = {
    "azure": AzureDevOps,
    "bitbucketCloud": Bitbucket,
    "bitbucketServer": BitbucketServer,
    "gerrit": Gerrit,
    "gitea": Gitea,
    "github": GitHub,
    "gitlab": GitLab,
}
"""By what a RemoteRepository calls them."""
