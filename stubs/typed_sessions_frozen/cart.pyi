"""Frozen shapes of the session "cart". Written by `typed-sessions revision`; do not edit."""

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
    items: list[str]
    user: str


class V2(TypedDict, closed=True):
    items: list[str]
    customer_id: int | None
    currency: str


class V3Line(TypedDict, closed=True):
    sku: str
    qty: int  # >= 1


class V3(TypedDict, closed=True):
    lines: list[V3Line]
    customer_id: int | None
    currency: str


class Upcasts(History, ABC):
    """The steps of "cart" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'cart'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 3
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2, 3: 3}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2, 3: V3}

    @staticmethod
    @abstractmethod
    def v1_to_v2(old: V1, /) -> V2: ...

    @staticmethod
    @abstractmethod
    def v2_to_v3(old: V2, /) -> V3: ...
