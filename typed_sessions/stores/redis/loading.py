"""Loads as commands, and the records in what Redis says to them.

Many names are read by one MGET, at one moment. To it a value of another type is as good as none, so EXISTS comes along
and counts them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.redis.commands import Command
from typed_sessions.stores.redis.values import record_of

Question: TypeAlias = Sequence[SessionKey]
Value: TypeAlias = bytes | Exception | None

AT_ONCE: Final = 500
"""Names in one command, unless a single question has more."""


def get(name: bytes) -> Command:
    """The command that reads one value, and says if it is of another type."""
    return [b"GET", name]


def load_commands(names: Sequence[bytes]) -> list[Command]:
    """The commands that read all of them as they are at one moment."""
    return [[b"MGET", *names], [b"EXISTS", *names]] if len(names) > 1 else [get(*names)]


def values_in(replies: Iterator[Any], count: int) -> tuple[list[Value], bool]:
    """The values of so many names, in the order in which they were asked for; and whether all that is there is read.

    Args:
        replies: to `load_commands`, of which as many are taken as belong to it.
        count: of the names.
    """
    values = next(replies)
    if count == 1:
        return [values], True
    existing = next(replies)
    for reply in (values, existing):
        if isinstance(reply, Exception):
            return [reply] * count, True
    return values, existing == count - values.count(None)


def runs_of(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    """The questions, cut where a command would become too long. Never within one: it is about one moment."""
    start = size = 0
    for end, question in enumerate(questions):
        if size and size + len(question) > AT_ONCE:
            yield questions[start:end]
            start, size = end, 0
        size += len(question)
    yield questions[start:]


def answered(
    questions: Sequence[Question], values: Mapping[SessionKey, Value]
) -> Iterator[Mapping[SessionKey, Record] | Exception]:
    """The answer to each question. What cannot be read is an error of those who asked for it."""
    for question in questions:
        try:
            yield {key: record for key in question if (record := _record(values[key])) is not None}
        except Exception as error:  # noqa: BLE001 # whoever asked gets it raised
            yield error


def distinct(questions: Sequence[Question]) -> list[SessionKey]:
    """Each key once."""
    return list(dict.fromkeys(chain.from_iterable(questions)))


def _record(value: Value) -> Record | None:
    if value is None:
        return None
    if isinstance(value, Exception):
        raise value
    return record_of(value)
