"""`SessionIsolation`: the events of one user in one chat run one after another, in all processes."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from aiogram import Bot, Dispatcher
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import StorageKey
from aiogram.fsm.storage.memory import DisabledEventIsolation
from aiogram.types import Message, Update

from tests.checkout import ADA, BOB, KEY, Checkout, count
from typed_sessions import LockTimeoutError, MemoryStore, Sessions, Store
from typed_sessions.integrations.aiogram.fsm import TypedStorage, fsm_key
from typed_sessions.integrations.aiogram.isolation import SessionIsolation
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

ROOT = Path(__file__).parent.parent
SHORT, LONG = 0.02, 30.0
ON_SQL = pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "postgresql+asyncpg"], indirect=True)

PROCESS = """
import asyncio, sys
from tests.checkout import Checkout, count
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.aiogram.isolation import SessionIsolation
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

async def main(url, times):
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(int(times)):
            await count(SessionIsolation(sessions), TypedStorage(sessions, Checkout))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def isolation(memory: MemoryStore) -> SessionIsolation:
    return SessionIsolation(Sessions(memory), lock_timeout=LONG)


@pytest.fixture
def others(memory: MemoryStore) -> SessionIsolation:
    """The isolation of another process, which does not wait for long."""
    return SessionIsolation(Sessions(memory), lock_timeout=SHORT)


async def counted(store: Store) -> int:
    data = await TypedStorage(Sessions(store), Checkout).get_data(KEY)
    floor: int = data["floor"]
    return floor


async def is_free(others: SessionIsolation, key: StorageKey = KEY) -> bool:
    try:
        async with others.lock(key):
            return True
    except LockTimeoutError:
        return False


class TestOneAfterAnother:
    async def test_counts_of_ten_tasks_in_two_processes_all_arrive(self, store: SQLAlchemyStore) -> None:
        processes = [Sessions(store) for _ in range(2)]

        await asyncio.gather(
            *(count(SessionIsolation(each), TypedStorage(each, Checkout)) for each in processes for _ in range(10))
        )

        assert await counted(store) == 20

    @ON_SQL
    async def test_without_it_counts_are_lost(self, store: SQLAlchemyStore) -> None:
        storage = TypedStorage(Sessions(store), Checkout)

        await asyncio.gather(*(count(DisabledEventIsolation(), storage) for _ in range(10)))

        assert await counted(store) < 10

    @ON_SQL
    async def test_counts_of_processes_that_share_only_the_database_all_arrive(
        self, store: SQLAlchemyStore, async_url: str
    ) -> None:
        processes = await asyncio.gather(*(started(async_url, "20") for _ in range(3)))
        said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

        assert [(process.returncode, error) for process, (_, error) in zip(processes, said, strict=True)] == [
            (0, b"")
        ] * 3
        assert await counted(store) == 60

    async def test_who_came_first_is_first(self, isolation: SessionIsolation) -> None:
        order: list[int] = []

        async def come(number: int) -> None:
            async with isolation.lock(KEY):
                await asyncio.sleep(0)
                order.append(number)

        await asyncio.gather(*map(come, range(10)))

        assert order == list(range(10))

    async def test_users_do_not_wait_for_each_other(
        self, isolation: SessionIsolation, others: SessionIsolation
    ) -> None:
        async with isolation.lock(KEY):
            assert await is_free(others, replace(KEY, user_id=BOB))


async def started(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROCESS, *arguments), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


class TestTheLock:
    async def test_it_keeps_out_other_processes_until_it_ends(
        self, isolation: SessionIsolation, others: SessionIsolation
    ) -> None:
        async with isolation.lock(KEY):
            assert not await is_free(others)
        assert await is_free(others)

    async def test_who_waits_too_long_is_told_what_to_do(
        self, isolation: SessionIsolation, others: SessionIsolation
    ) -> None:
        async with isolation.lock(KEY):
            with pytest.raises(LockTimeoutError, match=r"waited 0\.02 s for .* raise lock_timeout") as caught:
                await count(others, TypedStorage(Sessions(MemoryStore()), Checkout))

        assert str(ADA) not in str(caught.value)

    async def test_an_error_frees_it(self, isolation: SessionIsolation, others: SessionIsolation) -> None:
        async def fail() -> None:
            async with isolation.lock(KEY):
                raise OSError("the handler failed")

        with pytest.raises(OSError, match="the handler failed"):
            await fail()
        assert await is_free(others)

    async def test_a_cancelled_handler_frees_it(self, isolation: SessionIsolation, others: SessionIsolation) -> None:
        held = asyncio.Event()

        async def hang() -> None:
            async with isolation.lock(KEY):
                held.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await held.wait()
        assert not await is_free(others)
        task.cancel()
        await asyncio.wait([task])

        assert await is_free(others)

    async def test_the_record_can_be_changed_and_locked_under_it(self, memory: MemoryStore) -> None:
        sessions = Sessions(memory, lock_timeout=SHORT, exclusive=True)

        async with SessionIsolation(sessions).lock(KEY):
            await TypedStorage(sessions, Checkout).update_data(KEY, {"floor": 4})
            async with sessions.open(Checkout, fsm_key(KEY)) as checkout:
                checkout.data["floor"] = 5

        assert await counted(memory) == 5

    async def test_closing_it_closes_nothing_of_ours(self, memory: MemoryStore, isolation: SessionIsolation) -> None:
        await isolation.close()
        await count(isolation, TypedStorage(Sessions(memory), Checkout))

        assert await counted(memory) == 1


class TestTheDispatcher:
    @ON_SQL
    async def test_updates_that_come_at_once_are_handled_one_after_another(self, store: SQLAlchemyStore) -> None:
        sessions = Sessions(store)
        dispatcher = Dispatcher(storage=TypedStorage(sessions, Checkout), events_isolation=SessionIsolation(sessions))

        @dispatcher.message()
        async def up(_: Message, state: FSMContext) -> None:
            seen = (await state.get_data()).get("floor", 0)
            await state.set_data({"floor": seen + 1})

        async with Bot(f"{KEY.bot_id}:unused") as bot:
            await asyncio.gather(*(dispatcher.feed_update(bot, update(number, bot)) for number in range(10)))

        assert await counted(store) == 10


def update(number: int, bot: Bot) -> Update:
    message = {
        "message_id": number,
        "date": 1767225600,
        "chat": {"id": KEY.chat_id, "type": "supergroup", "title": "club"},
        "from": {"id": KEY.user_id, "is_bot": False, "first_name": "Ada"},
        "text": "up",
    }
    return Update.model_validate({"update_id": number, "message": message}, context={"bot": bot})
