"""What a pickle wanted to make, noted down instead of made."""

import pickle  # the class below replaces all that is dangerous in it
from collections.abc import Iterable
from typing import ClassVar, Final, Self, TypeGuard

GETATTR: Final = frozenset({"__builtin__.getattr", "builtins.getattr"})
NAME_OF_BOT: Final = "replaced by PTB's PicklePersistence"


class Note:
    """The name of a class or function, and what was to be done with it. It does nothing.

    Unpickling may call a class, make an object of it, set its state, and append or set items: all of that ends here.
    """

    origin: ClassVar[str] = ""

    arguments: tuple[object, ...]
    is_called: bool
    """Whether it was called, as opposed to made by `__new__` alone."""
    state: object
    content: list[object]
    """What was appended; for a mapping, pairs."""

    def __new__(cls, *arguments: object, **named: object) -> Self:
        note = object.__new__(cls)
        note.arguments = (*arguments, *named.values())
        note.is_called, note.state, note.content = False, None, []
        return note

    def __init__(self, *_: object, **__: object) -> None:
        self.is_called = True

    def __call__(self, *arguments: object, **named: object) -> "Note":
        match self.arguments:
            # As old protocols name what lies in a class.
            case (kind, str() as name) if self.origin in GETATTR and is_class(kind):
                return noted(f"{kind.origin}.{name}")(*arguments, **named)
            case _:
                return noted(f"{self.origin}()")(*arguments, **named)

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, name: object, value: object) -> None:
        self.content.append((name, value))

    def append(self, item: object) -> None:
        self.content.append(item)

    def extend(self, items: Iterable[object]) -> None:
        self.content.extend(items)

    def add(self, item: object) -> None:
        self.content.append(item)


def noted(origin: str) -> type[Note]:
    """The notes of one class or function."""
    return type("Note", (Note,), {"origin": origin})


def is_class(value: object) -> TypeGuard[type[Note]]:
    """Whether it stands for a class or function itself."""
    return isinstance(value, type) and issubclass(value, Note)


def is_a(value: object, origin: str) -> TypeGuard[Note]:
    """Whether it stands for something made by that class or function."""
    return isinstance(value, Note) and value.origin == origin


class Unpickler(pickle.Unpickler):
    """Makes the plain values of Python, and notes of everything else."""

    def find_class(self, module: str, name: str, /) -> type[Note]:
        return noted(f"{module}.{name}")

    def persistent_load(self, given: object, /) -> object:
        # python-telegram-bot puts a name in the place of its bot.
        is_bot = isinstance(given, str) and given.endswith(NAME_OF_BOT)
        return None if is_bot else noted("persistent id")()
