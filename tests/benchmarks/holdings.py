"""What objects of typed-sessions hold in memory: the sizes of the dicts, lists, sets and queues in them."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from typing import cast

PACKAGE = "typed_sessions"


def holdings(root: object) -> Mapping[str, int]:
    """How many things each kind of container holds, by the class and attribute that it hangs on."""
    sizes: Counter[str] = Counter()
    waiting, seen = [root], set[int]()
    while waiting:
        owner = waiting.pop()
        if id(owner) in seen:
            continue
        seen.add(id(owner))
        for name, value in _attributes(owner):
            contents = _contents(value)
            if contents is not None:
                sizes[f"{type(owner).__name__}.{name}"] += len(contents)
            waiting += [each for each in contents or [value] if _is_ours(each)]
    return dict(sizes)


def _contents(value: object) -> list[object] | None:
    """What a container has in it, the values of a dict; None if it is no container."""
    match value:
        case dict():
            return [*cast("dict[object, object]", value).values()]
        case list() | set() | frozenset() | deque():
            return [*cast("Collection[object]", value)]
        case _:
            return None


def _attributes(owner: object) -> Iterator[tuple[str, object]]:
    yield from getattr(owner, "__dict__", {}).items()
    for kind in type(owner).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(owner, name):
                yield name, getattr(owner, name)


def _is_ours(value: object) -> bool:
    # Classes are declared once; what they hold is not held by a store.
    return type(value).__module__.startswith(PACKAGE) and not isinstance(value, type)
