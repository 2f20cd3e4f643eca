"""Frozen shapes of the session "quiz_game". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import TypedDict

from typed_sessions import History


class V1(TypedDict, closed=True):
    number: int
    position: int | None
    answers: dict[str, int]
    names: dict[str, str]
    scores: dict[str, int]


class V2Standing(TypedDict, closed=True):
    name: str
    points: int


class V2(TypedDict, closed=True):
    number: int
    position: int | None
    answers: dict[str, int]
    players: dict[str, V2Standing]


class Upcasts(History, ABC):
    """The steps of "quiz_game" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'quiz_game'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 2
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2}

    @staticmethod
    @abstractmethod
    def v1_to_v2(old: V1, /) -> V2: ...
