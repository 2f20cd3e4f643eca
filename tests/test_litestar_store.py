"""Litestar's stores on ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar, get, post
from litestar.connection import Request
from litestar.datastructures import State
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.stores.registry import StoreRegistry

from tests.conftest import empty, migrated
from tests.empty_database import ASYNC_DRIVERS
from tests.litestar_shop import asgi
from typed_sessions import (
    InvalidKeyError,
    InvalidSessionError,
    MemoryStore,
    SessionConflictError,
    Sessions,
    SessionTooLargeError,
    StoreUnavailableError,
)
from typed_sessions.integrations.litestar import TypedStore
from typed_sessions.stores.protocol import Change, Delete, Outcome, Query, Store, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock

SECOND = timedelta(seconds=1)


MEMORY = "memory"


@pytest.fixture(scope="module", params=[MEMORY, *ASYNC_DRIVERS])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == MEMORY:
        yield MEMORY
    else:
        yield from migrated(request, tmp_path_factory)


@pytest.fixture
async def place(url: str) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    store: Store = MemoryStore() if url == MEMORY else SQLAlchemyStore.from_url(url)
    await empty(store)
    yield store
    await store.close()


@pytest.fixture
def values(place: Store, clock: SettableClock) -> TypedStore:
    return TypedStore(Sessions(place, clock=clock))


@pytest.fixture
def in_memory(clock: SettableClock) -> TypedStore:
    return TypedStore(Sessions(MemoryStore(), clock=clock))


@pytest.mark.parametrize("value", [b"", bytes(range(256)), b"\0", "", "funghi", "È\0\U0001f355"])
async def test_what_is_set_comes_back_as_bytes(values: TypedStore, value: str | bytes) -> None:
    await values.set("key", value)

    assert await values.get("key") == (value if isinstance(value, bytes) else value.encode())


async def test_what_was_never_set_is_absent(values: TypedStore) -> None:
    assert (await values.get("key"), await values.exists("key"), await values.expires_in("key")) == (None, False, None)


async def test_who_sets_last_has_set_it(values: TypedStore) -> None:
    await values.set("key", b"funghi", 10)
    await values.set("key", b"diavola")

    assert (await values.get("key"), await values.expires_in("key")) == (b"diavola", -1)


async def test_the_same_value_can_be_set_for_another_time(values: TypedStore) -> None:
    await values.set("key", b"funghi", 10)
    await values.set("key", b"funghi")

    assert await values.expires_in("key") == -1


@pytest.mark.parametrize("expires_in", [10, 10 * SECOND])
async def test_a_value_expires(values: TypedStore, clock: SettableClock, expires_in: int | timedelta) -> None:
    await values.set("key", b"funghi", expires_in)
    left = await values.expires_in("key")
    clock.advance(9 * SECOND)
    before = await values.get("key"), await values.expires_in("key")
    clock.advance(SECOND)

    assert (left, before) == (10, (b"funghi", 1))
    assert (await values.get("key"), await values.exists("key"), await values.expires_in("key")) == (None, False, None)


async def test_no_time_at_all_is_not_for_ever(values: TypedStore) -> None:
    await values.set("key", b"funghi", 0)

    assert await values.get("key") is None


async def test_an_expired_value_can_be_set_again(values: TypedStore, clock: SettableClock) -> None:
    await values.set("key", b"funghi", 1)
    clock.advance(SECOND)
    await values.set("key", b"diavola", 1)

    assert await values.get("key") == b"diavola"


@pytest.mark.parametrize("renew_for", [10, 10 * SECOND])
async def test_a_value_is_renewed(values: TypedStore, clock: SettableClock, renew_for: int | timedelta) -> None:
    await values.set("key", b"funghi", 2)
    clock.advance(SECOND)
    await values.get("key", renew_for)

    assert await values.expires_in("key") == 10


async def test_a_value_that_does_not_expire_is_not_renewed(values: TypedStore) -> None:
    await values.set("key", b"funghi")
    await values.get("key", 10)

    assert await values.expires_in("key") == -1


async def test_an_expired_value_is_not_renewed(values: TypedStore, clock: SettableClock) -> None:
    await values.set("key", b"funghi", 1)
    clock.advance(SECOND)
    await values.get("key", 10)

    assert await values.exists("key") is False


async def test_a_deleted_value_is_gone(values: TypedStore) -> None:
    await values.set("key", b"funghi")
    for _ in range(2):
        await values.delete("key")

    assert await values.get("key") is None


KEYS = ["a", "A", "a ", "É", "E\u0301", "\0", "\ud800", "../x", "%2F", "x" * 5000, "key_", "key%", ""]


async def test_any_two_keys_differ(values: TypedStore) -> None:
    for key in KEYS:
        await values.set(key, key.encode(errors="surrogatepass"))

    assert [await values.get(key) for key in KEYS] == [key.encode(errors="surrogatepass") for key in KEYS]


async def test_the_database_does_not_hold_the_keys(values: TypedStore, place: Store) -> None:
    await values.set("the-id-of-a-session", b"funghi")
    [(key, record)] = await place.scan(Query())

    assert "the-id" not in key.text
    assert await values.get(key.parts[-1]) is None
    assert record.data == b'{"value":"ZnVuZ2hp"}'


async def test_namespaces_are_apart(values: TypedStore) -> None:
    inner = values.with_namespace("inner")
    await values.set("key", b"outer")
    await inner.set("key", b"inner")
    await inner.delete("key")

    assert (await values.get("key"), await inner.get("key")) == (b"outer", None)


async def test_all_of_a_namespace_are_deleted_with_those_inside_it(values: TypedStore, place: Store) -> None:
    inner, like = values.with_namespace("inner"), values.with_namespace("inner_")
    deepest, other = inner.with_namespace("deepest"), TypedStore(Sessions(place), namespace="other")
    for store in (values, inner, deepest, like, other):
        await store.set("key", b"funghi")
    await inner.delete_all()
    kept = [await store.exists("key") for store in (values, inner, deepest, like, other)]
    await values.delete_all()
    left = [await store.exists("key") for store in (values, like, other)]

    assert kept == [True, False, False, True, True]
    assert left == [False, False, True]


async def test_more_than_a_page_of_them_is_deleted(in_memory: TypedStore) -> None:
    for number in range(1001):
        await in_memory.set(str(number), b"funghi")
    await in_memory.delete_all()

    assert not any([await in_memory.exists(str(number)) for number in range(1001)])


async def test_namespaces_that_are_too_long_are_refused(in_memory: TypedStore) -> None:
    with pytest.raises(InvalidKeyError, match="at most 255"):
        in_memory.with_namespace("n" * 200)


async def test_what_expired_can_be_deleted(values: TypedStore, place: Store, clock: SettableClock) -> None:
    await values.set("soon", b"funghi", 1)
    await values.set("never", b"diavola")
    clock.advance(SECOND)
    await values.delete_expired()

    assert len(await place.scan(Query())) == 1


async def test_all_of_many_who_set_it_at_once_have_set_it(values: TypedStore) -> None:
    await asyncio.gather(*(values.set("key", str(number)) for number in range(20)))
    found = await values.get("key")

    assert found in [str(number).encode() for number in range(20)]


class Outrun(MemoryStore):
    """Somebody else is always first."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return [Outcome.CONFLICT for _ in changes]


class OutrunOnce(MemoryStore):
    """Somebody else deletes it in the first moment."""

    is_first = True

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if isinstance(changes[0], Update) and self.is_first:
            self.is_first = False
            await super().save([Delete(changes[0].key)])
        return await super().save(changes)


async def test_a_value_is_set_even_if_somebody_else_is_first() -> None:
    values = TypedStore(Sessions(OutrunOnce()))
    await values.set("key", b"funghi")
    await values.set("key", b"diavola")

    assert await values.get("key") == b"diavola"


async def test_a_value_that_cannot_be_set_is_an_error() -> None:
    with pytest.raises(SessionConflictError):
        await TypedStore(Sessions(Outrun())).set("key", b"funghi")


async def test_a_value_that_is_too_large_is_refused() -> None:
    store = TypedStore(Sessions(MemoryStore()), max_bytes=100).with_namespace("inner")

    with pytest.raises(SessionTooLargeError):
        await store.set("key", b"x" * 100)


async def test_a_value_above_the_limit_of_sessions_is_kept(place: Store) -> None:
    store, value = TypedStore(Sessions(place)), b"\xff" * 2_000_000
    await store.set("page", value)

    assert await store.get("page") == value


async def test_what_cannot_be_read_is_never_absent() -> None:
    store = MemoryStore()
    values = TypedStore(Sessions(store))
    await values.set("key", b"funghi")
    [(key, record)] = await store.scan(Query())
    await store.save([Update(key, record.revision, replace(record, data=b'{"value":"!"}'))])

    with pytest.raises(InvalidSessionError):
        await values.get("key")


async def test_a_database_that_does_not_answer_is_never_an_absent_value() -> None:
    nowhere = SQLAlchemyStore.from_url("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    async with Sessions(nowhere) as sessions:
        with pytest.raises(StoreUnavailableError):
            await TypedStore(sessions).get("key")


@post("/lines")
async def add(request: Request[None, None, State]) -> int:
    lines = request.session.setdefault("lines", [])
    lines.append("funghi")
    return len(lines)


@get("/cached", cache=True)
async def cached(state: State) -> int:
    state.calls = state.get("calls", 0) + 1
    calls: int = state.calls
    return calls


def application(sessions: Sessions) -> Litestar:
    """One whose sessions, response cache and rate limits are in our stores."""
    return Litestar(
        [add, cached],
        middleware=[
            ServerSideSessionConfig(secure=False).middleware,
            RateLimitConfig(rate_limit=("minute", 3), exclude=["/cached"]).middleware,
        ],
        stores=StoreRegistry(default_factory=TypedStore(sessions).with_namespace),
        logging_config=None,
    )


def browser(sessions: Sessions) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(asgi(application(sessions)))
    return httpx.AsyncClient(transport=transport, base_url="http://shop.test")


async def test_litestars_own_sessions_are_the_same_in_every_process(place: Store) -> None:
    sessions = Sessions(place)
    async with browser(sessions) as one, browser(sessions) as other:
        first = await one.post("/lines")
        other.cookies.update(one.cookies)
        second = await other.post("/lines")

    assert [first.json(), second.json()] == [1, 2]


async def test_litestars_response_cache_is_the_same_in_every_process(place: Store) -> None:
    sessions = Sessions(place)
    async with browser(sessions) as one, browser(sessions) as other:
        answers = [await one.get("/cached"), await other.get("/cached"), await one.get("/cached?page=2")]

    assert [answer.json() for answer in answers] == [1, 1, 2]


async def test_litestars_rate_limits_are_the_same_in_every_process(place: Store) -> None:
    sessions = Sessions(place)
    async with browser(sessions) as one, browser(sessions) as other:
        answers = [await each.post("/lines") for each in (one, other, one, other)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
