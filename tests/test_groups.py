"""The sessions of a group that became a supergroup go along, whichever message says it first."""

import asyncio
from collections.abc import Sequence

import pytest

from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.binding import Binding, KeyFunction
from typed_sessions.integrations.groups import Moved, migrate_chat
from typed_sessions.integrations.places import (
    NO_CONNECTION,
    Place,
    PlaceKey,
    per_bot,
    per_chat,
    per_connection,
    per_thread,
    per_user,
    per_user_in_chat,
)
from typed_sessions.key import KeyPart
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

BOT, OLD, NEW, ADA, BOB = 7, -15, -1000015, 71, 72


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[str] = []


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    favourite: str = "none"


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(MemoryStore())


async def put(sessions: Sessions, key: tuple[KeyPart, ...], *lines: str) -> None:
    await sessions.save(key, Cart(lines=list(lines)))


async def stored(sessions: Sessions) -> dict[str, list[str]]:
    return {key.text: cart.lines async for key, cart in sessions.items(Cart)}


async def migrated(sessions: Sessions, key: KeyFunction[object] = per_chat) -> Moved:
    carts: Binding[Cart, object] = Binding(Cart, key=key)
    return await migrate_chat(sessions, [carts], bot_id=BOT, old=OLD, new=NEW)


KEYS: list[tuple[PlaceKey, Sequence[KeyPart], Sequence[KeyPart]]] = [
    (per_chat, (OLD,), (NEW,)),
    (per_user_in_chat, (OLD, ADA), (NEW, ADA)),
    (per_thread, (OLD, 0), (NEW, 0)),
    (per_bot(per_chat), (BOT, OLD), (BOT, NEW)),
    (per_connection(per_chat), (NO_CONNECTION, OLD), (NO_CONNECTION, NEW)),
    (per_bot(per_connection(per_user_in_chat)), (BOT, NO_CONNECTION, OLD, ADA), (BOT, NO_CONNECTION, NEW, ADA)),
]


@pytest.mark.parametrize(("key", "old", "new"), KEYS)
async def test_a_session_of_a_group_gets_the_key_of_the_supergroup(
    sessions: Sessions, key: PlaceKey, old: tuple[KeyPart, ...], new: tuple[KeyPart, ...]
) -> None:
    await put(sessions, old, "funghi")

    assert await migrated(sessions, key) == Moved(moved=1)
    assert await stored(sessions) == {"/".join(map(str, new)): ["funghi"]}


async def test_all_users_of_a_group_move(sessions: Sessions) -> None:
    await put(sessions, (OLD, ADA), "hers")
    await put(sessions, (OLD, BOB), "his")

    assert await migrated(sessions, per_user_in_chat) == Moved(moved=2)
    assert await stored(sessions) == {f"{NEW}/{ADA}": ["hers"], f"{NEW}/{BOB}": ["his"]}


@pytest.mark.parametrize(
    ("key", "other"), [(per_chat, (-151,)), (per_bot(per_chat), (8, OLD)), (per_user, (ADA,)), (per_user, (OLD,))]
)
async def test_other_sessions_stay(sessions: Sessions, key: PlaceKey, other: tuple[KeyPart, ...]) -> None:
    await put(sessions, other, "stays")

    assert await migrated(sessions, key) == Moved()
    assert await stored(sessions) == {"/".join(map(str, other)): ["stays"]}


async def test_sessions_under_a_key_of_ones_own_stay(sessions: Sessions) -> None:
    def own(place: Place) -> int:
        return place.chat

    await put(sessions, (OLD,), "stays")

    assert await migrated(sessions, own) == Moved()
    assert await stored(sessions) == {str(OLD): ["stays"]}


async def test_the_second_message_changes_nothing(sessions: Sessions) -> None:
    await put(sessions, (OLD,), "funghi")
    await migrated(sessions)
    await put(sessions, (NEW,), "funghi", "diavola")

    assert await migrated(sessions) == Moved()
    assert await stored(sessions) == {str(NEW): ["funghi", "diavola"]}


async def test_an_empty_new_session_in_the_way_is_replaced(sessions: Sessions) -> None:
    await put(sessions, (OLD,), "funghi")
    await put(sessions, (NEW,))

    assert await migrated(sessions) == Moved(moved=1)
    assert await stored(sessions) == {str(NEW): ["funghi"]}


async def test_a_session_with_data_in_the_way_stays_and_so_does_the_old_one(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    await put(sessions, (OLD,), "old")
    await put(sessions, (NEW,), "new")

    assert await migrated(sessions) == Moved(kept=1)
    assert await stored(sessions) == {str(OLD): ["old"], str(NEW): ["new"]}
    assert "merge the two by hand" in caplog.text
    assert str(OLD) not in caplog.text


async def test_an_empty_old_session_replaces_none_with_data(sessions: Sessions) -> None:
    await put(sessions, (OLD,))
    await put(sessions, (NEW,), "new")

    await migrated(sessions)

    assert (await stored(sessions))[str(NEW)] == ["new"]


async def test_every_bound_model_moves(sessions: Sessions) -> None:
    carts: Binding[Cart, object] = Binding(Cart)
    prefs: Binding[Prefs, object] = Binding(Prefs, key=per_thread)
    await put(sessions, (OLD,), "funghi")
    await sessions.save((OLD, 0), Prefs(favourite="funghi"))

    assert await migrate_chat(sessions, [carts, prefs], bot_id=BOT, old=OLD, new=NEW) == Moved(moved=2)


async def test_the_owner_of_a_session_goes_along(sessions: Sessions) -> None:
    await sessions.save((OLD, ADA), Cart(lines=["funghi"]), owner=ADA)

    await migrated(sessions, per_user_in_chat)

    assert await sessions.delete_owner(ADA) == 1


async def test_a_turn_in_the_old_chat_is_waited_for(sessions: Sessions) -> None:
    await put(sessions, (OLD,), "before")
    async with sessions.open(Cart, OLD) as cart:
        moving = asyncio.create_task(migrated(sessions))
        await asyncio.sleep(0)
        cart.lines.append("after")

    assert await moving == Moved(moved=1)
    assert await stored(sessions) == {str(NEW): ["before", "after"]}


async def test_a_session_that_a_turn_in_the_old_chat_is_about_to_make_moves_too(sessions: Sessions) -> None:
    async with sessions.open(Cart, (OLD, ADA)) as cart, sessions.open(Cart, (OLD + 1, ADA)) as other:
        moving = asyncio.create_task(migrated(sessions, per_user_in_chat))
        await asyncio.sleep(0)
        cart.lines.append("funghi")
        other.lines.append("of others")

    assert await moving == Moved(moved=1)
    assert await stored(sessions) == {f"{NEW}/{ADA}": ["funghi"], f"{OLD + 1}/{ADA}": ["of others"]}


async def test_a_turn_that_takes_too_long_keeps_its_own_session_only(caplog: pytest.LogCaptureFixture) -> None:
    sessions = Sessions(MemoryStore(), lock_timeout=0.01)
    await put(sessions, (OLD, ADA), "funghi")
    await put(sessions, (OLD, BOB), "diavola")

    async with sessions.open(Cart, (OLD, ADA)):
        moved = await asyncio.create_task(migrated(sessions, per_user_in_chat))

    assert moved == Moved(moved=1, kept=1)
    assert await stored(sessions) == {f"{NEW}/{BOB}": ["diavola"], f"{OLD}/{ADA}": ["funghi"]}
    assert "a handler held it for too long; move it by sessions.move" in caplog.text


@pytest.mark.parametrize("in_the_way", [None, []])
async def test_two_processes_that_hear_of_it_at_once_move_a_session_once(
    store: SQLAlchemyStore, async_url: str, in_the_way: list[str] | None
) -> None:
    other = SQLAlchemyStore.from_url(async_url)
    sessions = Sessions(store)
    await put(sessions, (OLD,), "funghi")
    if in_the_way is not None:
        await put(sessions, (NEW,), *in_the_way)

    one, two = await asyncio.gather(migrated(sessions), migrated(Sessions(other)))

    assert (one.moved + two.moved, one.kept + two.kept) == (1, 0)
    assert await stored(sessions) == {str(NEW): ["funghi"]}
    await other.close()
