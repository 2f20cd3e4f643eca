"""A user's own storage, and what becomes of its faults."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from pydantic_core import from_json

from tests.shop import CART, HOUR, UPCAST, YESTERDAY, Cart, Line, Ticket, held, put, stored
from typed_sessions import (
    Record,
    SessionKey,
    Sessions,
    SimpleStore,
    StoreUnavailableError,
    SyncSessions,
    SyncSimpleStore,
)
from typed_sessions.stores.protocol import Insert, Outcome, Query, Update
from typed_sessions.stores.simple import envelope, record_of
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON


class Storage:
    """Three methods and a dict. It cannot list its keys."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.calls: list[str] = []

    async def read(self, key: str, /) -> str | None:
        return self.values.get(key)

    async def write(self, key: str, value: str, /) -> None:
        self.calls.append(f"write {key}")
        self.values[key] = value

    async def delete(self, key: str, /) -> None:
        self.calls.append(f"delete {key}")
        del self.values[key]


class SyncStorage:
    """The same for threads, with a list of its keys."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def read(self, key: str, /) -> str | None:
        return self.values.get(key)

    def write(self, key: str, value: str, /) -> None:
        self.values[key] = value

    def delete(self, key: str, /) -> None:
        del self.values[key]

    def keys(self) -> Iterable[str]:
        return list(self.values)


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def sessions(storage: Storage) -> Sessions:
    return Sessions(SimpleStore(storage))


async def test_a_session_is_kept_as_json_under_its_model_and_key(storage: Storage, sessions: Sessions) -> None:
    await sessions.save(("user", 7), Cart(lines=[Line(sku="pizza")]), owner=7)

    value = from_json(storage.values["cart/user/7"])
    assert value["data"] == {"lines": [{"sku": "pizza", "qty": 1}], "customer_id": None, "currency": "EUR"}
    assert (value["version"], value["min_reader"], value["owner"], value["expires_at"]) == (3, 3, "7", None)


async def test_a_clean_turn_writes_nothing(storage: Storage, sessions: Sessions) -> None:
    await sessions.save("42", Cart())
    storage.calls.clear()

    async with sessions.open(Cart, "42"):
        pass

    assert storage.calls == []


async def test_an_old_session_is_upcast_and_written_back(storage: Storage, sessions: Sessions) -> None:
    storage.values["cart/42"] = envelope(stored(YESTERDAY, version=1))

    async with sessions.open(Cart, "42") as cart:
        assert cart.lines == [Line(sku="pizza")]

    assert record_of(storage.values["cart/42"]).version == 3


async def test_a_moved_session_is_written_before_the_old_one_is_deleted(storage: Storage, sessions: Sessions) -> None:
    await sessions.save("old", Cart())
    storage.calls.clear()

    await sessions.move(Cart, "old", "new")

    assert storage.calls == ["write cart/new", "delete cart/old"]


async def test_a_save_that_loses_touches_nothing(storage: Storage) -> None:
    store = SimpleStore(storage)
    await put(store, CART, stored(UPCAST))
    storage.calls.clear()

    await store.save([Insert(SessionKey("cart", "43"), stored(UPCAST)), Update(CART, 6, stored({}))])

    assert storage.calls == []


@pytest.mark.parametrize("value", ["", "{", "null", "[]", "7", "{}", '{"version":1}', "\x80abc", '"pickled"'])
async def test_a_value_of_somebody_else_is_an_error_and_no_absent_session(
    storage: Storage, sessions: Sessions, value: str
) -> None:
    storage.values["cart/42"] = value

    with pytest.raises(StoreUnavailableError, match="give it a storage, or keys, of its own"):
        await sessions.load(Cart, "42")
    with pytest.raises(StoreUnavailableError):
        await sessions.save("42", Cart())
    assert storage.values == {"cart/42": value}


async def test_an_exception_of_the_storage_reaches_the_caller(storage: Storage) -> None:
    class Broken(Storage):
        async def read(self, _key: str, /) -> str | None:
            raise ConnectionResetError

    broken = Broken()

    with pytest.raises(ConnectionResetError):
        await Sessions(SimpleStore(broken)).save("42", Cart())
    assert broken.values == storage.values == {}


async def test_a_storage_that_cannot_list_its_keys_says_so(sessions: Sessions) -> None:
    with pytest.raises(StoreUnavailableError, match="add a method `keys`"):
        await sessions.prune()
    with pytest.raises(StoreUnavailableError, match="add a method `keys`"):
        await sessions.delete_owner(7)
    with pytest.raises(StoreUnavailableError, match="add a method `keys`"):
        SyncSimpleStore(storage_without_keys()).scan(Query())


def storage_without_keys() -> SyncStorage:
    class Keyless(SyncStorage):
        keys = None  # type: ignore[assignment]  # it has none

    return Keyless()


def test_a_storage_for_threads_keeps_and_prunes_sessions() -> None:
    storage, clock = SyncStorage(), SettableClock()
    sessions = SyncSessions(SyncSimpleStore(storage), clock=clock)
    sessions.save("42", Ticket(seat="1A"))
    sessions.save("42", Cart())
    clock.advance(HOUR)

    assert sessions.prune() == 1
    assert list(storage.values) == ["cart/42"]


def test_two_threads_that_save_one_session_are_compared() -> None:
    class Meeting(SyncStorage):
        """Whoever reads waits a little for somebody else to read."""

        def read(self, key: str, /) -> str | None:
            found = super().read(key)
            with suppress(threading.BrokenBarrierError):
                meeting.wait()
            return found

    meeting = threading.Barrier(2, timeout=0.1)
    store = SyncSimpleStore(Meeting())
    with ThreadPoolExecutor(2) as threads:
        saving = [threads.submit(store.save, [Insert(CART, stored(UPCAST))]) for _ in range(2)]

    assert {done.result()[0] for done in saving} == {Outcome.SAVED, Outcome.CONFLICT}


@pytest.mark.parametrize(
    "record",
    [
        stored(UPCAST),
        replace(stored(UPCAST), owner='É/\U0001f355"\\', expires_at=NOON + HOUR),
        replace(stored({}), data=b'{"a":1e+308,"b":-0.0,"c":[{}],"d":"\\u0001\\\\"}'),
    ],
)
def test_a_record_comes_back_from_its_envelope(record: Record) -> None:
    assert record_of(envelope(record)) == record


async def test_the_owner_and_the_times_come_back(storage: Storage) -> None:
    record = replace(stored(UPCAST), owner="user/7", expires_at=NOON + HOUR)
    await put(SimpleStore(storage), CART, record)

    assert await held(SimpleStore(storage), CART) == record
