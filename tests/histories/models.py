"""The session models that the programs work on. All their data is lists of tokens, which only ever grow."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from pydantic import BaseModel
from pydantic_core import from_json

from typed_sessions import SessionConfig, SessionGroup, SessionModel

LIFETIME = timedelta(milliseconds=60)
SLOTS = 64
"""Clocks that never show the same microsecond, one for each `Sessions`."""

_ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Deep(BaseModel):
    tokens: list[str] = []


class Lists(SessionModel):
    """`count` is the length of `left`, and changes with it."""

    left: list[str] = []
    right: list[str] = []
    deep: Deep = Deep()
    pair: list[str] = []
    count: int = 0

    def append(self, field: str, token: str) -> None:
        if field == "deep":
            self.deep.tokens.append(token)
        else:
            getattr(self, field).append(token)
        self.count += field == "left"


class Basket(Lists):
    session_config = SessionConfig(name="basket")


class Brief(Lists):
    """Expires soon."""

    session_config = SessionConfig(name="brief", ttl=LIFETIME)


class One(Lists):
    """A twin. Twins get the same tokens in `pair`, and are never deleted or moved."""

    session_config = SessionConfig(name="one")


class Two(Lists):
    session_config = SessionConfig(name="two")


class Twins(SessionGroup):
    one: One
    two: Two


MODELS: Mapping[str, type[Lists]] = {model.session_config.name: model for model in (Basket, Brief, One, Two)}
Field: TypeAlias = Literal["left", "right", "deep"]
FIELDS: tuple[Field, ...] = ("left", "right", "deep")


def lists_of(data: bytes) -> tuple[dict[str, list[str]], int]:
    """The lists in stored data, and the count."""
    stored = from_json(data)
    return {"deep": stored["deep"]["tokens"], **{name: stored[name] for name in ("left", "right", "pair")}}, stored[
        "count"
    ]


class SlottedClock:
    """The monotonic clock of the machine as a date, the same in all processes.

    It shows only microseconds of its own slot: what is made by different `Sessions` never has the same `created_at`,
    which therefore tells sessions apart wherever they are moved.
    """

    def __init__(self, slot: int) -> None:
        self._slot = slot % SLOTS

    def __call__(self) -> datetime:
        microseconds = time.monotonic_ns() // 1000 // SLOTS * SLOTS + self._slot
        return _ORIGIN + microseconds * _MICROSECOND


def nanoseconds(moment: datetime) -> int:
    """What `time.monotonic_ns` shows at this moment of a `SlottedClock`."""
    return (moment - _ORIGIN) // _MICROSECOND * 1000
