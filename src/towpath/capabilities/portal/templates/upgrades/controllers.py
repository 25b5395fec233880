"""What the controllers of this capability listen to."""

import asyncio
from collections.abc import Iterable, Sequence

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.portal.remotes.kinds import PULL_REQUEST
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.upgrades.campaigns import Campaigns
from towpath.capabilities.portal.templates.upgrades.checking import Checks
from towpath.capabilities.portal.templates.upgrades.instances import (
    Instances,
    NewVersions,
    Repositories,
    Versions,
    enqueue_instances,
    enqueue_template,
)
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CAMPAIGN_LABEL,
    CAMPAIGN_NAMESPACE_LABEL,
    GOING,
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
    phase_of,
)
from towpath.capabilities.portal.templates.upgrades.remotes import Remotes
from towpath.capabilities.portal.templates.upgrades.upgrading import Upgrades
from towpath.capabilities.portal.templates.upgrades.versions import Lineage
from towpath.hooks.platform import Platform
from towpath.machinery.objects import Key, RawObject, key_of, labels_of
from towpath.runtime.controller import Controller
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Enqueue, Running, SpecWatch, Watch


def controllers(platform: Platform) -> Sequence[Controller]:
    api, git = platform.api, platform.git
    lineage = Lineage(git)
    upgrades = Informer(api, TEMPLATE_UPGRADE)

    def of_repository(obj: RawObject) -> Iterable[Key]:
        """The upgrades that a pipeline's run or a pull request may be of."""
        namespace, repository = obj["metadata"]["namespace"], obj["spec"]["repository"]
        for upgrade in list(upgrades.list(namespace)):
            if upgrade["spec"]["repository"] == repository:
                yield key_of(upgrade)

    campaigns = Informer(api, UPGRADE_CAMPAIGN)

    def of_instance(_: RawObject) -> Iterable[Key]:
        """One may opt out of any campaign that goes on."""
        return [key_of(one) for one in campaigns.list() if phase_of(one) in GOING]

    return (
        Controller(
            "templateversions",
            Versions(api, git).reconcile,
            [SpecWatch(api, SOFTWARE_TEMPLATE), NewVersions(api, git, enqueue_template)],
        ),
        Controller(
            "templateinstances",
            Instances(api, git, lineage).reconcile,
            [
                Repositories(git),
                NewVersions(api, git, enqueue_instances),
                _Offered(platform),
                SpecWatch(api, TEMPLATE_INSTANCE, _repository_key),
                Watch(api, TEMPLATE_UPGRADE, _repository_key),
            ],
        ),
        Controller(
            "templateupgrades",
            Upgrades(platform, lineage, Checks(api, git), Remotes(api)).reconciler(),
            [
                Running(upgrades),
                Watch(api, PIPELINE_RUN, of_repository),
                Watch(api, PULL_REQUEST, of_repository),
                _Pushed(platform, upgrades),
            ],
        ),
        Controller(
            "upgradecampaigns",
            Campaigns(api, git, lineage).reconciler(),
            [
                Running(campaigns),
                Watch(api, TEMPLATE_UPGRADE, _campaign_key, labels=CAMPAIGN_LABEL),
                SpecWatch(api, TEMPLATE_INSTANCE, of_instance),
            ],
            concurrency=1,
        ),
    )


def _campaign_key(upgrade: RawObject) -> Iterable[Key]:
    labels = labels_of(upgrade)
    return (Key(labels.get(CAMPAIGN_NAMESPACE_LABEL, ""), labels[CAMPAIGN_LABEL]),)


def _repository_key(obj: RawObject) -> Iterable[Key]:
    return (Key(obj["metadata"]["namespace"], obj["spec"]["repository"]),)


class _Offered:
    """A Source: the instances of a template whose object has changed: another pinned revision."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def run(self, enqueue: Enqueue) -> None:
        changed: asyncio.Queue[RawObject] = asyncio.Queue()
        informer = Informer(self._platform.api, SOFTWARE_TEMPLATE)
        informer.subscribe(changed.put_nowait)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(informer.run())
            while True:
                await enqueue_instances(self._platform.api, await changed.get(), enqueue)


class _Pushed:
    """A Source: the open upgrades of a repository, when any of its branches moves."""

    def __init__(self, platform: Platform, upgrades: Informer) -> None:
        self._platform = platform
        self._upgrades = upgrades

    async def run(self, enqueue: Enqueue) -> None:
        async for push in self._platform.git.pushes():
            for upgrade in list(self._upgrades.list(push.repository.project)):
                if upgrade["spec"]["repository"] == push.repository.name:
                    enqueue(key_of(upgrade))
