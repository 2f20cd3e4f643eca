"""Sessions for the handlers of aiogram 3.

    @router.message(Command("add"))
    async def add(message: Message, cart: Cart) -> None:
        cart.lines.append(Line(sku="pizza", qty=1))

    SessionMiddleware(sessions).bind(Cart).setup(dispatcher)

The annotation says which session a handler gets; its parameters may have any names.
"""

from importlib import import_module

try:
    import_module("aiogram")
except ModuleNotFoundError as error:
    if error.name != "aiogram":
        raise
    needed = 'typed_sessions.integrations.aiogram needs aiogram: pip install "typed-sessions[aiogram]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.integrations.aiogram.binding import SessionBinding
from typed_sessions.integrations.aiogram.fsm import TypedStorage, fsm_key
from typed_sessions.integrations.aiogram.fsm_session import FsmSession, FsmState
from typed_sessions.integrations.aiogram.isolation import SessionIsolation
from typed_sessions.integrations.aiogram.middleware import SessionMiddleware
from typed_sessions.integrations.aiogram.places import KeyFunction, OwnerFunction
from typed_sessions.integrations.binding import nobody
from typed_sessions.integrations.places import (
    Place,
    PlaceKey,
    per_bot,
    per_chat,
    per_connection,
    per_thread,
    per_user,
    per_user_in_chat,
)

__all__ = [
    "FsmSession",
    "FsmState",
    "KeyFunction",
    "OwnerFunction",
    "Place",
    "PlaceKey",
    "SessionBinding",
    "SessionIsolation",
    "SessionMiddleware",
    "TypedStorage",
    "fsm_key",
    "nobody",
    "per_bot",
    "per_chat",
    "per_connection",
    "per_thread",
    "per_user",
    "per_user_in_chat",
]
