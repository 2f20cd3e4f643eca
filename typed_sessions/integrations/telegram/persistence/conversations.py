"""The conversations of an application: their keys, as python-telegram-bot makes them, and their rows."""

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import TypeAlias

from typed_sessions.errors import SessionConflictError
from typed_sessions.integrations.telegram.persistence.forms import OTHERWISE_STATE, ConversationForm
from typed_sessions.integrations.telegram.persistence.rows import Rows, Writing
from typed_sessions.integrations.telegram.persistence.spots import Spot, Wanted
from typed_sessions.integrations.telegram.persistence.values import DeclaredValues, PlainValues
from typed_sessions.key import KeyPart, SessionKey

logger = logging.getLogger("typed_sessions")

ConversationKey: TypeAlias = tuple[int | str, ...]
"""As python-telegram-bot makes it: the chat, the user, the message; some of them, in this order."""

_STR = "str:"
_NUMBER = re.compile(r"(0|-?[1-9][0-9]*)\Z")


States: TypeAlias = MutableMapping[ConversationKey, object]
"""The conversations of one handler, which python-telegram-bot has in memory."""


class ConversationRows:
    """The conversations of all handlers, each under the handler's name.

    `states` are the types of their states by these names; those of other names are plain.
    """

    def __init__(self, rows: Rows, states: Mapping[str, object]) -> None:
        self._rows = rows
        self._forms = {name: ConversationForm(DeclaredValues(declared)) for name, declared in states.items()}
        self._plain = ConversationForm(PlainValues(OTHERWISE_STATE))

    async def load(self, bot_id: int, name: str) -> States:
        """All that are stored. Raises as `Rows.load`."""
        found = await self._rows.load(self._forms.get(name, self._plain), (bot_id, name))
        return {key_of(key): state for key, state in found.items()}

    def put(self, bot_id: int, name: str, key: ConversationKey, state: object) -> Writing:
        """Want this state stored from now on, or none; awaiting the answer writes it."""
        return self._rows.put(Wanted(self._spot(bot_id, name, key), state))

    async def move(self, bot_id: int, name: str, states: States, *, old: int, new: int) -> None:
        """Move the conversations of a group to its supergroup, their rows and what is in memory.

        One that the supergroup has already is not replaced; then both stay, which is logged.
        """
        for key in [key for key in states if key[:1] == (old,)]:
            to = (new, *key[1:])
            spot = self._spot(bot_id, name, key)
            try:
                await self._rows.follow(spot, self._spot(bot_id, name, to))
            except SessionConflictError as taken:
                logger.warning("%s was not moved to its supergroup, because %s goes on there", spot.key, taken.key)
                continue
            if key in states and to not in states:
                # What was changed since the last write is written with the next.
                states[to] = states.pop(key)

    def _spot(self, bot_id: int, name: str, key: ConversationKey) -> Spot[object]:
        return Spot(self._forms.get(name, self._plain), parts_of(bot_id, name, key), owner_of(key))


def parts_of(bot_id: int, name: str, key: ConversationKey) -> tuple[KeyPart, ...]:
    """The parts of a session's key. A string that reads as an int gets `str:` before it, so that it comes back."""
    return (bot_id, name, *map(_part, key))


def key_of(stored: SessionKey) -> ConversationKey:
    """The conversation's key that was stored so."""
    return tuple(int(part) if _NUMBER.match(part) else part.removeprefix(_STR) for part in stored.parts[2:])


def owner_of(key: ConversationKey) -> int | None:
    """The user whose conversation it is; None for that of a group.

    A private chat has the id of its user, and groups and channels have ids below zero. A number after a group counts
    as a user; it is a message for a handler with `per_message=True` and `per_user=False`, which nothing tells.
    """
    people = [part for part in key[:2] if isinstance(part, int) and part > 0]
    return people[0] if people else None


def _part(part: int | str) -> KeyPart:
    is_ambiguous = isinstance(part, str) and (_NUMBER.match(part) or part.startswith(_STR))
    return f"{_STR}{part}" if is_ambiguous else part
