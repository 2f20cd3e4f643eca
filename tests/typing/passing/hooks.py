from collections.abc import Sequence
from typing import Literal, assert_type

from typed_sessions import MemoryStore, SessionKey, Sessions, SyncMemoryStore, SyncSessions
from typed_sessions.hooks import Conflict, Hooks, Invalid, Policy, Unreadable, Upcast
from typed_sessions.integrations.otel import OpenTelemetry
from typed_sessions.observer import Database, Event, Observable, Observer, OnBatch, Result, Watch, Work


def on_upcast(upcast: Upcast) -> None:
    assert_type(upcast.key, SessionKey)
    assert_type(upcast.from_version, int)


def on_conflict(conflict: Conflict) -> None:
    assert_type(conflict.fields, tuple[str, ...])
    assert_type(conflict.is_merged, bool)


def on_invalid(invalid: Invalid) -> None:
    assert_type(invalid.error, Unreadable)
    assert_type(invalid.policy, Policy)


def any_of_them(happened: Upcast | Conflict | Invalid) -> None:
    assert_type(happened.key, SessionKey)


class Quiet:
    """An observer of one's own."""

    def begin(self, work: Work, /) -> Watch:
        assert_type(work.database, Database | None)

        def end(error: BaseException | None, results: Sequence[Result] = (), /) -> None:
            assert error is None or results

        return end

    def happened(self, event: Event, /) -> None: ...

    def batch(self, kind: Literal["load", "save"], size: int, /) -> None: ...


class Told(MemoryStore):
    """A store of one's own that can be watched."""

    def observe(self, on_batch: OnBatch, /) -> Database:
        on_batch("load", 1)
        return Database("foundationdb")


def names(store: Observable, on_batch: OnBatch) -> None:
    assert_type(store.observe(on_batch), Database | None)


def everybody_may_watch() -> None:
    hooks = Hooks(on_upcast=on_upcast, on_conflict=on_conflict, on_invalid=on_invalid)
    observers: list[Observer] = [OpenTelemetry(), Quiet()]
    names(Told(), observers[0].batch)
    Sessions(MemoryStore(), hooks=hooks, observer=observers[0])
    Sessions.from_settings(hooks=Hooks(on_conflict=any_of_them), observer=OpenTelemetry(tracer_provider=None))
    SyncSessions(SyncMemoryStore(), hooks=hooks, observer=Quiet())
    SyncSessions.from_settings(hooks=hooks, observer=None)
