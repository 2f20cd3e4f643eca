"""What was deleted beside a running bot does not come back, though python-telegram-bot has it in memory."""

import pytest
from telegram import Update
from telegram.ext import BaseHandler, ConversationHandler, MessageHandler, filters

from tests.telegram_persistent import ADA, Context, FlakyStore, rows, running
from typed_sessions import SessionGoneError, Sessions
from typed_sessions.testing import SettableClock


@pytest.fixture
def sessions(clock: SettableClock) -> Sessions:
    return Sessions(FlakyStore(), clock=clock)


def order() -> ConversationHandler[Context]:
    """A conversation whose state is the last word that was said."""

    async def go(update: Update, _: Context) -> object:
        assert update.message is not None
        return ConversationHandler.END if update.message.text == "end" else update.message.text

    words: list[BaseHandler[Update, Context, object]] = [MessageHandler(filters.TEXT, go)]
    return ConversationHandler(words, dict.fromkeys("abcd", words), [], name="order", persistent=True)


async def test_a_conversation_of_a_forgotten_person_does_not_come_back(sessions: Sessions) -> None:
    async with running(sessions, handlers=[order()]) as process:
        await process.hear(ADA, "a")
        await process.write()
        await sessions.delete_owner(ADA.id)

        for word in "bcd":
            await process.hear(ADA, word)
            await process.write()

    assert await rows(sessions) == {}
    assert [type(error) for error in process.errors] == [SessionGoneError] * 3


async def test_a_forgotten_person_may_begin_anew(sessions: Sessions) -> None:
    async with running(sessions, handlers=[order()]) as process:
        await process.hear(ADA, "a")
        await process.write()
        await sessions.delete_owner(ADA.id)
        for word in ["b", "end", "c"]:
            await process.hear(ADA, word)
            await process.write()

    assert set(await rows(sessions)) == {"telegram-conversation"}
    assert len(process.errors) == 1


async def test_a_forgotten_person_begins_anew_after_a_restart(sessions: Sessions) -> None:
    async with running(sessions, handlers=[order()]) as process:
        await process.hear(ADA, "a")
        await process.write()
        await sessions.delete_owner(ADA.id)

    async with running(sessions, handlers=[order()]) as process:
        await process.hear(ADA, "b")

    assert set(await rows(sessions)) == {"telegram-conversation"}
    assert process.errors == []
