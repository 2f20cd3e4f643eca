"""What a turn costs on Redis, over a GET and a SET by redis-py."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pkgutil import resolve_name
from typing import Protocol

from tests.benchmarks.by_hand import counted
from tests.benchmarks.case import Case
from tests.benchmarks.databases import SESSIONS
from tests.benchmarks.race import Contest, Turn, at_once, race
from tests.benchmarks.samples import SMALL
from tests.benchmarks.turns import counting, counting_in_a_thread
from tests.services import REDIS, own_database
from typed_sessions import Sessions, SyncSessions
from typed_sessions.stores.redis import RedisStore, SyncRedisStore

CONNECTIONS = 512
"""More than there are tasks: redis-py refuses the next one."""


class Client(Protocol):
    """A client of redis-py, whose types are for both worlds at once."""

    async def get(self, name: str) -> bytes: ...

    async def set(self, name: str, value: str) -> object: ...

    async def aclose(self) -> None: ...


class SyncClient(Protocol):
    """The same for threads."""

    def get(self, name: str) -> bytes: ...

    def set(self, name: str, value: str) -> object: ...

    def close(self) -> None: ...


def cases() -> list[Case]:
    return [
        _turn("redis-1", target=1.3, tasks=1, turns=50),
        _turn("redis-32", target=0.2, tasks=32, turns=6),
        _turn("redis-256", target=0.2, tasks=256, turns=1),
        Case("sync-redis", "synchronous turn, redis", "redis-py: GET, SET", None, partial(race, _in_a_thread)),
    ]


def _turn(name: str, *, target: float, tasks: int, turns: int) -> Case:
    path = f"turn, redis, {tasks} task{'s' * (tasks > 1)}"
    contest = partial(_in_tasks, tasks=tasks, turns=turns)
    return Case(name, path, "redis-py: GET, SET", target, partial(race, contest))


@asynccontextmanager
async def _in_tasks(*, tasks: int, turns: int) -> AsyncGenerator[Contest]:
    with own_database(REDIS) as url:
        store = RedisStore.from_url(url)
        async with by_redis(url) as floor, Sessions(store) as sessions:
            for number in range(SESSIONS):
                await sessions.save(number, SMALL)
            yield Contest(
                at_once(counting(sessions), tasks=tasks, turns=turns), at_once(floor, tasks=tasks, turns=turns)
            )


@asynccontextmanager
async def _in_a_thread() -> AsyncGenerator[Contest]:
    with own_database(REDIS) as url, SyncSessions(SyncRedisStore.from_url(url)) as sessions:
        client: SyncClient = resolve_name("redis:Redis").from_url(url)
        with closing(client):
            sessions.save(0, SMALL)
            client.set("by_hand:0", SMALL.model_dump_json())
            ours, floor = counting_in_a_thread(sessions), _blocking(client)
            yield Contest(at_once(ours, tasks=1, turns=50), at_once(floor, tasks=1, turns=50))


@asynccontextmanager
async def by_redis(url: str) -> AsyncGenerator[Turn]:
    """One client with a pool, as everybody writes it. Nobody else's change is noticed."""
    client: Client = resolve_name("redis.asyncio:Redis").from_url(url, max_connections=CONNECTIONS)
    for number in range(SESSIONS):
        await client.set(f"by_hand:{number}", SMALL.model_dump_json())

    async def turn(number: int) -> None:
        name = f"by_hand:{number}"
        await client.set(name, counted((await client.get(name)).decode()))

    try:
        yield turn
    finally:
        await client.aclose()


def _blocking(client: SyncClient) -> Callable[[int], Awaitable[None]]:
    async def turn(number: int) -> None:
        name = f"by_hand:{number}"
        client.set(name, counted(client.get(name).decode()))

    return turn
