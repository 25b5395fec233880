"""Git hosts of others, to be looked through: which repositories an owner has, and what is in them.

One module each, by the host's documented REST API. None of them opens a connection: whoever uses
them brings `Ask`, with its guard against closed addresses, its ETags and its patience.
"""

from towpath.engines.git.hosts.azure import AzureDevOps
from towpath.engines.git.hosts.bitbucket import Bitbucket
from towpath.engines.git.hosts.gitea import Gitea
from towpath.engines.git.hosts.github import GitHub
from towpath.engines.git.hosts.gitlab import GitLab
from towpath.engines.git.hosts.port import ForeignHost

HOSTS: dict[str, type[ForeignHost]] = {
    "azure": AzureDevOps,
    "bitbucket": Bitbucket,
    "gitea": Gitea,
    "github": GitHub,
    "gitlab": GitLab,
}
