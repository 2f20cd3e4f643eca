"""What a store does with Redis. Written once with `async`; over a wire for threads nothing is waited for."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypeVar

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Outcome
from typed_sessions.stores.redis.library import RedisError, errors
from typed_sessions.stores.redis.loading import (
    Question,
    Value,
    answered,
    distinct,
    get,
    load_commands,
    runs_of,
    values_in,
)
from typed_sessions.stores.redis.names import Names, slot_of
from typed_sessions.stores.redis.saving import Unit, said, save_command, slot_of_unit
from typed_sessions.stores.redis.translate import translated, translating
from typed_sessions.stores.redis.wires import Wire, ask

T = TypeVar("T")


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
        runs = list(runs_of(questions))
        portions = [self._by_slot(distinct(run)) for run in runs]
        with translating():
            values = iter(await self._values(list(chain.from_iterable(portions))))
        answers: list[Mapping[SessionKey, Record] | Exception] = []
        for run, some in zip(runs, portions, strict=True):
            answers += answered(
                run, {key: value for keys in some for key, value in zip(keys, next(values), strict=True)}
            )
        return answers

    async def _values(self, portions: Sequence[Sequence[SessionKey]]) -> Sequence[Sequence[Value]]:
        """The values of each portion, as they are at one moment."""
        names = [[self.names.session(key) for key in keys] for keys in portions]
        replies = iter(await ask(self.wire, list(chain.from_iterable(map(load_commands, names)))))
        values: list[list[Value]] = []
        for some in names:
            found, is_all = values_in(replies, len(some))
            values.append(found if is_all else await self._with_reasons(some, found))
        return [[_told(value) if isinstance(value, Exception) else value for value in some] for some in values]

    async def _with_reasons(self, names: Sequence[bytes], values: Sequence[Value]) -> list[Value]:
        """The same with an error where there is something of another type. What came since is not part of it."""
        absent = [name for name, value in zip(names, values, strict=True) if value is None]
        replies = dict(zip(absent, await ask(self.wire, list(map(get, absent))), strict=True))
        errors_of = {name: reply for name, reply in replies.items() if isinstance(reply, Exception)}
        return [errors_of.get(name, value) for name, value in zip(names, values, strict=True)]

    def _by_slot(self, keys: Sequence[SessionKey]) -> Sequence[Sequence[SessionKey]]:
        """Keys that can be read by one command."""
        if not self.wire.is_cluster:
            return [keys] if keys else []
        slots: dict[int, list[SessionKey]] = {}
        for key in keys:
            slots.setdefault(slot_of(self.names.session(key)), []).append(key)
        return list(slots.values())

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
