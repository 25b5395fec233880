"""An Application that is to be skipped, and a composite that is paused, are left as they are."""

from typing import cast

from docs.schemas import definition_of_composites
from tests.support import running_api_server

from towpath.capabilities.delivery.gitops.kinds import (
    APPLICATION,
    APPLICATION_CRD,
    ARGOCD_NAMESPACE,
    SKIP_RECONCILE_ANNOTATION,
)
from towpath.capabilities.delivery.gitops.reconcile import ApplicationLoop
from towpath.capabilities.delivery.gitops.reconcile.application import Engine
from towpath.capabilities.infrastructure.compositions.kinds import KINDS as COMPOSITION_KINDS
from towpath.capabilities.infrastructure.compositions.kinds import PAUSED_ANNOTATION
from towpath.capabilities.infrastructure.compositions.reconcile.composites import Composer
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.infrastructure.offerings.postgresql import DEFINITION
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.objects import Key

NO_ENGINE = cast(Engine, None)
"""Whoever looks at the Application fails."""


async def test_a_skipped_application_is_not_looked_at() -> None:
    async with running_api_server(kinds=[APPLICATION_CRD]) as api:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object(ARGOCD_NAMESPACE))
        app = APPLICATION.object("shop", ARGOCD_NAMESPACE, spec={"project": "p", "destination": {}})
        app["metadata"]["annotations"] = {SKIP_RECONCILE_ANNOTATION: "true"}
        before = await client.create(APPLICATION, app)
        loop = ApplicationLoop(client, NO_ENGINE)
        assert await loop.reconcile(Key(ARGOCD_NAMESPACE, "shop")) is None
        assert await client.get(APPLICATION, "shop", ARGOCD_NAMESPACE) == before


async def test_a_paused_composite_composes_nothing_and_stays() -> None:
    kinds = [*COMPOSITION_KINDS, definition_of_composites(DEFINITION)]
    async with running_api_server(kinds=kinds) as api:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("demo"))
        claim = POSTGRESQL_INSTANCE.object("shop-db", "demo", spec={})
        claim["metadata"]["annotations"] = {PAUSED_ANNOTATION: "true"}
        before = await client.create(POSTGRESQL_INSTANCE, claim)
        controller = Composer(client).controller_for(DEFINITION)
        assert await controller.reconcile(Key("demo", "shop-db")) is None
        assert await client.get(POSTGRESQL_INSTANCE, "shop-db", "demo") == before
