"""A definition as a file, to download: `/api/definitions/<namespace>/<name>`."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from towpath.capabilities.portal.apis.indexing import definition_of
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi, backstage_refusal
from towpath.hooks.platform import Platform
from towpath.machinery.errors import MethodNotAllowed, NotFound
from towpath.machinery.references import EntityRef

API = "/api/definitions"
ENDINGS = {"graphql": "graphql", "grpc": "proto", "protobuf": "proto"}
MEDIA = {"graphql": "text/plain", "proto": "text/plain", "json": "application/json"}


def apis(platform: Platform) -> Sequence[ForeignApi]:
    return (ForeignApi(API, _Files(platform).answer, backstage_refusal),)


@dataclass(frozen=True, slots=True)
class _Files:
    platform: Platform

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{request.method} is not answered here; GET is")
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if len(parts) != 2:
            raise NotFound(f"{API}{request.path} is not known; it is {API}/NAMESPACE/NAME")
        ref = EntityRef("api", *parts)
        entity = await self.platform.catalog.get(request.viewer, ref.key)
        text = definition_of(entity) if entity else ""
        if entity is None or not text:
            raise NotFound(f"the catalogue has no definition of {ref}")
        ending = ENDINGS.get(entity.type.lower()) or (
            "json" if text.lstrip().startswith("{") else "yaml"
        )
        headers = {
            # Of a name, only these letters can be there.
            "Content-Disposition": f'attachment; filename="{entity.name}.{ending}"',
            "X-Content-Type-Options": "nosniff",
        }
        media = MEDIA.get(ending, "application/yaml")
        return ApiAnswer(text.encode(), content_type=f"{media}; charset=utf-8", headers=headers)
