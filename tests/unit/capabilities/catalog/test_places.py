"""Places that descriptors are read from: what is there, what is not, and what must not be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from towpath.capabilities.portal.catalog.sources.cluster import (
    COMPONENTS,
    RESOURCES,
    descriptors,
)
from towpath.capabilities.portal.catalog.sources.folders import Folder
from towpath.capabilities.portal.catalog.sources.place import Missing, Refused, Unread
from towpath.capabilities.portal.catalog.sources.web import PAUSE_S_MAX, Web, raw_address
from towpath.engines.outbound import (
    OutboundAnswer,
    OutboundFailed,
    OutboundRefused,
    OutboundRequest,
)
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

PAGES = {
    "https://github.com/o/r/blob/main/a/b.yaml": "https://raw.githubusercontent.com/o/r/main/a/b.yaml",
    "https://github.com/o/r/tree/v1/b.yaml": "https://raw.githubusercontent.com/o/r/v1/b.yaml",
    "https://git.example.com/g/s/r/-/blob/main/b.yaml": (
        "https://git.example.com/g/s/r/-/raw/main/b.yaml"
    ),
    "https://tea.example.com/o/r/src/branch/main/b.yaml": (
        "https://tea.example.com/o/r/raw/branch/main/b.yaml"
    ),
    "https://example.com/b.yaml": "https://example.com/b.yaml",
}


@pytest.mark.parametrize(("page", "file"), PAGES.items(), ids=PAGES.keys())
def test_the_page_of_a_file_stands_for_the_file(page: str, file: str) -> None:
    assert raw_address(page) == file


class Host:
    def __init__(self, answer: Callable[[OutboundRequest], OutboundAnswer]) -> None:
        self.answer = answer
        self.asked: list[OutboundRequest] = []

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        self.asked.append(request)
        return self.answer(request)


def web(host: Host, **fields: object) -> Web:
    return Web(host.send, now_s=lambda: 1000.0, **fields)  # type: ignore[arg-type]


async def test_a_secret_goes_to_the_hosts_of_the_targets_alone() -> None:
    def answer(request: OutboundRequest) -> OutboundAnswer:
        if "elsewhere" not in request.url:
            return OutboundAnswer(302, b"", {"location": "https://elsewhere.example.com/x"})
        return OutboundAnswer(200, b"x", {})

    host = Host(answer)
    reader = web(host, authorization="Bearer t", hosts=frozenset(("git.example.com",)))
    assert await reader.read("url:https://git.example.com/a") == b"x"
    assert [request.headers.get("authorization") for request in host.asked] == ["Bearer t", None]


async def test_a_secret_says_itself_to_which_hosts_it_goes() -> None:
    secret: RawObject = {"metadata": {}, "data": {"token": "dA=="}}
    source: RawObject = {
        "metadata": {"namespace": "demo"},
        "spec": {
            "type": "url",
            "url": {"targets": ["https://evil.example.com/a"], "secret": "github"},
        },
    }
    host = Host(lambda _: OutboundAnswer(200, b"x", {}))
    with pytest.raises(Refused):
        await web(host).with_secret(Secrets(secret), source)  # type: ignore[arg-type]
    secret["metadata"]["annotations"] = {"towpath.dev/hosts": "git.example.com, other"}
    reader = await web(host).with_secret(Secrets(secret), source)  # type: ignore[arg-type]
    for url in ("https://evil.example.com/a", "http://git.example.com/a"):
        await reader.read(f"url:{url}")
    await reader.read("url:https://git.example.com/a")
    sent = [request.headers.get("authorization") for request in host.asked]
    assert sent == [None, None, "Bearer t"]


class Secrets:
    def __init__(self, secret: RawObject) -> None:
        self.secret = secret

    async def get(self, *_: object) -> RawObject:
        return self.secret


async def test_it_does_not_follow_for_ever() -> None:
    host = Host(lambda request: OutboundAnswer(302, b"", {"location": request.url + "x"}))
    with pytest.raises(Unread):
        await web(host).read("url:https://example.com/")


ANSWERS = {
    "not there": (404, {}, Missing),
    "gone for good": (410, {}, Missing),
    "an error of the server": (500, {}, Unread),
    "not allowed, which is no empty answer": (403, {}, Unread),
    "too often": (429, {"retry-after": "7"}, Unread),
    "the rate is spent": (
        403,
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1060"},
        Unread,
    ),
}


@pytest.mark.parametrize(("status", "headers", "error"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_what_an_answer_means(
    status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    host = Host(lambda _: OutboundAnswer(status, b"", headers))
    with pytest.raises(error):
        await web(host).read("url:https://example.com/a")


PAUSES = {
    "seconds": ({"retry-after": "7"}, 7.0),
    "a date that has passed": ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 1.0),
    "a moment": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "500000000000"}, PAUSE_S_MAX),
    "seconds that are left": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0),
    "nothing": ({}, 60.0),
}


@pytest.mark.parametrize(("headers", "pause_s"), PAUSES.values(), ids=PAUSES.keys())
async def test_a_host_is_left_alone_for_as_long_as_it_says(
    headers: dict[str, str], pause_s: float
) -> None:
    host = Host(lambda _: OutboundAnswer(429, b"", headers))
    reader = web(host)
    with pytest.raises(Unread) as told:
        await reader.read("url:https://example.com/a")
    assert told.value.retry_after_s == pause_s
    with pytest.raises(Unread):
        await reader.read("url:https://example.com/b")
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        pytest.param(OutboundRefused("no"), Refused, id="an address of this machine"),
        pytest.param(OutboundFailed("no"), Unread, id="nobody answers"),
    ],
)
async def test_what_the_guarded_client_says_is_kept_apart(
    problem: Exception, error: type[Exception]
) -> None:
    def answer(_: OutboundRequest) -> OutboundAnswer:
        raise problem

    with pytest.raises(error):
        await web(Host(answer)).read("url:https://example.com/a")


async def test_a_folder_is_not_left(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    folder = Folder.of(str(root), [str(root)], of_platform=True)
    for address in (f"file:{root}/link", f"file:{root}/../secret", "file:/etc/passwd"):
        with pytest.raises(Refused):
            await folder.read(address)
    with pytest.raises(Refused):
        folder.resolve(f"file:{root}/a.yaml", "../secret")
    with pytest.raises(Missing):
        await folder.read(f"file:{root}/nothing")
    with pytest.raises(Unread):
        await Folder(tmp_path / "unmounted").files(["**"])


def an_object(resource: Resource, name: str, uid: str, **metadata: object) -> RawObject:
    return resource.object(name, "shop") | {
        "metadata": {"name": name, "namespace": "shop", "uid": uid, **metadata}
    }


def test_objects_become_components_and_resources_by_labels_and_owners() -> None:
    deployment, stateful, service = COMPONENTS[0], COMPONENTS[1], RESOURCES[0]
    labels = {"app.kubernetes.io/name": "cart", "app.kubernetes.io/part-of": "shop"}
    owned = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": "1"}]
    objects = [
        (deployment, an_object(deployment, "cart", "1", labels=labels)),
        (stateful, an_object(stateful, "cart-cache", "2", labels=labels)),
        (stateful, an_object(stateful, "cart-child", "3", ownerReferences=owned)),
        (service, an_object(service, "cart", "4", labels=labels)),
    ]
    around = {"shop": {"metadata": {"annotations": {"backstage.io/owner": "team-a"}}}}
    found = list(descriptors(objects, around))
    named = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert named == [("Component", "cart"), ("Resource", "cart-service")]
    assert found[0]["spec"] == {
        "type": "service",
        "lifecycle": "production",
        "owner": "group:default/team-a",
        "system": "system:default/shop",
        "dependsOn": ["resource:shop/cart-service"],
    }
