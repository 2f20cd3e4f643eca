"""What a store does with Redis. Written once with `async`; over a wire for threads nothing is waited for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Outcome
from typed_sessions.stores.redis.library import RedisError, errors
from typed_sessions.stores.redis.loading import answered, distinct, load_command, values_in
from typed_sessions.stores.redis.names import Names, slot_of
from typed_sessions.stores.redis.saving import Unit, said, save_command, slot_of_unit
from typed_sessions.stores.redis.translate import translated, translating
from typed_sessions.stores.redis.wires import Wire, ask

T = TypeVar("T")
Question: TypeAlias = Sequence[SessionKey]

AT_ONCE = 500
"""Names in one command, at most."""


class Operations:
    """Loads and saves.

    Args:
        wire: the way to Redis.
        names: what sessions are called there.
        grace: seconds for which a session is kept after it has expired.

    Raises:
        SessionDefinitionError: the grace is negative.
    """

    def __init__(self, wire: Wire, names: Names, grace: float) -> None:
        if grace < 0:
            raise SessionDefinitionError("grace is a number of seconds, 0 or more: less would delete what is alive")
        self.wire = wire
        self.names = names
        self.grace = grace

    async def load(self, questions: Sequence[Question]) -> Sequence[Mapping[SessionKey, Record] | Exception]:
        """The records that each question asked for, of those keys that have one; or what became of it instead."""
        keys = distinct(questions)
        values: dict[SessionKey, bytes | Exception | None] = {}
        portions = list(self._portions(keys))
        commands = [load_command([self.names.session(key) for key in some]) for some in portions]
        with translating():
            replies = await ask(self.wire, commands)
        for some, reply in zip(portions, replies, strict=True):
            if isinstance(reply, Exception):
                values.update(dict.fromkeys(some, _told(reply)))
            else:
                values.update(zip(some, values_in(reply, len(some)), strict=True))
        return list(answered(questions, values))

    def _portions(self, keys: Sequence[SessionKey]) -> Iterable[Sequence[SessionKey]]:
        """Keys that can be read by one command."""
        for some in self._by_slot(keys):
            for start in range(0, len(some), AT_ONCE):
                yield some[start : start + AT_ONCE]

    def _by_slot(self, keys: Sequence[SessionKey]) -> Iterable[Sequence[SessionKey]]:
        if not self.wire.is_cluster:
            return [keys]
        slots: dict[int, list[SessionKey]] = {}
        for key in keys:
            slots.setdefault(slot_of(self.names.session(key)), []).append(key)
        return slots.values()

    def check(self, unit: Unit) -> None:
        """Refuse a save that Redis cannot make.

        Raises:
            SessionDefinitionError: on a cluster, its sessions lie in several slots.
        """
        if self.wire.is_cluster and unit:
            slot_of_unit(unit, self.names)

    async def save(self, units: Sequence[Unit]) -> Sequence[Sequence[Outcome] | Exception]:
        """Make each unit or none of it. What cannot be made is an error of those who wanted it."""
        places = self._units_by_slot(units)
        commands = [save_command([units[place] for place in some], self.names, self.grace) for some in places]
        with translating():
            replies = await ask(self.wire, commands)
        answers: list[Sequence[Outcome] | Exception] = [[] for _ in units]
        for some, reply in zip(places, replies, strict=True):
            unit_answers = (
                [_told(reply)] * len(some)
                if isinstance(reply, Exception)
                else said([units[place] for place in some], reply)
            )
            for place, answer in zip(some, unit_answers, strict=True):
                answers[place] = answer
        return answers

    def _units_by_slot(self, units: Sequence[Unit]) -> Sequence[Sequence[int]]:
        if not self.wire.is_cluster:
            return [range(len(units))]
        slots: dict[int, list[int]] = {}
        for place, unit in enumerate(units):
            slots.setdefault(slot_of_unit(unit, self.names), []).append(place)
        return list(slots.values())


def _told(reply: Exception) -> Exception:
    is_of_redis = isinstance(reply, RedisError | errors.RedisClusterException | OSError)
    told = translated(reply) if is_of_redis else reply
    if told is not reply:
        told.__cause__ = reply
    return told


def raised(answer: T | Exception) -> T:
    """The answer, or raise the error that it is."""
    if isinstance(answer, Exception):
        raise answer
    return answer
