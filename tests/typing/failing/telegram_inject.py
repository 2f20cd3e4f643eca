from collections.abc import Awaitable

from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes, JobQueue

from tests.typing.shop import Cart, Prefs
from typed_sessions import Session, Sessions
from typed_sessions.integrations.telegram import SessionBinding, install

Context = ContextTypes.DEFAULT_TYPE

carts = SessionBinding(Cart)
prefs = SessionBinding(Prefs)


async def another_model(update: Update, context: Context, cart: Prefs) -> None: ...


async def another_handle(update: Update, context: Context, cart: Session[Prefs]) -> None: ...


async def another_lazy(update: Update, context: Context, cart: Awaitable[Prefs]) -> None: ...


async def missing(update: Update, context: Context) -> None: ...


async def by_name(update: Update, context: Context, *, cart: Cart) -> None: ...


def blocking(update: Update, context: Context, cart: Cart) -> None: ...


async def job(context: Context, cart: Prefs) -> None: ...


async def both(update: Update, context: Context, cart: Cart, likes: Prefs) -> None: ...


def a_callback_asks_for_the_model_behind_its_context() -> None:
    carts.inject(another_model)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.inject(another_handle)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.inject(another_lazy)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.inject(missing)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.inject(by_name)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.inject(blocking)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.inject(job)  # error: mypy[type-var] mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    prefs.inject(both)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]


@carts.inject
async def add(_: Update, _context: Context, cart: Cart) -> None:
    cart.currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]


@carts.inject
async def remind(context: Context, cart: Cart) -> None: ...


def a_callback_is_registered_for_what_it_takes(queue: JobQueue[Context]) -> None:
    application = Application.builder().token("token").build()
    CommandHandler("remind", remind)  # error: mypy[arg-type] pyright[reportArgumentType]
    application.add_error_handler(add)  # error: mypy[arg-type] pyright[reportArgumentType]
    queue.run_once(add, 1)  # error: mypy[arg-type] pyright[reportArgumentType]


async def unit_tests_give_what_is_asked_for(update: Update, context: Context) -> None:
    await add(update, context, Cart())  # error: mypy[call-arg] pyright[reportCallIssue]
    await add.__wrapped__(update, context, Prefs())  # error: mypy[arg-type] pyright[reportArgumentType]
    await add.__wrapped__(update, context)  # error: mypy[call-arg] pyright[reportCallIssue]


def what_is_installed(sessions: Sessions) -> None:
    application = Application.builder().token("token").build()
    SessionBinding(Update)  # error: mypy[type-var] pyright[reportArgumentType]
    SessionBinding(Cart, key="chat")  # error: mypy[arg-type] pyright[reportArgumentType]
    install(sessions, sessions, carts)  # error: mypy[arg-type] pyright[reportArgumentType]
    install(application, sessions, Cart)  # error: mypy[arg-type] pyright[reportArgumentType]
    install(application, carts)  # error: mypy[arg-type] pyright[reportArgumentType]
