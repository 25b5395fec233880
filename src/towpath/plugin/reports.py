"""What is told of a plug-in: how it is, what it adds, and what went wrong with it."""

from dataclasses import dataclass
from enum import StrEnum


class Condition(StrEnum):
    STARTING = "Starting"
    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
    """It runs, and something went wrong in the last hour."""
    FAILED = "Failed"
    """It does not run just now."""
    SWITCHED_OFF = "Switched off"


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that went wrong, however often. Nothing in it comes from a visitor's data."""

    what: str
    where: str
    count: int
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class PluginReport:
    name: str
    package: str
    version: str
    summary: str
    condition: Condition
    sentence: str
    """What is so just now, "" when there is nothing to say."""
    adds: tuple[str, ...]
    """Each thing that it adds, in words: `Tab: On call`."""
    incidents: tuple[Incident, ...]
    """The newest first."""
    switch_off: str
    """The command that starts the platform without it."""
    uninstall: str
    log: str
    """Where what it prints is written to, in the data directory."""
