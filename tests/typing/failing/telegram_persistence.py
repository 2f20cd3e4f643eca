from telegram import Update
from telegram.ext import Application, CallbackContext, CommandHandler, ExtBot

from tests.typing.shop import Cart, Prefs
from typed_sessions import Sessions
from typed_sessions.integrations.telegram.persistence import SQLPersistence

Wrong = CallbackContext[ExtBot[None], Prefs, Prefs, Prefs]


async def of_prefs(update: Update, context: Wrong) -> None: ...


async def data_of_the_wrong_type(sessions: Sessions) -> None:
    persistence = SQLPersistence(sessions, user_data=Cart)
    await persistence.update_user_data(1, Prefs())  # error: mypy[arg-type] pyright[reportArgumentType]
    await persistence.update_user_data("ada", Cart())  # error: mypy[arg-type] pyright[reportArgumentType]
    await persistence.update_chat_data(1, Cart())  # error: mypy[arg-type] pyright[reportArgumentType]
    (await persistence.get_user_data())[1].total = 5  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def models_that_are_none(sessions: Sessions) -> None:
    SQLPersistence(sessions, user_data=str)  # error: mypy[type-var] pyright[reportArgumentType]
    SQLPersistence(sessions, user_data=Cart())  # error: mypy[arg-type] pyright[reportArgumentType]
    SQLPersistence(sessions, states=["order"])  # error: mypy[arg-type] pyright[reportArgumentType]
    SQLPersistence(user_data=Cart)  # error: mypy[call-arg] pyright[reportCallIssue]


def an_application(sessions: Sessions) -> None:
    persistence = SQLPersistence(sessions, user_data=Cart)
    builder = Application.builder().token("1:x").context_types(persistence.context_types)
    application = builder.persistence(persistence).build()
    application.user_data[1].currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    application.add_handler(CommandHandler("add", of_prefs))  # error: mypy[arg-type] pyright[reportArgumentType]
