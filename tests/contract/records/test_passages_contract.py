"""Passages: found by their words, with the viewer's rights, and gone when their part is."""

from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer
from towpath.records.search import MARK_BEGINS, MARK_ENDS, KeptSite, Passage
from towpath.records.sqlite import SqliteRecords

ALL = Viewer(UserInfo("root"), None)
OURS = Viewer(UserInfo("alice"), frozenset({"demo"}))
NOBODY = Viewer(UserInfo("eve"), frozenset())
ORDERS = "component:demo/orders"


def passage(title: str, text: str, sort: str = "docs") -> Passage:
    return Passage(sort, f"/docs/{title.lower().replace(' ', '-')}", title, "Orders", text)


async def fill(records: SqliteRecords) -> None:
    ours = {
        "index.md": [passage("Restart it", "Kubernetes restarts what does not answer.")],
        "ops.md": [passage("Backups", "Every night, to another place; restart nothing.")],
    }
    theirs = {"index.md": [passage("Restart theirs", "Secret kubernetes words.")]}
    await records.passages.put("docs:ours", ours, entity=ORDERS, project="demo")
    await records.passages.put("docs:theirs", theirs, entity="component:other/x", project="other")


async def titles(records: SqliteRecords, viewer: Viewer, text: str, **asked: object) -> list[str]:
    found = await records.passages.find(viewer, text, **asked)  # type: ignore[arg-type]
    return [one.passage.title for one in found]


async def test_what_a_title_says_comes_before_what_is_said_below(records: SqliteRecords) -> None:
    await fill(records)
    assert await titles(records, OURS, "restart") == ["Restart it", "Backups"]
    assert await titles(records, OURS, "rest orders") == ["Restart it", "Backups"]


async def test_nobody_finds_what_is_not_theirs(records: SqliteRecords) -> None:
    await fill(records)
    assert await titles(records, OURS, "secret") == []
    assert await titles(records, NOBODY, "restart") == []
    assert len(await titles(records, ALL, "restart")) == 3


async def test_a_scope_is_no_word_that_one_can_look_for(records: SqliteRecords) -> None:
    await fill(records)
    assert await titles(records, OURS, f"p{b'other'.hex()}") == []
    assert await titles(records, OURS, 'x" OR scope : "p') == []


async def test_a_letter_may_be_wrong(records: SqliteRecords) -> None:
    await fill(records)
    for typed in ("kuberentes", "kuberntes", "kubernetees", "kubwrnetes", "ubernetes", "kubern"):
        assert await titles(records, OURS, typed) == ["Restart it"], typed
    assert await titles(records, OURS, "zzzzzz") == []


async def test_what_fits_is_marked(records: SqliteRecords) -> None:
    await fill(records)
    (found,) = await records.passages.find(OURS, "answer")
    assert found.snippet.endswith(f"not {MARK_BEGINS}answer{MARK_ENDS}.")
    assert found.entity == ORDERS


async def test_one_may_look_at_one_sort_and_at_one_entity(records: SqliteRecords) -> None:
    await fill(records)
    api = {"": [passage("POST /restart", "Restart all.", "api")]}
    await records.passages.put("api:ours", api, entity="api:demo/orders", project="demo")
    assert await titles(records, OURS, "restart", sorts=("api",)) == ["POST /restart"]
    assert await titles(records, ALL, "restart", entity=ORDERS) == ["Restart it", "Backups"]


async def test_parts_are_replaced_kept_and_forgotten(records: SqliteRecords) -> None:
    await fill(records)
    changed = {"index.md": [passage("Anew", "Nothing as before.")]}
    await records.passages.put(
        "docs:ours", changed, entity=ORDERS, project="demo", keeping=("ops.md",)
    )
    assert await titles(records, OURS, "restart") == ["Backups"]
    await records.passages.put("docs:ours", changed, entity=ORDERS, project="demo")
    assert await titles(records, OURS, "restart") == []
    await records.passages.forget("docs:ours")
    assert await titles(records, OURS, "anew") == []


async def test_pages_are_read_in_order_of_their_rank(records: SqliteRecords) -> None:
    await fill(records)
    assert await titles(records, OURS, "restart", limit=1) == ["Restart it"]
    assert await titles(records, OURS, "restart", limit=1, skip=1) == ["Backups"]


async def test_rendered_docs_are_read_by_who_may_see_their_project(records: SqliteRecords) -> None:
    site = KeptSite(ORDERS, "a", "demo", "demo/orders", "1", b"site")
    pages = {"index.md": ("d1", b"first"), "ops.md": ("d2", b"second")}
    await records.docs.put(site, pages, ["index.md", "ops.md"])
    assert await records.docs.site(OURS, ORDERS) == site
    assert await records.docs.page(OURS, ORDERS, "ops.md") == b"second"
    assert await records.docs.site(NOBODY, ORDERS) is None
    assert await records.docs.page(NOBODY, ORDERS, "ops.md") is None
    await records.docs.put(site, {"index.md": ("d3", b"anew")}, ["index.md"])
    assert await records.docs.digests(ORDERS) == {"index.md": "d3"}
    await records.docs.forget(ORDERS)
    assert await records.docs.sites() == []
