"""The work that all do: count, and keep the last twenty counts."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, Protocol

from pydantic import BaseModel

from typed_sessions import SessionConfig, SessionModel

KEPT = 20
PAUSE = 0.01
"""Seconds that a handler waits between reading and writing, when it is looked whether turns survive each other."""


class Basket(SessionModel):
    session_config = SessionConfig(name="basket")

    count: int = 0
    recent: list[int] = []


class PlainBasket(BaseModel):
    """A basket as one would write it without typed-sessions."""

    count: int = 0
    recent: list[int] = []


class HasCount(Protocol):
    count: int
    recent: list[int]


class Patience:
    """Whether handlers wait between reading and writing."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def wait(self) -> None:
        if self.seconds:
            await asyncio.sleep(self.seconds)


PATIENCE = Patience()


def raise_count(basket: HasCount, read: int) -> None:
    basket.count = read + 1
    basket.recent = [*basket.recent, read + 1][-KEPT:]


def raise_count_in(session: MutableMapping[str, Any], read: int) -> None:
    """The same where a session is a dict. A new list, since not every library notices a changed one."""
    session["count"] = read + 1
    session["recent"] = [*session.get("recent", ()), read + 1][-KEPT:]
