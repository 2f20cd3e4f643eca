"""The seam for those who watch the turns: tracing, metrics. `typed_sessions.integrations.otel` is one of them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, ParamSpec, Protocol, TypeAlias, TypeVar

from typed_sessions.hooks import Conflict, Invalid, Policy, Upcast
from typed_sessions.key import SessionKey
from typed_sessions.upcast import raised_at

logger = logging.getLogger("typed_sessions")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SetAside:
    """An invalid session was set aside as `on_invalid` says, and a new one was saved in its place."""

    key: SessionKey
    to: SessionKey
    """The key that it has now."""
    policy: Policy


@dataclass(frozen=True, slots=True)
class LockTimedOut:
    """A turn on the key waited too long for others."""

    key: SessionKey
    waited: float
    """Seconds."""


Event: TypeAlias = Upcast | Conflict | Invalid | SetAside | LockTimedOut


@dataclass(frozen=True, slots=True)
class Database:
    """Where a store keeps its sessions, by the names of OpenTelemetry's semantic conventions."""

    system: str
    """`db.system.name`: `postgresql`, `redis`, …"""
    collection: str | None = None
    """`db.collection.name`: the table or the like."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something that takes time and has begun.

    A `turn` is from before the reading to after the saving, what runs in its block included. It has in it: `wait` for
    other turns of this process, where there were some; `lock`, until the store's locks are held; `load`; `save`.
    """

    kind: Literal["turn", "wait", "lock", "load", "save"]
    keys: tuple[SessionKey, ...]
    """Of the sessions of a turn, those waited for or loaded, and that of each change to save."""
    is_exclusive: bool = False
    database: Database | None = None


Result: TypeAlias = Literal["saved", "unchanged", "deleted", "conflict", "outrun", "cancelled", "error"]
"""What became of a session in a turn. `outrun` is a conflict after which `update` begins again."""


class Watch(Protocol):
    """Called once, when the work ends: with what it raised, and with the result for each key of a turn or save."""

    def __call__(self, error: BaseException | None, results: Sequence[Result] = (), /) -> None: ...


class Observer(Protocol):
    """Who watches. Called at once by the task or thread at work, several threads at a time.

    What it raises is logged, and the work goes on.
    """

    def begin(self, work: Work, /) -> Watch:
        """Note that some work begins, and give what notes its end, in the same task or thread as a rule."""
        ...

    def happened(self, event: Event, /) -> None:
        """Note what happened out of the ordinary."""
        ...

    def batch(self, kind: Literal["load", "save"], size: int, /) -> None:
        """Note that a store put together so many loads or saves that came at the same time."""
        ...


OnBatch: TypeAlias = Callable[[Literal["load", "save"], int], None]


class Batches:
    """Lets those who watch a store hear of its batches."""

    def __init__(self) -> None:
        self._listeners: list[OnBatch] = []

    def tell(self, on_batch: OnBatch) -> None:
        """Call this from now on; once, also if it is given twice."""
        if on_batch not in self._listeners:
            self._listeners.append(on_batch)

    @property
    def is_heard(self) -> bool:
        return bool(self._listeners)

    def heard(self, kind: Literal["load", "save"], size: int) -> None:
        for listener in self._listeners:
            _call(listener, kind, size)


class Observable(Protocol):
    """What a store may have besides the methods of `Store`, for those who watch it."""

    def observe(self, on_batch: OnBatch, /) -> Database | None:
        """Call `on_batch` for each batch from now on; give the names of the database, if it is one."""
        ...


def observed(store: object, on_batch: OnBatch) -> Database | None:
    """Hear of the store's batches; the names of its database, if the store tells them."""
    observe = getattr(store, "observe", None)
    found: Database | None = observe(on_batch) if observe is not None else None
    return found


def introduced(store: object, observer: Observer | None) -> Database | None:
    """As `observed`, for an observer, if there is one. What it raises is logged."""
    return None if observer is None else observed(store, _Heard(observer.batch))


@dataclass(frozen=True, slots=True)
class _Heard:
    """Lets an observer hear of batches, and keeps it from breaking them; equal for the same observer."""

    on_batch: OnBatch

    def __call__(self, kind: Literal["load", "save"], size: int, /) -> None:
        _call(self.on_batch, kind, size)


class Guarded:
    """An observer that breaks nothing: what the real one raises is logged."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.batch = _Heard(observer.batch)

    def begin(self, work: Work, /) -> Watch:
        end = _call(self._observer.begin, work)

        def end_quietly(error: BaseException | None, results: Sequence[Result] = (), /) -> None:
            if end is not None:
                _call(end, error, results)

        return end_quietly

    def happened(self, event: Event, /) -> None:
        _call(self._observer.happened, event)


def guarded(observer: Observer | None) -> Observer | None:
    """The observer, kept from breaking anything, if there is one."""
    return None if observer is None else Guarded(observer)


def _call(what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    try:
        return what(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 # whatever it raises
        name = type(error).__name__
        # Not the error's own words, which may hold the key.
        logger.error(  # noqa: TRY400 # the traceback would quote them
            "the observer raised %s%s", name, raised_at(error), extra={"event": "observer_failed", "error": name}
        )
        return None
