"""What makes the new data of a stored session: the model of today, or the frozen steps alone."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from typed_sessions.codec import Codec
from typed_sessions.errors import (
    FieldProblem,
    SessionDefinitionError,
    TooOldVersionError,
    UpcastError,
    described,
)
from typed_sessions.history import History, Step
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.problems import problems_among, property_names
from typed_sessions.record import Record
from typed_sessions.upcast import upcast

_STEP = re.compile(r"v[1-9][0-9]*_to_v([1-9][0-9]*)\Z")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Carries sessions of the model named `model` to `version`.

    `convert` gives the bytes to store for an older record. It raises a `TypedSessionsError` for one that cannot be
    carried.
    """

    model: str
    version: int
    min_reader: int
    convert: Callable[[SessionKey, Record], bytes]


def to_head(model: type[SessionModel], limits: Limits) -> Conversion:
    """To the version of today, through the model: the same bytes as a turn would write."""
    codec = Codec(model, limits)
    _check(codec.config.steps)
    return Conversion(codec.config.name, codec.config.version, codec.config.min_reader, codec.carried)


def by_steps(name: str, history: History, to: int, *, min_reader: int | None = None) -> Conversion:
    """To any version that the history reaches, by its steps alone: no class of today has a say in it.

    The result is validated against the frozen shape of that version, if there is one.

    Raises:
        SessionDefinitionError: the history is incomplete, or does not reach that version.
    """
    steps, oldest = [step for step in history.chain(head_of(history)) if step.source < to], history.oldest
    if not oldest <= to <= head_of(history):
        raise SessionDefinitionError(
            f"the history of {name!r} reaches from version {oldest} to {head_of(history)}, not to {to}; "
            f"upcast to one of these"
        )
    _check(steps)
    shape = Shape(history.shapes[to]) if to in history.shapes else None

    def convert(key: SessionKey, record: Record) -> bytes:
        if record.version < oldest:
            raise TooOldVersionError(key, stored=record.version, oldest=oldest)
        data = upcast(key, record, steps[record.version - oldest :])
        problems = shape.problems(data) if shape is not None else []
        if problems:
            problem = f"the result has not the frozen shape of version {to}: {described(problems)}"
            raise UpcastError(key, steps[-1].name, problem)
        return data

    return Conversion(name, to, min_reader or history.min_reader.get(to, to), convert)


def head_of(history: History) -> int:
    """The version that a history leads to."""
    ends = (int(found[1]) for found in map(_STEP.match, dir(history)) if found)
    return history.head or max(ends, default=history.oldest)


class Shape:
    """A frozen shape, to validate against."""

    def __init__(self, shape: type) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def problems(self, data: bytes) -> list[FieldProblem]:
        """What is wrong with the JSON of a session, told without the data."""
        try:
            self._adapter.validate_json(data, strict=True)
        except ValidationError as error:
            return problems_among(error, property_names(self._adapter.json_schema()))
        return []


def _check(steps: Sequence[Step]) -> None:
    """Refuse steps that are declared but not written, which tools tolerate."""
    missing = [step.name for step in steps if getattr(step.upcast, "__isabstractmethod__", False)]
    if missing:
        raise SessionDefinitionError(f"{', '.join(missing)} is not written yet; write it, and run this again")
