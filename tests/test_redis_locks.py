"""Locks in Redis: who dies loses them, who lost one frees nobody else's."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.redis_server import ask
from typed_sessions import LockTimeoutError, StoreUnavailableError
from typed_sessions.stores.doors import TASKS
from typed_sessions.stores.redis import RedisStore
from typed_sessions.stores.redis.locks import Locks
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.task_wires import TaskServer
from typed_sessions.stores.sqlalchemy.locks.runners import TaskRunner
from typed_sessions.testing.samples import key_of

ROOT = Path(__file__).parent.parent
KEY = key_of("42")
NAME = "typed_sessions!lock:{42}:cart:42"
LONG, SHORT = 30.0, 0.05
LEASE = 0.4
HOLDER = """
import asyncio, sys
from typed_sessions.stores.redis import RedisStore
from typed_sessions.testing.samples import key_of

async def hold():
    async with RedisStore.from_url(sys.argv[1]).exclusive([key_of("42")], 30):
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(hold())
"""


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    tell(redis_url, "FLUSHDB")
    async with Redis.from_url(redis_url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        yield client


def tell(url: str, *commands: str) -> list[str]:
    """The replies of the run's own database."""
    return ask(url, f"SELECT {url.rpartition('/')[2]}", *commands)[1:]


def locks(client: Redis, lease: float = LEASE) -> Locks:
    """As those of another process: they share no doors."""
    return Locks(TaskServer(client), Names("typed_sessions", 0), TaskRunner(), lease=lease)


async def test_a_lock_is_renewed_for_as_long_as_it_is_held(client: Redis) -> None:
    async with locks(client).held([KEY], LONG):
        with pytest.raises(LockTimeoutError, match="held by the process"):
            async with locks(client).held([KEY], 5 * LEASE):
                pass

    async with locks(client).held([KEY], SHORT):
        pass


async def test_a_lock_of_a_holder_that_stands_still_is_free_after_its_lease(client: Redis, redis_url: str) -> None:
    tell(redis_url, f"SET {NAME} another PX 300")

    async with locks(client).held([KEY], LONG):
        assert tell(redis_url, f"EXISTS {NAME}") == [":1"]


async def test_who_lost_a_lock_neither_renews_nor_frees_that_of_the_next(client: Redis, redis_url: str) -> None:
    async with locks(client).held([KEY], LONG):
        tell(redis_url, f"SET {NAME} another PX 100000")
        await TASKS.pause(LEASE)

    assert tell(redis_url, f"PTTL {NAME}")[0] > ":90000"
    assert await client.get(NAME) == b"another"


async def test_the_lock_of_a_process_that_was_killed_is_free_at_once(client: Redis, redis_url: str) -> None:
    command = [sys.executable, "-c", HOLDER, redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:  # noqa: ASYNC220 # it is only started
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == "held\n"
        with pytest.raises(LockTimeoutError, match=f"the process {holder.pid}"):
            async with locks(client).held([KEY], SHORT):
                pass
        holder.kill()

    tell(redis_url, f"PEXPIRE {NAME} 1000000")
    async with locks(client).held([KEY], LONG):
        pass


async def test_a_server_that_is_down_gives_no_lock() -> None:
    store = RedisStore.from_url("redis://127.0.0.1:1")

    with pytest.raises(StoreUnavailableError):
        async with store.exclusive([KEY], SHORT):
            pass
    await store.close()


async def test_a_turn_that_is_over_leaves_no_lock_behind(client: Redis, redis_url: str) -> None:
    async with locks(client).held([KEY, key_of("43")], LONG):
        assert tell(redis_url, "DBSIZE") == [":2"]

    assert tell(redis_url, "DBSIZE") == [":0"]
