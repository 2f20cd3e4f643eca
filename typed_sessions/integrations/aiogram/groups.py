"""The sessions of a group that becomes a supergroup, moved when Telegram says so."""

from collections.abc import Iterable
from typing import Any

from aiogram.fsm.storage.base import BaseStorage

from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.binding import Binding
from typed_sessions.integrations.groups import Migration, migrate_chat
from typed_sessions.sessions import Sessions


async def migrate(
    migration: Migration,
    sessions: Sessions,
    bindings: Iterable[Binding[Any, Any]],
    storage: BaseStorage,
    bot_id: int,
    /,
) -> None:
    """Move what is kept of the group, the states of its users too, if they are in a `TypedStorage`."""
    await migrate_chat(sessions, bindings, bot_id=bot_id, old=migration.old, new=migration.new)
    if isinstance(storage, TypedStorage):
        await storage.migrate_chat(bot_id, migration.old, migration.new)
