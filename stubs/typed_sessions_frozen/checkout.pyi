"""Frozen shapes of the session "checkout". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import NotRequired, TypedDict

from typed_sessions import History


class V1Delivery(TypedDict, closed=True):
    address: NotRequired[str]
    time: NotRequired[str]


class V1(TypedDict, closed=True):
    state: str | None
    data: V1Delivery


class Upcasts(History, ABC):
    """The steps of "checkout" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'checkout'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 1
    min_reader: ClassVar[Mapping[int, int]] = {1: 1}
    shapes: ClassVar[Mapping[int, type]] = {1: V1}
