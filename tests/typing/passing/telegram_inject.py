from collections.abc import Awaitable
from typing import assert_type

from telegram import Update
from telegram.ext import (
    Application,
    CallbackContext,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    ExtBot,
    JobQueue,
    MessageHandler,
    TypeHandler,
    filters,
)

from tests.typing.shop import Cart, Line, Prefs
from typed_sessions import Session, Sessions
from typed_sessions.integrations.telegram import (
    KeyFunction,
    Occasion,
    Place,
    SessionBinding,
    finish,
    install,
    nobody,
    per_bot,
    per_chat,
    per_user,
    verify,
)

Context = ContextTypes.DEFAULT_TYPE

carts = SessionBinding(Cart)
prefs = SessionBinding(Prefs, key=per_user, owner=nobody)


class Own(CallbackContext[ExtBot[None], dict[str, int], dict[str, int], dict[str, int]]):
    """A context class of one's own."""


@carts.inject
async def data(_: Update, _context: Context, cart: Cart) -> None:
    assert_type(cart, Cart)
    cart.lines.append(Line(sku="funghi"))


@carts.inject
async def state(_: Update, _context: Context, cart: Cart) -> int:
    return len(cart.lines)


@carts.inject
async def handle(_: Update, _context: Context, cart: Session[Cart]) -> None:
    assert_type(cart.data, Cart)


@carts.inject
async def optional(_: Update, _context: Context, cart: Cart | None) -> None:
    assert_type(cart, Cart | None)


@carts.inject
async def lazy(_: Update, _context: Context, cart: Awaitable[Cart]) -> None:
    assert_type(await cart, Cart)


@carts.inject
async def own(_: Update, context: Own, cart: Cart) -> None:
    assert_type(context.user_data, dict[str, int] | None)
    assert_type(cart, Cart)


@carts.inject
async def error(update: object, context: Context, cart: Cart) -> None: ...


@carts.inject
@prefs.inject
async def both(update: Update, context: Context, likes: Prefs, cart: Cart) -> None: ...


@carts.inject
async def job(context: Context, cart: Cart) -> None: ...


@carts.inject
async def job_handle(context: Context, cart: Session[Cart]) -> None: ...


@carts.inject
async def job_lazy(context: Context, cart: Awaitable[Cart]) -> None: ...


@carts.inject
@prefs.inject
async def job_both(context: Context, likes: Prefs, cart: Cart) -> None: ...


class Shop:
    @carts.inject
    async def decorated(self, update: Update, context: Context, cart: Cart) -> None: ...

    @carts.inject
    async def decorated_handle(self, update: Update, context: Context, cart: Session[Cart]) -> None: ...

    @carts.inject
    async def decorated_lazy(self, update: Update, context: Context, cart: Awaitable[Cart]) -> None: ...

    async def plain(self, update: Update, context: Context, cart: Cart) -> None: ...

    async def remind(self, context: Context, cart: Cart) -> None: ...


class Adding:
    async def __call__(self, update: Update, context: Context, cart: Cart) -> None: ...


def callbacks_fit_every_handler() -> None:
    application = Application.builder().token("token").build()
    application.add_handler(CommandHandler("data", data))
    application.add_handler(CommandHandler("state", state))
    application.add_handler(MessageHandler(filters.TEXT, handle))
    application.add_handler(CallbackQueryHandler(optional))
    application.add_handler(TypeHandler(Update, lazy))
    application.add_handler(CommandHandler("both", both))
    application.add_handler(CommandHandler("decorated", Shop().decorated))
    application.add_handler(CommandHandler("handle", Shop().decorated_handle))
    application.add_handler(CommandHandler("lazy", Shop().decorated_lazy))
    application.add_handler(CommandHandler("plain", carts.inject(Shop().plain)))
    application.add_handler(CommandHandler("object", carts.inject(Adding())))
    application.add_error_handler(error)
    application.add_handler(
        ConversationHandler(
            entry_points=[CommandHandler("state", state)],
            states={1: [MessageHandler(filters.TEXT, state)]},
            fallbacks=[CommandHandler("data", data)],
        )
    )


def callbacks_fit_a_context_of_ones_own() -> None:
    application = Application.builder().token("token").context_types(ContextTypes(context=Own)).build()
    application.add_handler(CommandHandler("own", own))


def callbacks_fit_jobs(queue: JobQueue[Context]) -> None:
    queue.run_once(job, 1)
    queue.run_repeating(job_handle, 1)
    queue.run_once(job_lazy, 1)
    queue.run_once(job_both, 1)
    queue.run_once(carts.inject(Shop().remind), 1)


async def unit_tests_call_what_was_written(update: Update, context: Context) -> None:
    assert_type(await state(update, context), int)
    assert_type(await state.__wrapped__(update, context, Cart()), int)
    await job.__wrapped__(context, Cart())


def keys_are_made_of_places(place: Place[Occasion]) -> None:
    key: KeyFunction = per_bot(per_chat)
    SessionBinding(Cart, key=key)
    SessionBinding(Cart, key=lambda place: (place.bot_id, place.chat), owner=lambda place: place.user_id)
    assert_type(place.source.update, object)


async def an_application_gets_its_sessions(
    application: Application[ExtBot[None], Context, object, object, object, None], sessions: Sessions
) -> None:
    install(application, sessions, carts, prefs, shutdown_timeout=5)
    verify(application)
    await finish(application)
