"""One session: what its turn reads, writes and refuses."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import Field, model_validator
from pydantic_core import from_json

from tests.shop import (
    CART,
    HOUR,
    PREFS,
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
    History,
    InvalidSessionError,
    JsonObject,
    Limits,
    NewerVersionError,
    Record,
    SessionClosedError,
    SessionConfig,
    SessionConflictError,
    SessionDefinitionError,
    SessionGoneError,
    SessionKey,
    SessionModel,
    Sessions,
    SessionTooLargeError,
    UnstorableValueError,
    UpcastError,
)
from typed_sessions.clock import MICROSECOND
from typed_sessions.stores.protocol import Query, Touch, Update
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def sessions(store: RecordingStore, clock: SettableClock) -> Sessions:
    return Sessions(store, clock=clock, lock_timeout=5.0)


@pytest.fixture
def others(store: RecordingStore, clock: SettableClock) -> Sessions:
    """The sessions of another process on the same store."""
    return Sessions(store, clock=clock)


async def data_of(store: RecordingStore, key: SessionKey = CART) -> JsonObject | None:
    record = await held(store, key)
    return from_json(record.data) if record else None


class TestWriting:
    async def test_a_change_is_saved_on_a_clean_exit(self, store: RecordingStore, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"

        assert await data_of(store) == {"lines": [], "customer_id": None, "currency": "USD"}

    async def test_a_nested_change_is_noticed(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))

        async with sessions.open(Cart, "42") as cart:
            cart.lines[0].qty += 1

        assert await data_of(store) == {**UPCAST, "lines": [{"sku": "pizza", "qty": 2}]}

    async def test_a_turn_that_changes_nothing_writes_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        store.saves.clear()

        async with sessions.open(Cart, "42") as cart:
            cart.currency = str(cart.currency)

        assert store.saves == []

    async def test_a_new_session_that_nobody_changed_is_not_stored(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        async with sessions.open(Cart, "42"):
            pass

        assert store.saves == []

    async def test_a_clean_turn_writes_nothing_if_the_store_has_another_order_of_names(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(dict(reversed(UPCAST.items()))))
        store.saves.clear()

        async with sessions.open(Cart, "42"):
            pass

        assert store.saves == []

    async def test_a_session_above_a_lowered_limit_can_still_be_read(self, store: RecordingStore) -> None:
        await put(store, CART, stored(dict(reversed(UPCAST.items()))))

        async with Sessions(store, limits=Limits(max_bytes=10)).open(Cart, "42") as cart:
            assert cart.customer_id == 7

    async def test_a_change_that_is_taken_back_writes_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        store.saves.clear()

        async with sessions.open(Cart, "42") as cart:
            cart.lines.append(Line(sku="cola"))
            cart.lines.pop()

        assert store.saves == []

    async def test_a_block_that_raises_saves_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))

        with pytest.raises(ZeroDivisionError):
            async with sessions.open(Cart, "42") as cart:
                cart.lines.clear()
                _ = 1 / 0

        assert await data_of(store) == UPCAST
        assert (await sessions.load(Cart, "42")).lines == [Line(sku="pizza")]

    async def test_a_session_that_cannot_be_stored_leaves_the_row_as_it_was(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, PREFS, stored({"theme": "dark"}, version=1))

        with pytest.raises(UnstorableValueError, match=r"sizes\.\*"):
            async with sessions.open(Prefs, "42") as prefs:
                prefs.sizes["width"] = float("nan")

        assert await data_of(store, PREFS) == {"theme": "dark"}

    async def test_a_new_session_that_begins_unstorable_is_not_saved(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        class Odd(SessionModel):
            session_config = SessionConfig(name="odd")

            number: float = float("inf")

        with pytest.raises(UnstorableValueError):
            async with sessions.open(Odd, "42"):
                await sessions.open(Odd, "43").load()
                await sessions.save("43", Odd())

        assert await store.scan(Query()) == []

    async def test_a_large_session_leaves_the_row_as_it_was(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))

        with pytest.raises(SessionTooLargeError):
            async with sessions.open(Cart, "42") as cart:
                cart.currency = "x" * 1024 * 1024

        assert await data_of(store) == UPCAST

    async def test_the_data_is_replaced_as_a_whole(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session:
            session.data = Cart(currency="USD")

        assert await data_of(store) == {"lines": [], "customer_id": None, "currency": "USD"}

    async def test_data_that_was_replaced_refuses_assignments(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        async with session as cart:
            session.data = Cart()
            with pytest.raises(SessionClosedError, match="would be lost"):
                cart.currency = "USD"

    async def test_data_that_is_put_back_takes_assignments_again(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        session = sessions.open(Cart, "42")

        async with session as cart:
            session.data = Cart()
            session.data = cart
            cart.currency = "USD"

        assert (await sessions.load(Cart, "42")).currency == "USD"
        assert len(store.saves) == 1

    async def test_data_of_another_model_is_refused(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        async with session:
            with pytest.raises(TypeError, match="is a Cart, not a Prefs"):
                session.data = Prefs()  # type: ignore[assignment]  # the very mistake

    async def test_an_unchanged_new_session_is_stored_by_saving_it(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        session = sessions.open(Cart, "42")

        async with session:
            await session.save()
            assert not session.is_new

        assert await data_of(store) == {"lines": [], "customer_id": None, "currency": "EUR"}
        assert len(store.saves) == 1

    async def test_saving_twice_writes_the_later_changes_too(self, store: RecordingStore, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        async with session as cart:
            cart.currency = "USD"
            await session.save()
            first = session.revision
            cart.currency = "CHF"

        record = await held(store, CART)
        assert record is not None
        assert first is not None
        assert (record.revision, from_json(record.data)["currency"]) == (first + 1, "CHF")

    async def test_what_was_saved_stays_when_the_block_raises_later(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        with pytest.raises(ZeroDivisionError):
            async with session as cart:
                cart.currency = "USD"
                await session.save()
                cart.currency = "CHF"
                _ = 1 / 0

        assert (await sessions.load(Cart, "42")).currency == "USD"

    async def test_a_save_keeps_the_creation_and_notes_its_time(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, CART, stored(UPCAST))
        clock.advance(HOUR)

        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"

        record = await held(store, CART)
        assert record is not None
        assert (record.revision, record.created_at, record.updated_at) == (8, NOON, NOON + HOUR)
        assert (record.version, record.min_reader) == (3, 3)

    async def test_sets_and_other_types_are_clean_after_a_round_trip(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        class Mixed(SessionModel):
            session_config = SessionConfig(name="mixed")

            names: set[str] = set()
            when: datetime = NOON
            span: timedelta = timedelta(seconds=1.5)
            raw: bytes = b"\xff"
            by_number: dict[int, tuple[int, str]] = {}

        async with sessions.open(Mixed, "42") as mixed:
            mixed.names |= {"a", "b", "c", "d", "e"}
            mixed.by_number[3] = (1, "x")
        store.saves.clear()
        async with sessions.open(Mixed, "42") as mixed:
            assert mixed.by_number == {3: (1, "x")}

        assert store.saves == []


class TestReading:
    async def test_nothing_is_read_before_it_is_entered(self, store: RecordingStore, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        assert (store.loads, session.is_over) == ([], False)

    async def test_it_is_loaded_on_demand_once_and_without_a_turn(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        first, second = await session.load(), await session.load()

        assert first is second is session.data
        assert len(store.loads) == 1

    async def test_awaiting_it_loads_it(self, sessions: Sessions) -> None:
        session = await sessions.open(Cart, "42")

        assert session.data == Cart()

    async def test_a_loaded_session_may_be_saved(self, store: RecordingStore, sessions: Sessions) -> None:
        session = await sessions.open(Cart, "42")
        session.data.currency = "USD"

        await session.save()

        assert await data_of(store) == {"lines": [], "customer_id": None, "currency": "USD"}

    async def test_what_is_stored_is_shown(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(YESTERDAY, version=1, expires_at=NOON + HOUR))

        session = await sessions.open(Cart, "42")

        assert (session.is_new, session.revision, session.stored_version) == (False, 7, 1)
        assert (session.expires_at, session.key) == (NOON + HOUR, CART)

    async def test_a_new_session_has_nothing_stored_to_show(self, sessions: Sessions) -> None:
        session = await sessions.open(Cart, "42")

        assert (session.is_new, session.revision, session.stored_version) == (True, None, None)
        assert session.expires_at is None

    async def test_an_unloaded_session_has_no_data_yet(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        with pytest.raises(SessionClosedError, match="is not loaded yet"):
            _ = session.data

    async def test_a_session_shows_neither_key_nor_data(self, sessions: Sessions) -> None:
        session = sessions.open(Prefs, "secret")
        async with session as prefs:
            prefs.theme = "secret"
            shown = repr(session)

        assert "secret" not in shown + repr(session)
        assert shown.endswith("is open>")
        assert repr(session).endswith("is over>")

    async def test_nothing_is_logged_of_a_turn(
        self, store: RecordingStore, sessions: Sessions, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "typed_sessions")
        await put(store, CART, stored(YESTERDAY, version=1))

        async with sessions.open(Cart, "42") as cart:
            cart.currency = "secret"

        assert "secret" not in caplog.text


class TestClosing:
    async def test_a_session_is_of_no_use_after_its_turn(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")
        async with session as cart:
            pass

        with pytest.raises(SessionClosedError, match="is over; open it again"):
            _ = session.data
        with pytest.raises(SessionClosedError):
            await session.save()
        with pytest.raises(SessionClosedError):
            cart.currency = "USD"

    async def test_it_is_closed_also_when_the_block_raises(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")
        cart = await session.load()
        with pytest.raises(ZeroDivisionError):
            async with session:
                _ = 1 / 0

        assert session.is_over
        with pytest.raises(SessionClosedError):
            cart.currency = "USD"

    async def test_it_cannot_be_entered_again(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")
        async with session:
            with pytest.raises(SessionClosedError, match="was entered before"):
                await session.__aenter__()

        with pytest.raises(SessionClosedError, match="was entered before"):
            await session.__aenter__()

    async def test_a_turn_that_could_not_begin_leaves_the_key_free(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST, version=9))
        with pytest.raises(NewerVersionError):
            await sessions.open(Cart, "42").__aenter__()
        await sessions.delete(Cart, "42")

        async with asyncio.timeout(1), sessions.open(Cart, "42") as cart:
            assert cart == Cart()


class WithoutChange(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old}


class TestOldVersions:
    async def test_a_stale_session_is_written_back_upcast(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(YESTERDAY, version=1))

        async with sessions.open(Cart, "42") as cart:
            assert cart.lines == [Line(sku="pizza")]

        record = await held(store, CART)
        assert record is not None
        assert (record.version, record.min_reader, record.revision) == (3, 3, 8)
        assert from_json(record.data) == UPCAST

    async def test_a_stale_session_that_is_only_loaded_stays_as_it_is(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        record = stored(YESTERDAY, version=1)
        await put(store, CART, record)

        await sessions.load(Cart, "42")

        assert await held(store, CART) == record

    async def test_a_stale_session_stays_as_it_is_when_the_block_raises(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        record = stored(YESTERDAY, version=1)
        await put(store, CART, record)

        with pytest.raises(ZeroDivisionError):
            async with sessions.open(Cart, "42"):
                _ = 1 / 0

        assert await held(store, CART) == record

    async def test_being_written_back_does_not_prolong_a_session(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({}, version=1, expires_at=NOON + HOUR))
        clock.advance(HOUR / 2)
        newer = type("Newer", (Ticket,), {"session_config": with_one_step("ticket", ttl=HOUR)})

        async with sessions.open(newer, "42"):
            pass

        record = await held(store, TICKET)
        assert record is not None
        assert (record.version, record.expires_at) == (2, NOON + HOUR)

    async def test_of_two_readers_of_a_stale_session_the_loser_is_quiet(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(YESTERDAY, version=1))

        async with sessions.open(Cart, "42") as mine, others.open(Cart, "42") as theirs:
            assert mine == theirs

        record = await held(store, CART)
        assert record is not None
        assert (record.revision, from_json(record.data)) == (8, UPCAST)

    async def test_the_loser_of_an_upcast_still_saves_what_it_changes_afterwards(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(YESTERDAY, version=1))
        session = sessions.open(Cart, "42")

        async with session as mine:
            async with others.open(Cart, "42") as theirs:
                theirs.currency = "USD"
            await session.save()
            mine.customer_id = 8

        assert await data_of(store) == {**UPCAST, "currency": "USD", "customer_id": 8}

    async def test_the_loser_of_an_upcast_is_quiet_even_if_the_session_was_deleted(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(YESTERDAY, version=1))

        async with sessions.open(Cart, "42"):
            await others.delete(Cart, "42")

        assert await held(store, CART) is None

    async def test_an_upcast_that_cannot_be_stored_is_refused_when_it_is_read(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        record = stored({"text": "ok"}, version=1)
        await put(store, SessionKey("note", "42"), record)

        class Note(SessionModel):
            session_config = with_one_step("note", {"text": "a\0b"})

            text: str = ""

        with pytest.raises(UpcastError, match="NUL"):
            await sessions.open(Note, "42").load()
        assert await held(store, SessionKey("note", "42")) == record

    async def test_a_step_that_fails_leaves_the_row_as_it_was(self, store: RecordingStore, sessions: Sessions) -> None:
        record = stored({"items": None, "user": None}, version=1)
        await put(store, CART, record)

        with pytest.raises(UpcastError, match=r"CartHistory.v2_to_v3 .* TypeError"):
            await sessions.open(Cart, "42").__aenter__()
        assert await held(store, CART) == record


def with_one_step(name: str, result: JsonObject | None = None, **values: Any) -> SessionConfig:  # noqa: ANN401 # those of SessionConfig  # of its own
    class OneStep(History):
        @staticmethod
        def v1_to_v2(old: JsonObject, /) -> JsonObject:
            return old if result is None else result

    return SessionConfig(name=name, version=2, history=OneStep(), **values)


class Token(SessionModel):
    """With a default that is another one at every reading."""

    session_config = SessionConfig(name="token", version=2, history=WithoutChange())

    count: int = 0
    token: UUID = Field(default_factory=uuid4)


TOKEN = SessionKey("token", "42")


class TestDefaultsThatDiffer:
    async def test_two_clean_readers_of_a_stale_session_are_no_conflict(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, TOKEN, stored({"count": 1}, version=1))

        async with sessions.open(Token, "42"), others.open(Token, "42"):
            pass

        record = await held(store, TOKEN)
        assert record is not None
        assert (record.version, record.revision) == (2, 8)

    async def test_a_clean_turn_on_a_session_without_the_field_writes_nothing(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, TOKEN, stored({"count": 1}, version=2))
        store.saves.clear()

        async with sessions.open(Token, "42"):
            pass

        assert store.saves == []

    async def test_a_change_stores_what_the_handler_saw(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, TOKEN, stored({"count": 1}, version=2))

        async with sessions.open(Token, "42") as token:
            token.count = 2

        assert await data_of(store, TOKEN) == {"count": 2, "token": str(token.token)}


class TestNewVersions:
    async def test_a_version_that_this_code_may_not_read_is_never_overwritten(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        record = stored({"shape": "of tomorrow"}, version=99)
        await put(store, CART, record)

        for attempt in (sessions.open(Cart, "42").__aenter__, lambda: sessions.save("42", Cart())):
            with pytest.raises(NewerVersionError):
                await attempt()
        assert await held(store, CART) == record

    async def test_a_change_by_older_code_keeps_the_newer_version(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored({**UPCAST, "voucher": "X"}, version=5, min_reader=2))

        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"

        record = await held(store, CART)
        assert record is not None
        assert (record.version, record.min_reader) == (5, 2)
        assert from_json(record.data) == {**UPCAST, "currency": "USD", "voucher": "X"}

    async def test_a_session_that_newer_code_took_over_meanwhile_is_not_overwritten(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        theirs = replace(stored({"shape": "of tomorrow"}, version=4), revision=8)

        with pytest.raises(NewerVersionError):
            async with sessions.open(Cart, "42") as cart:
                cart.currency = "USD"
                await store.save([Update(CART, 7, theirs)])

        assert await held(store, CART) == theirs


BROKEN = stored({"lines": "broken"})


class Forgiving(SessionModel):
    session_config = SessionConfig(name="cart", on_invalid="reset")

    lines: list[int] = []


class TestInvalidSessions:
    async def test_an_invalid_session_is_refused_and_stays(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, BROKEN)

        with pytest.raises(InvalidSessionError):
            await sessions.open(Cart, "42").__aenter__()
        assert await held(store, CART) == BROKEN

    async def test_a_reset_begins_anew_and_keeps_the_old_bytes_aside(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        broken = replace(BROKEN, version=1, owner="user/7")
        await put(store, CART, broken)

        async with sessions.open(Forgiving, "42") as cart:
            cart.lines.append(1)

        rows = dict(await store.scan(Query()))
        assert from_json(rows.pop(CART).data) == {"lines": [1]}
        assert list(rows.values()) == [broken]
        assert [key.model for key in rows] == ["cart!reset"]

    async def test_a_reset_that_changes_nothing_writes_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, replace(BROKEN, version=1))
        store.saves.clear()

        async with sessions.open(Forgiving, "42"):
            pass
        await sessions.load(Forgiving, "42")

        assert store.saves == []

    async def test_two_resets_at_once_are_merged(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        class Two(SessionModel):
            session_config = SessionConfig(name="cart", on_invalid="reset")

            a: int = 0
            b: int = 0

        await put(store, CART, replace(BROKEN, version=1))

        async with sessions.open(Two, "42") as mine:
            mine.a = 1
            async with others.open(Two, "42") as theirs:
                theirs.b = 2

        assert await data_of(store) == {"a": 1, "b": 2}
        assert len(await store.scan(Query())) == 2

    async def test_a_reset_session_that_is_deleted_takes_the_old_bytes_along(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, replace(BROKEN, version=1))
        session = sessions.open(Forgiving, "42")

        async with session:
            await session.delete()

        assert await store.scan(Query()) == []

    async def test_what_newer_code_wrote_is_never_reset(self, store: RecordingStore, sessions: Sessions) -> None:
        record = replace(BROKEN, version=2, min_reader=1)
        await put(store, CART, record)

        with pytest.raises(InvalidSessionError):
            await sessions.open(Forgiving, "42").__aenter__()
        assert await held(store, CART) == record

    async def test_a_failed_upcast_is_never_reset(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored({"x": 1}, version=1))

        class Upcasting(SessionModel):
            session_config = with_one_step("cart", {"y": 1}, on_invalid="reset")

        with pytest.raises(UpcastError):
            await sessions.open(Upcasting, "42").__aenter__()


class TestConflicts:
    async def test_changes_of_different_fields_are_merged(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        async with sessions.open(Cart, "42") as mine:
            mine.currency = "USD"
            async with others.open(Cart, "42") as theirs:
                theirs.lines.append(Line(sku="cola"))

        lines = [{"sku": "pizza", "qty": 1}, {"sku": "cola", "qty": 1}]
        assert await data_of(store) == {**UPCAST, "currency": "USD", "lines": lines}

    async def test_the_merged_fields_are_seen_by_the_handler(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session as mine:
            mine.currency = "USD"
            async with others.open(Cart, "42") as theirs:
                theirs.customer_id = 8
            await session.save()
            assert (mine.customer_id, mine.currency, session.revision) == (8, "USD", 9)

    async def test_two_who_make_the_same_new_session_are_merged(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        async with sessions.open(Cart, "42") as mine:
            mine.currency = "USD"
            async with others.open(Cart, "42") as theirs:
                theirs.customer_id = 8

        assert await data_of(store) == {"lines": [], "customer_id": 8, "currency": "USD"}

    async def test_a_field_that_both_changed_is_a_conflict_with_all_three_sides(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        with pytest.raises(SessionConflictError) as caught:
            async with sessions.open(Cart, "42") as mine:
                mine.currency, mine.customer_id = "USD", 9
                async with others.open(Cart, "42") as theirs:
                    theirs.currency = "CHF"

        error = caught.value
        assert (error.key, error.fields) == (CART, ("currency",))
        sides = [side for side in (error.base, error.mine, error.theirs) if isinstance(side, Cart)]
        assert [(side.currency, side.customer_id) for side in sides] == [("EUR", 7), ("USD", 9), ("CHF", 7)]
        assert await data_of(store) == {**UPCAST, "currency": "CHF"}

    async def test_two_who_count_to_the_same_number_are_in_conflict(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        with pytest.raises(SessionConflictError):
            async with sessions.open(Cart, "42") as mine:
                mine.customer_id = 8
                async with others.open(Cart, "42") as theirs:
                    theirs.customer_id = 8

    async def test_a_model_may_refuse_to_merge(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        class Strict(SessionModel):
            session_config = SessionConfig(name="cart", conflicts="raise")

            a: int = 0
            b: int = 0

        with pytest.raises(SessionConflictError, match="somebody else saved it first"):
            async with sessions.open(Strict, "42") as mine:
                mine.a = 1
                async with others.open(Strict, "42") as theirs:
                    theirs.b = 2

        assert await data_of(store) == {"a": 0, "b": 2}

    async def test_a_merge_that_breaks_the_declared_shape_is_a_conflict(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        class Range(SessionModel):
            session_config = SessionConfig(name="cart")

            low: int = 0
            high: int = 10

            @model_validator(mode="after")
            def in_order(self) -> "Range":
                if self.low > self.high:
                    raise ValueError("out of order")
                return self

        with pytest.raises(SessionConflictError):
            async with sessions.open(Range, "42") as mine:
                mine.low = 8
                async with others.open(Range, "42") as theirs:
                    theirs.high = 5

        assert await data_of(store) == {"low": 0, "high": 5}

    async def test_a_slow_reader_does_not_clobber_a_writer(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        async with sessions.open(Cart, "42"), others.open(Cart, "42") as theirs:
            theirs.currency = "USD"

        assert await data_of(store) == {**UPCAST, "currency": "USD"}

    async def test_a_session_deleted_meanwhile_does_not_come_back(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        with pytest.raises(SessionGoneError, match="was deleted during this turn"):
            async with sessions.open(Cart, "42") as cart:
                cart.currency = "USD"
                await others.delete(Cart, "42")

        assert await held(store, CART) is None

    async def test_a_session_deleted_and_made_anew_is_not_mixed_with_the_old_one(
        self, store: RecordingStore, sessions: Sessions, others: Sessions, clock: SettableClock
    ) -> None:
        await sessions.save("42", Cart(customer_id=7))

        with pytest.raises(SessionGoneError):
            async with sessions.open(Cart, "42") as cart:
                cart.currency = "USD"
                await others.delete(Cart, "42")
                clock.advance(MICROSECOND)
                await others.save("42", Cart(customer_id=8))

        assert await data_of(store) == {"lines": [], "customer_id": 8, "currency": "EUR"}

    async def test_a_session_made_anew_in_the_same_moment_is_another_one(self, store: RecordingStore) -> None:
        sessions = Sessions(store, clock=SettableClock(), serialize=False)
        await sessions.save("42", Cart(customer_id=7))

        with pytest.raises(SessionGoneError):
            async with sessions.open(Cart, "42") as cart:
                cart.currency = "USD"
                await asyncio.create_task(made_anew(sessions))

        assert (await data_of(store) or {})["customer_id"] == 8

    async def test_a_new_session_may_be_made_where_another_was_made_and_deleted_meanwhile(
        self, sessions: Sessions, others: Sessions
    ) -> None:
        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"
            await others.save("42", Cart())
            await others.delete(Cart, "42")

        assert (await sessions.load(Cart, "42")).currency == "USD"


async def made_anew(sessions: Sessions) -> None:
    await sessions.delete(Cart, "42")
    await sessions.save("42", Cart(customer_id=8))


class Pair(SessionModel):
    session_config = SessionConfig(name="pair", ttl=HOUR)

    left: str = ""
    right: str = ""


PAIR = SessionKey("pair", "42")


class TestExpiry:
    async def test_a_change_lets_a_session_live_for_its_time_from_now(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        for _ in range(2):
            clock.advance(HOUR / 2)
            async with sessions.open(Ticket, "42") as ticket:
                ticket.seat += "x"

            record = await held(store, TICKET)
            assert record is not None
            assert record.expires_at == clock.now + HOUR

    async def test_what_expires_while_a_save_waits_is_not_merged_in(self, clock: SettableClock) -> None:
        class Slow(RecordingStore):
            async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
                records = await super().load(keys)
                clock.advance(HOUR * 2 if len(self.loads) == 2 else timedelta())
                return records

        sessions = Sessions(Slow(), clock=clock, serialize=False)
        async with sessions.open(Pair, "42") as mine:
            mine.left = "mine"
            await put(sessions.store, PAIR, stored({"left": "", "right": "1A"}, version=1, expires_at=clock.now + HOUR))

        assert await sessions.load(Pair, "42") == Pair(left="mine")

    async def test_an_expired_session_is_a_new_one(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({"seat": "1A"}, version=1, expires_at=clock.now))
        session = sessions.open(Ticket, "42")

        async with session as ticket:
            assert (session.is_new, ticket.seat) == (True, "")
            ticket.seat = "2B"

        record = await held(store, TICKET)
        assert record is not None
        assert record.revision > 7
        assert (record.created_at, record.expires_at) == (clock.now, clock.now + HOUR)

    async def test_an_expired_session_that_nobody_changes_stays_for_the_cleanup(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        record = stored({"seat": "1A"}, version=1, expires_at=clock.now)
        await put(store, TICKET, record)

        async with sessions.open(Ticket, "42"):
            pass

        assert await held(store, TICKET) == record

    async def test_expired_data_is_not_even_looked_at(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({"seat": None}, version=99, expires_at=clock.now))

        assert await sessions.load(Ticket, "42") == Ticket()

    async def test_a_session_that_expires_during_its_turn_is_saved(
        self, sessions: Sessions, clock: SettableClock
    ) -> None:
        await sessions.save("42", Ticket(seat="1A"))

        async with sessions.open(Ticket, "42") as ticket:
            clock.advance(2 * HOUR)
            ticket.seat = "2B"

        assert (await sessions.load(Ticket, "42")).seat == "2B"

    async def test_a_touch_prolongs_a_session_without_saving_it(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await sessions.save("42", Ticket(seat="1A"))
        clock.advance(HOUR / 2)
        before = await held(store, TICKET)
        session = sessions.open(Ticket, "42")

        async with session:
            await session.touch()
            assert session.expires_at == clock.now + HOUR

        assert before is not None
        assert await held(store, TICKET) == replace(before, expires_at=clock.now + HOUR)

    @pytest.mark.parametrize("model", [Cart, Ticket])
    async def test_a_touch_without_a_time_to_live_or_a_stored_session_does_nothing(
        self, store: RecordingStore, sessions: Sessions, model: type[SessionModel]
    ) -> None:
        session = sessions.open(model, "42")

        async with session:
            await session.touch()

        assert store.saves == []

    async def test_a_touch_that_comes_too_late_is_quiet(
        self, sessions: Sessions, others: Sessions, store: RecordingStore
    ) -> None:
        await sessions.save("42", Ticket(seat="1A"))
        session = sessions.open(Ticket, "42")

        async with session:
            await others.delete(Ticket, "42")
            await session.touch()

        assert isinstance(store.saves[-1][0], Touch)
        assert await held(store, TICKET) is None


class TestDeleting:
    async def test_a_deleted_session_is_gone_at_once_and_stays_gone(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session as cart:
            cart.currency = "USD"
            await session.delete()
            assert await held(store, CART) is None

        assert await held(store, CART) is None

    async def test_a_deleted_session_takes_no_more_changes(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")

        async with session as cart:
            await session.delete()
            with pytest.raises(SessionClosedError):
                cart.currency = "USD"
            with pytest.raises(SessionClosedError, match="was deleted; open it again"):
                await session.save()

    async def test_what_somebody_else_saved_meanwhile_is_deleted_too(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session:
            await others.save("42", Cart(currency="USD"))
            await session.delete()

        assert await held(store, CART) is None

    async def test_a_session_that_somebody_else_made_anew_stays(
        self, sessions: Sessions, others: Sessions, clock: SettableClock
    ) -> None:
        await sessions.save("42", Cart(customer_id=7))
        session = sessions.open(Cart, "42")

        async with session:
            await others.delete(Cart, "42")
            clock.advance(MICROSECOND)
            await others.save("42", Cart(customer_id=8))
            await session.delete()

        assert (await sessions.load(Cart, "42")).customer_id == 8

    async def test_a_deletion_by_the_key_ends_the_own_turn_with_nothing_stored(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"
            assert await sessions.delete(Cart, "42")
            assert not await sessions.delete(Cart, "42")

        assert await held(store, CART) is None

    async def test_a_session_that_is_opened_again_after_its_deletion_is_new(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))

        async with sessions.open(Cart, "42"):
            await sessions.delete(Cart, "42")
            again = sessions.open(Cart, "42")
            async with again as cart:
                assert (again.is_new, cart) == (True, Cart())
                cart.currency = "USD"

        assert await data_of(store) == {"lines": [], "customer_id": None, "currency": "USD"}


class TestLoadingBeforehand:
    async def test_what_was_loaded_and_left_alone_is_read_again_in_the_turn(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")
        await session.load()
        await sessions.save("42", Cart(currency="USD"))

        async with session as cart:
            assert cart.currency == "USD"
            cart.currency = "GBP"

        assert (await sessions.load(Cart, "42")).currency == "GBP"

    async def test_what_was_loaded_and_read_again_takes_no_more_changes(self, sessions: Sessions) -> None:
        session = sessions.open(Cart, "42")
        loaded = await session.load()

        async with session:
            with pytest.raises(SessionClosedError):
                loaded.currency = "USD"

    async def test_what_was_loaded_and_changed_is_kept_and_merged(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")
        (await session.load()).currency = "USD"
        async with sessions.open(Cart, "42") as other:
            other.customer_id = 8

        async with session as cart:
            assert cart.currency == "USD"

        assert await data_of(store) == {**UPCAST, "currency": "USD", "customer_id": 8}

    async def test_what_was_loaded_and_left_alone_joins_an_outer_turn(self, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42") as outer:
            session = sessions.open(Cart, "42")
            await session.load()
            async with session as inner:
                assert inner is outer

    async def test_what_was_loaded_and_changed_does_not_join_an_outer_turn(self, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42"):
            session = sessions.open(Cart, "42")
            (await session.load()).currency = "USD"
            with pytest.raises(SessionClosedError, match="enter it first"):
                await session.__aenter__()


class TestRotating:
    NEW = SessionKey("cart", "new")

    async def test_the_old_key_is_dead_at_once(self, store: RecordingStore, sessions: Sessions) -> None:
        record = stored(UPCAST)
        await put(store, CART, record)
        session = sessions.open(Cart, "42")

        async with session:
            await session.rotate("new")
            assert await store.load([CART, self.NEW]) == {self.NEW: record}
            assert session.key == self.NEW

    async def test_later_changes_go_to_the_new_key(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session as cart:
            await session.rotate("new")
            cart.currency = "USD"

        assert await held(store, CART) is None
        assert await data_of(store, self.NEW) == {**UPCAST, "currency": "USD"}

    async def test_a_new_session_is_stored_under_the_new_key_alone(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        session = sessions.open(Cart, "42")

        async with session as cart:
            cart.currency = "USD"
            await session.rotate("new")

        assert [key for key, _ in await store.scan(Query())] == [self.NEW]

    async def test_rotated_and_deleted_neither_key_is_alive(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session:
            await session.rotate("new")
            await session.delete()

        assert await store.scan(Query()) == []

    @pytest.mark.parametrize("is_new", [True, False])
    async def test_a_taken_key_is_a_conflict(self, store: RecordingStore, sessions: Sessions, *, is_new: bool) -> None:
        if not is_new:
            await put(store, CART, stored(UPCAST))
        await put(store, self.NEW, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session:
            with pytest.raises(SessionConflictError):
                await session.rotate("new")
            assert session.key == CART

        assert await data_of(store, self.NEW) == UPCAST

    async def test_the_key_of_an_expired_session_is_free(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, CART, stored(UPCAST))
        await put(store, self.NEW, stored({}, expires_at=clock.now))
        session = sessions.open(Cart, "42")

        async with session:
            await session.rotate("new")

        assert [key for key, _ in await store.scan(Query())] == [self.NEW]
        assert await data_of(store, self.NEW) == UPCAST

    async def test_a_key_that_this_task_has_open_is_a_conflict(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session, sessions.open(Cart, "new") as other:
            other.currency = "USD"
            with pytest.raises(SessionConflictError):
                await session.rotate("new")

        assert len(await store.scan(Query())) == 2

    async def test_what_somebody_else_saved_meanwhile_goes_along(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session as cart:
            cart.currency = "USD"
            async with others.open(Cart, "42") as theirs:
                theirs.customer_id = 8
            await session.rotate("new")

        assert await data_of(store, self.NEW) == {**UPCAST, "currency": "USD", "customer_id": 8}
        assert await held(store, CART) is None

    async def test_a_session_deleted_meanwhile_does_not_move(
        self, store: RecordingStore, sessions: Sessions, others: Sessions
    ) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        with pytest.raises(SessionGoneError):
            async with session:
                await others.delete(Cart, "42")
                await session.rotate("new")

        assert await store.scan(Query()) == []

    async def test_a_nested_open_of_the_new_key_joins(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        session = sessions.open(Cart, "42")

        async with session as outer:
            await session.rotate("new")
            async with sessions.open(Cart, "new") as inner:
                assert inner is outer

    async def test_the_same_key_changes_nothing(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        store.saves.clear()
        session = sessions.open(Cart, "42")

        async with session:
            await session.rotate("42")

        assert store.saves == []


class TestOwners:
    async def test_the_owner_is_stored_with_a_new_session(self, store: RecordingStore, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42", owner=("user", 7)) as cart:
            cart.currency = "USD"

        assert await owner_of(store) == "user/7"

    async def test_another_owner_is_stored_even_if_nothing_else_changed(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, replace(stored(UPCAST), owner="user/6"))

        async with sessions.open(Cart, "42", owner=("user", 7)):
            pass

        assert (await owner_of(store), await data_of(store)) == ("user/7", UPCAST)

    async def test_another_owner_does_not_extend_the_life_of_a_session(
        self, store: RecordingStore, sessions: Sessions, clock: SettableClock
    ) -> None:
        await put(store, TICKET, stored({"seat": "1A"}, version=1, expires_at=clock.now + HOUR / 2))

        async with sessions.open(Ticket, "42", owner=7):
            pass

        record = await held(store, TICKET)
        assert record is not None
        assert (record.owner, record.expires_at) == ("7", clock.now + HOUR / 2)

    async def test_an_open_without_an_owner_keeps_the_one_that_is_stored(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        await put(store, CART, replace(stored(UPCAST), owner="user/6"))

        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"

        assert await owner_of(store) == "user/6"

    async def test_the_owner_of_a_nested_open_is_stored_by_the_outer_one(
        self, store: RecordingStore, sessions: Sessions
    ) -> None:
        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"
            async with sessions.open(Cart, "42", owner=("user", 7)):
                pass

        assert await owner_of(store) == "user/7"


async def owner_of(store: RecordingStore) -> str | None:
    record = await held(store, CART)
    return record.owner if record else None


class TestNesting:
    async def test_a_nested_open_joins_and_the_outer_one_saves(self, store: RecordingStore, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42") as outer:
            async with sessions.open(Cart, 42) as inner:
                assert inner is outer
                inner.currency = "USD"
            assert store.saves == []
            outer.customer_id = 7

        assert (len(store.saves), len(store.loads)) == (1, 1)
        assert await data_of(store) == {"lines": [], "customer_id": 7, "currency": "USD"}

    async def test_a_nested_open_of_another_model_of_the_same_name_is_refused(self, sessions: Sessions) -> None:
        class Other(SessionModel):
            session_config = SessionConfig(name="cart")

        async with sessions.open(Cart, "42") as cart:
            with pytest.raises(SessionDefinitionError, match="is open as another model, Cart"):
                await sessions.open(Other, "42").__aenter__()
            cart.currency = "USD"

        assert (await sessions.load(Cart, "42")).currency == "USD"

    async def test_a_nested_deletion_closes_the_outer_session(self, store: RecordingStore, sessions: Sessions) -> None:
        await put(store, CART, stored(UPCAST))
        outer = sessions.open(Cart, "42")

        async with outer as cart:
            inner = sessions.open(Cart, "42")
            async with inner:
                await inner.delete()
            with pytest.raises(SessionClosedError, match="was deleted"):
                await outer.save()
            with pytest.raises(SessionClosedError):
                cart.currency = "USD"

        assert await held(store, CART) is None

    async def test_an_error_of_a_nested_block_that_is_caught_leaves_the_outer_one_alone(
        self, sessions: Sessions
    ) -> None:
        async with sessions.open(Cart, "42") as cart:
            with pytest.raises(ZeroDivisionError):
                async with sessions.open(Cart, "42"):
                    _ = 1 / 0
            cart.currency = "USD"

        assert (await sessions.load(Cart, "42")).currency == "USD"

    async def test_another_task_does_not_join(self, sessions: Sessions) -> None:
        order: list[str] = []

        async def other() -> None:
            async with sessions.open(Cart, "42") as cart:
                order.append(cart.currency)

        async with sessions.open(Cart, "42") as cart:
            task = asyncio.create_task(other())
            await asyncio.sleep(0)
            cart.currency = "USD"
            order.append("first")
        await task

        assert order == ["first", "USD"]


class TestCountersInOneProcess:
    async def test_ten_tasks_that_add_one_each_a_hundred_times_arrive_at_a_thousand(self, sessions: Sessions) -> None:
        async def add() -> None:
            for _ in range(100):
                async with sessions.open(Cart, "42") as cart:
                    number = cart.customer_id or 0
                    await asyncio.sleep(0)
                    cart.customer_id = number + 1

        await asyncio.gather(*(add() for _ in range(10)))

        assert (await sessions.load(Cart, "42")).customer_id == 1000

    async def test_without_turns_no_addition_is_lost_silently(self, store: RecordingStore) -> None:
        sessions = Sessions(store, serialize=False)

        async def add() -> int:
            try:
                async with sessions.open(Cart, "42") as cart:
                    number = cart.customer_id or 0
                    await asyncio.sleep(0)
                    cart.customer_id = number + 1
            except SessionConflictError:
                return 0
            return 1

        added = sum(await asyncio.gather(*(add() for _ in range(10))))

        assert (await sessions.load(Cart, "42")).customer_id == added < 10

    async def test_many_who_make_one_new_session_make_one_row(self, store: RecordingStore) -> None:
        sessions = Sessions(store, serialize=False)

        async def take(place: int) -> None:
            async with sessions.open(Prefs, "42") as prefs:
                await asyncio.sleep(0)
                if place == 0:
                    prefs.theme = "dark"
                if place == 1:
                    prefs.sizes = {"x": 1.0}

        await asyncio.gather(*map(take, range(8)))

        assert len(await store.scan(Query())) == 1
        assert await data_of(store, PREFS) == {"theme": "dark", "sizes": {"x": 1.0}}
