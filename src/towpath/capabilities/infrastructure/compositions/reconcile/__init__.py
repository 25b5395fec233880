"""Two reconcilers: a definition makes a kind and starts its composites' controller; a composite is
composed by its Composition's pipeline."""

from collections.abc import Sequence

from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.capabilities.infrastructure.compositions.reconcile.composites import Composer
from towpath.capabilities.infrastructure.compositions.reconcile.definitions import (
    reconcile_definitions,
)
from towpath.hooks.platform import Platform
from towpath.runtime.controller import Controller
from towpath.runtime.dynamic import DynamicControllers
from towpath.runtime.sources import Watch


def controllers(platform: Platform) -> Sequence[Controller]:
    composites = DynamicControllers()
    composer = Composer(platform.api)
    return [
        Controller(
            "compositeresourcedefinitions",
            reconcile_definitions(platform.api, composites, composer.controller_for),
            [Watch(platform.api, DEFINITION), composites],
            concurrency=1,
        )
    ]
