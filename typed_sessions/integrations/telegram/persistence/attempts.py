"""Writes of which nobody knows whether the store has them, and what a live object then agrees with. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime

from typed_sessions.codec import Form as Written
from typed_sessions.record import Record


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write that failed, so that nobody knows whether the store has it.

    `sent` is `mine`, with what others saved. `at` is the time that was written with it. By that it is told from the
    same change of another process, because two that count from 5 both arrive at 6.
    """

    mine: bytes
    sent: bytes
    written: Written
    at: datetime | None


def based_on(mine: bytes, written: Written, stored: Record) -> Record:
    """The record that a live object agrees with if it holds `mine` and the store something else.

    Its revision is not that of the store, so the next write meets what is there, and merges.
    """
    return replace(
        stored, data=mine, version=written.version, min_reader=written.min_reader, revision=stored.revision - 1
    )
