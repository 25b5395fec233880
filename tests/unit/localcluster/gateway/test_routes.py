"""Hosts and paths to services."""

import pytest

from towpath.localcluster.gateway.routes import find, may_claim, table_of
from towpath.machinery.objects import RawObject


def ingress(namespace: str, host: str, *paths: tuple[str, str, str], age: int = 0) -> RawObject:
    return {
        "metadata": {
            "name": host,
            "namespace": namespace,
            "uid": f"{namespace}{age}",
            "creationTimestamp": f"2026-01-01T00:00:0{age}Z",
        },
        "spec": {
            "rules": [
                {
                    "host": host,
                    "http": {
                        "paths": [
                            {
                                "path": path,
                                "pathType": kind,
                                "backend": {"service": {"name": name, "port": {"number": 80}}},
                            }
                            for path, kind, name in paths
                        ]
                    },
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/", "root", id="the root takes the rest"),
        pytest.param("/api", "api", id="a prefix itself"),
        pytest.param("/api/x", "api", id="below a prefix"),
        pytest.param("/apix", "root", id="a prefix ends at a slash"),
        pytest.param("/api/v2/x", "v2", id="the longest prefix"),
        pytest.param("/health", "exact", id="exact before prefix"),
        pytest.param("/health/x", "root", id="exact is exact"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    table = table_of(
        [
            ingress(
                "n",
                "web.localhost",
                ("/", "Prefix", "root"),
                ("/api", "Prefix", "api"),
                ("/api/v2/", "Prefix", "v2"),
                ("/health", "Exact", "exact"),
            )
        ]
    )
    route = find(table["web.localhost"], path)
    assert route is not None
    assert route.service == expected


@pytest.mark.parametrize(
    ("host", "namespace", "allowed"),
    [
        ("shop.staging.demo.localhost", "demo-staging", True),
        ("shop.staging.demo.localhost", "other-staging", False),
        ("shop.staging.demo.localhost", "demo-production", False),
        ("web.localhost", "anyone", True),
        ("example.com", "anyone", True),
    ],
)
def test_only_the_own_namespace_claims_a_workloads_host(
    host: str, namespace: str, allowed: bool
) -> None:
    assert may_claim(host, namespace) is allowed


def test_of_other_hosts_the_oldest_claim_counts() -> None:
    late = ingress("late", "web.localhost", ("/admin", "Prefix", "thief"), age=2)
    early = ingress("early", "web.localhost", ("/", "Prefix", "web"), age=1)
    table = table_of([late, early])
    assert {route.service for route in table["web.localhost"]} == {"web"}


def test_rules_that_would_catch_others_requests_are_left_out() -> None:
    path = ("/", "Prefix", "x")
    assert table_of([ingress("n", "", path), ingress("n", "*.localhost", path)]) == {}
