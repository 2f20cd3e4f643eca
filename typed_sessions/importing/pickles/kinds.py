"""What kind of plain value it is, for type checkers too; `json_kinds` is out of reach here."""

from typing import TypeGuard


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return isinstance(value, dict)


def is_row(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, list | tuple)


def is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple)


def is_set(value: object) -> TypeGuard[set[object] | frozenset[object]]:
    return isinstance(value, set | frozenset)
