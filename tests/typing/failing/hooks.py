from collections.abc import Callable
from typing import Literal

from typed_sessions import MemoryStore, Sessions
from typed_sessions.hooks import Conflict, Hooks, Invalid, Upcast
from typed_sessions.observer import Event


def on_upcast(upcast: Upcast) -> None:
    upcast.to_version = 5  # error: mypy[misc] pyright[reportAttributeAccessIssue]


async def later(conflict: Conflict) -> None:
    fields: list[str] = conflict.fields  # error: mypy[assignment] pyright[reportAssignmentType]
    fields.append("note")


def mended(invalid: Invalid) -> bool:
    return invalid.policy == "drop"  # error: mypy[comparison-overlap] pyright[reportUnnecessaryComparison]


Hooks(on_conflict=on_upcast)  # error: mypy[arg-type] pyright[reportArgumentType]
Hooks(on_conflict=later)  # error: mypy[arg-type] pyright[reportArgumentType]
Hooks(on_invalid=mended)  # error: mypy[arg-type] pyright[reportArgumentType]
Hooks(on_upcast)  # error: mypy[call-arg] pyright[reportCallIssue]
Hooks(on_save=on_upcast)  # error: mypy[call-arg] pyright[reportCallIssue]
Sessions(MemoryStore(), hooks=on_upcast)  # error: mypy[arg-type] pyright[reportArgumentType]


class Deaf:
    """An observer that does not say when work ends."""

    def begin(self, work: object, /) -> Callable[[], None]:
        raise NotImplementedError

    def happened(self, event: Event, /) -> None: ...

    def batch(self, kind: Literal["load", "save"], size: int, /) -> None: ...


Sessions(MemoryStore(), observer=Deaf())  # error: mypy[arg-type] pyright[reportArgumentType]
