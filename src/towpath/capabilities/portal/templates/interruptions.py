"""What somebody who waits hears when the platform goes away meanwhile: once that it did, once that
it is back, however many watches that concerns."""

from collections.abc import Callable

from towpath.machinery.kinds import Resource


class ToldOnce:
    """runtime.informer.Line for a terminal."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        """`what` is followed: it is named in the sentence."""
        self._say = say
        self._what = what
        self._broken = False

    def interrupted(self, resource: Resource, error: Exception) -> None:
        if self._broken:
            return
        self._broken = True
        self._say(
            "The connection to the platform is interrupted. Trying again; nothing is heard of "
            f"{self._what} until it is back."
        )
        self._say("Is the platform running? `towpath status` tells; if not, start it again.")

    def restored(self, resource: Resource) -> None:
        if self._broken:
            self._broken = False
            self._say("Connected again.")
