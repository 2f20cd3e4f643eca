"""Saves as one command, and what Redis says to it."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from typed_sessions.errors import SessionDefinitionError, StoreUnavailableError
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Touch, Update, keys_of
from typed_sessions.stores.redis.commands import Command, called
from typed_sessions.stores.redis.names import Names, slot_of
from typed_sessions.stores.redis.scripts import SAVE
from typed_sessions.stores.redis.values import NOTHING, expiry, foreign, life, value_of

Unit: TypeAlias = Sequence[Change]
"""Changes that are made all or none."""

FIRST_VALUE: Final = 3
"""Where the values begin in ARGV, which Lua counts from 1."""
OUTCOMES: Final = {ord("S"): Outcome.SAVED, ord("C"): Outcome.CONFLICT, ord("G"): Outcome.GONE}


class _Plan:
    """Units as arguments of the script: `kind key expected other life`, a unit ended by `;`, a change by `,`."""

    def __init__(self, names: Names, grace: float) -> None:
        self._names = names
        self._grace = grace
        self.places: dict[bytes, int] = {}
        self.values: list[bytes] = []

    def unit(self, unit: Unit) -> str:
        return ",".join(map(self._change, unit)) + ";"

    def _change(self, change: Change) -> str:
        key = self._place(self._names.session(change.key))
        match change:
            case Update(_, expected, record):
                return f"U {key} {expected} {self._value(value_of(record))} {life(record, self._grace)}"
            case Insert(_, record):
                return f"I {key} {NOTHING} {self._value(value_of(record))} {life(record, self._grace)}"
            case Touch(_, expected, expires_at):
                return f"T {key} {expected} 0 {expiry(expires_at)}"
            case Move(_, expected, to):
                return f"M {key} {expected} {self._place(self._names.session(to))} {NOTHING}"
            case Delete(_, expected):
                return f"D {key} {NOTHING if expected is None else expected} 0 {NOTHING}"

    def _place(self, name: bytes) -> int:
        return self.places.setdefault(name, len(self.places) + 1)

    def _value(self, value: bytes) -> int:
        self.values.append(value)
        return len(self.values) + FIRST_VALUE - 1


def save_command(units: Sequence[Unit], names: Names, grace: float) -> Command:
    """The command that makes each unit or none of it.

    Args:
        units: what to do.
        names: what sessions are called.
        grace: seconds for which a session is kept after it has expired.
    """
    plan = _Plan(names, grace)
    text = "".join(map(plan.unit, units)).encode()
    return called(SAVE, list(plan.places), text, b"%d" % round(grace * 1000), *plan.values)


def said(units: Sequence[Unit], reply: bytes) -> list[Sequence[Outcome] | Exception]:
    """The outcomes of each unit, in order; an error where there was something that is no session."""
    answers: list[Sequence[Outcome] | Exception] = []
    start = 0
    for unit in units:
        letters = reply[start : start + len(unit)]
        start += len(unit)
        answers.append(foreign() if b"X" in letters else [OUTCOMES[letter] for letter in letters])
    if start != len(reply):
        raise StoreUnavailableError("Redis gave another answer than RedisStore asked for; is there a proxy before it?")
    return answers


def slot_of_unit(unit: Unit, names: Names) -> int:
    """The slot in which all sessions of a save lie.

    Raises:
        SessionDefinitionError: they lie in several, where Redis Cluster can save no two together.
    """
    slots = {slot_of(names.session(key)) for key in keys_of(unit)}
    if len(slots) > 1:
        raise SessionDefinitionError(
            "these sessions lie in several slots of the Redis Cluster, where they cannot be saved, moved or deleted "
            "together; nothing was sent. Give RedisStore the slot_part= that they have in common (the number of a part "
            'of their keys), or a namespace in braces (namespace="{sessions}"), which puts all into one slot'
        )
    return slots.pop()
