"""A conversation in scenes whose bot is started anew, and deployed anew, in the middle of it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.scene import Scene, SceneRegistry, on
from aiogram.types import Message, Update

from tests.checkout import BOT, CLUB, KEY, Checkout, Door, records, rows
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.aiogram.fsm_session import FsmSession
from typed_sessions.integrations.aiogram.isolation import SessionIsolation
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

pytestmark = pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "postgresql+asyncpg"], indirect=True)


class Street(Scene, state="street"):
    @on.message()
    async def take(self, message: Message, state: FSMContext) -> str:
        await state.update_data(street=message.text)
        await self.wizard.goto(Floor)
        return "and the floor?"


class Floor(Scene, state="floor"):
    @on.message(F.text == "back")
    async def back(self, _: Message, state: FSMContext) -> str:
        await self.wizard.back()
        return f"not {(await state.get_data())['street']}?"

    @on.message(F.text.isdigit())
    async def take(self, message: Message, state: FSMContext) -> str:
        data = await state.update_data(floor=int(message.text or ""))
        await self.wizard.exit()
        await self.wizard.clear_data()
        return f"{data['street']}, floor {data['floor']}"


@asynccontextmanager
async def running(url: str, model: type[FsmSession] = Checkout) -> AsyncGenerator[Dispatcher]:
    """The bot, from its start to its end."""
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        storage = TypedStorage(sessions, model)
        dispatcher = Dispatcher(storage=storage, events_isolation=SessionIsolation(sessions))
        dispatcher.message.register(Street.as_handler(), Command("order"))
        SceneRegistry(dispatcher).add(Street, Floor)
        await dispatcher.emit_startup()
        yield dispatcher
        await dispatcher.emit_shutdown()


async def said(dispatcher: Dispatcher, *texts: str) -> Sequence[object]:
    """What the handlers answer to the texts."""
    async with Bot(f"{BOT}:unused") as bot:
        return [await dispatcher.feed_update(bot, update(text, bot)) for text in texts]


def update(text: str, bot: Bot) -> Update:
    message = {
        "message_id": 1,
        "date": 1767225600,
        "chat": {"id": CLUB, "type": "supergroup", "title": "club"},
        "from": {"id": KEY.user_id, "is_bot": False, "first_name": "Ada"},
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": len(text)}] if text.startswith("/") else None,
    }
    return Update.model_validate({"update_id": 1, "message": message}, context={"bot": bot})


async def test_a_conversation_goes_on_after_each_restart(store: SQLAlchemyStore, async_url: str) -> None:
    answers: list[object] = []

    for text in ("/order", "Elm", "back", "Oak", "4"):
        async with running(async_url) as dispatcher:
            answers += await said(dispatcher, text)

    assert answers[1:] == ["and the floor?", "not Elm?", "and the floor?", "Oak, floor 4"]
    assert await records(store) == []


async def test_what_is_stored_in_the_middle_of_it_is_typed_and_owned(store: SQLAlchemyStore, async_url: str) -> None:
    async with running(async_url) as dispatcher:
        await said(dispatcher, "/order", "Elm")

    stored = {key.model: (record.data, record.owner) for key, record in await rows(store)}
    assert stored == {
        "checkout": (b'{"state":"floor","data":{"street":"Elm"}}', str(KEY.user_id)),
        "checkout.scenes": (
            b'{"state":null,"data":{"history":[{"state":"street","data":{"street":"Elm"}}]}}',
            str(KEY.user_id),
        ),
    }


async def test_a_new_version_takes_over_where_the_old_one_was_with_the_way_back(
    store: SQLAlchemyStore, async_url: str
) -> None:
    async with running(async_url) as dispatcher:
        await said(dispatcher, "/order", "Elm")
    async with running(async_url, Door) as dispatcher:
        storage = TypedStorage(Sessions(store), Door)
        assert await storage.get_data(KEY) == {"address": "Elm"}

        with pytest.raises(KeyError, match="street"):  # the data is of today, the handler is of yesterday
            await said(dispatcher, "back")

        assert (await storage.get_state(KEY), await storage.get_data(KEY)) == ("street", {"address": "Elm"})
