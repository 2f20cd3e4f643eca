"""Sessions for the callbacks of python-telegram-bot 22.

    carts = SessionBinding(Cart)

    @carts.inject
    async def add(update: Update, context: ContextTypes.DEFAULT_TYPE, cart: Cart) -> None:
        cart.lines.append(Line(sku="pizza", qty=1))

    application.add_handler(CommandHandler("add", add))
    install(application, sessions, carts)

The annotation says in what manner a callback gets its session; its parameters may have any names.
"""

try:
    import telegram.ext as _needed  # noqa: F401 # pyright: ignore[reportUnusedImport] # before those that need it
except ModuleNotFoundError as error:
    if error.name not in {"telegram", "telegram.ext"}:
        raise
    needed = 'typed_sessions.integrations.telegram needs python-telegram-bot: pip install "typed-sessions[telegram]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

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
from typed_sessions.integrations.telegram.application import SessionApplication
from typed_sessions.integrations.telegram.binding import Injected, SessionBinding
from typed_sessions.integrations.telegram.context import InContext, SessionContext
from typed_sessions.integrations.telegram.installation import finish
from typed_sessions.integrations.telegram.installing import install
from typed_sessions.integrations.telegram.occasions import KeyFunction, Occasion, OwnerFunction, place_of
from typed_sessions.integrations.telegram.persistence import SQLPersistence
from typed_sessions.integrations.telegram.verifying import verify

__all__ = [
    "InContext",
    "Injected",
    "KeyFunction",
    "Occasion",
    "OwnerFunction",
    "Place",
    "PlaceKey",
    "SQLPersistence",
    "SessionApplication",
    "SessionBinding",
    "SessionContext",
    "finish",
    "install",
    "nobody",
    "per_bot",
    "per_chat",
    "per_connection",
    "per_thread",
    "per_user",
    "per_user_in_chat",
    "place_of",
    "verify",
]
