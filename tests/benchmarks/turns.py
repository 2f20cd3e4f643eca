"""What a turn costs on each kind of store, one at a time and many at once."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeAlias

from sqlalchemy import URL

from tests.benchmarks.by_hand import by_asyncmy, by_asyncpg, by_blocking_psycopg, by_dict, by_psycopg, by_sqlite3
from tests.benchmarks.case import Case
from tests.benchmarks.databases import database, store_on
from tests.benchmarks.race import Contest, Turn, at_once, race
from tests.benchmarks.samples import SMALL, Cart, Shop
from tests.empty_database import address
from typed_sessions import MemoryStore, Sessions, SyncSessions
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

ASYNCPG = "postgresql+asyncpg"
AIOSQLITE = "sqlite+aiosqlite"
ASYNCMY = "mariadb+asyncmy"
NORMAL: Mapping[str, str] = {"sqlite_synchronous": "NORMAL"}

Floor: TypeAlias = Callable[[URL], AbstractAsyncContextManager[Turn]]


def cases() -> list[Case]:
    return [*_many_at_once(), *_in_threads(), *_several_sessions(), *_one_alone_though_coalesced()]


def _many_at_once() -> list[Case]:
    by_sqlite3_normal = partial(by_sqlite3, synchronous="NORMAL")
    return [
        _turn("postgresql-1", ASYNCPG, by_asyncpg, target=1.3, tasks=1, turns=50),
        _turn("postgresql-32", ASYNCPG, by_asyncpg, target=0.6, tasks=32, turns=6),
        _turn("postgresql-256", ASYNCPG, by_asyncpg, target=0.4, tasks=256, turns=1),
        _turn("psycopg-1", "postgresql+psycopg", by_psycopg, target=2.0, tasks=1, turns=50),
        _turn("psycopg-32", "postgresql+psycopg", by_psycopg, target=None, tasks=32, turns=4),
        _turn("mariadb-1", ASYNCMY, by_asyncmy, target=2.0, tasks=1, turns=50),
        _turn("mariadb-32", ASYNCMY, by_asyncmy, target=None, tasks=32, turns=4),
        _turn("sqlite-1", AIOSQLITE, by_sqlite3, target=2.5, tasks=1, turns=25),
        _turn("sqlite-32", AIOSQLITE, by_sqlite3, target=0.5, tasks=32, turns=2),
        _turn("sqlite-normal-1", AIOSQLITE, by_sqlite3_normal, target=7.0, tasks=1, turns=50, **NORMAL),
        _turn("sqlite-normal-32", AIOSQLITE, by_sqlite3_normal, target=1.5, tasks=32, turns=4, **NORMAL),
        _turn("sqlite-normal-256", AIOSQLITE, by_sqlite3_normal, target=1.2, tasks=256, turns=1, **NORMAL),
    ]


def _in_threads() -> list[Case]:
    return [
        _blocking_turn("sync-psycopg", "postgresql+psycopg", by_blocking_psycopg, target=1.4, turns=50),
        _blocking_turn("sync-sqlite", "sqlite+pysqlite", by_sqlite3, target=3.5, turns=25),
        Case("memory", "turn, memory", "dict, from_json, to_json", 8.0, partial(race, _in_memory)),
    ]


def _several_sessions() -> list[Case]:
    return [_group("group-postgresql", ASYNCPG, turns=25), _group("group-sqlite", AIOSQLITE, turns=10)]


def _one_alone_though_coalesced() -> list[Case]:
    return [_idle("idle-postgresql", ASYNCPG, turns=50), _idle("idle-sqlite", AIOSQLITE, turns=25)]


def _turn(
    name: str, driver: str, by_hand: Floor, *, target: float | None, tasks: int, turns: int, **settings: object
) -> Case:
    contest = partial(_on_a_database, driver, by_hand, tasks=tasks, turns=turns, **settings)
    level = "".join(f", {value}" for value in settings.values())
    path = f"turn, {driver}{level}, {tasks} task{'s' * (tasks > 1)}"
    return Case(name, path, f"the driver alone{level}", target, partial(race, contest))


def _blocking_turn(name: str, driver: str, by_hand: Floor, *, target: float, turns: int) -> Case:
    contest = partial(_in_a_thread, driver, by_hand, turns=turns)
    return Case(name, f"synchronous turn, {driver}", "the driver alone", target, partial(race, contest))


def _group(name: str, driver: str, *, turns: int) -> Case:
    contest = partial(_three_in_a_group, driver, turns=turns)
    return Case(name, f"group of three, {driver}", "one model", 1.4, partial(race, contest))


def _idle(name: str, driver: str, *, turns: int) -> Case:
    contest = partial(_coalesced_or_not, driver, turns=turns)
    return Case(name, f"turn, {driver}, 1 task", "the same with coalesce=False", 1.25, partial(race, contest))


@asynccontextmanager
async def _on_a_database(
    driver: str, by_hand: Floor, *, tasks: int, turns: int, **settings: object
) -> AsyncGenerator[Contest]:
    with database(driver) as url:
        async with store_on(url, **settings) as store, by_hand(url) as floor:
            ours = counting(Sessions(store))
            yield Contest(at_once(ours, tasks=tasks, turns=turns), at_once(floor, tasks=tasks, turns=turns))


@asynccontextmanager
async def _in_a_thread(driver: str, by_hand: Floor, *, turns: int) -> AsyncGenerator[Contest]:
    with database(driver) as url:
        async with by_hand(url) as floor:
            with SyncSessions(SyncSQLAlchemyStore.from_url(address(url))) as sessions:
                ours = counting_in_a_thread(sessions)
                yield Contest(at_once(ours, tasks=1, turns=turns), at_once(floor, tasks=1, turns=turns))


@asynccontextmanager
async def _three_in_a_group(driver: str, *, turns: int) -> AsyncGenerator[Contest]:
    with database(driver) as url:
        async with store_on(url) as store:
            three, one = _counting_three(Sessions(store)), counting(Sessions(store))
            yield Contest(at_once(three, tasks=1, turns=turns), at_once(one, tasks=1, turns=turns))


@asynccontextmanager
async def _coalesced_or_not(driver: str, *, turns: int) -> AsyncGenerator[Contest]:
    with database(driver) as url:
        async with store_on(url) as store, store_on(url, coalesce=False) as plain_store:
            ours, plain = counting(Sessions(store)), counting(Sessions(plain_store))
            yield Contest(at_once(ours, tasks=1, turns=turns), at_once(plain, tasks=1, turns=turns))


@asynccontextmanager
async def _in_memory() -> AsyncGenerator[Contest]:
    sessions = Sessions(MemoryStore())
    await sessions.save(0, SMALL)
    yield Contest(at_once(counting(sessions), tasks=1, turns=500), at_once(by_dict(), tasks=1, turns=500))


def counting(sessions: Sessions) -> Turn:
    """The same change as the floors make."""

    async def turn(number: int) -> None:
        async with sessions.open(Cart, number) as cart:
            cart.count += 1

    return turn


def _counting_three(sessions: Sessions) -> Turn:
    async def turn(number: int) -> None:
        async with sessions.open_group(Shop, number) as shop:
            shop.cart.count += 1
            shop.wish.count += 1
            shop.order.count += 1

    return turn


def counting_in_a_thread(sessions: SyncSessions) -> Turn:
    """The same for threads."""

    # It blocks the event loop, which has nothing else to do.
    async def turn(number: int) -> None:
        with sessions.open(Cart, number) as cart:
            cart.count += 1

    return turn
