"""Fields that a document may leave out."""

from typing import Annotated, TypeAlias, TypeVar

from pydantic import Field

T = TypeVar("T")


def is_none(value: object) -> bool:
    return value is None


Maybe: TypeAlias = Annotated[T | None, Field(exclude_if=is_none)]
"""None means that the key is not there, and none is stored: documents stay as they were written."""
