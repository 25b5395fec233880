"""News of what has been stored, for pages that are open: a topic, and who waits for it.

A topic says that something changed, never what; who hears it reads again, with their own rights.
`publish` is called on the loop, after the commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from towpath.records.contract import Viewer

Hear = Callable[[], None]
"""Called on the loop; must return at once."""

_EVERYWHERE = "*"


class Changes:
    def __init__(self) -> None:
        self._hearing: dict[str, list[Hear]] = {}

    def publish(self, noun: str, of: str) -> None:
        """Something of `noun` changed for `of`: a project, or a person."""
        for topic in (f"{noun}/{of}", f"{noun}/{_EVERYWHERE}"):
            for hear in tuple(self._hearing.get(topic, ())):
                hear()

    @contextmanager
    def of_person(self, noun: str, person: str, hear: Hear) -> Iterator[None]:
        """While entered, call `hear` whenever something of that noun changes for that person."""
        with self._told((f"{noun}/{person}",), hear):
            yield

    @contextmanager
    def of_projects(self, noun: str, viewer: Viewer, hear: Hear) -> Iterator[None]:
        """The same for all projects that the viewer may see, and for what belongs to nobody."""
        names = (_EVERYWHERE,) if viewer.projects is None else ("", *sorted(viewer.projects))
        with self._told(tuple(f"{noun}/{name}" for name in names), hear):
            yield

    @contextmanager
    def _told(self, topics: tuple[str, ...], hear: Hear) -> Iterator[None]:
        for topic in topics:
            self._hearing.setdefault(topic, []).append(hear)
        try:
            yield
        finally:
            for topic in topics:
                hearing = self._hearing[topic]
                hearing.remove(hear)
                if not hearing:
                    del self._hearing[topic]
