"""How a reconciler says that it is not done. Any other exception means: retry with backoff."""


class Waiting(Exception):
    """A known delay: nothing is wrong; look again after `after_s` seconds or at the next change."""

    def __init__(self, reason: str, message: str, *, after_s: float = 30.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.after_s = after_s


class Stalled(Exception):
    """A human must change something first; no retry until the object changes.

    `reason` is CamelCase for machines; `message` is one sentence for the user: what is wrong and
    what to do about it.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
