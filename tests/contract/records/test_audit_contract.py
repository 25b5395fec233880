"""What every AuditTrail does."""

from dataclasses import replace

import pytest

from towpath.machinery.users import UserInfo
from towpath.records.contract import AuditEntry, AuditFilter, Viewer
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_DEMO = Viewer(UserInfo("alice"), frozenset({"demo"}))
OF_NOTHING = Viewer(UserInfo("stranger"), frozenset())

SCALED = AuditEntry(
    id="1",
    time_s=100.0,
    cluster="local",
    user="alice",
    verb="patch",
    resource="deployments.apps",
    namespace="demo-staging",
    name="orders",
    project="demo",
    subresource="scale",
    detail={"spec": {"replicas": 3}},
)
HEALED = replace(SCALED, id="2", time_s=200.0, user="argocd", subresource="", detail={})
REFUSED = replace(SCALED, id="3", time_s=300.0, user="mallory", code=403)
OF_PLATFORM = replace(
    SCALED, id="4", time_s=400.0, cluster="", resource="clusters.towpath.dev", project=""
)


@pytest.fixture
async def filled(records: SqliteRecords) -> SqliteRecords:
    await records.audit.append([SCALED, HEALED])
    await records.audit.append([REFUSED, OF_PLATFORM])
    return records


@pytest.mark.parametrize(
    ("viewer", "where", "expected"),
    [
        pytest.param(ADMIN, AuditFilter(), "4321", id="everything, newest first"),
        pytest.param(OF_DEMO, AuditFilter(), "321", id="a member sees their project"),
        pytest.param(OF_NOTHING, AuditFilter(), "", id="a member of nothing sees nothing"),
        pytest.param(ADMIN, AuditFilter(user="alice"), "41", id="by user"),
        pytest.param(ADMIN, AuditFilter(cluster=""), "4", id="of the platform's API"),
        pytest.param(ADMIN, AuditFilter(since_s=200, until_s=400), "32", id="by time"),
    ],
)
async def test_queries(
    filled: SqliteRecords, viewer: Viewer, where: AuditFilter, expected: str
) -> None:
    page = await filled.audit.query(viewer, where)
    assert "".join(entry.id for entry in page.entries) == expected


async def test_an_entry_comes_back_as_it_went_in(filled: SqliteRecords) -> None:
    page = await filled.audit.query(ADMIN, AuditFilter(user="alice", cluster="local"))
    assert page.entries == [SCALED]


async def test_delivering_twice_is_harmless(filled: SqliteRecords) -> None:
    await filled.audit.append([replace(SCALED, user="somebody else")])
    page = await filled.audit.query(ADMIN, AuditFilter())
    assert [entry.id for entry in page.entries] == ["4", "3", "2", "1"]
    assert page.entries[-1].user == "alice"


async def test_pages_go_on_where_the_last_one_stopped(filled: SqliteRecords) -> None:
    first = await filled.audit.query(ADMIN, AuditFilter(), limit=3)
    second = await filled.audit.query(
        ADMIN, AuditFilter(), limit=3, continue_token=first.continue_token
    )
    assert [entry.id for entry in second.entries] == ["1"]
    assert second.continue_token == ""


async def test_the_last_writer_is_who_wrote_last_with_success(filled: SqliteRecords) -> None:
    of_deployment = ("local", "deployments.apps", "demo-staging", "orders")
    assert await filled.audit.last_writer(*of_deployment) == "argocd"
    assert await filled.audit.last_writer("local", "deployments.apps", "demo", "x") is None


def made(name: str, project: str, *, verb: str = "create", code: int = 201) -> AuditEntry:
    return replace(
        SCALED,
        id=f"{project}/{name}/{verb}/{code}",
        cluster="",
        verb=verb,
        code=code,
        resource="promotions.towpath.dev",
        namespace=project,
        name=name,
        project=project,
        subresource="",
    )


@pytest.fixture
async def promoted(records: SqliteRecords) -> SqliteRecords:
    await records.audit.append(
        [
            made("shop-1", "demo"),
            made("shop-2", "other"),
            made("shop-1", "demo", verb="update"),
            made("shop-3", "demo", code=403),
            made("till-1", "demo"),
        ]
    )
    return records


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        pytest.param(ADMIN, ["till-1", "shop-2", "shop-1"], id="who sees all"),
        pytest.param(OF_DEMO, ["till-1", "shop-1"], id="a member"),
        pytest.param(OF_NOTHING, [], id="a member of nothing"),
    ],
)
async def test_what_was_created_lately(
    promoted: SqliteRecords, viewer: Viewer, expected: list[str]
) -> None:
    found = await promoted.audit.lately(viewer, "promotions.towpath.dev", limit=5)
    assert [name for _, name in found] == expected
    newest = await promoted.audit.lately(viewer, "promotions.towpath.dev", limit=1)
    assert [name for _, name in newest] == expected[:1]
    assert await promoted.audit.lately(viewer, "workloads.towpath.dev", limit=5) == []


async def test_what_was_created_is_found_by_the_beginning_of_its_name(
    promoted: SqliteRecords,
) -> None:
    async def found(projects: list[str], prefix: str, limit: int = 5) -> list[tuple[str, str]]:
        return await promoted.audit.created(projects, "promotions.towpath.dev", prefix, limit=limit)

    assert await found(["demo", "other"], "shop") == [("other", "shop-2"), ("demo", "shop-1")]
    assert await found(["demo"], "shop") == [("demo", "shop-1")]
    assert await found([], "shop") == []
    assert await found(["demo"], "shop-%") == []


async def test_what_is_named_after_an_object_is_found_with_it(promoted: SqliteRecords) -> None:
    await promoted.audit.append([made("shop", "demo"), made("shopping-1", "demo")])
    page = await promoted.audit.query(OF_DEMO, AuditFilter(named_after="shop"))
    assert {entry.name for entry in page.entries} == {"shop", "shop-1", "shop-3"}
