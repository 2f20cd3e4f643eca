"""Entries of whatever source become sessions: once, of the present version, and over nobody's work."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from tests.empty_database import empty_database
from tests.importing.carts import Cart, CartHistory
from typed_sessions import JsonObject, MemoryStore, SessionConfig, SessionModel, Sessions
from typed_sessions.importing import Bad, Batch, Entry, Found, Other, Target, Versions, import_sessions
from typed_sessions.importing.decision import is_same_json
from typed_sessions.importing.target import nobody
from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Change, Outcome, Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, sessions_table
from typed_sessions.testing import SettableClock

V1: JsonObject = {"pizzas": ["funghi"], "user": "ada"}
V3: JsonObject = {"lines": [{"sku": "funghi", "qty": 1}], "user": "ada"}
CARTS = Target(model=Cart)
OLD = Target(model=Cart, versions=Versions(1))
KEY = SessionKey.of("cart", "7")
SECOND = timedelta(seconds=1)


class Visit(SessionModel):
    session_config = SessionConfig(name="visit", ttl=timedelta(days=1))

    pages: int = 0


def entry(
    key: str = "7", data: object = V3, *, version: int | None = None, expires_at: datetime | None = None
) -> Entry:
    return Entry(key, (key,), data, version, expires_at, original=b"as it was")


async def test_old_data_is_upcast_and_stored_as_the_present_version(
    store: SQLAlchemyStore, clock: SettableClock
) -> None:
    tally = await import_sessions(store, [entry(data=V1)], OLD, clock=clock)

    [(key, record)] = await store.scan(Query())
    assert (tally.imported, tally.read, tally.bad) == (1, 1, 0)
    assert (key, record.version, record.min_reader) == (KEY, 3, 3)
    assert (await Sessions(store, clock=clock).load(Cart, "7")) == Cart.model_validate(V3)


async def test_a_second_run_finds_everything_there(store: SQLAlchemyStore, clock: SettableClock) -> None:
    entries = [entry(str(number)) for number in range(3)]
    await import_sessions(store, entries, CARTS, clock=clock)
    before = await store.scan(Query())
    clock.advance(SECOND)

    tally = await import_sessions(store, entries, CARTS, clock=clock, replace=True)

    assert (tally.imported, tally.replaced, tally.already_there) == (0, 0, 3)
    assert await store.scan(Query()) == before


async def test_a_session_that_is_there_is_left_as_it_is(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    await sessions.save("7", Cart(user="live"))
    clock.advance(SECOND)

    tally = await import_sessions(sessions.store, [entry()], CARTS, clock=clock)

    assert (tally.imported, tally.already_there) == (0, 1)
    assert (await sessions.load(Cart, "7")).user == "live"


async def test_it_is_replaced_if_so_asked(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    await sessions.save("7", Cart(user="live"))
    [(_, before)] = await sessions.store.scan(Query())
    clock.advance(SECOND)

    tally = await import_sessions(sessions.store, [entry()], CARTS, clock=clock, replace=True)

    [(_, after)] = await sessions.store.scan(Query())
    assert (tally.imported, tally.replaced) == (0, 1)
    assert (await sessions.load(Cart, "7")).user == "ada"
    assert (after.revision, after.created_at) == (before.revision + 1, before.created_at)


async def test_what_newer_code_stored_is_never_replaced(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    await sessions.save("7", newer_cart().model_validate({"user": "newer"}))
    [before] = await sessions.store.scan(Query())
    clock.advance(SECOND)

    tally = await import_sessions(sessions.store, [entry()], CARTS, clock=clock, replace=True)

    assert tally.bad == 1
    assert await sessions.store.scan(Query()) == [before]


def newer_cart() -> type[SessionModel]:
    class NewerHistory(CartHistory):
        @staticmethod
        def v3_to_v4(old: JsonObject, /) -> JsonObject:
            return old

    class NewerCart(SessionModel):
        session_config = SessionConfig(name="cart", version=4, history=NewerHistory())

        user: str = ""

    return NewerCart


async def test_an_expired_session_in_the_way_is_absent(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    await sessions.save("7", Visit(pages=1))
    clock.advance(timedelta(days=2))

    tally = await import_sessions(sessions.store, [entry(data={"pages": 5})], Target(model=Visit), clock=clock)

    assert (tally.imported, (await sessions.load(Visit, "7")).pages) == (1, 5)


async def test_a_rehearsal_counts_and_writes_nothing(clock: SettableClock) -> None:
    store = MemoryStore()
    entries: list[Found] = [entry("1"), entry("2", {"lines": 5}), Bad("3", "broken"), Other("4")]

    tally = await import_sessions(store, entries, CARTS, clock=clock, dry_run=True)

    assert (tally.imported, tally.bad, tally.left_out, tally.read) == (1, 2, 1, 3)
    assert await store.scan(Query()) == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (entry(data=[1]), "its data is no JSON object; name the field that it is for (--field NAME)"),
        (entry(data={"lines": "no"}), "as version 3 it is invalid: lines: Input should be a valid array"),
        (entry(data={"strange": 1}), "as version 3 it is invalid: strange: Extra inputs are not permitted"),
        (entry(data={"user": "\0"}), "it cannot be stored: user: it holds a NUL character"),
        (entry(data={"user": "\ud800"}), "its data is not made of JSON values"),
        (entry(data={"user": {1, 2}}), "as version 3 it is invalid: user"),
        (entry(version=7), "its version 7 would be version 8 of the session model, which has 1 to 3"),
        (entry(version=0), "CartHistory.v1_to_v2 could not upcast it: it raised KeyError"),
        (entry(key="k" * 256), "this key cannot be used: it has 256 characters"),
        (entry(key=""), "this key cannot be used: it is empty"),
    ],
)
async def test_an_entry_that_cannot_be_imported_is_told_and_stops_no_other(given: Entry, reason: str) -> None:
    told: list[Batch] = []

    tally = await import_sessions(MemoryStore(), [given, entry("other")], CARTS, on_batch=told.append)

    [bad] = told[0].bad
    assert (tally.imported, tally.bad) == (1, 1)
    assert bad.reason.startswith(reason)
    assert (bad.name, bad.original) == (given.name, b"as it was")


async def test_no_reason_tells_keys_or_data() -> None:
    secrets = [entry("secret", {"user": "4111\0"}), entry("secret", {"lines": "4111"}), entry("secret", {"x": "4111"})]

    tally = await import_sessions(MemoryStore(), secrets, CARTS)

    assert tally.bad == 3
    assert not [line for line in tally.lines() if "secret" in line or "4111" in line]


@pytest.mark.parametrize("between", [0, 600])
async def test_two_entries_for_one_key_are_not_lost(between: int, clock: SettableClock) -> None:
    entries = [entry("7"), *(entry(f"other {number}") for number in range(between)), entry("7", {"user": "bob"})]

    tally = await import_sessions(MemoryStore(), entries, CARTS, clock=clock, replace=True)

    assert (tally.imported, tally.bad) == (between + 1, 1)
    assert next(tally.lines()).startswith("1 × another entry has the same key here and other data")


@pytest.mark.parametrize("between", [0, 600])
async def test_an_entry_that_comes_twice_is_there_already(between: int, clock: SettableClock) -> None:
    entries = [entry("7"), *(entry(f"other {number}") for number in range(between)), entry("7")]

    tally = await import_sessions(MemoryStore(), entries, CARTS, clock=clock)

    assert (tally.imported, tally.already_there, tally.bad) == (between + 1, 1, 0)


@pytest.mark.parametrize("between", [0, 600])
async def test_a_rehearsal_sees_two_entries_for_one_key(between: int, clock: SettableClock) -> None:
    others = [entry(f"other {number}") for number in range(between)]
    entries = [entry("7"), entry("7"), *others, entry("7", {"user": "bob"})]

    tally = await import_sessions(MemoryStore(), entries, CARTS, clock=clock, dry_run=True)

    assert tally == await import_sessions(MemoryStore(), entries, CARTS, clock=clock)
    assert (tally.imported, tally.already_there, tally.bad) == (between + 1, 1, 1)


async def test_a_rehearsal_of_replacing_sees_them_too(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    await sessions.save("7", Cart(user="live"))
    clock.advance(SECOND)
    entries = [entry("7"), *(entry(f"other {number}") for number in range(600)), entry("7", {"user": "bob"})]

    tally = await import_sessions(sessions.store, entries, CARTS, clock=clock, replace=True, dry_run=True)

    assert (tally.replaced, tally.bad) == (1, 1)


async def test_whom_a_session_belongs_to_is_kept_where_the_source_cannot_tell(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    async with sessions.open(Cart, "7", owner=42) as cart:
        cart.user = "live"
    clock.advance(SECOND)

    tallies = [await import_sessions(sessions.store, [entry()], CARTS, clock=clock, replace=True) for _ in range(2)]

    assert [(tally.replaced, tally.already_there) for tally in tallies] == [(1, 0), (0, 1)]
    assert await sessions.delete_owner(42) == 1


async def test_a_column_of_jsonb_makes_no_difference(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with empty_database("postgresql+psycopg", request, tmp_path) as url:
        engine = create_async_engine(url)
        table = sessions_table(MetaData(), jsonb=True)
        async with engine.begin() as connection:
            await connection.run_sync(table.metadata.create_all)
        store = SQLAlchemyStore(engine, table=table)
        entries = [entry("7"), *(entry(f"other {number}") for number in range(600)), entry("7")]

        first = await import_sessions(store, entries, CARTS)
        second = await import_sessions(store, entries, CARTS, replace=True)

        await store.close()
        await engine.dispose()
    assert (first.imported, first.already_there, first.bad) == (601, 1, 0)
    assert (second.replaced, second.already_there, second.bad) == (0, 602, 0)


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        (b'{"a":1,"b":2}', b'{"b": 2, "a": 1}', True),
        (b'{"a":1e22}', b'{"a": 10000000000000000000000}', True),
        (b'{"a":1.50}', b'{"a": 1.5}', True),
        (b'{"a":true}', b'{"a": 1}', False),
        (b'{"a":[1,2]}', b'{"a": [2, 1]}', False),
        (b'{"a":"1"}', b'{"a": 1}', False),
    ],
)
def test_what_says_the_same_in_json_is_the_same(left: bytes, right: bytes, is_same: bool) -> None:
    assert is_same_json(left, right) is is_same


async def test_what_has_expired_is_left_out_and_the_rest_keeps_its_end(clock: SettableClock) -> None:
    store = MemoryStore()
    end = clock.now + timedelta(days=30)
    entries = [entry("1", expires_at=clock.now), entry("2", expires_at=end), entry("3")]

    tally = await import_sessions(store, entries, CARTS, clock=clock)

    assert (tally.imported, tally.expired) == (2, 1)
    assert [record.expires_at for _, record in await store.scan(Query())] == [end, None]


async def test_a_session_without_an_end_of_its_own_gets_that_of_the_model(clock: SettableClock) -> None:
    store = MemoryStore()

    await import_sessions(store, [entry(data={"pages": 1})], Target(model=Visit), clock=clock)

    [(_, record)] = await store.scan(Query())
    assert record.expires_at == clock.now + timedelta(days=1)


async def test_the_owner_is_forgotten_with_everything_imported() -> None:
    sessions = Sessions(MemoryStore())
    owned = Entry("7", ("7",), V3, owner=7)
    await import_sessions(sessions.store, [owned], CARTS)

    assert await sessions.delete_owner(7) == 1


async def test_nobody_owns_them_if_so_asked() -> None:
    store = MemoryStore()

    await import_sessions(store, [Entry("7", ("7",), V3, owner=7)], Target(model=Cart, owner=nobody))

    [(_, record)] = await store.scan(Query())
    assert record.owner is None


async def test_keys_and_fields_can_be_made_by_hand() -> None:
    sessions = Sessions(MemoryStore())
    target = Target(model=Visit, key=lambda each: ("bot", 42, each.name), field="pages")

    await import_sessions(sessions.store, [entry(data=5)], target)

    assert (await sessions.load(Visit, ("bot", 42, "7"))).pages == 5


async def test_a_session_that_somebody_makes_in_the_same_moment_is_left_to_them(clock: SettableClock) -> None:
    store = Raced(clock)

    tally = await import_sessions(store, [entry("1"), entry("7"), entry("9")], CARTS, clock=clock)

    assert (tally.imported, tally.already_there) == (2, 1)
    assert (await Sessions(store).load(Cart, "7")).user == "live"


class Raced(MemoryStore):
    """A store in which somebody makes a session just before the first save."""

    def __init__(self, clock: SettableClock) -> None:
        super().__init__()
        self._clock = clock
        self._is_raced = False

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if not self._is_raced:
            self._is_raced = True
            self._clock.advance(SECOND)
            await Sessions(self, clock=self._clock).save("7", Cart(user="live"))
        return await super().save(changes)


async def test_batches_are_small_however_many_entries_there_are() -> None:
    told: list[Batch] = []
    entries = (entry(str(number)) for number in range(1201))

    await import_sessions(MemoryStore(), entries, CARTS, on_batch=told.append)

    assert [batch.size for batch in told] == [500, 500, 201]


async def test_batches_of_large_entries_hold_fewer() -> None:
    told: list[Batch] = []
    entries = (Entry(str(number), (str(number),), V3, original=b" " * 2_000_000) for number in range(5))

    await import_sessions(MemoryStore(), entries, CARTS, on_batch=told.append)

    assert [batch.size for batch in told] == [2, 2, 1]


async def test_many_reasons_stay_few_lines() -> None:
    entries = [Bad(str(number), f"reason {number}") for number in range(200)]

    tally = await import_sessions(MemoryStore(), entries, CARTS)

    assert (tally.bad, len(list(tally.lines()))) == (200, 51)


def test_a_version_goes_by_the_exact_one_before_the_offset() -> None:
    versions = Versions(offset=1, exact={5: 2})

    assert [versions.of(stored, 3) for stored in (0, 1, 2, 5, None)] == [1, 2, 3, 2, 3]
