"""A bot in processes of its own, over HTTP and on a database: what it has saved outlives it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.architecture import ROOT
from tests.empty_database import address, empty_database
from tests.telegram_persistence_worker import TOPPING, Counts, Order
from typed_sessions import SessionModel, Sessions
from typed_sessions.integrations.telegram.persistence.models import Conversation as State
from typed_sessions.key import KeyLike
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.bots import BotApi, Conversation, Person

M = TypeVar("M", bound=SessionModel)

ADA = Person(id=71001001, first_name="Ada")
TIMEOUT = 60.0


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with empty_database(request.param, request, tmp_path) as url:
        upgrade(address(url))
        yield address(url)


@asynccontextmanager
async def worker(api: BotApi, database: str) -> AsyncGenerator[tuple[Process, str]]:
    """A process that is up, and the URL of its webhook."""
    command = (sys.executable, "-W", "error", "-m", "tests.telegram_persistence_worker", api.url, api.token, database)
    started = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, env=dict(os.environ))
    try:
        assert started.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            url = (await started.stdout.readline()).decode().strip()
        yield started, url
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def end(process: Process, number: signal.Signals) -> None:
    process.send_signal(number)
    async with asyncio.timeout(TIMEOUT):
        await process.communicate()


async def test_a_conversation_outlives_a_process_that_was_killed(database: str) -> None:
    async with BotApi() as api:
        talk = Conversation(api, ADA, timeout=TIMEOUT)
        async with worker(api, database) as (process, _):
            await talk.say("/order")
            await talk.say("large")
            await talk.say("/save")
            await end(process, signal.SIGKILL)

        async with worker(api, database):
            [answer] = await talk.say("funghi")

    assert answer.text == "large funghi"


async def test_a_process_that_ends_in_good_order_saves_all(database: str) -> None:
    async with BotApi() as api, worker(api, database) as (process, _):
        talk = Conversation(api, ADA, timeout=TIMEOUT)
        await talk.say("/order")
        await talk.say("small")

        await end(process, signal.SIGTERM)

    assert process.returncode == 0
    assert await stored(database, Order, (api.bot.id, ADA.id)) == Order(size="small")
    assert await stored(database, State, (api.bot.id, "order", ADA.id, ADA.id)) == State(state=TOPPING)


async def test_two_processes_change_one_object_side_by_side(database: str) -> None:
    async with BotApi() as api, worker(api, database) as (_, one), worker(api, database) as (_, two):
        api.post_to(one, two)
        talk = Conversation(api, ADA, timeout=TIMEOUT)
        for _ in range(3):
            await talk.say("/left")
            await talk.say("/right")

        await talk.say("/save")
        await talk.say("/save")

    assert await stored(database, Counts, api.bot.id) == Counts(left=3, right=3)


async def stored(database: str, model: type[M], key: KeyLike) -> M:
    async with Sessions(SQLAlchemyStore.from_url(database)) as sessions:
        return await sessions.load(model, key)
