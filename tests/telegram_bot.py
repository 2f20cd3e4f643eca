"""A bot of python-telegram-bot on a local Bot API server, and its sessions."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from telegram import Update
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    TypeHandler,
    filters,
)

from typed_sessions import Record, SessionConfig, SessionKey, SessionModel, Sessions
from typed_sessions.history import JsonObject
from typed_sessions.integrations.telegram import SessionBinding, install, per_user
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing.bots import BotApi, Person, group, private, supergroup
from typed_sessions.testing.bots.telegram import Builder, builder_of, feed, started

Context: TypeAlias = ContextTypes.DEFAULT_TYPE
App: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Build: TypeAlias = Callable[[Builder], ApplicationBuilder[Any, Any, Any, Any, Any, Any]]

ADA, BOB = Person(id=71001001, first_name="Ada"), Person(id=71001002, first_name="Bob")
CLUB, SUPERCLUB = group(-2001001), supergroup(-1002001001)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[str] = []


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    favourite: str = "none"


carts = SessionBinding(Cart)
prefs = SessionBinding(Prefs, key=per_user)


class WatchedStore(MemoryStore):
    """A memory store that notes what it was asked for: the number of keys of each load and changes of each save.

    It fails to load with `failure`, if that is set.
    """

    failure: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[int] = []
        self.saves: list[int] = []

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.loads.append(len(keys))
        if self.failure is not None:
            raise self.failure
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self.saves.append(len(changes))
        return await super().save(changes)


class Shop:
    """An application and its sessions: `hear` feeds it a message, `cart` and `favourite` look into the store."""

    def __init__(self, api: BotApi, application: App, sessions: Sessions | None = None) -> None:
        self.api = api
        self.application = application
        self.store = WatchedStore()
        self.sessions = sessions or Sessions(self.store)
        self.errors: list[Exception] = []
        application.add_error_handler(self._note)

    async def _note(self, _: object, context: Context) -> None:
        if context.error is not None:
            self.errors.append(context.error)

    def install(self, *bindings: SessionBinding[Any]) -> None:
        install(self.application, self.sessions, *bindings)

    def on(self, callback: Any, command: str | None = None, **options: Any) -> None:  # noqa: ANN401 # for handlers of all kinds
        """Call it for a command, or for every text."""
        handler = CommandHandler(command, callback) if command else MessageHandler(filters.TEXT, callback)
        handler.block = options.pop("block", True)
        self.application.add_handler(handler, **options)

    async def hear(self, text: str = "hi", *, person: Person = ADA, chat: Any = None) -> None:  # noqa: ANN401 # a chat of the kit
        await self.feed(self.api.updates.message(person, text, chat=chat or private(person)))

    async def feed(self, update: JsonObject) -> None:
        await feed(self.application, update)

    async def cart(self, key: int | str | tuple[int | str, ...] = ADA.id) -> list[str]:
        return (await self.sessions.load(Cart, key)).lines

    async def favourite(self, key: int = ADA.id) -> str:
        return (await self.sessions.load(Prefs, key)).favourite

    async def keys(self, model: type[SessionModel] = Cart) -> list[str]:
        return [key.text async for key in self.sessions.keys(model)]


@asynccontextmanager
async def shop_of(build: Build | None = None, *bindings: SessionBinding[Any]) -> AsyncGenerator[Shop]:
    """A running application with these bindings, or with those of this module."""
    async with BotApi() as api:
        builder = builder_of(api)
        shop = Shop(api, (build(builder) if build else builder).build())
        shop.install(*bindings or (carts, prefs))
        async with started(shop.application):
            yield shop


def text_of(update: Update) -> str:
    return (update.effective_message and update.effective_message.text) or ""


@carts.inject
async def add(update: Update, _: Context, cart: Cart) -> None:
    """Add what was said to the cart."""
    cart.lines.append(text_of(update))


def any_update(callback: Any) -> TypeHandler[Update, Context, Any]:  # noqa: ANN401 # as PTB's own
    """A handler for updates of every kind."""
    return TypeHandler(Update, callback)
