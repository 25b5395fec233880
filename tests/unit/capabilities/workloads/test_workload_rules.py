"""What a Workload may say of its repository."""

import pytest
from tests.support import running_api_server

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD, WORKLOAD_CRD
from towpath.machinery.errors import Invalid


async def test_the_deployments_are_nobodys_source() -> None:
    """Deleting the workload would archive what its whole project is synced from."""
    async with running_api_server(kinds=[WORKLOAD_CRD]) as api:
        spec = {"repository": "deployments", "environments": ["staging"]}
        with pytest.raises(Invalid, match=r"spec\.repository is deployments"):
            await api.client().create(WORKLOAD, WORKLOAD.object("thief", "default", spec=spec))
