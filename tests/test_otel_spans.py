"""Spans of turns, on real databases, looked at through OpenTelemetry's own SDK."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, get_current_span

from tests.otel_seen import Seen, attributes, trace_id
from tests.watched_carts import BROKEN, KEY, SECRET, Cart, Kept, Prefs, Shop
from typed_sessions import (
    InvalidSessionError,
    LockTimeoutError,
    MemoryStore,
    SessionConflictError,
    Sessions,
    SyncSessions,
)
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

LONG = 30.0


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture(autouse=True)
def complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """OpenTelemetry logs what it is used wrongly for, and goes on."""
    caplog.set_level(logging.WARNING, "opentelemetry")
    yield
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


@pytest.fixture
async def sessions(store: SQLAlchemyStore, seen: Seen) -> Sessions:
    return Sessions(store, observer=seen.observer)


@pytest.fixture
async def in_memory(seen: Seen) -> AsyncIterator[Sessions]:
    async with Sessions(MemoryStore(), observer=seen.observer) as sessions:
        yield sessions


@pytest.fixture
def threads(sync_store: SyncSQLAlchemyStore, seen: Seen) -> SyncSessions:
    return SyncSessions(sync_store, observer=seen.observer)


def system_of(url: str) -> str:
    return url.partition("+")[0]


TURN = [
    ("turn cart", None),
    ("load typed_sessions", "turn cart"),
    ("save typed_sessions", "turn cart"),
]


async def test_a_turn_has_its_load_and_its_save_in_it(sessions: Sessions, seen: Seen) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 1

    assert seen.tree() == TURN


def test_a_turn_of_a_thread_has_the_same_spans(threads: SyncSessions, seen: Seen) -> None:
    with threads.open(Cart, KEY) as cart:
        cart.count = 1

    assert seen.tree() == TURN


async def test_the_spans_of_a_database_follow_the_conventions(sessions: Sessions, seen: Seen, async_url: str) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 1

    database = {"db.system.name": system_of(async_url), "db.collection.name": "typed_sessions"}
    load, save = seen.span("load typed_sessions"), seen.span("save typed_sessions")
    model = {"typed_sessions.model": "cart"}
    assert attributes(load) == {**database, **model, "db.operation.name": "load"}
    assert attributes(save) == {**database, **model, "db.operation.name": "save", "typed_sessions.outcome": "saved"}
    assert (load.kind, save.kind, seen.span("turn cart").kind) == (SpanKind.CLIENT, SpanKind.CLIENT, SpanKind.INTERNAL)


async def test_a_turn_says_its_models_and_its_outcome(in_memory: Sessions, seen: Seen) -> None:
    async with in_memory.open(Cart, KEY) as cart:
        cart.count = 1

    assert attributes(seen.span("turn cart")) == {
        "typed_sessions.model": "cart",
        "typed_sessions.exclusive": False,
        "typed_sessions.outcome": "saved",
    }


async def test_a_group_is_one_turn_and_its_save_a_batch(sessions: Sessions, seen: Seen) -> None:
    async with sessions.open_group(Shop, KEY.text) as shop:
        shop.cart.count, shop.prefs.currency = 1, "USD"

    assert seen.names() == ["turn cart,prefs", "load typed_sessions", "BATCH save typed_sessions"]
    assert attributes(seen.span("BATCH save typed_sessions"))["db.operation.batch.size"] == 2


async def test_an_exclusive_turn_shows_its_lock(sessions: Sessions, seen: Seen) -> None:
    async with sessions.open(Cart, KEY, exclusive=True):
        pass

    assert seen.tree()[:2] == [("turn cart", None), ("lock", "turn cart")]
    assert attributes(seen.span("lock"))["typed_sessions.lock"] == "store"
    assert attributes(seen.span("turn cart"))["typed_sessions.exclusive"] is True


async def test_waiting_for_another_turn_is_shown(in_memory: Sessions, seen: Seen) -> None:
    async with in_memory.open(Cart, KEY):
        waiting = asyncio.create_task(enter(in_memory), context=contextvars.Context())
        await asyncio.sleep(0)
    await waiting

    assert attributes(seen.span("lock"))["typed_sessions.lock"] == "process"


async def test_a_block_inside_a_block_is_part_of_the_outer_turn(in_memory: Sessions, seen: Seen) -> None:
    async with in_memory.open(Cart, KEY), in_memory.open(Cart, KEY) as inner:
        inner.count = 1

    assert seen.names() == ["turn cart", "load", "save"]


async def test_a_turn_on_another_key_lies_in_the_outer_turn(in_memory: Sessions, seen: Seen) -> None:
    async with in_memory.open(Cart, KEY), in_memory.open(Prefs, 1):
        pass

    assert ("turn prefs", "turn cart") in seen.tree()


async def test_turns_lie_in_the_span_of_the_caller_and_what_the_block_does_in_the_turn(
    in_memory: Sessions, seen: Seen
) -> None:
    with seen.tracer.start_as_current_span("request"):
        async with in_memory.open(Cart, KEY):
            with seen.tracer.start_as_current_span("payment"):
                pass
        await in_memory.load(Cart, KEY)

    assert seen.tree() == [
        ("request", None),
        ("turn cart", "request"),
        ("load", "turn cart"),
        ("payment", "turn cart"),
        ("load", "request"),
    ]


async def test_the_caller_has_its_own_span_again_after_a_turn(in_memory: Sessions, seen: Seen) -> None:
    with seen.tracer.start_as_current_span("request") as request:
        async with in_memory.open(Cart, KEY):
            pass

        assert get_current_span() is request
    assert get_current_span() is INVALID_SPAN


async def test_a_turn_may_be_left_in_another_context(in_memory: Sessions, seen: Seen) -> None:
    session = in_memory.open(Cart, KEY)

    async def leave() -> Span:
        await session.__aexit__(None, None, None)
        return get_current_span()

    with seen.tracer.start_as_current_span("request"):
        await asyncio.create_task(session.__aenter__())
    current = await asyncio.create_task(leave(), context=contextvars.Context())

    assert seen.names() == ["request", "turn cart", "load"]
    assert current is INVALID_SPAN


async def test_who_leaves_a_turn_for_another_keeps_its_own_span(in_memory: Sessions, seen: Seen) -> None:
    session = in_memory.open(Cart, KEY)
    await asyncio.create_task(session.__aenter__())
    with seen.tracer.start_as_current_span("request") as request:
        await session.__aexit__(None, None, None)

        assert get_current_span() is request


def test_a_turn_of_a_thread_may_be_left_by_another(threads: SyncSessions, seen: Seen) -> None:
    session, context = threads.open(Cart, KEY), contextvars.copy_context()
    context.run(session.__enter__)
    leaving = threading.Thread(target=context.copy().run, args=(session.__exit__, None, None, None))
    leaving.start()
    leaving.join()

    assert seen.names() == ["turn cart", "load typed_sessions"]


@pytest.mark.parametrize("error", [ValueError(SECRET), SessionConflictError(KEY, ())])
async def test_a_turn_that_raises_ends_with_the_class_of_the_error_alone(
    error: Exception, in_memory: Sessions, seen: Seen
) -> None:
    with pytest.raises(type(error)):
        async with in_memory.open(Cart, KEY):
            raise error

    span = seen.span("turn cart")
    assert attributes(span)["error.type"] == type(error).__qualname__
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())


async def test_a_turn_that_cannot_be_opened_ends(in_memory: Sessions, seen: Seen) -> None:
    await in_memory.store.save([BROKEN])
    with pytest.raises(InvalidSessionError):
        async with in_memory.open(Cart, KEY):
            pass

    assert attributes(seen.span("turn cart"))["error.type"] == "InvalidSessionError"
    assert get_current_span() is INVALID_SPAN


async def test_a_lock_that_is_not_had_is_an_error(store: SQLAlchemyStore, seen: Seen) -> None:
    sessions = Sessions(store, lock_timeout=0.05, observer=seen.observer)
    async with store.exclusive([KEY], LONG):
        with pytest.raises(LockTimeoutError):
            async with sessions.open(Cart, KEY, exclusive=True):
                pass

    assert attributes(seen.span("lock"))["error.type"] == "LockTimeoutError"
    assert seen.span("lock").status.status_code is StatusCode.ERROR


async def test_a_cancelled_turn_ends_and_is_no_error(sessions: Sessions, seen: Seen) -> None:
    inside, for_ever = asyncio.Event(), asyncio.Event()

    async def turn() -> None:
        async with sessions.open(Cart, KEY):
            inside.set()
            await for_ever.wait()

    task = asyncio.create_task(turn())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])

    span = seen.span("turn cart")
    assert attributes(span)["typed_sessions.outcome"] == "cancelled"
    assert span.status.status_code is StatusCode.UNSET


async def test_turns_that_share_a_statement_have_spans_of_their_own(sessions: Sessions, seen: Seen) -> None:
    async def request(number: int) -> None:
        with seen.tracer.start_as_current_span(f"request {number}"):
            async with sessions.open(Prefs, number) as prefs:
                prefs.currency = str(number)

    await asyncio.gather(*(request(number) for number in range(20)))

    traces = {trace_id(span): span.name for span in seen.spans() if span.parent is None}
    found = sorted((traces[trace_id(span)], span.name) for span in seen.spans() if span.parent is not None)
    names = ["load typed_sessions", "save typed_sessions", "turn prefs"]
    assert found == sorted((f"request {number}", name) for number in range(20) for name in names)


async def test_the_shared_work_has_nothing_of_who_came_first(store: SQLAlchemyStore, seen: Seen) -> None:
    spans: list[object] = []
    sessions = Sessions(store, observer=seen.observer)
    store.observe(lambda _kind, _size: spans.append(get_current_span()))
    with seen.tracer.start_as_current_span("request"):
        async with sessions.open(Cart, KEY) as cart:
            cart.count = 1

    assert set(spans) == {INVALID_SPAN}


async def test_no_span_has_a_key_or_data(in_memory: Sessions, seen: Seen) -> None:
    await in_memory.store.save([BROKEN])
    async with in_memory.open(Kept, KEY) as cart:
        cart.note = SECRET
    told = "".join(span.to_json() for span in seen.spans())

    assert KEY.tag in told
    assert "4711" not in told
    assert SECRET not in told


async def enter(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY):
        pass
