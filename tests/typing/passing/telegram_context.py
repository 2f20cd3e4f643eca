from typing import assert_type

from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes, ExtBot

from tests.typing.shop import Cart, Line, Prefs
from typed_sessions import Sessions
from typed_sessions.integrations.telegram import InContext, SessionApplication, SessionBinding, SessionContext, install

carts = SessionBinding(Cart)
prefs = SessionBinding(Prefs)


class Context(SessionContext):
    session = carts.in_context()
    likes = prefs.in_context()


class Own(SessionContext[ExtBot[None], dict[str, int], dict[str, int], dict[str, int]]):
    session = carts.in_context()


async def a_context_has_sessions(_: Update, context: Context) -> None:
    assert_type(context.session, Cart)
    assert_type(context.likes.favourite, str | None)
    context.session.lines.append(Line(sku="funghi"))
    context.session = Cart()
    del context.session


async def it_has_the_data_of_python_telegram_bot_too(_: Update, context: Own) -> None:
    assert_type(context.session, Cart)
    assert_type(context.user_data, dict[str, int] | None)


@prefs.inject
async def it_may_be_injected_too(_: Update, context: Context, likes: Prefs) -> int:
    return len(context.session.lines) + len(likes.favourite or "")


async def note(_: object, context: Context) -> None:
    assert_type(context.session, Cart)


def the_class_names_its_bindings() -> None:
    assert_type(Context.session, InContext[Cart])


def callbacks_fit(sessions: Sessions) -> None:
    builder = Application.builder().token("token").application_class(SessionApplication)
    application = builder.context_types(ContextTypes(context=Context)).build()
    application.add_handler(CommandHandler("session", a_context_has_sessions))
    application.add_handler(CommandHandler("both", it_may_be_injected_too))
    application.add_error_handler(note)
    install(application, sessions, carts, prefs)
