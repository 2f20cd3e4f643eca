from enum import Enum
from typing import Any, assert_type

from telegram import Update
from telegram.ext import Application, CallbackContext, CommandHandler, ExtBot, PersistenceInput

from tests.typing.shop import Cart, Prefs
from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.telegram.persistence import SQLPersistence


class Stats(SessionModel):
    session_config = SessionConfig(name="stats")

    total: int = 0


class Step(Enum):
    SIZE = "size"


Context = CallbackContext[ExtBot[None], Cart, dict[Any, Any], Stats]


async def a_callback(_: Update, context: Context) -> None:
    assert context.user_data is not None
    assert_type(context.user_data, Cart)
    assert_type(context.chat_data, dict[Any, Any] | None)
    assert_type(context.bot_data.total, int)
    context.user_data.currency = "USD"


def an_application_has_the_types_of_its_persistence(sessions: Sessions) -> None:
    persistence = SQLPersistence(sessions, user_data=Cart, bot_data=Stats)
    assert_type(persistence, SQLPersistence[Cart, dict[Any, Any], Stats])
    builder = Application.builder().token("1:x").context_types(persistence.context_types).persistence(persistence)
    application = builder.build()
    assert_type(application.user_data[1], Cart)
    assert_type(application.chat_data[1], dict[Any, Any])
    assert_type(application.bot_data, Stats)
    application.add_handler(CommandHandler("add", a_callback))
    application.add_handler(persistence.migration_handler(), group=-1)


async def what_is_left_out_is_a_dict(sessions: Sessions) -> None:
    persistence = SQLPersistence(
        sessions, states={"order": Step}, callback_data=Step, store_data=PersistenceInput(), update_interval=5
    )
    assert_type(persistence, SQLPersistence[dict[Any, Any], dict[Any, Any], dict[Any, Any]])
    await persistence.update_user_data(1, {"a": 1})
    assert_type(await persistence.get_bot_data(), dict[Any, Any])


async def all_three(sessions: Sessions) -> None:
    persistence = SQLPersistence(sessions, user_data=Cart, chat_data=Prefs, bot_data=Stats)
    assert_type(await persistence.get_chat_data(), dict[int, Prefs])
    await persistence.update_chat_data(-5, Prefs())
