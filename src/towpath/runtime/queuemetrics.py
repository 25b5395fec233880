"""What the queues of controllers do, in the names that controllers of Kubernetes tell it by."""

from collections.abc import Callable, Iterator, Mapping

from towpath.runtime.workqueue import WorkQueue


def queue_lines(queues: Mapping[str, WorkQueue]) -> list[str]:
    """Lines of Prometheus' text format, by the name of the controller."""
    return list(_lines(dict(sorted(queues.items()))))


def _lines(queues: Mapping[str, WorkQueue]) -> Iterator[str]:
    for name, kind, value in _COUNTED:
        yield f"# TYPE workqueue_{name} {kind}"
        for controller, queue in queues.items():
            yield f'workqueue_{name}{{name="{controller}"}} {value(queue)}'
    for name in ("queue", "work"):
        told = f"workqueue_{name}_duration_seconds"
        yield f"# TYPE {told} histogram"
        for controller, queue in queues.items():
            durations = queue.waited if name == "queue" else queue.worked
            yield from durations.lines(told, f'name="{controller}"')


_COUNTED: tuple[tuple[str, str, Callable[[WorkQueue], float]], ...] = (
    ("adds_total", "counter", lambda queue: queue.adds),
    ("depth", "gauge", lambda queue: queue.depth),
    ("retries_total", "counter", lambda queue: queue.retries),
    ("unfinished_work_seconds", "gauge", lambda queue: sum(queue.unfinished_s())),
    (
        "longest_running_processor_seconds",
        "gauge",
        lambda queue: max(queue.unfinished_s(), default=0.0),
    ),
)
