"""Invalid sessions that are set aside with their bytes and the reason, listed, tried again and dropped."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic_core import from_json

from typed_sessions import (
    InvalidSessionError,
    NewerVersionError,
    Record,
    SessionConfig,
    SessionConflictError,
    SessionGoneError,
    SessionKey,
    SessionModel,
    Sessions,
    SyncSessions,
    UpcastError,
)
from typed_sessions.history import History, JsonObject
from typed_sessions.quarantined import Quarantined, entry_of, quarantined
from typed_sessions.stores.protocol import Insert, Query, Store, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing import SettableClock

CART = SessionKey.of("cart", ("chat", 7))
THEN = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
BROKEN = Record(
    version=1,
    min_reader=1,
    revision=5,
    data=b'{"lines": "a pizza",  "count":-0.0}',
    created_at=THEN,
    updated_at=THEN,
    expires_at=None,
    owner="ada",
)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", on_invalid="quarantine")

    lines: list[str] = []
    count: int = 0


class Mending(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        lines = old["lines"]
        return {**old, "lines": [lines] if isinstance(lines, str) else lines}


class Mended(SessionModel):
    """The cart of the next deploy, which can read what was set aside."""

    session_config = SessionConfig(name="cart", version=2, history=Mending())

    lines: list[str] = []
    count: int = 0


@pytest.fixture
async def sessions(store: SQLAlchemyStore, clock: SettableClock) -> Sessions:
    await store.save([Insert(CART, BROKEN)])
    return Sessions(store, clock=clock)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


async def begin_anew(sessions: Sessions) -> Quarantined:
    """Set the broken cart aside, and give its entry."""
    async with sessions.open(Cart, CART) as cart:
        cart.lines.append("funghi")
    [entry] = [entry async for entry in sessions.quarantine.entries(Cart)]
    return entry


async def rows(store: Store) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for key, record in await store.scan(Query()):
        found.setdefault(key.model, []).append(record)
    return found


async def test_an_invalid_session_is_set_aside_with_its_bytes_and_the_reason(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)

    assert (await sessions.load(Cart, CART)).lines == ["funghi"]
    assert (entry.key, entry.record) == (CART, BROKEN)
    assert (entry.error, [problem["path"] for problem in entry.problems]) == ("InvalidSessionError", ["lines"])
    assert "pizza" not in entry.message


async def test_reading_and_a_turn_that_changes_nothing_set_nothing_aside(sessions: Sessions) -> None:
    async with sessions.open(Cart, CART) as cart:
        assert cart.lines == []
    await sessions.load(Cart, CART)

    assert await rows(sessions.store) == {"cart": [BROKEN]}


async def test_a_turn_that_raises_sets_nothing_aside(sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        async with sessions.open(Cart, CART) as cart:
            cart.lines.append(str(1 / 0))

    assert await rows(sessions.store) == {"cart": [BROKEN]}


async def test_of_two_who_set_it_aside_at_once_one_does(sessions: Sessions, clock: SettableClock) -> None:
    others = Sessions(sessions.store, clock=clock)
    async with sessions.open(Cart, CART) as mine:
        mine.lines.append("margherita")
        async with others.open(Cart, CART) as theirs:
            theirs.count = 2

    found = await rows(sessions.store)
    assert {model: len(records) for model, records in found.items()} == {"cart": 1, "cart!quarantine": 1}
    assert from_json(found["cart"][0].data) == {"lines": ["margherita"], "count": 2}


async def test_a_session_that_is_rotated_is_set_aside_where_it_is(sessions: Sessions) -> None:
    async with (session := sessions.open(Cart, CART)) as cart:
        await session.rotate("new")
        cart.count = 2

    found = await rows(sessions.store)
    assert {model: len(records) for model, records in found.items()} == {"cart": 1, "cart!quarantine": 1}
    assert (await sessions.load(Cart, "new")).count == 2


async def test_what_is_deleted_after_it_was_rotated_leaves_nothing_under_the_old_key(sessions: Sessions) -> None:
    async with (session := sessions.open(Cart, CART)):
        await session.rotate("new")
        await session.delete()

    assert list(await rows(sessions.store)) == ["cart!quarantine"]


async def test_what_was_mended_and_has_expired_since_is_not_set_aside(
    sessions: Sessions, store: SQLAlchemyStore, clock: SettableClock
) -> None:
    session = sessions.open(Cart, CART)
    await session.load()
    soon = clock() + timedelta(minutes=1)
    await store.save([Update(CART, 5, replace(BROKEN, revision=6, data=b"{}", expires_at=soon))])
    clock.advance(timedelta(minutes=2))

    async with session as cart:
        cart.count = 1

    assert list(await rows(store)) == ["cart"]


async def test_what_is_mended_and_expires_while_its_turn_runs_is_not_set_aside(
    sessions: Sessions, store: SQLAlchemyStore, clock: SettableClock
) -> None:
    async with sessions.open(Cart, CART) as cart:
        cart.count = 1
        soon = clock() + timedelta(minutes=1)
        await store.save([Update(CART, 5, replace(BROKEN, revision=6, data=b"{}", expires_at=soon))])
        clock.advance(timedelta(minutes=2))

    assert list(await rows(store)) == ["cart"]


async def test_an_entry_that_has_changed_since_it_was_listed_is_left(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)
    kept = (await sessions.store.load([entry.at]))[entry.at]
    await sessions.store.save([Update(entry.at, kept.revision, replace(kept, revision=kept.revision + 1))])

    async with asyncio.timeout(20):
        assert not await sessions.quarantine.retry(Mended, entry, replace=True)


async def test_a_session_goes_back_after_the_turns_that_have_its_key(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)
    async with sessions.open(Cart, CART) as cart:
        cart.count = 5
        going_back = asyncio.create_task(sessions.quarantine.retry(Mended, entry, replace=True))
        await asyncio.wait({going_back}, timeout=0.1)
        assert not going_back.done()

    assert await going_back


async def test_entries_come_in_pages(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typed_sessions.quarantine.PAGE", 2)
    for number in range(5):
        at = SessionKey.of("cart", number)
        await sessions.store.save([Insert(at, BROKEN)])
        async with sessions.open(Cart, at) as cart:
            cart.count = 1

    assert len({entry.key async for entry in sessions.quarantine.entries(Cart)}) == 5


async def test_what_can_be_read_now_goes_back(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)

    with pytest.raises(SessionConflictError):
        await sessions.quarantine.retry(Mended, entry)
    assert await sessions.quarantine.retry(Mended, entry, replace=True)

    assert (await sessions.load(Mended, CART)).lines == ["a pizza"]
    assert list(await rows(sessions.store)) == ["cart"]
    assert not await sessions.quarantine.retry(Mended, entry)


async def test_what_went_back_has_a_revision_that_nobody_has_seen(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)
    await sessions.delete(Cart, CART)
    await sessions.quarantine.retry(Mended, entry)

    [record] = (await rows(sessions.store))["cart"]
    assert record.revision not in {BROKEN.revision, entry.revision}
    assert replace(record, revision=5, created_at=THEN) == BROKEN


async def test_a_session_that_is_as_a_new_one_begins_makes_room(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)
    async with sessions.open(Cart, CART) as cart:
        cart.lines.clear()

    assert await sessions.quarantine.retry(Mended, entry)


async def test_what_still_cannot_be_read_stays(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)

    with pytest.raises(InvalidSessionError):
        await sessions.quarantine.retry(Cart, entry, replace=True)
    assert await sessions.quarantine.get(entry.at) == entry


async def test_a_turn_that_is_open_while_a_session_goes_back_does_not_overwrite_it(
    sessions: Sessions, clock: SettableClock
) -> None:
    entry, others = await begin_anew(sessions), Sessions(sessions.store, clock=clock)

    with pytest.raises(SessionGoneError):
        async with sessions.open(Cart, CART) as cart:
            cart.lines.append("quattro")
            await others.quarantine.retry(Mended, entry, replace=True)
    assert (await sessions.load(Mended, CART)).lines == ["a pizza"]


async def test_what_has_expired_does_not_go_back(sessions: Sessions, clock: SettableClock) -> None:
    key = SessionKey.of("cart", "short")
    await sessions.store.save([Insert(key, replace(BROKEN, expires_at=clock.now + timedelta(hours=1)))])
    async with sessions.open(Cart, key) as cart:
        cart.lines.append("funghi")
    clock.advance(timedelta(hours=2))

    [entry] = [each async for each in sessions.quarantine.entries("cart") if each.key == key]
    assert not await sessions.quarantine.retry(Mended, entry)


async def test_an_entry_can_be_dropped(sessions: Sessions) -> None:
    entry = await begin_anew(sessions)

    assert await sessions.quarantine.drop(entry)
    assert not await sessions.quarantine.drop(entry)
    assert list(await rows(sessions.store)) == ["cart"]


async def test_cleaning_up_leaves_the_quarantine_and_forgetting_a_person_does_not(
    sessions: Sessions, clock: SettableClock
) -> None:
    entry = await begin_anew(sessions)
    clock.advance(timedelta(days=10000))
    await sessions.prune()
    assert await sessions.quarantine.get(entry.at)

    await sessions.delete_owner("ada")

    assert "cart!quarantine" not in await rows(sessions.store)


@pytest.mark.parametrize("error", [NewerVersionError, UpcastError])
async def test_newer_code_s_sessions_and_those_of_a_failed_step_are_not_set_aside(
    sessions: Sessions, error: type[Exception]
) -> None:
    class Failing(History):
        @staticmethod
        def v1_to_v2(_old: JsonObject, /) -> JsonObject:
            raise ValueError

    class Stern(SessionModel):
        session_config = SessionConfig(name="cart", version=2, history=Failing(), on_invalid="quarantine")

    newer = replace(BROKEN, version=3, min_reader=3)
    key = SessionKey.of("cart", "newer")
    await sessions.store.save([Insert(key, newer)])

    with pytest.raises(error):
        async with sessions.open(Stern, key if error is NewerVersionError else CART):
            raise AssertionError

    assert "cart!quarantine" not in await rows(sessions.store)


def test_threads_have_the_same(sync_store: SyncSQLAlchemyStore) -> None:
    sessions = SyncSessions(sync_store)
    sync_store.save([Insert(CART, BROKEN)])
    with sessions.open(Cart, CART) as cart:
        cart.lines.append("funghi")

    [entry] = sessions.quarantine.entries("cart")
    assert sessions.quarantine.get(entry.at) == entry
    assert sessions.quarantine.retry(Mended, entry, replace=True)
    assert not sessions.quarantine.drop(entry)


@pytest.mark.parametrize("data", [b'"\xff\x00"', b"\x80", '{"é": "\\u0000"}'.encode()])
def test_bytes_that_are_no_text_survive(data: bytes) -> None:
    record = replace(BROKEN, data=data)

    at, entry = entry_of(CART, record, InvalidSessionError(CART, 1, []), revision=9, now=THEN)

    assert quarantined(at, entry).record == record
    assert from_json(entry.data)["format"] == 1


@pytest.mark.parametrize("text", ["x" * 255, "a/" + "é" * 250])
def test_the_longest_keys_have_entries_of_their_own(text: str) -> None:
    error = InvalidSessionError(CART, 1, [])
    keys = [SessionKey("cart", text), SessionKey("cart", text[:-1] + "y")]

    entries = [entry_of(key, BROKEN, error, revision=9, now=THEN) for key in keys]

    assert len({at for at, _ in entries}) == len(entries)
    assert [quarantined(*entry).key for entry in entries] == keys
    assert all(len(at.text) <= 255 for at, _ in entries)


def test_an_entry_that_was_changed_by_hand_is_told() -> None:
    at, entry = entry_of(CART, BROKEN, InvalidSessionError(CART, 1, []), revision=9, now=THEN)

    with pytest.raises(ValueError, match="changed by hand"):
        quarantined(at, replace(entry, data=b'{"key": "pizza"}'))
