"""All the sessions of an application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic_core import from_json

from tests.shop import (
    CART,
    HOUR,
    TICKET,
    UPCAST,
    YESTERDAY,
    Cart,
    Line,
    Prefs,
    RecordingStore,
    Ticket,
    held,
    put,
    stored,
)
from typed_sessions import (
    InvalidKeyError,
    InvalidSessionError,
    Limits,
    MemoryStore,
    Record,
    SessionClosedError,
    SessionConflictError,
    SessionDefinitionError,
    SessionGoneError,
    SessionKey,
    SessionModel,
    Sessions,
    SessionTooLargeError,
    SettingsError,
    SimpleStore,
    StoreUnavailableError,
    SyncMemoryStore,
)
from typed_sessions.key import KeyLike
from typed_sessions.stores.protocol import Query, Row
from typed_sessions.testing import SettableClock


class BrokenStorage:
    """A storage that has lost its connection."""

    def __init__(self) -> None:
        self.writes = 0

    async def read(self, _key: str, /) -> str | None:
        raise StoreUnavailableError("the connection was lost")

    async def write(self, _key: str, _value: str, /) -> None:
        self.writes += 1

    async def delete(self, _key: str, /) -> None:
        self.writes += 1


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def sessions(store: RecordingStore, clock: SettableClock) -> AsyncIterator[Sessions]:
    async with Sessions(store, clock=clock) as sessions:
        yield sessions


@pytest.mark.parametrize(
    "key", ["", (), "a\0", "\ud83c", "k" * 256, SessionKey("prefs", "42"), SessionKey("cart", "a ")], ids=repr
)
async def test_a_bad_key_is_refused_before_anything_is_sent(
    store: RecordingStore, sessions: Sessions, key: KeyLike
) -> None:
    for attempt in (sessions.load, sessions.delete):
        with pytest.raises(InvalidKeyError):
            await attempt(Cart, key)

    assert (store.loads, store.saves) == ([], [])


async def test_a_bad_owner_is_refused_before_anything_is_sent(store: RecordingStore, sessions: Sessions) -> None:
    with pytest.raises(InvalidKeyError):
        await sessions.open(Cart, "42", owner="a\0").load()
    with pytest.raises(InvalidKeyError):
        await sessions.delete_owner("")
    with pytest.raises(InvalidKeyError):
        await sessions.delete_owner(CART)

    assert (store.loads, store.saves) == ([], [])


async def test_a_read_error_is_never_an_absent_session() -> None:
    storage = BrokenStorage()
    sessions = Sessions(SimpleStore(storage))

    with pytest.raises(StoreUnavailableError):
        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"
    for attempt in (sessions.load(Cart, "42"), sessions.save("42", Cart()), sessions.delete(Cart, "42")):
        with pytest.raises(StoreUnavailableError):
            await attempt
    assert storage.writes == 0


async def test_two_keys_that_look_alike_are_two_sessions(sessions: Sessions) -> None:
    await sessions.save(("a", "b/c"), Cart(customer_id=1))
    await sessions.save(("a/b", "c"), Cart(customer_id=2))

    assert (await sessions.load(Cart, ("a", "b/c"))).customer_id == 1


async def test_a_number_and_its_digits_are_the_same_key(sessions: Sessions) -> None:
    await sessions.save(42, Cart(customer_id=1))

    assert (await sessions.load(Cart, "42")).customer_id == 1


async def test_a_limit_holds_for_every_model(store: RecordingStore) -> None:
    sessions = Sessions(store, limits=Limits(max_bytes=100))

    with pytest.raises(SessionTooLargeError):
        await sessions.save("42", Cart(currency="x" * 100))
    assert store.saves == []


class TestLoading:
    async def test_an_absent_session_is_its_initial_state_and_stays_absent(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        assert await sessions.load(Cart, "42") == Cart()
        assert store.saves == []

    async def test_an_old_session_is_upcast_without_being_written(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        record = stored(YESTERDAY, version=1)
        await put(store, CART, record)

        assert (await sessions.load(Cart, "42")).lines == [Line(sku="pizza")]
        assert await held(store, CART) == record

    async def test_two_loads_share_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))

        (await sessions.load(Cart, "42")).lines.clear()

        assert (await sessions.load(Cart, "42")).lines == [Line(sku="pizza")]

    async def test_an_expired_session_is_absent(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({"seat": "1A"}, version=1, expires_at=clock.now + HOUR))

        assert (await sessions.load(Ticket, "42")).seat == "1A"
        clock.advance(HOUR)
        assert (await sessions.load(Ticket, "42")).seat == ""

    async def test_a_model_without_configuration_is_refused(self, sessions: Sessions) -> None:
        class Bare(SessionModel):
            pass

        with pytest.raises(SessionDefinitionError, match="has no session_config"):
            await sessions.load(Bare, "42")


class TestSaving:
    async def test_the_data_is_replaced_as_a_whole(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))

        await sessions.save("42", Cart(currency="USD"), owner=("user", 7))

        record = await held(store, CART)
        assert record is not None
        assert from_json(record.data) == {"lines": [], "customer_id": None, "currency": "USD"}
        assert (record.revision, record.owner) == (8, "user/7")

    async def test_an_absent_session_is_made_even_if_it_is_as_it_begins(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await sessions.save("42", Cart())

        assert await held(store, CART) is not None

    async def test_the_same_data_is_not_written_again(self, store: RecordingStore, sessions: Sessions) -> None:
        await sessions.save("42", Cart())
        await sessions.save("42", Cart())

        assert len(store.saves) == 1

    async def test_the_object_that_was_saved_may_be_changed_and_saved_again(self, sessions: Sessions) -> None:
        cart = await sessions.load(Cart, "42")
        await sessions.save("42", cart)

        cart.currency = "USD"
        await sessions.save("42", cart)

        assert await sessions.load(Cart, "42") == cart

    async def test_an_invalid_session_is_not_overwritten(self, store: RecordingStore, sessions: Sessions) -> None:
        record = stored({"lines": "broken"})
        await put(store, CART, record)

        with pytest.raises(InvalidSessionError):
            await sessions.save("42", Cart())
        assert await held(store, CART) == record

    async def test_a_save_within_the_turn_of_the_same_task_does_not_hide_later_changes(
        self, sessions: Sessions
    ) -> None:
        async with sessions.open(Cart, "42") as cart:
            await sessions.save("42", Cart(currency="USD"))
            with pytest.raises(SessionClosedError, match="would be lost"):
                cart.customer_id = 7

        assert await sessions.load(Cart, "42") == Cart(currency="USD")


class TestDeleting:
    async def test_it_says_whether_there_was_one(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))

        assert [await sessions.delete(Cart, "42") for _ in range(2)] == [True, False]
        assert await held(store, CART) is None

    @pytest.mark.parametrize("version", [3, 99])
    async def test_an_unreadable_session_is_deleted_too(
        self, store: RecordingStore, sessions: Sessions, version: int
    ) -> None:
        await put(store, CART, stored({"lines": "broken"}, version=version))

        assert await sessions.delete(Cart, "42")
        assert await held(store, CART) is None

    async def test_an_expired_one_counts_as_none_and_goes_as_well(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, CART, stored({}, expires_at=clock.now))

        assert not await sessions.delete(Cart, "42")
        assert await held(store, CART) is None

    async def test_all_sessions_of_an_owner_go_in_every_model(self, store: RecordingStore, sessions: Sessions) -> None:
        for number in range(600):
            await put(store, SessionKey("cart", str(number)), replace(stored(UPCAST), owner="user/1"))
        await sessions.save(1, Prefs(), owner=("user", 1))
        await sessions.save(10, Prefs(), owner=("user", 10))

        assert await sessions.delete_owner(("user", 1)) == 601
        assert [key.text async for key in sessions.keys(Prefs)] == ["10"]
        assert [key async for key in sessions.keys(Cart)] == []

    @pytest.mark.parametrize("is_made_anew", [True, False])
    async def test_a_session_that_becomes_somebody_elses_in_the_meantime_stays(
        self, clock: SettableClock, is_made_anew: bool
    ) -> None:
        store = Interrupted()
        sessions = Sessions(store, clock=clock)
        await sessions.save(1, Cart(), owner="alice")
        await sessions.save(2, Cart(), owner="alice")

        async def give_to_bob() -> None:
            if is_made_anew:
                await sessions.delete(Cart, 1)
            await sessions.save(1, Cart(currency="USD"), owner="bob")

        store.after_scan = give_to_bob

        assert await sessions.delete_owner("alice") == 1
        assert [(key.text, cart.currency) async for key, cart in sessions.items(Cart, owner="bob")] == [("1", "USD")]


class Interrupted(RecordingStore):
    """A store in which something happens after the first scan."""

    after_scan: Callable[[], Awaitable[None]] | None = None

    async def scan(self, query: Query, /) -> Sequence[Row]:
        rows = await super().scan(query)
        if self.after_scan is not None:
            happens, self.after_scan = self.after_scan, None
            await happens()
        return rows


class TestMoving:
    async def test_a_session_moves_as_it_is(self, store: RecordingStore, sessions: Sessions) -> None:
        record = stored(YESTERDAY, version=1)
        await put(store, CART, record)

        assert await sessions.move(Cart, "42", "new")
        assert await store.load([CART, SessionKey("cart", "new")]) == {SessionKey("cart", "new"): record}

    async def test_it_moves_only_once(self, sessions: Sessions) -> None:
        await sessions.save("old", Cart(customer_id=7))

        assert [await sessions.move(Cart, "old", "new") for _ in range(2)] == [True, False]
        assert (await sessions.load(Cart, "new")).customer_id == 7

    async def test_a_session_that_is_there_is_never_replaced(self, store: RecordingStore, sessions: Sessions) -> None:
        await sessions.save("old", Cart(customer_id=7))
        await sessions.save("new", Cart(customer_id=8))

        with pytest.raises(SessionConflictError):
            await sessions.move(Cart, "old", "new")
        assert [cart.customer_id async for _, cart in sessions.items(Cart)] == [8, 7]
        assert store.saves

    async def test_nothing_does_not_replace_something(self, sessions: Sessions) -> None:
        await sessions.save("new", Cart(customer_id=8))

        assert not await sessions.move(Cart, "old", "new")
        assert (await sessions.load(Cart, "new")).customer_id == 8

    async def test_an_expired_session_neither_moves_nor_is_in_the_way(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({"seat": "1A"}, version=1, expires_at=clock.now))
        await sessions.save("new", Ticket(seat="2B"))

        assert not await sessions.move(Ticket, "42", "newer")
        assert await sessions.move(Ticket, "new", "42")
        assert (await sessions.load(Ticket, "42")).seat == "2B"

    async def test_a_move_onto_itself_changes_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        record = stored(UPCAST)
        await put(store, CART, record)

        assert await sessions.move(Cart, "42", 42)
        assert await held(store, CART) == record

    async def test_a_turn_in_flight_does_not_bring_the_old_key_back(self, store: RecordingStore) -> None:
        sessions = Sessions(store, serialize=False)
        await put(store, CART, stored(UPCAST))

        with pytest.raises(SessionGoneError):
            async with sessions.open(Cart, "42") as cart:
                cart.currency = "USD"
                await asyncio.create_task(sessions.move(Cart, "42", "new"))
        assert await held(store, CART) is None

    @pytest.mark.parametrize("key", ["42", "new"])
    async def test_what_this_task_has_open_is_not_moved_away_under_it(
        self, store: RecordingStore, sessions: Sessions, key: str
    ) -> None:
        await put(store, CART, stored(UPCAST))

        async with sessions.open(Cart, key) as cart:
            cart.currency = "USD"
            with pytest.raises(SessionDefinitionError, match="rotate it there, or move it after"):
                await sessions.move(Cart, "42", "new")

        assert (await sessions.load(Cart, key)).currency == "USD"

    async def test_it_waits_for_a_turn_of_another_task(self, sessions: Sessions) -> None:
        await sessions.save("old", Cart(customer_id=7))
        moving: asyncio.Task[bool]

        async with sessions.open(Cart, "old") as cart:
            moving = asyncio.create_task(sessions.move(Cart, "old", "new"))
            await asyncio.sleep(0)
            cart.currency = "USD"

        assert await moving
        assert (await sessions.load(Cart, "new")).currency == "USD"

    async def test_a_session_that_is_as_new_is_replaced_if_that_is_wanted(self, sessions: Sessions) -> None:
        await sessions.save("old", Cart(customer_id=7))
        await sessions.save("new", Cart())

        assert await sessions.move(Cart, "old", "new", over_initial=True)
        assert (await sessions.load(Cart, "new")).customer_id == 7

    @pytest.mark.parametrize(
        "occupant",
        [
            stored({**UPCAST, "currency": "USD"}),
            stored({"lines": 3}),
            stored({"lines": [], "customer_id": None, "currency": "EUR", "later": 1}, version=4, min_reader=3),
            stored({}, version=9, min_reader=9),
        ],
        ids=["with data", "invalid", "with a newer field", "newer"],
    )
    async def test_one_that_holds_or_may_hold_something_is_not(
        self, store: RecordingStore, sessions: Sessions, occupant: Record
    ) -> None:
        await sessions.save("old", Cart(customer_id=7))
        await put(store, CART, occupant)

        with pytest.raises(SessionConflictError):
            await sessions.move(Cart, "old", "42", over_initial=True)
        assert await held(store, CART) == occupant


class TestListing:
    async def test_keys_are_those_of_the_model(self, sessions: Sessions) -> None:
        await sessions.save("42", Cart())
        await sessions.save("43", Prefs())

        assert [key async for key in sessions.keys(Cart)] == [CART]

    async def test_a_prefix_means_whole_parts(self, sessions: Sessions) -> None:
        keys: list[KeyLike] = [("user", 1), ("user", 1, "a"), ("user", 10), ("user%", 1), ("us_r", 1), "user"]
        for key in keys:
            await sessions.save(key, Cart())

        assert [key.parts async for key in sessions.keys(Cart, prefix=("user", 1))] == [
            ("user", "1"),
            ("user", "1", "a"),
        ]

    async def test_a_prefix_may_end_with_a_space(self, sessions: Sessions) -> None:
        keys: list[KeyLike] = [("a ", "b"), ("a", "b"), ("a%20", "b"), "a "]
        for key in keys:
            await sessions.save(key, Cart())

        assert [key.parts async for key in sessions.keys(Cart, prefix=("a ",))] == [("a ",), ("a ", "b")]

    async def test_an_owner_is_found(self, sessions: Sessions) -> None:
        await sessions.save(1, Cart(), owner="a")
        await sessions.save(2, Cart(), owner="b")

        assert [key.text async for key in sessions.keys(Cart, owner="b")] == ["2"]

    async def test_items_are_upcast_and_not_written(self, store: RecordingStore, sessions: Sessions) -> None:
        record = stored(YESTERDAY, version=1)
        await put(store, CART, record)

        assert [(key, cart.customer_id) async for key, cart in sessions.items(Cart)] == [(CART, 7)]
        assert await held(store, CART) == record

    async def test_expired_sessions_are_absent(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({}, version=99, expires_at=clock.now))

        assert [key async for key in sessions.keys(Ticket)] == []
        assert [item async for item in sessions.items(Ticket)] == []

    async def test_more_sessions_than_a_page_holds_come_once_each(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        for number in range(1001):
            await put(store, SessionKey("cart", str(number)), stored(UPCAST))

        found = [key.text async for key in sessions.keys(Cart)]

        assert sorted(map(int, found)) == list(range(1001))

    async def test_sessions_may_be_changed_while_they_are_listed(self, sessions: Sessions) -> None:
        for number in range(5):
            await sessions.save(number, Cart())

        async for key in sessions.keys(Cart):
            async with sessions.open(Cart, key) as cart:
                cart.currency = "USD"

        assert {cart.currency async for _, cart in sessions.items(Cart)} == {"USD"}


class TestPruning:
    async def test_expired_sessions_are_deleted_in_small_batches(
        self, sessions: Sessions, clock: SettableClock
    ) -> None:
        for number in range(5):
            await sessions.save(number, Ticket())
        clock.advance(HOUR)
        await sessions.save("fresh", Ticket())

        assert [await sessions.prune(limit=2) for _ in range(4)] == [2, 2, 1, 0]
        assert [key.text async for key in sessions.keys(Ticket)] == ["fresh"]

    async def test_a_session_renewed_before_the_cleanup_stays(self, sessions: Sessions, clock: SettableClock) -> None:
        await sessions.save("42", Ticket(seat="1A"))
        clock.advance(HOUR / 2)
        session = sessions.open(Ticket, "42")
        async with session:
            await session.touch()
        clock.advance(HOUR / 2)

        assert await sessions.prune() == 0
        assert (await sessions.load(Ticket, "42")).seat == "1A"


async def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYPED_SESSIONS_DATABASE_URL", raising=False)

    with pytest.raises(SettingsError, match="TYPED_SESSIONS_DATABASE_URL"):
        Sessions.from_settings()


def test_a_store_for_threads_is_refused() -> None:
    store: Any = SyncMemoryStore()

    with pytest.raises(TypeError, match="SyncMemoryStore is a store for threads; give it to SyncSessions"):
        Sessions(store)


async def test_the_store_is_closed_with_the_sessions() -> None:
    closed: list[bool] = []

    class Closing(MemoryStore):
        async def close(self) -> None:
            closed.append(True)

    async with Sessions(Closing()):
        pass

    assert closed == [True]
