"""Our catalogue with the corpus in it, asked in the same process: read by our sources' own code."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.parity.catalog.asked import HERE
from tests.parity.catalog.asking import Said, Send
from tests.portal import running_portal
from tests.unit.capabilities.docs.test_building import platform_of
from towpath.capabilities.portal.catalog.backstage.api import API, CatalogApi
from towpath.capabilities.portal.catalog.backstage.locations import registered
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.catalog.entity_kinds import KINDS
from towpath.capabilities.portal.catalog.gathering import Terms, gather
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.capabilities.portal.search.backstage import API as SEARCH
from towpath.capabilities.portal.search.backstage import apis as search_apis
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.apis import ApiRequest, backstage_refusal
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import StatusError
from towpath.machinery.users import MASTERS, UserInfo
from towpath.records.contract import Viewer

CORPUS = Path(__file__).parent / "corpus"
ADMIN = UserInfo("admin", (MASTERS, "system:authenticated"))


async def fetched(request: OutboundRequest) -> OutboundAnswer:
    """The files of the corpus, at the address where Backstage read them."""
    path = CORPUS / request.url.removeprefix(f"{HERE}/")
    if not request.url.startswith(HERE) or not path.is_file():
        return OutboundAnswer(404, b"", {})
    return OutboundAnswer(200, path.read_bytes(), {})


@asynccontextmanager
async def our_catalogue(folder: Path) -> AsyncIterator[Send]:
    async with running_portal(folder) as portal:
        gathered = await gather(Web(fetched), [f"url:{HERE}/all.yaml"], Terms(frozenset(KINDS)))
        # There the address that was registered is an entity too; here it is the source.
        told = [*gathered.entities, entity_of(registered(f"{HERE}/all.yaml"))]
        await portal.records.catalog.ingest("corpus", told, project="", version="1")
        source = {
            "apiVersion": "towpath.dev/v1alpha1",
            "kind": "CatalogSource",
            "metadata": {"name": "corpus", "namespace": SYSTEM_NAMESPACE},
            "spec": {
                "type": "url",
                "url": {"targets": [f"{HERE}/all.yaml"]},
                "rules": [{"allow": [*KINDS]}],
            },
        }
        await portal.client.create(CATALOG_SOURCE, source)
        catalog = CatalogApi(portal.records.catalog, portal.front.authorize, Web(fetched))

        (search,) = search_apis(platform_of(portal))

        async def send(method: str, address: str, body: bytes, headers: Mapping[str, str]) -> Said:
            api = next(one for one in (API, SEARCH) if address.startswith(one))
            path, _, query = address.removeprefix(api).partition("?")
            request = ApiRequest(
                method,
                path,
                query,
                headers,
                body,
                user=ADMIN,
                viewer=Viewer(ADMIN, None),
                api=portal.front.client(ADMIN),
            )
            try:
                answer = await (catalog if api == API else search).answer(request)
            except StatusError as error:
                answer = backstage_refusal(request, error)
            told = {
                **answer.headers,
                **({"content-type": answer.content_type} if answer.body else {}),
            }
            return Said(answer.status, told, answer.body)

        yield send
