"""A bot without Telegram: a real dispatcher that is fed updates, and its sessions."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiogram import Bot, Dispatcher

from typed_sessions import JsonObject, Record, SessionConfig, SessionKey, SessionModel, Sessions, Store
from typed_sessions.integrations.aiogram import SessionMiddleware
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing.bots import Chat, Person, Updates, supergroup
from typed_sessions.testing.bots.aiogram import feed

ADA = Person(id=71001001, first_name="Ada")
BOB = Person(id=71001002, first_name="Bob")
CLUB = supergroup(-1002001001)
TOKEN = "7009001:unused"  # noqa: S105 # no secret: nobody is called


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[str] = []


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    favourite: str = "none"


class WatchedStore(MemoryStore):
    """A memory store that notes what it was asked for: the number of keys of each load and changes of each save."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[int] = []
        self.saves: list[int] = []

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.loads.append(len(keys))
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self.saves.append(len(changes))
        return await super().save(changes)


class Shop:
    """A dispatcher to register handlers with, fed by `hear`; `cart` and `prefs` look into the store."""

    def __init__(
        self, store: Store | None = None, *, shutdown_timeout: float = 10.0, dispatcher: Dispatcher | None = None
    ) -> None:
        self.watched = WatchedStore()
        self.sessions = Sessions(store or self.watched)
        self.dispatcher = dispatcher or Dispatcher()
        self.middleware = SessionMiddleware(self.sessions, shutdown_timeout=shutdown_timeout)
        self.updates = Updates()
        self.bot = Bot(TOKEN)

    @property
    def traffic(self) -> tuple[list[int], list[int]]:
        """The keys of each load, and the changes of each save."""
        return self.watched.loads, self.watched.saves

    async def hear(self, text: str = "hi", *, chat: Chat | None = None, user: Person = ADA) -> Any:  # noqa: ANN401 # what a handler returns
        return await self.feed(self.updates.message(user, text, chat=chat))

    async def feed(self, update: JsonObject) -> Any:  # noqa: ANN401 # what a handler returns
        return await feed(self.dispatcher, update, bot=self.bot)

    async def put(self, *lines: str, chat: int = ADA.id) -> None:
        """Store a cart."""
        await self.sessions.save(chat, Cart(lines=list(lines)))

    async def cart(self, key: int | str | tuple[int | str, ...] = ADA.id) -> list[str]:
        return (await self.sessions.load(Cart, key)).lines

    async def prefs(self, key: int = ADA.id) -> str:
        return (await self.sessions.load(Prefs, key)).favourite
