"""Where grammY breaks its own promises, and how the same goes here.

`seen.json` is what the real grammY did when `see.mjs` ran it; its versions stand in the file. The places named in the
comments are those of `out/convenience/session.js` in grammY and of `dist/mod.cjs` in its storages.
"""

import asyncio
import json
import shutil
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiogram.types import InlineQuery, Message

from tests.coming_from_grammy.shop import ADA, CLUB, Files, Shop
from typed_sessions import (
    History,
    JsonObject,
    MemoryStore,
    NewerVersionError,
    Session,
    SessionConfig,
    SessionConflictError,
    SessionDefinitionError,
    SessionModel,
    Sessions,
    SimpleStore,
    Store,
    StoreUnavailableError,
)
from typed_sessions.integrations.aiogram import per_user
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock

CLOSED_PORT = 1
"""Where nobody listens."""

SEEN: dict[str, Any] = json.loads((Path(__file__).parent / "seen.json").read_text())


class Count(SessionModel):
    session_config = SessionConfig(name="count")

    count: int = 0


class Visits(SessionModel):
    session_config = SessionConfig(name="visits")

    count: int = 0


def as_it_is(old: JsonObject, /) -> JsonObject:
    return old


class Later(History):
    v1_to_v2 = staticmethod(as_it_is)
    v2_to_v3 = staticmethod(as_it_is)


class LaterCount(SessionModel):
    """What the code of two versions later stores."""

    session_config = SessionConfig(name="count", version=3, history=Later())

    count: int = 0
    added: bool = True


class Brief(SessionModel):
    session_config = SessionConfig(name="brief", ttl=timedelta(minutes=1))

    count: int = 0


async def add_one(_: Message, state: Count) -> None:
    state.count += 1


def shop_of(store: Store | None = None) -> Shop:
    shop = Shop(store)
    shop.middleware.bind(Count)
    return shop.open()


def test_versions_are_whole_numbers() -> None:
    # "Versions don't have to be integers … for example [1, 1.5, 4]", says `Migrations`. migrationStorage parses each
    # key by parseInt: step 1 runs twice, step 1.5 never, and a decimal version that is the last one is no function.
    assert SEEN["decimalVersions"] == {
        "declared": ["1", "1.5", "4"],
        "ran": ["1", "1", "4"],
        "decimal_last": "TypeError",
    }

    with pytest.raises(SessionDefinitionError, match=r"version=1\.5 is no version; count from 1"):
        SessionConfig(name="count", version=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # for callers whom no type checker warns


def test_a_gap_between_versions_is_noticed_where_the_model_is_declared() -> None:
    # migrationStorage takes any numbers, so a step that was forgotten is no gap to it: the next one gets data that it
    # does not expect, when a user comes.
    class Gap(History):
        v1_to_v2 = staticmethod(as_it_is)
        v3_to_v4 = staticmethod(as_it_is)

    with pytest.raises(SessionDefinitionError, match="Gap lacks v2_to_v3; write it"):
        SessionConfig(name="count", version=4, history=Gap())


async def test_what_newer_code_stored_is_refused_and_left_as_it_is() -> None:
    # migrationStorage.read finds no step for version 99, takes its data for that of version 11, and the write after the
    # handler, which only looked, stamps it so.
    assert SEEN["newerVersion"] == {"stored": 99, "code": 11, "raised": None, "stored_after_a_read": 11}
    shop = shop_of()
    await shop.sessions.save(ADA.id, LaterCount(count=3))
    newer = await shop.watched.scan(Query())
    shop.dispatcher.message.register(add_one)

    with pytest.raises(NewerVersionError):
        await shop.hear()

    assert await shop.watched.scan(Query()) == newer


async def test_looking_at_a_session_does_not_make_it_live_longer(clock: SettableClock) -> None:
    # "Number of milliseconds after the last write operation until the session data expires." PropertySession.finish
    # writes whatever was read, so looking is a write too.
    assert SEEN["readThatExtendsTheLife"] == {"left_before_ms": 1_000, "left_after_a_read_ms": 60_000}
    shop = Shop(clock=clock)
    shop.middleware.bind(Brief)
    await shop.sessions.save(ADA.id, Brief(count=3), owner=ADA.id)
    clock.advance(timedelta(seconds=59))

    async def look(_: Message, state: Brief) -> int:
        return state.count

    shop.open().dispatcher.message.register(look)

    assert await shop.hear() == 3
    clock.advance(timedelta(seconds=1))
    assert await shop.hear() == 0


class FilesAfar(Files):
    """Files on a network that is down at times for those who read."""

    is_down = False

    async def read(self, key: str, /) -> str | None:
        if self.is_down:
            raise ConnectionResetError("the network is down")
        return await super().read(key)


async def test_a_file_that_cannot_be_read_is_no_new_session(tmp_path: Path) -> None:
    # findSessionFile of storage-file catches every error of readFile and says that there is no session; the handler
    # begins anew, and the write replaces 3 by 1.
    assert SEEN["unreadableFile"] == {"stored": 3, "raised": None, "stored_after_one_more": 1}
    files = FilesAfar(tmp_path)
    shop = shop_of(SimpleStore(files))
    await shop.sessions.save(ADA.id, Count(count=3))
    shop.dispatcher.message.register(add_one)

    files.is_down = True
    with pytest.raises(ConnectionResetError):
        await shop.hear()

    files.is_down = False
    assert (await shop.sessions.load(Count, ADA.id)).count == 3


async def test_a_database_that_does_not_answer_is_no_new_session() -> None:
    # read of storage-supabase takes every error of the server for "no session", and the write replaces 3 by 1.
    assert SEEN["unreadableRow"] == {"stored": 3, "raised": None, "stored_after_one_more": 1}
    shop = shop_of(SQLAlchemyStore.from_url(f"postgresql+asyncpg://nobody@127.0.0.1:{CLOSED_PORT}/none"))
    shop.dispatcher.message.register(add_one)

    with pytest.raises(StoreUnavailableError):
        await shop.hear()

    await shop.sessions.close()


async def test_a_save_that_failed_is_an_error_of_the_update(tmp_path: Path) -> None:
    # write of storage-supabase drops the error of the upsert: the update succeeds, and its change is lost. Here the
    # disk goes away while the handler runs.
    assert SEEN["unwritableRow"] == {"stored": 3, "raised": None, "stored_after_one_more": 3}
    shop = shop_of(SimpleStore(Files(tmp_path)))

    async def add_one_without_a_disk(_: Message, state: Count) -> None:
        state.count += 1
        shutil.rmtree(tmp_path)

    shop.dispatcher.message.register(add_one_without_a_disk)

    with pytest.raises(FileNotFoundError):
        await shop.hear()


async def test_a_handler_that_raised_has_changed_nothing_not_even_in_memory() -> None:
    # "Do not write back if middleware throws." MemorySessionStorage, the default, has lent the very object that it
    # keeps, so the next update finds the change.
    assert SEEN["handlerThatRaised"] == {"stored": 3, "raised": "out of dough", "stored_after": 4}
    shop = shop_of()
    await shop.sessions.save(ADA.id, Count(count=3))

    async def fail(_: Message, state: Count) -> None:
        state.count += 1
        raise RuntimeError("out of dough")

    shop.dispatcher.message.register(fail)

    with pytest.raises(RuntimeError, match="out of dough"):
        await shop.hear()

    assert (await shop.sessions.load(Count, ADA.id)).count == 3


async def test_a_part_without_a_key_does_not_keep_the_others_from_being_deleted() -> None:
    # `ctx.session = null` deletes a multi session as a whole; for an update that has no key for one part, such as an
    # inline query, assigning to that part raises, and nothing is deleted.
    assert SEEN["multiSessionWithoutAKey"]["raised"].startswith("Cannot assign session data")
    assert SEEN["multiSessionWithoutAKey"]["part_is_left"] is True
    shop = Shop()
    shop.middleware.bind(Count).bind(Visits, key=per_user)
    await shop.sessions.save(ADA.id, Visits(count=3))

    async def forget(_: InlineQuery, counts: Count | None, visits: Session[Visits]) -> None:
        assert counts is None
        await visits.delete()

    shop.open().dispatcher.inline_query.register(forget)

    await shop.ask()

    assert [key async for key in shop.sessions.keys(Visits)] == []


async def test_the_parts_of_a_multi_session_are_saved_together_or_not_at_all() -> None:
    # strictMultiSession writes each part by itself: one that fails leaves the others stored. Here the second part
    # cannot be saved because another process was first.
    assert SEEN["multiSessionThatFailsHalfway"] == {"raised": "full", "order_is_stored": True}
    shop = Shop()
    shop.middleware.bind(Count).bind(Visits)
    elsewhere = Sessions(shop.watched)

    async def both(_: Message, counts: Count, visits: Visits) -> None:
        counts.count += 1
        visits.count += 1
        await elsewhere.save(ADA.id, Visits(count=5))

    shop.open().dispatcher.message.register(both)

    with pytest.raises(SessionConflictError):
        await shop.hear()

    assert await counts_of(shop.sessions) == (0, 5)


async def counts_of(sessions: Sessions) -> tuple[int, int]:
    return (await sessions.load(Count, ADA.id)).count, (await sessions.load(Visits, ADA.id)).count


async def test_resetting_a_lazy_session_ends() -> None:
    # The documentation resets one by `ctx.session = ctx.session.then((stats) => { stats.counter = 0; })`. The promise
    # that is assigned waits for the load, and the load gives that very promise: the update never ends.
    assert SEEN["documentedResetOfALazySession"] == {"after_a_second": "still waiting"}
    shop = shop_of()
    await shop.sessions.save(ADA.id, Count(count=3))

    async def reset(_: Message, state: Awaitable[Count]) -> None:
        (await state).count = 0

    shop.dispatcher.message.register(reset)

    await shop.hear()

    assert (await shop.sessions.load(Count, ADA.id)).count == 0


async def test_prefixes_do_not_meet() -> None:
    # fillDefaults joins prefix and key without a mark: "user1" + "23" and "user" + "123" are one session.
    assert SEEN["prefixesThatMeet"] == {"sessions_written": 2, "keys": ["user123"]}
    sessions = Sessions(MemoryStore())

    await sessions.save(("user1", 23), Count(count=1))
    await sessions.save(("user", 123), Count(count=2))

    assert [data.count async for _, data in sessions.items(Count)] == [2, 1]


async def test_sessions_with_steps_and_a_lifetime_can_still_be_listed(clock: SettableClock) -> None:
    # enhanceStorage gives read, write and delete only: the lists of the storage are gone.
    assert SEEN["enhancedListing"] == {"before": ["readAllKeys", "readAllValues", "readAllEntries"], "after": []}
    sessions = Sessions(MemoryStore(), clock=clock)
    await sessions.save(ADA.id, Brief(count=3))

    assert [data.count async for _, data in sessions.items(Brief)] == [3]


async def test_updates_of_one_chat_that_come_at_once_are_all_counted() -> None:
    # grammY leaves this to Telegram, to grammY runner's `sequentialize`, or to luck.
    assert SEEN["updatesAtOnce"] == {"updates": 10, "counted": 1}
    shop = shop_of()

    async def add_slowly(_: Message, state: Count) -> None:
        seen = state.count
        await asyncio.sleep(0)
        state.count = seen + 1

    shop.dispatcher.message.register(add_slowly)

    await asyncio.gather(*(shop.hear(chat=CLUB) for _ in range(10)))

    assert (await shop.sessions.load(Count, CLUB.id)).count == 10
