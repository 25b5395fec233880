"""One reconciler a kind; all reach their server through the ProviderConfig that they name."""

from collections.abc import Sequence

from towpath.capabilities.infrastructure.databases.kinds import DATABASE, GRANT, ROLE
from towpath.capabilities.infrastructure.databases.reconcile.databases import reconcile_databases
from towpath.capabilities.infrastructure.databases.reconcile.grants import reconcile_grants
from towpath.capabilities.infrastructure.databases.reconcile.roles import reconcile_roles
from towpath.capabilities.infrastructure.databases.reconcile.servers import Servers
from towpath.hooks.platform import Platform
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Watch


def controllers(platform: Platform) -> Sequence[Controller]:
    api = platform.api
    servers = Servers(api)
    return [
        Controller("postgresql-roles", reconcile_roles(api, servers), [Watch(api, ROLE)]),
        Controller(
            "postgresql-databases", reconcile_databases(api, servers), [Watch(api, DATABASE)]
        ),
        Controller("postgresql-grants", reconcile_grants(api, servers), [Watch(api, GRANT)]),
    ]
