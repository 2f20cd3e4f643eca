"""aiogram's own storages, reached as its handlers reach them: through the dispatcher."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiogram import Bot, Dispatcher
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import BaseEventIsolation, BaseStorage
from aiogram.fsm.storage.memory import MemoryStorage, SimpleEventIsolation
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.types import Message

from tests.benchmarks.peers.peer import MEMORY, REDIS, SESSIONS, Contestant, InTasks, Peer
from tests.benchmarks.peers.updates import CHANGE, LOOK, aiogram_update, is_look
from tests.benchmarks.peers.work import PATIENCE, raise_count_in

ROUTED = "with its routing"


def peers() -> list[Peer]:
    return [
        Peer("aiogram", MEMORY, _in_memory, ROUTED),
        Peer("aiogram, with isolation", MEMORY, _in_memory_isolated, ROUTED),
        Peer("aiogram", REDIS, _in_redis, ROUTED),
        Peer("aiogram, with isolation", REDIS, _in_redis_isolated, ROUTED),
    ]


@asynccontextmanager
async def _in_memory(_url: str) -> AsyncGenerator[Contestant]:
    yield await _dispatched(MemoryStorage(), None)


@asynccontextmanager
async def _in_memory_isolated(_url: str) -> AsyncGenerator[Contestant]:
    yield await _dispatched(MemoryStorage(), SimpleEventIsolation())


@asynccontextmanager
async def _in_redis(url: str) -> AsyncGenerator[Contestant]:
    storage = RedisStorage.from_url(url)
    yield await _dispatched(storage, None)
    await storage.close()


@asynccontextmanager
async def _in_redis_isolated(url: str) -> AsyncGenerator[Contestant]:
    storage = RedisStorage.from_url(url)
    yield await _dispatched(storage, storage.create_isolation())
    await storage.close()


async def _change(_message: Message, state: FSMContext) -> None:
    data = await state.get_data()
    await PATIENCE.wait()
    raise_count_in(data, data.get("count", 0))
    await state.set_data(data)


async def _look(_message: Message, state: FSMContext) -> None:
    assert (await state.get_data())["count"]


async def _dispatched(storage: BaseStorage, isolation: BaseEventIsolation | None) -> Contestant:
    bot, dispatcher = Bot("7009001:unused"), Dispatcher(storage=storage, events_isolation=isolation)
    dispatcher.message.register(_look, is_look)
    dispatcher.message.register(_change)
    changes = [aiogram_update(bot, CHANGE, number) for number in range(SESSIONS)]
    looks = [aiogram_update(bot, LOOK, number) for number in range(SESSIONS)]

    async def turn(number: int) -> None:
        await dispatcher.feed_update(bot, changes[number])

    async def read(number: int) -> None:
        await dispatcher.feed_update(bot, looks[number])

    async def count(number: int) -> int:
        message = changes[number].message
        assert message
        return int((await dispatcher.fsm.get_context(bot, message.chat.id, message.chat.id).get_data())["count"])

    for number in range(SESSIONS):
        await turn(number)
    return InTasks(turn, read, count)
