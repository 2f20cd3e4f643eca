"""A group that becomes a supergroup gets another id, and its sessions go along.

Telegram says so twice, in the old chat and in the new one, in any order (https://core.telegram.org/bots/api#message,
`migrate_to_chat_id` and `migrate_from_chat_id`); the first one that comes moves the sessions.
"""

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from typed_sessions.errors import LockTimeoutError, SessionConflictError
from typed_sessions.integrations.binding import Binding
from typed_sessions.integrations.places import PlaceKey
from typed_sessions.key import KeyPart
from typed_sessions.model import SessionModel
from typed_sessions.sessions import Sessions

logger = logging.getLogger("typed_sessions")


class ServiceMessage(Protocol):
    """What a message of any framework says of a group that became a supergroup, in the old chat or in the new one."""

    @property
    def chat(self) -> "Chat": ...

    @property
    def migrate_to_chat_id(self) -> int | None: ...

    @property
    def migrate_from_chat_id(self) -> int | None: ...


class Chat(Protocol):
    """A chat of any framework."""

    @property
    def id(self) -> int: ...


class Migration(NamedTuple):
    """The ids of a chat, as a group and as a supergroup."""

    old: int
    new: int


def migration_in(message: ServiceMessage, /) -> Migration | None:
    """The migration of which a message tells; None if it tells of none."""
    if message.migrate_to_chat_id is not None:
        return Migration(message.chat.id, message.migrate_to_chat_id)
    if message.migrate_from_chat_id is not None:
        return Migration(message.migrate_from_chat_id, message.chat.id)
    return None


class Moved(NamedTuple):
    """What became of the sessions of a group: how many moved, how many stay (both ids have one, or it is in use)."""

    moved: int = 0
    kept: int = 0


async def move_all(
    sessions: Sessions, model: type[SessionModel], prefix: tuple[KeyPart, ...], to: tuple[KeyPart, ...], /
) -> Moved:
    """Move all sessions of a model whose keys begin with `prefix`, so that they begin with `to`.

    A session that is in the way is replaced only if it is as a new one begins. Where both have data, both stay, which
    is logged. What turns of this process have open is waited for: they may be about to make a session.
    """
    moved = kept = 0
    place = sessions.open(model, prefix)
    found = {key async for key in sessions.keys(model, prefix=prefix)}
    for key in sorted(found.union(place.lease.engine.in_use(place.key))):
        try:
            moved += await sessions.move(model, key, (*to, *key.parts[len(prefix) :]), over_initial=True)
        except SessionConflictError as taken:
            kept += 1
            logger.warning(
                "%s was not moved to its supergroup, because %s has data too; merge the two by hand", key, taken.key
            )
        except LockTimeoutError:  # the others need not stay because of it
            kept += 1
            logger.warning(
                "%s was not moved to its supergroup, because a handler held it for too long; move it by sessions.move "
                "when that has ended",
                key,
            )
    return Moved(moved, kept)


async def migrate_chat(
    sessions: Sessions, bindings: Iterable[Binding[Any, Any]], /, *, bot_id: int, old: int, new: int
) -> Moved:
    """Move the sessions of a group to the id that it has as a supergroup, in every model whose key is a `PlaceKey`.

    Args:
        sessions: where they are.
        bindings: the bindings of their models.
        bot_id: the bot whose keys they are, where keys hold one.
        old: the chat's id as a group.
        new: its id as a supergroup.
    """
    moved = kept = 0
    for binding in bindings:
        if isinstance(binding.key, PlaceKey):
            prefix = binding.key.of_chat(bot_id=bot_id, chat_id=old)
            to = binding.key.of_chat(bot_id=bot_id, chat_id=new)
            if prefix is not None and to is not None:
                found = await move_all(binding.home(sessions), binding.model, prefix, to)
                moved, kept = moved + found.moved, kept + found.kept
    return Moved(moved, kept)
