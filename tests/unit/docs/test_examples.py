"""Every YAML example in the docs is accepted by what it is for: API, Score, workflow or template.

A block is told apart by what it says. A part of a file is fenced as text, so that nothing is left
unchecked.
"""

import re
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from docs import generate, schemas
from tests.support import RunningApi, running_api_server

from towpath.apiserver.auditing.policy import read_policy
from towpath.apiserver.authn.configuration import read_configuration
from towpath.capabilities.delivery.promotions.render.inputs import RenderInput
from towpath.capabilities.delivery.promotions.render.output import render
from towpath.capabilities.delivery.promotions.score.parse import parse_score
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.engines.ci.actions.catalogue import check_actions
from towpath.engines.ci.workflow.reading import read_workflow
from towpath.machinery.documents import load_document, load_documents
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

ROOT = Path(__file__).parent.parent.parent.parent
BLOCK = re.compile(r"^(?P<indent> *)```yaml\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
NAMESPACE = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
CRD = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)


def examples() -> list[Any]:
    found = []
    for page in generate.files():
        for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            name = f"{page.relative_to(ROOT)} {number}"
            found.append(pytest.param(textwrap.dedent(match["text"]), id=name))
    return found


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def api(anyio_backend: str) -> AsyncIterator[RunningApi]:
    async with running_api_server(kinds=list(schemas.definitions().values())) as running:
        client = running.client()
        for name in ("demo", "argocd", "demo-staging", "shop", "towpath-system"):
            await client.create(NAMESPACE, NAMESPACE.object(name))
        yield running


@pytest.mark.parametrize("text", examples())
async def test_an_example_is_accepted(text: str, api: RunningApi) -> None:
    documents = load_documents(text)
    assert documents, "an example that is not YAML"
    for document in documents:
        if document.get("apiVersion") == "score.dev/v1b1":
            accept_score(document)
        elif "jobs" in document:
            check_actions(read_workflow("ci.yaml", text))
        elif document.get("kind") == "AuthenticationConfiguration":
            read_configuration(text)
        elif document.get("apiVersion") == "audit.k8s.io/v1":
            read_policy(text)
        elif document.get("kind") == "Template":
            parse_descriptor(document)
        else:
            await accept_object(api, document)


def accept_score(document: RawObject) -> None:
    """Not only well-formed: it can be rendered."""
    score = parse_score(document)
    rendered = render(
        RenderInput(
            project="demo",
            workload=document["metadata"]["name"],
            environment="staging",
            release="r",
            image="registry.towpath.dev/demo/r@sha256:0",
            score=score,
            host="r.staging.demo.localhost",
        )
    )
    assert "deployment.yaml" in rendered.workload


async def accept_object(api: RunningApi, document: RawObject) -> None:
    client = api.client()
    if document["kind"] == "SoftwareTemplate":
        parse_descriptor(document["spec"]["descriptor"])
    resource = await client.resolve(document["apiVersion"], document["kind"])
    answer = await client.apply(resource, document, manager="docs", dry_run=True)
    for part in ("spec", "data"):
        assert contains(answer.get(part), document.get(part)), "a field is unknown and was dropped"
    if document["kind"] == "CompositeResourceDefinition":
        made = schemas.definition_of_composites(document)
        await client.apply(CRD, made, manager="docs", force=True)


def contains(whole: Any, part: Any) -> bool:
    """Whether everything said is still there: the API drops what a kind does not have."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and contains(whole[name], value) for name, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(
            any(contains(candidate, value) for candidate in whole) for value in part
        )
    return bool(whole == part)


def test_an_example_with_an_unknown_field_would_be_found() -> None:
    assert contains({"a": {"b": 1}, "c": 2}, {"a": {"b": 1}})
    assert not contains({"a": {}}, {"a": {"b": 1}})
    assert load_document("a: 1") == {"a": 1}
