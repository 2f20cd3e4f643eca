"""Frozen shapes of the session "reminders". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import TypedDict

from typed_sessions import History


class V1Reminder(TypedDict, closed=True):
    text: str
    due: str  # date-time; of time zone "naive"


class V1(TypedDict, closed=True):
    waiting: list[V1Reminder]


class V2Reminder(TypedDict, closed=True):
    number: int
    text: str
    due: str  # date-time; of time zone "aware"


class V2(TypedDict, closed=True):
    last_number: int
    waiting: list[V2Reminder]


class Upcasts(History, ABC):
    """The steps of "reminders" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'reminders'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 2
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2}

    @staticmethod
    @abstractmethod
    def v1_to_v2(old: V1, /) -> V2: ...
