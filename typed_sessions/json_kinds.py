"""What is, or becomes, an object or an array of JSON."""

from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

from typing_extensions import TypeIs

from typed_sessions.history import JsonObject


def is_object(value: object) -> TypeIs[JsonObject]:
    """Whether it is an object as `json.loads` gives it."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeIs[Mapping[Any, Any]]:
    """Whether Pydantic writes it as an object, and it is no model and no dataclass."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeIs[Collection[Any]]:
    """Whether Pydantic writes it as an array, item by item."""
    return isinstance(value, list | tuple | set | frozenset | deque)
