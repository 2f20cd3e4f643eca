"""A bot with two session models, fed updates by a real dispatcher, over a store that counts or over files."""

from pathlib import Path

from aiogram import Dispatcher

from tests.aiogram_bot import WatchedStore
from typed_sessions import Clock, SessionConfig, SessionModel, Sessions, Store
from typed_sessions.clock import utc_now
from typed_sessions.integrations.aiogram import SessionMiddleware
from typed_sessions.testing.bots import Chat, Person, Updates, supergroup
from typed_sessions.testing.bots.aiogram import feed

ADA = Person(id=71001001, first_name="Ada")
BOB = Person(id=71001002, first_name="Bob")
CLUB = supergroup(-1002001001)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    pizzas: list[str] = []


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    favourite: str = "none"


class Shop:
    """A dispatcher to register handlers with. Bind the models and call `open` before it hears anything."""

    def __init__(self, store: Store | None = None, *, clock: Clock = utc_now) -> None:
        self.watched = WatchedStore()
        self.sessions = Sessions(store or self.watched, clock=clock)
        self.dispatcher = Dispatcher()
        self.middleware = SessionMiddleware(self.sessions)
        self.updates = Updates()

    def open(self) -> "Shop":
        self.middleware.setup(self.dispatcher)
        return self

    async def hear(self, text: str = "hi", *, person: Person = ADA, chat: Chat | None = None) -> object:
        return await feed(self.dispatcher, self.updates.message(person, text, chat=chat))

    async def ask(self, query: str = "pizza", *, person: Person = ADA) -> object:
        """An inline query: an update that is from a user and from no chat."""
        return await feed(self.dispatcher, self.updates.inline_query(person, query))

    @property
    def traffic(self) -> tuple[int, int]:
        """How many times the store was read and written."""
        return len(self.watched.loads), len(self.watched.saves)


class Files:
    """A storage of one's own: one file for each key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        return self.folder / key.encode().hex()

    async def read(self, key: str, /) -> str | None:
        return self.path(key).read_text() if self.path(key).exists() else None

    async def write(self, key: str, value: str, /) -> None:
        self.path(key).write_text(value)

    async def delete(self, key: str, /) -> None:
        self.path(key).unlink(missing_ok=True)
