"""Frozen shapes of the session "stac_item". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from typing_extensions import NotRequired, TypedDict

from typed_sessions import History


class V1Asset(TypedDict):
    href: str
    title: NotRequired[str | None]
    type: NotRequired[str | None]


class V1Link(TypedDict):
    rel: str
    href: str
    type: NotRequired[str | None]
    title: NotRequired[str | None]


class V1(TypedDict):
    type: Literal['Feature']
    stac_version: str  # like "^0\\.8\\.[0-9]+$"
    stac_extensions: NotRequired[list[str] | None]
    id: str
    geometry: dict[str, Any] | None
    bbox: NotRequired[list[float] | None]
    properties: dict[str, Any]
    links: list[V1Link]
    assets: dict[str, V1Asset]
    collection: NotRequired[str | None]


class V2Asset(TypedDict):
    href: str
    title: NotRequired[str | None]
    type: NotRequired[str | None]
    roles: NotRequired[list[str] | None]


class V2(TypedDict):
    type: Literal['Feature']
    stac_version: str  # like "^0\\.9\\.[0-9]+$"
    stac_extensions: NotRequired[list[str] | None]
    id: str
    geometry: dict[str, Any] | None
    bbox: NotRequired[list[float] | None]
    properties: dict[str, Any]
    links: list[V1Link]
    assets: dict[str, V2Asset]
    collection: NotRequired[str | None]


class V3(TypedDict):
    type: Literal['Feature']
    stac_version: str  # like "^1\\.0\\.[0-9]+(-.+)?$"
    stac_extensions: list[str]
    id: str
    geometry: dict[str, Any] | None
    bbox: NotRequired[list[float] | None]
    properties: dict[str, Any]
    links: list[V1Link]
    assets: dict[str, V2Asset]
    collection: NotRequired[str | None]


class V4(TypedDict):
    type: Literal['Feature']
    stac_version: str  # like "^1\\.1\\.[0-9]+$"
    stac_extensions: list[str]
    id: str
    geometry: dict[str, Any] | None
    bbox: NotRequired[list[float] | None]
    properties: dict[str, Any]
    links: list[V1Link]
    assets: dict[str, V2Asset]
    collection: NotRequired[str | None]


class Upcasts(History, ABC):
    """The steps of "stac_item" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'stac_item'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 4
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2, 3: 3, 4: 4}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2, 3: V3, 4: V4}

    @staticmethod
    @abstractmethod
    def v1_to_v2(old: V1, /) -> V2: ...

    @staticmethod
    @abstractmethod
    def v2_to_v3(old: V2, /) -> V3: ...

    @staticmethod
    @abstractmethod
    def v3_to_v4(old: V3, /) -> V4: ...
