"""Frozen shapes of the session "reminder_draft". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import TypedDict

from typed_sessions import History


class V1(TypedDict, closed=True):
    text: str | None


class Upcasts(History, ABC):
    """The steps of "reminder_draft" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'reminder_draft'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 1
    min_reader: ClassVar[Mapping[int, int]] = {1: 1}
    shapes: ClassVar[Mapping[int, type]] = {1: V1}
