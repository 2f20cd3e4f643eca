"""How Redis is asked for sessions: what lies together is read at one moment, and nothing holds the server up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.redis_server import ask
from typed_sessions import SessionKey, StoreUnavailableError
from typed_sessions.stores.protocol import Insert, Query, Update
from typed_sessions.stores.redis import RedisStore
from typed_sessions.stores.redis.commands import Command
from typed_sessions.stores.redis.loading import AT_ONCE
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.operations import Operations
from typed_sessions.stores.redis.scanning import SOME, WEIGHT, Scanner
from typed_sessions.stores.redis.task_wires import TaskServer
from typed_sessions.testing.samples import keep, key_of, record_of

KEY, OTHER = key_of("42"), key_of("43")
NAMES = Names("typed_sessions", 0)
LARGE = b'"%b"' % (b"x" * 100_000)


class OneByOne(TaskServer):
    """A way on which others are served between two commands, as the server is free to do."""

    def __init__(self, client: Redis, between: Callable[[Command], Awaitable[None]]) -> None:
        super().__init__(client)
        self._between = between

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        replies: list[Any] = []
        for command in commands:
            replies += await super().send([command])
            await self._between(command)
        return replies


@pytest.fixture
def url(redis_url: str) -> str:
    """The run's own database, emptied."""
    tell(redis_url, "FLUSHDB")
    return redis_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore.from_url(url)
    yield store
    await store.close()


@pytest.fixture
async def client(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        yield client


def tell(url: str, *commands: str) -> list[str]:
    """The replies of the run's own database."""
    return ask(url, f"SELECT {url.rpartition('/')[2]}", *commands)[1:]


@pytest.mark.parametrize(("groups", "size"), [(128, 8), (3, AT_ONCE + 100), (2, AT_ONCE)])
async def test_a_group_is_read_at_one_moment_whoever_else_asks(
    store: RedisStore, client: Redis, groups: int, size: int
) -> None:
    questions = [[key_of((group, number)) for number in range(size)] for group in range(groups)]
    await asyncio.gather(*(store.save([Insert(key, record_of()) for key in group]) for group in questions))
    revision = 7

    async def others(_: Command) -> None:
        nonlocal revision
        revision += 1
        record = record_of(revision=revision)
        await asyncio.gather(*(store.save([Update(key, revision - 1, record) for key in each]) for each in questions))

    answers = await Operations(OneByOne(client, others), NAMES, 0).load(questions)

    for answer in answers:
        assert not isinstance(answer, Exception)
        assert len(answer) == size
        assert len({record.revision for record in answer.values()}) == 1


async def test_a_load_runs_no_script(store: RedisStore, client: Redis) -> None:
    scripts: list[Command] = []

    async def others(command: Command) -> None:
        if command[0].startswith(b"EVAL"):
            scripts.append(command)

    await keep(store, {KEY: record_of(), OTHER: record_of()})
    await Operations(OneByOne(client, others), NAMES, 0).load([[KEY], [OTHER], [KEY, OTHER]])

    assert scripts == []


async def test_a_list_of_large_sessions_is_read_in_small_portions(store: RedisStore, client: Redis) -> None:
    sizes: list[int] = []

    async def others(command: Command) -> None:
        if command[0] in {b"MGET", b"GET"}:
            sizes.append(len(command) - 1)

    count = 4 * SOME
    await asyncio.gather(*(store.save([Insert(key_of(number), record_of(LARGE))]) for number in range(count)))
    rows = await Scanner(Operations(OneByOne(client, others), NAMES, 0)).scan(Query(limit=count))

    assert (len(rows), sum(sizes)) == (count, count)
    assert max(sizes) == sizes[0] == SOME
    assert max(sizes[1:]) * len(LARGE) <= WEIGHT


async def test_a_list_of_small_sessions_is_read_in_large_portions(store: RedisStore, client: Redis) -> None:
    sizes: list[int] = []

    async def others(command: Command) -> None:
        if command[0] == b"MGET":
            sizes.append(len(command) - 1)

    count = 2 * AT_ONCE
    await asyncio.gather(*(store.save([Insert(key_of(number), record_of())]) for number in range(count)))
    await Scanner(Operations(OneByOne(client, others), NAMES, 0)).scan(Query(limit=count))

    assert max(sizes) > AT_ONCE / 2


async def test_what_is_no_session_is_an_error_of_those_who_ask_for_it_alone(store: RedisStore, url: str) -> None:
    tell(url, "RPUSH typed_sessions:{42}:cart:42 x")
    await keep(store, {OTHER: record_of()})
    absent = key_of("44")

    questions: list[list[SessionKey]] = [[KEY], [OTHER], [absent], [absent, KEY], [absent, OTHER]]
    found = await asyncio.gather(*map(store.load, questions), return_exceptions=True)

    assert found[1:3] == [{OTHER: record_of()}, {}]
    assert found[4] == {OTHER: record_of()}
    for refused in (found[0], found[3]):
        assert isinstance(refused, StoreUnavailableError)
        assert "namespace" in str(refused)
