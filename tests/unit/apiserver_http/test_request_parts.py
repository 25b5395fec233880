"""What a request is made of: path, query, Accept header and body."""

import asyncio
import threading

import pytest

from towpath.apiserver.builtin import builtin_resources
from towpath.apiserver.http import bodies
from towpath.apiserver.http.bodies import (
    check_duplicates,
    check_patch_type,
    read_body,
)
from towpath.apiserver.http.decoding import decode_object, decode_patch
from towpath.apiserver.http.discovery import aggregated_version
from towpath.apiserver.http.media import Form, negotiate
from towpath.apiserver.http.paths import (
    ResourcePath,
    asked_of,
    parse_resource_path,
    question_of,
)
from towpath.apiserver.http.query import (
    delete_options,
    parse_query,
    read_options,
    watch_options,
    write_options,
)
from towpath.machinery.asgi import Message
from towpath.machinery.errors import (
    BadRequest,
    Invalid,
    NotAcceptable,
    TooLarge,
    UnsupportedMediaType,
)
from towpath.machinery.nesting import DEPTH_MAX
from towpath.machinery.users import PLATFORM


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            "/api/v1/pods", ResourcePath("", "v1", "pods"), id="a core collection everywhere"
        ),
        pytest.param(
            "/api/v1/namespaces/a/pods/b/log",
            ResourcePath("", "v1", "pods", "a", "b", "log"),
            id="a subresource in a namespace",
        ),
        pytest.param(
            "/api/v1/namespaces/a",
            ResourcePath("", "v1", "namespaces", "", "a"),
            id="a namespace is a cluster-scoped object",
        ),
        pytest.param(
            "/api/v1/namespaces/a/finalize",
            ResourcePath("", "v1", "namespaces", "", "a", "finalize"),
            id="finalize belongs to the namespace",
        ),
        pytest.param(
            "/api/v1/namespaces/status/pods",
            ResourcePath("", "v1", "pods", "status"),
            id="a namespace may be called status",
        ),
        pytest.param(
            "/apis/apps/v1/namespaces/a/deployments/",
            ResourcePath("apps", "v1", "deployments", "a"),
            id="a trailing slash changes nothing",
        ),
        pytest.param("/apis/apps/v1", None, id="a group version is discovery"),
        pytest.param("/api", None, id="the root is discovery"),
        pytest.param("/healthz", None, id="health is no resource"),
        pytest.param("/api/v1//pods", None, id="an empty part names nothing"),
    ],
)
def test_paths(path: str, expected: ResourcePath | None) -> None:
    assert parse_resource_path(path) == expected


TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", Form.PLAIN, id="no header is plain JSON"),
        pytest.param(f"{TABLE},application/json", Form.TABLE, id="a table first"),
        pytest.param(
            "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
            Form.PLAIN,
            id="an unknown table version falls back to plain JSON",
        ),
        pytest.param(
            f"application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,{TABLE}",
            Form.TABLE,
            id="there are no tables in protobuf",
        ),
        pytest.param(f"application/json;q=0.2,{TABLE};q=0.9", Form.TABLE, id="quality decides"),
        pytest.param(
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            Form.PARTIAL_LIST,
            id="metadata only",
        ),
    ],
)
def test_forms(accept: str, expected: Form) -> None:
    assert negotiate(accept).form is expected


def test_custom_kinds_are_not_in_protobuf_but_their_metadata_is() -> None:
    protobuf = "application/vnd.kubernetes.protobuf"
    assert negotiate(protobuf).protobuf
    assert not negotiate(f"{protobuf},application/json", custom=True).protobuf
    partial = f"{protobuf};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    assert negotiate(partial, custom=True).protobuf
    with pytest.raises(NotAcceptable):
        negotiate(protobuf, custom=True)


V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2_BETA = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(f"{V2},application/json", "v2", id="the aggregated form"),
        pytest.param(f"{V2_BETA},application/json", "v2beta1", id="beta is not taken for v2"),
        pytest.param(f"{V2},{V2_BETA},application/json", "v2", id="the first that is known"),
        pytest.param("application/json", "", id="the old form"),
    ],
)
def test_aggregated_discovery_is_asked_for_by_whole_version(accept: str, expected: str) -> None:
    assert aggregated_version(accept) == expected


def test_queries_keep_the_first_value_and_decode_it() -> None:
    query = parse_query(b"labelSelector=a%3Db&limit=5&limit=6&watch")
    assert query == {"labelSelector": "a=b", "limit": "5", "watch": ""}
    assert read_options(query).label_selector == "a=b"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        pytest.param("sendInitialEvents=true", Invalid, id="initial events need a match"),
        pytest.param("resourceVersionMatch=Exact", Invalid, id="a match needs initial events"),
        pytest.param("timeoutSeconds=soon", BadRequest, id="a time is a number"),
    ],
)
def test_watch_options_that_contradict_each_other(query: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        watch_options(parse_query(query.encode()))


def test_the_field_manager_is_the_user_agent_when_none_is_named() -> None:
    assert write_options({}, "kubectl/v1.37 (linux)").field_manager == "kubectl"
    assert write_options({"fieldManager": "me"}, "kubectl/v1.37").field_manager == "me"
    assert write_options({"dryRun": "All"}, "").dry_run


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"dryRun": "Some"}, id="dryRun is All or nothing"),
        pytest.param({"fieldValidation": "Loud"}, id="validation is one of three words"),
        pytest.param({"fieldManager": "x" * 129}, id="a manager's name has a limit"),
    ],
)
def test_write_options_that_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        write_options(query, "")


def test_delete_options_come_from_the_body_first() -> None:
    body = {"propagationPolicy": "Orphan", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}}
    options = delete_options({"propagationPolicy": "Foreground", "gracePeriodSeconds": "5"}, body)
    assert (options.propagation_policy, options.grace_period_s, options.uid) == ("Orphan", 0, "u")
    assert delete_options({"gracePeriodSeconds": "5"}, None).grace_period_s == 5


async def receive_in_parts(*parts: bytes) -> bytes:
    waiting = list(parts)

    async def receive() -> Message:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    return await read_body(receive, None)


async def test_a_body_is_read_to_its_end() -> None:
    assert await receive_in_parts(b'{"a":', b"1}") == b'{"a":1}'


async def test_a_body_that_grows_too_large_is_refused() -> None:
    part = b"x" * (1024 * 1024)
    with pytest.raises(TooLarge):
        await receive_in_parts(part, part, part, b"x", b"never read")


CONFIG_MAP = next(one for one in builtin_resources() if one.resource.kind == "ConfigMap")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b'{"kind":"A"}', "application/json", id="JSON"),
        pytest.param(b'{"kind":"A"}', "", id="no type is JSON"),
        pytest.param(b"kind: A\n", "application/yaml", id="YAML"),
        pytest.param(b'{"kind":"A"}', "application/yaml; charset=utf-8", id="JSON said to be YAML"),
    ],
)
def test_bodies_are_decoded_by_their_type(body: bytes, content_type: str) -> None:
    assert decode_object(body, content_type, CONFIG_MAP) == {"kind": "A"}


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        pytest.param(b"{", "application/json", BadRequest, id="broken JSON"),
        pytest.param(b"[]", "application/json", BadRequest, id="a list is no object"),
        pytest.param(b"{}", "text/html", UnsupportedMediaType, id="an unknown type"),
        pytest.param(b'{"metadata":1}', "", BadRequest, id="metadata must be an object"),
        pytest.param(b"a: 1\na: 2\n", "application/yaml", BadRequest, id="a YAML key twice"),
    ],
)
def test_bodies_that_are_refused(body: bytes, content_type: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_object(body, content_type, CONFIG_MAP)


def test_a_key_that_appears_twice_is_found_when_that_is_asked() -> None:
    body = b'{"kind":"A","apiVersion":"v1","spec":{"x":1,"x":2,"l":[{"y":1,"y":1}]}}'
    obj = decode_object(body, "", CONFIG_MAP)
    assert check_duplicates(body, "", obj, "Ignore") == []
    assert check_duplicates(b'{"kind":"A","a":"\\"b"}', "", {"kind": "A", "a": '"b'}, "") == []
    assert check_duplicates(body, "", obj, "") == [
        'duplicate field "spec.x"',
        'duplicate field "spec.l[0].y"',
    ]
    with pytest.raises(BadRequest):
        check_duplicates(body, "", obj, "Strict")


def test_patches_have_the_shape_of_their_type() -> None:
    assert decode_patch(b'[{"op":"remove"}]', "application/json-patch+json") == [{"op": "remove"}]
    assert decode_patch(b"spec: {a: 1}", "application/apply-patch+yaml") == {"spec": {"a": 1}}
    with pytest.raises(BadRequest):
        decode_patch(b"{}", "application/json-patch+json")
    with pytest.raises(UnsupportedMediaType):
        check_patch_type("application/json", custom=False)
    with pytest.raises(UnsupportedMediaType):
        check_patch_type("application/strategic-merge-patch+json", custom=True)


@pytest.mark.parametrize("content_type", ["application/json", "application/yaml"])
def test_a_body_is_nested_so_deep_and_no_deeper(content_type: str) -> None:
    media_type = bodies.media_type_of(content_type)
    levels = DEPTH_MAX - 1
    assert bodies.decode(b'{"a":' + b"[" * levels + b"]" * levels + b"}", media_type)
    for deep in (DEPTH_MAX, 300, 5000, 1_000_000):
        with pytest.raises(BadRequest, match="depth"):
            bodies.decode(b'{"a":' + b"[" * deep + b"]" * deep + b"}", media_type)
    brackets = b'{"a":"' + b"[{" * 5000 + b'"}'
    assert bodies.decode(brackets, media_type)


@pytest.mark.parametrize(
    ("query", "verb", "name"),
    [
        pytest.param(b"", "list", "", id="a list"),
        pytest.param(b"watch=yes", "watch", "", id="whatever is not a no is a watch"),
        pytest.param(b"watch=1&watch=false", "watch", "", id="the first of several counts"),
        pytest.param(b"watch=False", "list", "", id="no watch"),
        pytest.param(
            b"fieldSelector=metadata.name%3Da&fieldSelector=metadata.name%3Db", "list", "a",
            id="the first selector counts",
        ),
    ],
)  # fmt: skip
def test_who_is_told_of_a_request_hears_what_is_served(query: bytes, verb: str, name: str) -> None:
    path = "/api/v1/secrets"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query}
    asked = asked_of(scope, PLATFORM, parse_resource_path(path))
    assert (asked.verb, asked.name) == (verb, name)
    assert question_of(scope, parse_resource_path(path)).verb == verb


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"a:\n" + b"- b\n" * 20_000, id="in lines"),
        pytest.param(b"{a: [" + b"b, " * 20_000 + b"]}", id="in flow style"),
    ],
)
async def test_much_yaml_is_read_beside_the_loop(body: bytes) -> None:
    decoding = asyncio.create_task(
        bodies.beside_the_loop(
            lambda: (threading.get_ident(), bodies.decode(body, "application/yaml")),
            body,
            "application/yaml; charset=utf-8",
        )
    )
    thread, decoded = await decoding
    assert thread != threading.get_ident()
    assert len(decoded["a"]) == 20_000
