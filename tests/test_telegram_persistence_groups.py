"""A group becomes a supergroup, which Telegram says twice: its data goes along once, and is never replaced."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from telegram import Update
from telegram.ext import BaseHandler, ConversationHandler, MessageHandler, filters

from tests.telegram_persistent import (
    ADA,
    BOT_ID,
    GROUP,
    SUPERGROUP,
    Context,
    FlakyStore,
    Process,
    Room,
    rows,
    running,
    typed,
)
from typed_sessions import Record, SessionKey, Sessions
from typed_sessions.integrations.telegram.persistence.models import Conversation as State
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing import SettableClock
from typed_sessions.testing.bots import Chat
from typed_sessions.testing.bots.telegram import feed

OLD, NEW = GROUP.id, SUPERGROUP.id
BOTH = [("to", "from"), ("from", "to")]


@pytest.fixture
def sessions(clock: SettableClock) -> Sessions:
    return Sessions(FlakyStore(), clock=clock)


@pytest.fixture
async def process(sessions: Sessions) -> AsyncGenerator[Process]:
    """It has data of the group, which is not written yet."""
    async with bot(sessions) as process:
        process.application.chat_data[OLD].topic = "pizza"
        process.application.mark_data_for_update_persistence(chat_ids=OLD)
        yield process


@asynccontextmanager
async def bot(sessions: Sessions, *handlers: ConversationHandler[Context]) -> AsyncGenerator[Process]:
    persistence = typed(sessions)
    async with running(sessions, persistence, handlers=handlers) as process:
        process.application.add_handler(persistence.migration_handler(), group=-1)
        yield process


async def say(process: Process, *messages: str) -> None:
    """The service messages in the old group (`to`) and in the new supergroup (`from`)."""
    for message in messages:
        updates = process.api.updates
        say = updates.migrate_to_chat if message == "to" else updates.migrate_from_chat
        await feed(process.application, say(ADA, GROUP, SUPERGROUP))


@pytest.mark.parametrize("messages", BOTH)
@pytest.mark.parametrize("is_written_between", [True, False])
async def test_the_data_goes_along_once(
    sessions: Sessions,
    process: Process,
    caplog: pytest.LogCaptureFixture,
    messages: Sequence[str],
    is_written_between: bool,
) -> None:
    for message in messages:
        await say(process, message)
        if is_written_between:
            await process.write()

    await process.write()
    assert process.application.chat_data[NEW] == Room(topic="pizza")
    assert await sessions.load(Room, (BOT_ID, NEW)) == Room(topic="pizza")
    assert await rows(sessions) == {"room": {f"{BOT_ID}/{NEW}"}}
    assert process.errors == []
    assert "merge the two" not in caplog.text


async def test_without_the_handler_python_telegram_bot_loses_it(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.application.chat_data[OLD].topic = "pizza"
        for _ in BOTH:
            process.application.migrate_chat_data(old_chat_id=OLD, new_chat_id=NEW)
        await process.write()

        assert process.application.chat_data[NEW] == Room()


async def test_data_of_the_supergroup_is_not_replaced(
    sessions: Sessions, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    await sessions.save((BOT_ID, NEW), Room(topic="new"))

    await say(process, "to", "from")

    await process.write()
    assert await sessions.load(Room, (BOT_ID, NEW)) == Room(topic="new")
    assert await sessions.load(Room, (BOT_ID, OLD)) == Room(topic="pizza")
    assert "merge the two" in caplog.text


async def test_what_is_written_to_the_supergroup_later_stays(sessions: Sessions, process: Process) -> None:
    await say(process, "to")
    process.application.chat_data[NEW].topic = "funghi"
    await say(process, "from")

    await process.write()
    assert await sessions.load(Room, (BOT_ID, NEW)) == Room(topic="funghi")


@pytest.mark.parametrize("messages", BOTH)
async def test_two_processes_get_one_message_each(
    sessions: Sessions, process: Process, messages: Sequence[str]
) -> None:
    await process.write()
    async with bot(sessions) as other:
        await say(process, messages[0])
        await say(other, messages[1])
        await process.write()
        await other.write()

        assert await rows(sessions) == {"room": {f"{BOT_ID}/{NEW}"}}
        assert other.application.chat_data[NEW] == Room(topic="pizza")
        assert process.errors == other.errors == []


async def test_a_crash_between_the_messages_loses_nothing(sessions: Sessions, process: Process) -> None:
    await say(process, "to")  # and nothing is written any more

    async with bot(sessions) as restarted:
        await say(restarted, "from")

        assert restarted.application.chat_data[NEW] == Room(topic="pizza")


async def test_what_another_process_saved_for_the_group_goes_along(sessions: Sessions) -> None:
    async with bot(sessions) as process:
        await sessions.save((BOT_ID, OLD), Room(topic="theirs"))

        await say(process, "from")

        assert process.application.chat_data[NEW] == Room(topic="theirs")
        assert await rows(sessions) == {"room": {f"{BOT_ID}/{NEW}"}}


class SlowStore(FlakyStore):
    """Lets others run before and after it does something."""

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        await others(1)
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        await others(5)
        outcomes = await super().save(changes)
        await others(5)
        return outcomes


async def others(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@pytest.mark.parametrize("is_written_before", [True, False])
@pytest.mark.parametrize("lag", range(0, 30, 3))
async def test_both_messages_at_once_keep_the_data(clock: SettableClock, is_written_before: bool, lag: int) -> None:
    sessions = Sessions(SlowStore(), clock=clock)
    async with bot(sessions) as process:
        process.application.chat_data[OLD].topic = "pizza"
        process.application.mark_data_for_update_persistence(chat_ids=OLD)
        if is_written_before:
            await process.write()

        first = asyncio.ensure_future(say(process, "to"))
        await others(lag)
        await asyncio.gather(first, say(process, "from"))

        await process.write()
        assert process.application.chat_data[NEW] == Room(topic="pizza")
        assert await sessions.load(Room, (BOT_ID, NEW)) == Room(topic="pizza")
        assert process.errors == []


async def test_two_processes_get_the_messages_at_once(clock: SettableClock) -> None:
    sessions = Sessions(SlowStore(), clock=clock)
    await sessions.save((BOT_ID, OLD), Room(topic="pizza"))
    async with bot(sessions) as one, bot(Sessions(sessions.store, clock=clock)) as two:
        await asyncio.gather(say(one, "to"), say(two, "from"))

        await one.write()
        await two.write()
        assert [process.application.chat_data[NEW] for process in (one, two)] == [Room(topic="pizza")] * 2
        assert await rows(sessions) == {"room": {f"{BOT_ID}/{NEW}"}}
        assert one.errors == two.errors == []


def order() -> ConversationHandler[Context]:
    async def go(update: Update, _: Context) -> object:
        assert update.message is not None
        return update.message.text or ""

    words: list[BaseHandler[Update, Context, object]] = [MessageHandler(filters.TEXT, go)]
    return ConversationHandler(words, {"size": words, "topping": words}, [], name="order", persistent=True)


async def speak(process: Process, text: str, chat: Chat = GROUP) -> None:
    await feed(process.application, process.api.updates.message(ADA, text, chat=chat))


async def conversations(sessions: Sessions) -> dict[str, object]:
    return {key.text: data.state async for key, data in sessions.items(State)}


def at(chat: int) -> str:
    return f"{BOT_ID}/order/{chat}/{ADA.id}"


@pytest.mark.parametrize("messages", BOTH)
@pytest.mark.parametrize("is_written_before", [True, False])
async def test_a_conversation_goes_on_in_the_supergroup(
    sessions: Sessions, messages: Sequence[str], is_written_before: bool
) -> None:
    async with bot(sessions, order()) as process:
        await speak(process, "size")
        if is_written_before:
            await process.write()
        await say(process, *messages)
        await process.write()
        assert await conversations(sessions) == {at(NEW): "size"}

        await speak(process, "topping", SUPERGROUP)

    assert await conversations(sessions) == {at(NEW): "topping"}
    assert process.errors == []


async def test_a_conversation_goes_on_in_the_supergroup_in_both_of_two_processes(sessions: Sessions) -> None:
    async with bot(sessions, order()) as first:
        await speak(first, "size")
    async with bot(sessions, order()) as one, bot(sessions, order()) as two:
        await say(one, "to")
        await say(two, "from")
        await two.write()

        await speak(two, "topping", SUPERGROUP)

    assert await conversations(sessions) == {at(NEW): "topping"}
    assert one.errors == two.errors == []


async def test_a_crash_after_the_message_leaves_a_conversation_in_the_supergroup(sessions: Sessions) -> None:
    async with bot(sessions, order()) as process:
        await speak(process, "size")
        await process.write()

        await say(process, "to")

        assert await conversations(sessions) == {at(NEW): "size"}


async def test_a_conversation_of_the_supergroup_is_not_replaced(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    async with bot(sessions, order()) as process:
        await speak(process, "size")
        await speak(process, "topping", SUPERGROUP)
        await process.write()

        await say(process, "to", "from")

    assert await conversations(sessions) == {at(OLD): "size", at(NEW): "topping"}
    assert "goes on there" in caplog.text
