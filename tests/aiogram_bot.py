"""A bot without Telegram: a real dispatcher that is fed updates, and its sessions."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.types import Update
from pydantic import JsonValue

from typed_sessions import Record, SessionConfig, SessionKey, SessionModel, Sessions
from typed_sessions.integrations.aiogram import SessionMiddleware
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Change, Outcome

ADA, BOB, CLUB = 71001001, 71001002, -1002001001


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

    def __init__(self, *, shutdown_timeout: float = 10.0) -> None:
        self.store = WatchedStore()
        self.sessions = Sessions(self.store)
        self.dispatcher = Dispatcher()
        self.middleware = SessionMiddleware(self.sessions, shutdown_timeout=shutdown_timeout)
        self.bot = Bot("7009001:unused")

    async def hear(self, text: str = "hi", *, chat: int = ADA, user: int = ADA) -> Any:  # noqa: ANN401 # what a handler returns
        return await self.feed("message", message(text, chat=chat, user=user))

    async def feed(self, kind: str, content: Mapping[str, JsonValue]) -> Any:  # noqa: ANN401 # what a handler returns
        update = Update.model_validate({"update_id": 1, kind: content}, context={"bot": self.bot})
        return await self.dispatcher.feed_update(self.bot, update)

    async def cart(self, key: int | str | tuple[int | str, ...] = ADA) -> list[str]:
        return (await self.sessions.load(Cart, key)).lines

    async def prefs(self, key: int = ADA) -> str:
        return (await self.sessions.load(Prefs, key)).favourite


def message(text: str = "hi", *, chat: int = ADA, user: int | None = ADA) -> dict[str, JsonValue]:
    kind = "private" if chat > 0 else "supergroup"
    content: dict[str, JsonValue] = {"message_id": 1, "date": 0, "text": text, "chat": {"id": chat, "type": kind}}
    return content if user is None else {**content, "from": person(user)}


def inline_query() -> dict[str, JsonValue]:
    return {"id": "1", "query": "pizza", "offset": "", "from": person(ADA)}


def poll() -> dict[str, JsonValue]:
    """A poll's state: an event without chat and user."""
    numbers = {"total_voter_count": 0}
    flags = {"is_closed": False, "is_anonymous": True, "allows_multiple_answers": False, "allows_revoting": False,
             "members_only": False}  # fmt: skip
    return {"id": "1", "question": "Pizza?", "options": [], "type": "regular", **numbers, **flags}


def person(number: int) -> dict[str, JsonValue]:
    return {"id": number, "is_bot": False, "first_name": "Ada"}
