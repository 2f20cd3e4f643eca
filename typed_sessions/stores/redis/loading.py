"""Loads as one command, and the records in what Redis says to it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.redis.commands import Command, called
from typed_sessions.stores.redis.scripts import LOAD
from typed_sessions.stores.redis.values import foreign, record_of

Found: TypeAlias = dict[SessionKey, Record]


def load_command(names: Sequence[bytes]) -> Command:
    """The command that reads all of them as they are at one moment."""
    return called(LOAD, names) if len(names) > 1 else [b"GET", *names]


def values_in(reply: Any, count: int) -> Sequence[bytes | Exception | None]:  # noqa: ANN401 # of one of two commands
    """The values of so many names, in the order in which they were asked for; None where there is none."""
    return _values(reply) if count > 1 else [reply]


def _values(reply: bytes) -> Sequence[bytes | Exception | None]:
    start = reply.index(b"\n") + 1
    values: list[bytes | Exception | None] = []
    for size in reply[: start - 1].split(b" "):
        if size == b"-":
            values.append(None)
        elif size == b"!":
            values.append(foreign())
        else:
            end = start + int(size)
            values.append(reply[start:end])
            start = end
    return values


def answered(
    questions: Sequence[Sequence[SessionKey]], values: Mapping[SessionKey, bytes | Exception | None]
) -> Iterator[Mapping[SessionKey, Record] | Exception]:
    """The answer to each question. What cannot be read is an error of those who asked for it."""
    for question in questions:
        try:
            yield {key: record for key in question if (record := _record(values[key])) is not None}
        except Exception as error:  # noqa: BLE001 # whoever asked gets it raised
            yield error


def distinct(questions: Sequence[Sequence[SessionKey]]) -> list[SessionKey]:
    """Each key once."""
    return list(dict.fromkeys(chain.from_iterable(questions)))


def _record(value: bytes | Exception | None) -> Record | None:
    if value is None:
        return None
    if isinstance(value, Exception):
        raise value
    return record_of(value)
