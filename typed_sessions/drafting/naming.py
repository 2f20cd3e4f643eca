"""Names for what a draft introduces: loop variables and functions."""

import builtins
import keyword
from collections.abc import Collection, Sequence
from typing import Final

_IRREGULAR: Final = {"children": "child", "people": "person"}
_BUILTINS: Final = frozenset(dir(builtins))


def free_name(wished: str, taken: Collection[str]) -> str:
    """A name that is not taken and hides nothing: the wished one, or with a number."""
    name = wished if wished.isidentifier() and not keyword.iskeyword(wished) else "item"
    number, found = 1, name
    while found in taken or found in _BUILTINS:
        number += 1
        found = f"{name}{number}"
    return found


def singular(value: str) -> str:
    """A name for one of `old["lines"]`: `line`."""
    name = value.rpartition("[")[2].strip("]\"'")
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 1 else "item"


def snake(name: str) -> str:
    """The name of the function that makes a class: `order_line` of `OrderLine`."""
    parts: Sequence[str] = [f"_{each.lower()}" if each.isupper() else each for each in name]
    return "".join(parts).lstrip("_")
