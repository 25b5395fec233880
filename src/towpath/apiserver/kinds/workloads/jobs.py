"""Jobs and what makes them from time to time.

Source of the rules: pkg/apis/batch/validation of Kubernetes.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import (
    INT32_MAX,
    domain_prefixed_path,
    named,
    not_negative,
    one_of,
)
from towpath.apiserver.kinds.podspec.spec import (
    default_template,
    prepare_template,
    validate_template,
)
from towpath.apiserver.kinds.podspec.warnings import for_template
from towpath.apiserver.kinds.workloads.schedules import schedule_causes, time_zone_causes
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import (
    duplicate,
    invalid_value,
    quote,
    required,
    too_long,
    too_many,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors, qualified_name_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import from_object, selector_causes

ONCE = ("OnFailure", "Never")
CONCURRENCY_POLICIES = ("Allow", "Forbid", "Replace")
COMPLETION_MODES = ("NonIndexed", "Indexed")
REPLACEMENTS = ("Failed", "TerminatingOrFailed")
COUNTS = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit"),
    *("ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"),
)
IMMUTABLE = (
    *("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"),
    *("managedBy", "successPolicy"),
)
OPEN_WHILE_SUSPENDED = ("nodeSelector", "tolerations", "schedulingGates")
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
EXIT_CODE_OPERATORS = ("In", "NotIn")
STATUSES = ("False", "True", "Unknown")
RULES_MAX, EXIT_CODES_MAX, MANAGER_MAX = 20, 255, 63
INDEXES_MAX, INDEXES_SOFT_MAX, INDEXES_AT_ONCE_MAX = 100_000, 100_000, 10_000
TEMPLATE = "spec.jobTemplate.spec"
NAME_MAX = 52
OF_ITSELF = "batch.kubernetes.io/"


def _spec(obj: RawObject) -> RawObject:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}


def _default_job(obj: RawObject) -> None:
    spec = _spec(obj)
    _default_job_spec(spec)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = labels


def _default_job_spec(spec: RawObject) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else INT32_MAX)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("manualSelector", False)
    spec.setdefault("suspend", False)
    replacement = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", replacement)
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    default_template(spec)


def _prepare_job(obj: RawObject, old: RawObject | None) -> None:
    """A job selects its pods by its own uid, unless its author has taken that over."""
    spec = _spec(obj)
    prepare_template(spec)
    if old is not None or spec.get("manualSelector"):
        return
    own = _own_labels(obj["metadata"]["uid"], obj["metadata"]["name"])
    selector = spec.get("selector") or {}
    wanted = f"{OF_ITSELF}controller-uid"
    spec["selector"] = {
        **selector,
        "matchLabels": {wanted: own[wanted], **(selector.get("matchLabels") or {})},
    }
    template = spec.setdefault("template", {})
    metadata = template["metadata"] = template.get("metadata") or {}
    labels = metadata["labels"] = metadata.get("labels") or {}
    # In place: the job's own labels are the same ones if it took them from here.
    labels.update({name: value for name, value in own.items() if name not in labels})
    if obj["metadata"].get("labels") is labels or not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = {**labels}


def _own_labels(uid: str, name: str) -> dict[str, str]:
    return {
        f"{OF_ITSELF}controller-uid": uid,
        f"{OF_ITSELF}job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }


def _default_cron_job(obj: RawObject) -> None:
    spec = _spec(obj)
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    default_template((spec.get("jobTemplate") or {}).get("spec") or {})


def _prepare_cron_job(obj: RawObject, _old: RawObject | None) -> None:
    prepare_template((_spec(obj).get("jobTemplate") or {}).get("spec") or {})


def _warn_of_cron_job(obj: RawObject, old: RawObject | None) -> list[str]:
    said = for_template("spec", "jobTemplate", "spec", "template")(obj, old)
    if old is not None and "TZ" in (_spec(obj).get("schedule") or ""):
        said.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return said


def _validate_job(obj: RawObject, old: RawObject | None) -> list[Cause]:
    """A change is looked at twice, as by Kubernetes: as a job and as a change."""
    spec, metadata = _spec(obj), obj["metadata"]
    causes = [*_generated_selector(obj), *_job_causes(spec, "spec"), *_selector(spec)]
    if spec.get("completionMode") == "Indexed" and spec.get("completions"):
        last = f"{metadata.get('name')}-{spec['completions'] - 1}"
        if label_errors(last):
            words = f"will not able to create pod with invalid DNS label: {last}"
            causes.append(invalid_value("metadata.name", metadata.get("name"), words))
    if old is not None:
        causes += [*_job_causes(spec, "spec"), *_selector(spec), *_changes(obj, old)]
    return causes


def _generated_selector(obj: RawObject) -> Iterator[Cause]:
    """That the job still selects its own pods."""
    spec, metadata = _spec(obj), obj["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    wanted = _own_labels(metadata.get("uid") or "", metadata.get("name") or "")
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    for name in ("controller-uid", "job-name", *(one for one in wanted if "/" in one)):
        field = f"spec.template.metadata.labels[{name}]"
        if name not in found:
            yield required(field, f"must be '{wanted[name]}'")
        elif found[name] != wanted[name]:
            yield invalid_value(field, found, f"must be '{wanted[name]}'")
    selector = spec["selector"]
    if not selector_causes(selector, "") and not from_object(selector).matches(wanted):
        yield invalid_value("spec.selector", selector, "`selector` not auto-generated")


def _selector(spec: RawObject) -> Iterator[Cause]:
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    elif causes := selector_causes(selector, "spec.selector"):
        yield from causes
        return
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selector is None or not from_object(selector).matches(labels or {}):
        words = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", labels, words)


def _changes(obj: RawObject, old: RawObject) -> Iterator[Cause]:
    spec, before = _spec(obj), _spec(old)
    after, count = spec.get("completions"), spec.get("parallelism")
    field, words = "spec.completions", "field is immutable"
    if spec.get("completionMode") != "Indexed":
        if after != before.get("completions"):
            yield invalid_value(field, after, words)
    elif after not in (None, before.get("completions"), count):
        tandem = "can only be modified in tandem with spec.parallelism"
        yield invalid_value(field, after, tandem)
    template = spec.get("template") or {}
    if template != _as_it_may_be(template, old):
        yield invalid_value("spec.template", template, words)
    for name in IMMUTABLE:
        if spec.get(name) != before.get(name):
            yield invalid_value(f"spec.{name}", spec.get(name), words)


def _as_it_may_be(template: RawObject, old: RawObject) -> RawObject:
    """The template as it was; where pods run is open until the job has begun."""
    before: RawObject = _spec(old).get("template") or {}
    has_begun = (old.get("status") or {}).get("startTime") is not None
    if not _spec(old).get("suspend") or has_begun:
        return before
    spec, metadata = {**(before.get("spec") or {})}, {**(before.get("metadata") or {})}
    now, now_metadata = template.get("spec") or {}, template.get("metadata") or {}
    for source, holder, names in (
        (now, spec, OPEN_WHILE_SUSPENDED),
        (now_metadata, metadata, ("labels", "annotations")),
    ):
        for name in names:
            holder.pop(name, None)
            if name in source:
                holder[name] = source[name]
    affinity = {**(spec.pop("affinity", None) or {})}
    affinity.pop("nodeAffinity", None)
    if (nodes := (now.get("affinity") or {}).get("nodeAffinity")) is not None:
        affinity["nodeAffinity"] = nodes
    if affinity or now.get("affinity") is not None:
        spec["affinity"] = affinity
    return {**before, "spec": spec, "metadata": metadata}


def _job_causes(spec: RawObject, path: str) -> Iterator[Cause]:
    for name in COUNTS:
        yield from not_negative(f"{path}.{name}", spec.get(name))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if (manager := spec.get("managedBy")) is not None:
        yield from domain_prefixed_path(f"{path}.managedBy", manager)
        if len(manager) > MANAGER_MAX:
            yield too_long(f"{path}.managedBy", MANAGER_MAX)
    yield from _mode(spec, path)
    template = spec.get("template") or {}
    yield from _failure_policy(spec, f"{path}.podFailurePolicy")
    yield from _success_policy(spec, f"{path}.successPolicy")
    replacement = spec.get("podReplacementPolicy")
    supported = REPLACEMENTS if spec.get("podFailurePolicy") is None else REPLACEMENTS[:1]
    if replacement is not None and replacement not in supported:
        yield unsupported(f"{path}.podReplacementPolicy", replacement, supported)
    yield from validate_template(template, f"{path}.template")
    field = f"{path}.template.spec.restartPolicy"
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy in (None, "", "Always"):
        yield required(field, 'valid values: "OnFailure", "Never"')
    elif policy not in ONCE:
        yield unsupported(field, policy, ONCE)
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        words = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid_value(field, policy, words)


def _mode(spec: RawObject, path: str) -> Iterator[Cause]:
    mode = spec.get("completionMode")
    if mode is not None and mode not in COMPLETION_MODES:
        yield unsupported(f"{path}.completionMode", mode, COMPLETION_MODES)
    if mode == "Indexed":
        yield from _indexed(spec, path)
    if mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                words = "requires indexed completion mode"
                yield invalid_value(f"{path}.{name}", spec[name], words)


def _indexed(spec: RawObject, path: str) -> Iterator[Cause]:
    count, at_once = spec.get("completions"), spec.get("parallelism") or 0
    failed = spec.get("maxFailedIndexes")
    if count is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if at_once > INDEXES_MAX:
        words = f"must be less than or equal to {INDEXES_MAX} when completion mode is Indexed"
        yield invalid_value(f"{path}.parallelism", at_once, words)
    field = f"{path}.maxFailedIndexes"
    if failed is not None and count is not None and failed > count:
        yield invalid_value(field, failed, "must be less than or equal to completions")
    if failed is not None and failed > INDEXES_MAX:
        yield invalid_value(field, failed, f"must be less than or equal to {INDEXES_MAX}")
    if (count or 0) <= INDEXES_SOFT_MAX or spec.get("backoffLimitPerIndex") is None:
        return
    if failed is None:
        words = f"must be specified when completions is above {INDEXES_SOFT_MAX}"
        yield required(field, words)
    words = (
        f"must be less than or equal to {INDEXES_AT_ONCE_MAX} when completions are above "
        f"{INDEXES_SOFT_MAX} and used with backoff limit per index"
    )
    if at_once > INDEXES_AT_ONCE_MAX:
        yield invalid_value(f"{path}.parallelism", at_once, words)
    if failed is not None and failed > INDEXES_AT_ONCE_MAX:
        yield invalid_value(field, failed, words)


def _listed(words: tuple[str, ...]) -> str:
    return f"valid values: [{' '.join(quote(word) for word in words)}]"


def _one_of_listed(field: str, value: str, words: tuple[str, ...]) -> Iterator[Cause]:
    if not value:
        yield required(field, _listed(words))
    elif value not in words:
        yield unsupported(field, value, words)


def _failure_policy(spec: RawObject, field: str) -> Iterator[Cause]:
    rules = (spec.get("podFailurePolicy") or {}).get("rules") or []
    if len(rules) > RULES_MAX:
        yield too_many(f"{field}.rules", len(rules), RULES_MAX)
    pod = (spec.get("template") or {}).get("spec") or {}
    lists = (pod.get("containers") or (), pod.get("initContainers") or ())
    containers = {container.get("name") or "" for some in lists for container in some}
    for position, rule in enumerate(rules):
        where = f"{field}.rules[{position}]"
        action = rule.get("action") or ""
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            words = "requires the backoffLimitPerIndex to be set"
            yield invalid_value(f"{where}.action", action, words)
        yield from _one_of_listed(f"{where}.action", action, ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            yield from _exit_codes(codes, f"{where}.onExitCodes", containers)
        for number, pattern in enumerate(conditions):
            at = f"{where}.onPodConditions[{number}]"
            name = pattern.get("type") or ""
            yield from named(f"{at}.type", name, qualified_name_errors(name))
            yield from _one_of_listed(f"{at}.status", pattern.get("status") or "", STATUSES)
        if (codes is not None) is bool(conditions):
            words = (
                "specifying both OnExitCodes and OnPodConditions is not supported"
                if conditions
                else "specifying one of OnExitCodes and OnPodConditions is required"
            )
            yield Cause("FieldValueInvalid", f"Invalid value: {words}", where)


def _exit_codes(codes: RawObject, field: str, containers: set[str]) -> Iterator[Cause]:
    operator, values = codes.get("operator") or "", codes.get("values") or []
    yield from _one_of_listed(f"{field}.operator", operator, EXIT_CODE_OPERATORS)
    if (name := codes.get("containerName")) is not None and name not in containers:
        words = "must be one of the container or initContainer names in the pod template"
        yield invalid_value(f"{field}.containerName", name, words)
    where = f"{field}.values"
    if not values:
        yield invalid_value(where, codes.get("values"), "at least one value is required")
    elif len(values) > EXIT_CODES_MAX:
        yield too_many(where, len(values), EXIT_CODES_MAX)
    for position, value in enumerate(values):
        if operator == "In" and value == 0:
            words = "must not be 0 for the In operator"
            yield invalid_value(f"{where}[{position}]", value, words)
        if value in values[:position]:
            yield duplicate(f"{where}[{position}]", value)
    if sorted(values) != values:
        yield invalid_value(where, values, "must be ordered")


def _success_policy(spec: RawObject, field: str) -> Iterator[Cause]:
    if (policy := spec.get("successPolicy")) is None:
        return
    if spec.get("completionMode") != "Indexed":
        yield invalid_value(field, policy, "requires indexed completion mode")
        return
    rules, count = policy.get("rules") or [], spec.get("completions") or 0
    if not rules:
        words = "at least one rules must be specified when the successPolicy is specified"
        yield required(f"{field}.rules", words)
    elif len(rules) > RULES_MAX:
        yield too_many(f"{field}.rules", len(rules), RULES_MAX)
    for position, rule in enumerate(rules):
        yield from _success_rule(rule, f"{field}.rules[{position}]", count)


def _success_rule(rule: RawObject, field: str, count: int) -> Iterator[Cause]:
    wanted, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if wanted is None and indexes is None:
        words = "at least one of succeededCount or succeededIndexes must be specified"
        yield required(field, words)
    total = 0
    if indexes is not None:
        try:
            total = _count_indexes(indexes, count)
        except ValueError as error:
            words = f"error parsing succeededIndexes: {error}"
            yield invalid_value(f"{field}.succeededIndexes", indexes, words)
    if wanted is None:
        return
    where = f"{field}.succeededCount"
    yield from not_negative(where, wanted)
    if wanted > count:
        words = f"must be less than or equal to {count} (the number of specified completions)"
        yield invalid_value(where, wanted, words)
    if indexes is not None and wanted > total:
        words = (
            f"must be less than or equal to {total} (the number of indexes in the specified "
            "succeededIndexes field)"
        )
        yield invalid_value(where, wanted, words)


def _count_indexes(text: str, count: int) -> int:
    """Of `0,2-4`. Raises ValueError in the words of Kubernetes."""
    total, before = 0, -1
    for part in text.split(",") if text else ():
        ends = part.split("-")
        if len(ends) > 2:
            words = "violates the requirement that an index interval can have at most two parts"
            raise ValueError(f"the fragment \"{part}\" {words} separated by '-'")
        numbers = [_index(end, count) for end in ends]
        if len(numbers) == 2 and numbers[0] >= numbers[1]:
            raise ValueError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
        if total and before >= numbers[0]:
            raise ValueError(f"non-increasing order, previous: {before}, current: {numbers[0]}")
        before = numbers[-1]
        total += numbers[-1] - numbers[0] + 1
    return total


def _index(text: str, count: int) -> int:
    if not text.isdecimal():
        raise ValueError(f'cannot convert string to integer for index: "{text}"')
    if int(text) >= count:
        raise ValueError(f'too large index: "{text}"')
    return int(text)


def _validate_cron_job(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec, before = _spec(obj), _spec(old or {})
    had_zone = "TZ" in (before.get("schedule") or "")
    schedule = spec.get("schedule") or ""
    causes = [*schedule_causes(schedule, "spec.schedule", may_name_zone=had_zone)]
    causes += not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if old is None or spec.get("timeZone") != before.get("timeZone"):
        causes += time_zone_causes(spec.get("timeZone"), "spec.timeZone")
    policy = spec.get("concurrencyPolicy")
    causes += one_of("spec.concurrencyPolicy", policy, CONCURRENCY_POLICIES)
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    causes += _job_causes(job, TEMPLATE)
    if (selector := job.get("selector")) is not None:
        words = "`selector` will be auto-generated"
        causes.append(invalid_value(f"{TEMPLATE}.selector", selector, words))
    if job.get("manualSelector"):
        causes.append(unsupported(f"{TEMPLATE}.manualSelector", True, ("nil", "false")))
    for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    name = obj["metadata"].get("name") or ""
    if old is None and len(name) > NAME_MAX:
        words = f"must be no more than {NAME_MAX} characters"
        causes.append(invalid_value("metadata.name", name, words))
    return causes


JOB = Behaviour(
    default=_default_job,
    prepare=_prepare_job,
    validate=_validate_job,
    warn=for_template("spec", "template"),
    counts_generations=True,
    orphans_dependents=True,
    warning_on_delete=(
        "child pods are preserved by default when jobs are deleted; set "
        "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
        "this warning"
    ),
)
CRON_JOB = Behaviour(
    default=_default_cron_job,
    prepare=_prepare_cron_job,
    validate=_validate_cron_job,
    warn=_warn_of_cron_job,
    counts_generations=True,
)
