"""The catalogue as a file to keep: what the visitor may see of it, without what was made of it."""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import parse_qs

import orjson

from towpath.capabilities.portal.catalog.backstage.api import apis as backstage_apis
from towpath.capabilities.portal.catalog.scim.api import apis as scim_apis
from towpath.capabilities.portal.catalog.sources.webhooks import apis as webhook_apis
from towpath.capabilities.portal.catalog.transfer import FORMATS, written
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi
from towpath.hooks.platform import Platform
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject
from towpath.records.contract import CatalogIndex, EntityFilter, Viewer

EXPORT = "/api/catalog-export"
TYPES = {"yaml": "application/yaml", "json": "application/json", "csv": "text/csv; charset=utf-8"}
_PAGE = 1000


def apis(platform: Platform) -> Sequence[ForeignApi]:
    async def export(request: ApiRequest) -> ApiAnswer:
        asked = {name: values[-1] for name, values in parse_qs(request.query).items()}
        form = asked.get("format", "yaml")
        if form not in FORMATS:
            raise BadRequest(f"format: {form!r} is none of {', '.join(FORMATS)}")
        fields = {name: (asked[name],) for name in ("kind", "project", "owner") if asked.get(name)}
        found = [one async for one in _all(platform.catalog, request.viewer, EntityFilter(fields))]
        headers = {"content-disposition": f'attachment; filename="catalog.{form}"'}
        return ApiAnswer(written(found, form).encode(), 200, TYPES[form], headers)

    mine = ForeignApi(EXPORT, export, _refusal)
    return (*backstage_apis(platform), *scim_apis(platform), *webhook_apis(platform), mine)


async def _all(
    index: CatalogIndex, viewer: Viewer, where: EntityFilter
) -> AsyncIterator[RawObject]:
    token = ""
    while True:
        page = await index.query(viewer, where, limit=_PAGE, continue_token=token, sort="name")
        for entity in page.entities:
            yield entity.descriptor
        token = page.continue_token
        if not token:
            return


def _refusal(request: ApiRequest | None, error: StatusError) -> ApiAnswer:
    del request
    return ApiAnswer(orjson.dumps({"error": str(error)}), error.code)
