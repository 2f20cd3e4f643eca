"""What happens to sessions out of the ordinary, and the functions of yours that are told."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from typed_sessions.errors import InvalidSessionError, NewerVersionError, TooOldVersionError, UpcastError
from typed_sessions.key import SessionKey

Unreadable: TypeAlias = InvalidSessionError | UpcastError | TooOldVersionError | NewerVersionError
"""Why a stored session could not be read."""

Policy: TypeAlias = Literal["raise", "quarantine", "reset"]


@dataclass(frozen=True, slots=True)
class Upcast:
    """A session of an older version was read, and went through the steps up to this code's version."""

    key: SessionKey
    from_version: int
    to_version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else saved the session during a turn that wants to save it too."""

    key: SessionKey
    fields: tuple[str, ...]
    """The top-level fields that were taken over from the other, or that both changed if it could not be merged."""
    is_merged: bool
    """Whether the two changes were merged; otherwise `SessionConflictError` is raised."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """A stored session could not be read."""

    key: SessionKey
    version: int
    """The version that is stored."""
    error: Unreadable
    policy: Policy
    """What is done about it: the error is raised, or the session is set aside as `on_invalid` of its model says."""


UpcastHook: TypeAlias = Callable[[Upcast], None]
ConflictHook: TypeAlias = Callable[[Conflict], None]
InvalidHook: TypeAlias = Callable[[Invalid], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Functions that are told what happens to sessions out of the ordinary; for `Sessions` and `SyncSessions`.

    They are plain functions, called at once by the task or thread that runs the turn: several threads may call one at
    the same time. They change nothing: what one raises is logged, and the turn goes on.

    Args:
        on_upcast: called whenever `open`, `load` and the like read a session of an older version, and before its data
            is lent. Until the session is saved, every reading of it is told.
        on_conflict: called when a save finds that somebody else was first: after the changes were merged and before
            the result is saved, or before `SessionConflictError` is raised. Not for an attempt of `update`, which is
            made again.
        on_invalid: called when what `open`, `load` and the like have read cannot be used: before the error is raised,
            or before a new session takes its place. It is set aside by the next save.

    Raises:
        TypeError: one of them is asynchronous, or no function.
    """

    on_upcast: UpcastHook | None = None
    on_conflict: ConflictHook | None = None
    on_invalid: InvalidHook | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            hook = getattr(self, name)
            if hook is None:
                continue
            if not callable(hook):
                raise TypeError(f"{name} takes a function, not a {type(hook).__name__}")
            if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(type(hook).__call__):
                raise TypeError(f"{name} is a plain function, not an asynchronous one; put what takes long in a queue")


NO_HOOKS = Hooks()
