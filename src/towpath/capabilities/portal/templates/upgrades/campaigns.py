"""UpgradeCampaign: the instances of a template that are behind, in waves.

    plan       once, at the start: who takes part, in which wave, and who does not, with the reason
    open       an upgrade for each of the waves that have begun; one that is open already is taken
    follow     what has become of each
    advance    the next wave, when this one is settled, unless somebody or failing pipelines say no

A campaign writes TemplateUpgrades and nothing else; what those may do is theirs to know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.upgrades.checking import FAILED_PHASES
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CAMPAIGN_LABEL,
    CAMPAIGN_NAMESPACE_LABEL,
    CANCELLED,
    CLOSED,
    CONFLICTED,
    DONE,
    FAILING,
    MERGED,
    NEEDS_ANSWERS,
    OPEN,
    PAUSED,
    PREPARING,
    READY,
    RUNNING,
    SKIPPED,
    STOPPED,
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
    WAITING,
    WHEN_GREEN,
    phase_of,
)
from towpath.capabilities.portal.templates.upgrades.versions import (
    Lineage,
    read_version,
    reference_of,
)
from towpath.client.protocols import Client
from towpath.engines.git.port import GitError, GitReader
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.durations import parse_duration_ns
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject, stepwise

FINAL = (MERGED, CLOSED, SKIPPED)
_PERSONS = (CONFLICTED, NEEDS_ANSWERS, FAILING)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance that has another version than the campaign's."""

    instance: RawObject
    distance: int
    reason: str = ""
    """Why it is left out."""

    @property
    def name(self) -> str:
        metadata, spec = self.instance["metadata"], self.instance["spec"]
        return f"{metadata['namespace']}/{spec['repository']}"


@dataclass(frozen=True, slots=True)
class Campaigns:
    api: Client
    git: GitReader
    lineage: Lineage

    def reconciler(self) -> Reconcile:
        return stepwise(self.api, UPGRADE_CAMPAIGN, [self.proceed])

    async def proceed(self, subject: Subject) -> None:
        status = subject.status
        if status.get("phase") in (DONE, CANCELLED):
            return
        status.setdefault("phase", RUNNING)
        try:
            await self._proceed(subject)
        except Stalled as stalled:
            status["message"] = stalled.message
            raise

    async def _proceed(self, subject: Subject) -> None:
        status, spec = subject.status, subject.spec
        if "instances" not in status:
            await self._plan(subject)
        entries: list[RawObject] = status["instances"]
        opted_out = await self._opted_out(subject)
        upgrades = await self._upgrades(subject)
        for entry in entries:
            upgrade = upgrades.get((entry["project"], entry.get("upgrade", "")))
            await self._follow(subject, entry, upgrade, opted_out.get(_name(entry), ""))
        _count(status, entries)
        if spec.get("cancelled"):
            status |= {"phase": CANCELLED, "message": "It has been cancelled."}
            return
        self._advance(subject, entries)
        for entry in entries:
            if entry["phase"] == WAITING and 0 < entry["wave"] <= status["wave"]:
                await self._open(subject, entry)
        _count(status, entries)
        _tell(subject, entries)
        if at := status.get("nextWaveAt"):
            seconds = (_moment(at) - datetime.now(UTC)).total_seconds()
            raise Waiting("BetweenWaves", status["message"], after_s=max(seconds, 0.1))

    # Plan.

    async def _plan(self, subject: Subject) -> None:
        spec = subject.spec
        found = sorted(await self._candidates(subject), key=_order(spec["order"]))
        taking = [one for one in found if not one.reason]
        numbers = _waves(len(taking), spec["waves"])
        entries = [
            _entry(one, wave, WAITING, "Its wave has not come yet.")
            for one, wave in zip(taking, numbers, strict=True)
        ]
        entries += [_entry(one, 0, SKIPPED, one.reason) for one in found if one.reason]
        status = subject.status
        status |= {
            "instances": entries,
            "wave": 0,
            "waves": max(numbers, default=0),
            "failed": 0,
        }

    async def _candidates(self, subject: Subject) -> list[Candidate]:
        """Raises Stalled when the template or the version is not there."""
        spec = subject.spec
        template = await self._template(subject)
        target = CommitSHA(spec["revision"])
        await read_version(self.git, template, target)
        excluded = {one["repository"]: one["reason"] for one in spec.get("exclude") or ()}
        found = []
        for instance in await self._instances(subject, template):
            status = instance.get("status") or {}
            one = Candidate(instance, 0)
            opt_out = (instance["spec"].get("optOut") or {}).get("reason", "")
            reason = excluded.get(one.name, "") or opt_out
            try:
                revision = CommitSHA(status.get("revision") or "")
                commits = await self.lineage.between(template, revision, target)
            except (Stalled, GitError):
                told = status.get("message") or "It is not known which version it has."
                found.append(Candidate(instance, 0, reason or told))
                continue
            if commits:
                found.append(Candidate(instance, len(commits), reason))
        return found

    async def _template(self, subject: Subject) -> RawObject:
        wanted = subject.spec["template"]
        namespace = wanted.get("namespace") or SYSTEM_NAMESPACE
        if subject.key.namespace not in (SYSTEM_NAMESPACE, namespace) and (
            namespace != SYSTEM_NAMESPACE
        ):
            raise Stalled(
                "ForeignTemplate",
                f"spec.template.namespace is {namespace}; a campaign in {subject.key.namespace} "
                f"may be about templates of {SYSTEM_NAMESPACE} and of {subject.key.namespace}",
            )
        try:
            return await self.api.get(SOFTWARE_TEMPLATE, wanted["name"], namespace)
        except NotFound as error:
            raise Stalled(
                "TemplateNotFound", f"there is no template {wanted['name']!r} in {namespace}"
            ) from error

    async def _instances(self, subject: Subject, template: RawObject) -> Iterable[RawObject]:
        """Of a campaign in a project those of the project, else of all that it names."""
        only = set(subject.spec.get("projects") or ())
        fields = f"status.template={reference_of(template)}"
        listed = await self.api.list(TEMPLATE_INSTANCE, _place(subject), fields=fields)
        return [one for one in listed.items if not only or one["metadata"]["namespace"] in only]

    # Open and follow.

    async def _opted_out(self, subject: Subject) -> Mapping[str, str]:
        """Why those that want no part of it now do not."""
        reasons = {}
        for instance in (await self.api.list(TEMPLATE_INSTANCE, _place(subject))).items:
            if reason := (instance["spec"].get("optOut") or {}).get("reason"):
                reasons[Candidate(instance, 0).name] = reason
        excluded = {one["repository"]: one["reason"] for one in subject.spec.get("exclude") or ()}
        return {**reasons, **excluded}

    async def _upgrades(self, subject: Subject) -> dict[tuple[str, str], RawObject]:
        """All that it has opened, read at once: it is told of every step of each."""
        labels = f"{CAMPAIGN_LABEL}={subject.key.name[:63]}"
        listed = await self.api.list(TEMPLATE_UPGRADE, _place(subject), labels=labels)
        return {
            (one["metadata"]["namespace"], one["metadata"]["name"]): one for one in listed.items
        }

    async def _follow(
        self, subject: Subject, entry: RawObject, upgrade: RawObject | None, opt_out: str
    ) -> None:
        if entry["phase"] in (CLOSED, SKIPPED):
            return
        if upgrade is None:
            if opt_out:
                entry |= {"phase": SKIPPED, "message": opt_out}
            elif entry.get("upgrade"):
                entry |= {"phase": CLOSED, "message": "Its upgrade has been deleted."}
            elif subject.spec.get("cancelled"):
                entry |= {"phase": SKIPPED, "message": "The campaign was cancelled before it."}
            return
        phase = phase_of(upgrade) or PREPARING
        if phase in OPEN and (opt_out or subject.spec.get("cancelled")):
            await self._close(upgrade, opt_out or "the campaign was cancelled")
            entry |= {"phase": SKIPPED if opt_out else CLOSED, "message": opt_out or "Cancelled."}
            return
        if phase in OPEN:
            upgrade = await self._set(subject, upgrade)
        said = (upgrade.get("status") or {}).get("message") or ""
        entry |= {"phase": phase, "message": said}
        entry["failed"] = phase == FAILING or _failed_after(upgrade)
        entry["settled"] = _is_settled(upgrade, phase, subject.spec["merge"])

    async def _close(self, upgrade: RawObject, reason: str) -> None:
        await self._patch(upgrade, {"spec": {"closed": {"reason": reason}}})

    async def _set(self, subject: Subject, upgrade: RawObject) -> RawObject:
        """Another version or further answers of the campaign, on an upgrade that is open.

        What somebody has answered for this one repository stays.
        """
        missing: RawObject = {}
        for name in ("parameters", "renamed"):
            given, has = subject.spec.get(name) or {}, upgrade["spec"].get(name) or {}
            if further := {key: value for key, value in given.items() if key not in has}:
                missing[name] = further
        if upgrade["spec"]["revision"] != subject.spec["revision"]:
            missing["revision"] = subject.spec["revision"]
        return await self._patch(upgrade, {"spec": missing}) if missing else upgrade

    async def _patch(self, upgrade: RawObject, patch: RawObject) -> RawObject:
        metadata = upgrade["metadata"]
        return await self.api.patch(
            TEMPLATE_UPGRADE, metadata["name"], metadata["namespace"], patch
        )

    async def _open(self, subject: Subject, entry: RawObject) -> None:
        """An upgrade of the repository: the one that is open, or a new one."""
        fields = f"spec.repository={entry['repository']}"
        listed = await self.api.list(TEMPLATE_UPGRADE, entry["project"], fields=fields)
        labels = {
            CAMPAIGN_LABEL: subject.key.name[:63],
            CAMPAIGN_NAMESPACE_LABEL: subject.key.namespace,
        }
        wanted = _wanted(subject)
        opened = [one for one in listed.items if (phase_of(one) or PREPARING) in OPEN]
        if opened:
            patch = {"metadata": {"labels": labels}, "spec": wanted}
            upgrade = await self._patch(opened[0], patch)
        else:
            upgrade = await self._create(subject, entry, labels)
        entry |= {
            "upgrade": upgrade["metadata"]["name"],
            "phase": PREPARING,
            "message": "It is being worked out.",
        }

    async def _create(
        self, subject: Subject, entry: RawObject, labels: Mapping[str, str]
    ) -> RawObject:
        name = f"{entry['instance']}-{subject.spec['revision'][:10]}"
        by = subject.spec["requestedBy"]
        spec = {"repository": entry["repository"], "requestedBy": by, **_wanted(subject)}
        for number in range(1, 100):
            called = name if number == 1 else f"{name}-{number}"
            obj = TEMPLATE_UPGRADE.object(called, entry["project"], spec=spec)
            obj["metadata"]["labels"] = dict(labels)
            try:
                return await self.api.create(TEMPLATE_UPGRADE, obj)
            except AlreadyExists:
                found = await self.api.get(TEMPLATE_UPGRADE, called, entry["project"])
                if (phase_of(found) or PREPARING) in OPEN:
                    return found  # made just before we were killed
        raise Stalled("TooManyUpgrades", f"{name} has been tried a hundred times")

    # Advance.

    def _advance(self, subject: Subject, entries: Sequence[RawObject]) -> None:
        """Begin the next wave when it is time."""
        status, spec = subject.status, subject.spec
        failed = status["failed"] - int(spec.get("goOn") or 0)
        status["phase"] = RUNNING
        if spec.get("paused"):
            status["phase"] = PAUSED
        elif failed >= spec["stopAfter"]:
            status["phase"] = STOPPED
        if status["phase"] != RUNNING or status["wave"] >= status["waves"]:
            status.pop("nextWaveAt", None)
            return
        begun = [one for one in entries if 0 < one["wave"] <= status["wave"]]
        if not all(one["phase"] in FINAL or one.get("settled") for one in begun):
            return
        pause_s = parse_duration_ns(spec.get("pause") or "0s") / 1e9
        now = datetime.now(UTC)
        if status["wave"] and pause_s and "nextWaveAt" not in status:
            status["nextWaveAt"] = datetime.fromtimestamp(now.timestamp() + pause_s, UTC).strftime(
                _TIME
            )
        if "nextWaveAt" in status and _moment(status["nextWaveAt"]) > now:
            return
        status.pop("nextWaveAt", None)
        status["wave"] += 1


def _place(subject: Subject) -> str:
    """Where its repositories are: in its own project, or anywhere ("")."""
    own = subject.key.namespace
    return "" if own == SYSTEM_NAMESPACE else own


def _wanted(subject: Subject) -> RawObject:
    spec = subject.spec
    return {
        "revision": spec["revision"],
        "parameters": spec.get("parameters") or {},
        "renamed": spec.get("renamed") or {},
        "mergeWhenGreen": spec["merge"] == WHEN_GREEN,
    }


def _entry(one: Candidate, wave: int, phase: str, message: str) -> RawObject:
    metadata = one.instance["metadata"]
    return {
        "project": metadata["namespace"],
        "repository": one.instance["spec"]["repository"],
        "instance": metadata["name"],
        "wave": wave,
        "phase": phase,
        "message": message,
    }


def _name(entry: RawObject) -> str:
    return f"{entry['project']}/{entry['repository']}"


def _order(order: str) -> Any:
    sign = {"FewestBehind": 1, "MostBehind": -1}.get(order, 0)
    return lambda one: (sign * one.distance, one.name)


def _waves(count: int, sizes: Sequence[int]) -> list[int]:
    """The wave of each, from 1; the last size repeats."""
    numbers: list[int] = []
    wave = 0
    while len(numbers) < count:
        size = sizes[min(wave, len(sizes) - 1)]
        wave += 1
        numbers += [wave] * size
    return numbers[:count]


def _failed_after(upgrade: RawObject) -> bool:
    after = (upgrade.get("status") or {}).get("after") or ()
    return any(check["phase"] in FAILED_PHASES for check in after)


def _is_settled(upgrade: RawObject, phase: str, merge: str) -> bool:
    """Nothing more happens by itself: it is done, or it is somebody's turn."""
    status = upgrade.get("status") or {}
    if status.get("observedGeneration") != upgrade["metadata"].get("generation"):
        return False
    if phase == MERGED:
        after = status.get("after") or ()
        return all(check["phase"] in (*FAILED_PHASES, "Succeeded") for check in after)
    if phase == READY:
        return merge != WHEN_GREEN or not status.get("checks")
    return phase in (*_PERSONS, *FINAL)


def _count(status: RawObject, entries: Sequence[RawObject]) -> None:
    taking = [one for one in entries if one["wave"]]
    done = [one for one in taking if one["phase"] in FINAL]
    status["progress"] = f"{len(done)}/{len(taking)}"
    status["failed"] = sum(1 for one in entries if one.get("failed"))


def _tell(subject: Subject, entries: Sequence[RawObject]) -> None:
    """Its phase when nothing is left, and what it waits for in a sentence."""
    status = subject.status
    taking = [one for one in entries if one["wave"]]
    if status["phase"] == RUNNING and all(
        one["phase"] in FINAL and (one.get("settled") or one["phase"] != MERGED) for one in taking
    ):
        status["phase"] = DONE
        merged = sum(1 for one in taking if one["phase"] == MERGED)
        status["message"] = f"{merged} of {len(taking)} merged." if taking else "Nobody is behind."
        return
    if status["phase"] == STOPPED:
        status["message"] = (
            f"{_many(status['failed'], 'upgrade has', 'upgrades have')} failing pipelines: look at "
            "them, then let it go on."
        )
        return
    waits = [
        _many(count, *words)
        for phase, words in _WORDS.items()
        if (count := sum(1 for one in taking if one["phase"] == phase))
    ]
    begun = f"Wave {status['wave']} of {status['waves']}"
    told = f"{begun}: {', '.join(waits)}." if waits else f"{begun}."
    status["message"] = f"Paused. {told}" if status["phase"] == PAUSED else told


_WORDS = {
    READY: ("can be merged", "can be merged"),
    CONFLICTED: ("has conflicts", "have conflicts"),
    NEEDS_ANSWERS: ("needs answers", "need answers"),
    FAILING: ("fails", "fail"),
    "Checking": ("is checked", "are checked"),
    PREPARING: ("is worked out", "are worked out"),
    WAITING: ("waits for its wave", "wait for their wave"),
}


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
