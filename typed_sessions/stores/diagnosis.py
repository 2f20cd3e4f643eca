"""What a store can tell of its own health, for `typed-sessions doctor`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from typed_sessions.clock import Clock

Level: TypeAlias = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """What: `connection`, `layout`, `clock`, `indexes`, …"""
    level: Level
    text: str
    """What was seen, in a sentence. No password and no stored data."""
    command: str | None = None
    """What mends it, to be copied into a terminal or the database's own client."""


@runtime_checkable
class Diagnosable(Protocol):
    """A store that can look at itself."""

    async def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        """Look at the connection, the layout and whatever else matters to this kind of store. Changes nothing.

        A place that does not answer is a finding, not an error.
        """
        ...
