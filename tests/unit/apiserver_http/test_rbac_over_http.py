"""What is asked of RBAC over the wire, and when."""

from pathlib import Path

import pytest
from tests.wire import wired_api_server

from towpath.machinery.core_kinds import SERVICE_ACCOUNT

COLLECTION = "/api/v1/namespaces/default/configmaps"
ONE = f"{COLLECTION}/a"


@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        ("POST", COLLECTION, "application/json"),
        ("PUT", ONE, "application/json"),
        ("PATCH", ONE, "application/merge-patch+json"),
        ("PATCH", ONE, "application/apply-patch+yaml"),
        ("DELETE", ONE, "application/json"),
        ("DELETE", COLLECTION, "application/json"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/runner/token", "application/json"),
    ],
)
async def test_who_may_not_write_is_told_so_whatever_the_body_is(
    tmp_path: Path, method: str, path: str, content_type: str
) -> None:
    """Reading a body costs something, and what is wrong with it is nobody else's business."""
    async with wired_api_server(tmp_path) as api:
        account = SERVICE_ACCOUNT.object("runner", "default")
        await api.front.client().create(SERVICE_ACCOUNT, account)
        token = await api.front.tokens("default", "runner", ttl_s=600)
        async with api.client(token) as client:
            for body in (b"{", b"x" * 4_000_000):
                headers = {"authorization": f"Bearer {token}", "content-type": content_type}
                answer = await client._http.request(
                    method, f"{api.server}{path}", content=body, headers=headers
                )
                assert answer.status_code == 403
                assert answer.json()["reason"] == "Forbidden"
