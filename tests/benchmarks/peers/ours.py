"""typed-sessions: called directly, from threads, and inside aiogram's dispatcher as its peers there."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from aiogram import Bot, Dispatcher
from aiogram.types import Message

from tests.benchmarks.peers.peer import MEMORY, POSTGRESQL, SESSIONS, SQLITE, Contestant, InTasks, InThreads, Peer
from tests.benchmarks.peers.updates import CHANGE, FIRST_CHAT, LOOK, aiogram_update, is_look
from tests.benchmarks.peers.work import PATIENCE, Basket, raise_count
from typed_sessions import MemoryStore, Sessions, SyncSessions
from typed_sessions.integrations.aiogram import SessionMiddleware
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

OURS = "typed-sessions"
IN_AIOGRAM = "typed-sessions in aiogram"
IN_THREADS = "typed-sessions, synchronous"
DRIVERS = {POSTGRESQL: ("postgresql+asyncpg", "postgresql+psycopg"), SQLITE: ("sqlite+aiosqlite", "sqlite+pysqlite")}


def peers() -> list[Peer]:
    return [
        Peer(OURS, MEMORY, _in_memory),
        Peer(IN_AIOGRAM, MEMORY, _in_memory_in_aiogram, "with aiogram's routing"),
        *(Peer(OURS, backend, partial(_in_tasks, backend)) for backend in DRIVERS),
        *(Peer(IN_AIOGRAM, each, partial(_in_aiogram, each), "with aiogram's routing") for each in DRIVERS),
        *(Peer(IN_THREADS, backend, partial(_in_threads, backend)) for backend in DRIVERS),
    ]


@asynccontextmanager
async def _in_memory(_url: str) -> AsyncGenerator[Contestant]:
    yield await _direct(Sessions(MemoryStore()))


@asynccontextmanager
async def _in_memory_in_aiogram(_url: str) -> AsyncGenerator[Contestant]:
    yield await _dispatched(Sessions(MemoryStore()))


@asynccontextmanager
async def _in_tasks(backend: str, url: str) -> AsyncGenerator[Contestant]:
    async with _sessions(backend, url) as sessions:
        yield await _direct(sessions)


@asynccontextmanager
async def _in_aiogram(backend: str, url: str) -> AsyncGenerator[Contestant]:
    async with _sessions(backend, url) as sessions:
        yield await _dispatched(sessions)


@asynccontextmanager
async def _in_threads(backend: str, url: str) -> AsyncGenerator[Contestant]:
    driver = _migrated(backend, url)

    def turn(number: int, pause: float) -> None:
        with sessions.open(Basket, number) as basket:
            read = basket.count
            time.sleep(pause)
            raise_count(basket, read)

    def look(number: int) -> None:
        with sessions.open(Basket, number) as basket:
            assert basket.count

    def count(number: int) -> int:
        return sessions.load(Basket, number).count

    with SyncSessions(SyncSQLAlchemyStore.from_url(_with_driver(url, driver))) as sessions:
        for number in range(SESSIONS):
            turn(number, 0.0)
        yield InThreads(turn, look, count)


@asynccontextmanager
async def _sessions(backend: str, url: str) -> AsyncGenerator[Sessions]:
    _migrated(backend, url)
    store = SQLAlchemyStore.from_url(_with_driver(url, DRIVERS[backend][0]))
    try:
        yield Sessions(store)
    finally:
        await store.close()


def _migrated(backend: str, url: str) -> str:
    """The driver for threads, by which the table was made; it is made once."""
    driver = DRIVERS[backend][1]
    upgrade(_with_driver(url, driver))
    return driver


def _with_driver(url: str, driver: str) -> str:
    return f"{driver}:{url.partition(':')[2]}"


async def _direct(sessions: Sessions) -> Contestant:
    async def turn(number: int) -> None:
        async with sessions.open(Basket, number) as basket:
            read = basket.count
            await PATIENCE.wait()
            raise_count(basket, read)

    async def look(number: int) -> None:
        async with sessions.open(Basket, number) as basket:
            assert basket.count

    for number in range(SESSIONS):
        await turn(number)
    return InTasks(turn, look, partial(_count, sessions))


async def _dispatched(sessions: Sessions) -> Contestant:
    async def change(_message: Message, basket: Basket) -> None:
        read = basket.count
        await PATIENCE.wait()
        raise_count(basket, read)

    async def look(_message: Message, basket: Basket) -> None:
        assert basket.count

    bot, dispatcher = Bot("7009001:unused"), Dispatcher(disable_fsm=True)
    SessionMiddleware(sessions).bind(Basket).setup(dispatcher)
    dispatcher.message.register(look, is_look)
    dispatcher.message.register(change)
    changes = [aiogram_update(bot, CHANGE, number) for number in range(SESSIONS)]
    looks = [aiogram_update(bot, LOOK, number) for number in range(SESSIONS)]

    async def turn(number: int) -> None:
        await dispatcher.feed_update(bot, changes[number])

    async def read(number: int) -> None:
        await dispatcher.feed_update(bot, looks[number])

    for number in range(SESSIONS):
        await turn(number)
    return InTasks(turn, read, partial(_count, sessions, offset=FIRST_CHAT))


async def _count(sessions: Sessions, number: int, *, offset: int = 0) -> int:
    return (await sessions.load(Basket, number + offset)).count
