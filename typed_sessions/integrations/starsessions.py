"""A store for starsessions: its middleware and `request.session` stay, the data is in a database.

app.add_middleware(SessionMiddleware, store=StarsessionsStore(sessions), lifetime=timedelta(days=14))
"""

import secrets
from datetime import timedelta
from typing import NamedTuple

from pydantic import JsonValue
from pydantic_core import from_json, to_json

try:
    from starsessions.stores.base import SessionStore
except ModuleNotFoundError as error:
    if error.name != "starsessions":
        raise
    needed = 'typed_sessions.integrations.starsessions needs starsessions: pip install "typed-sessions[starsessions]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.engine import MAX_ATTEMPTS
from typed_sessions.errors import SessionConflictError, SessionDefinitionError, SessionGoneError
from typed_sessions.history import JsonObject
from typed_sessions.integrations.web.ids import digest, mint
from typed_sessions.integrations.web.visits import TOUCH_AFTER
from typed_sessions.json_kinds import is_object
from typed_sessions.key import SessionKey
from typed_sessions.merge import merge
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.session import Session
from typed_sessions.sessions import Sessions

METADATA = "__metadata__"
"""Where starsessions keeps what it knows of a session, among the data."""
READ = "typed_sessions"
"""Where we keep in that, for the time of a request, what was read. It is never stored."""

UNENDING = timedelta(days=30)


class StarsessionsData(SessionModel):
    """What `request.session` holds, any JSON object. Its key is the SHA-256 of the id."""

    session_config = SessionConfig(name="starsessions")

    data: dict[str, JsonValue] = {}
    metadata: dict[str, JsonValue] = {}
    """What starsessions knows of it: `created`, `last_access`, `lifetime`."""
    born: str = ""
    """Tells a session from another one under the same id."""


class Read(NamedTuple):
    """What a request has read, so that its write knows what it changed."""

    text: str
    born: str
    data: JsonObject


class StarsessionsStore(SessionStore):
    """Keeps the sessions of starsessions in whatever store `Sessions` has.

    It gives more than starsessions asks for, by a note that goes with the data from `read` to `write`:

    - Requests that change different keys of `request.session` at the same time are merged; if they change the same
      one, the later write raises `SessionConflictError`.
    - A session that was removed is not brought back by a request that was under way: its write raises
      `SessionGoneError`, or does nothing if it changed nothing.
    - An id that the store does not know is never adopted. A new session gets one of 256 random bits.
    - `regenerate_session_id` moves the session, so that the old id is dead.
    - A request that changes nothing writes nothing; the end of a rolling session is moved in steps of a tenth.

    What the protocol leaves no way to promise:

    - A write without the note replaces what is there: that of a program which calls `write` by itself, or of a
      `serializer` that drops keys of `__metadata__`. Its changes can be lost, or undo those of others.
    - `regenerate_session_id` and then `session.clear()` in one request leaves the old id alive: starsessions tells
      only the new one. Clear the session and log in anew in the next request, or use `Visit.logout`.
    - Whatever a conflict raises is answered with 500, because starsessions writes when the response begins.

    Args:
        sessions: where they are kept.
        unending: how long a session lives after its last request if the middleware's `lifetime` is 0.
    """

    def __init__(self, sessions: Sessions, *, unending: timedelta = UNENDING) -> None:
        self._sessions = sessions
        self._unending = unending

    async def read(self, session_id: str, lifetime: int) -> bytes:  # noqa: ARG002 # starsessions'
        """The data as JSON; nothing if there is none.

        Raises:
            StoreUnavailableError, InvalidSessionError, …: as `Sessions.load`.
        """
        text = digest(session_id)
        stored = await self._sessions.load(StarsessionsData, text)
        if not stored.born:
            return b""
        note = Read(text, stored.born, stored.data)._asdict()
        return to_json({**stored.data, METADATA: {**stored.metadata, READ: note}})

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:
        """Save what the request changed, and give the session's id: a new one for a new session.

        Args:
            session_id: the id that starsessions has for it.
            data: a JSON object.
            lifetime: seconds; 0 if the session has no end.
            ttl: seconds that are left of it.

        Raises:
            SessionConflictError, SessionGoneError: somebody else was first.
            SessionDefinitionError: the data is no JSON object.
            UnstorableValueError, SessionTooLargeError: it cannot be stored.
        """
        content = parsed(data)
        metadata = content.pop(METADATA, {})
        note = metadata.pop(READ, None)
        life = timedelta(seconds=max(1, ttl)) if lifetime else self._unending
        if note is not None:
            await self._update(Read(**note), digest(session_id), content, metadata, life)
            return session_id
        is_known = bool((await self._sessions.load(StarsessionsData, digest(session_id))).born)
        id_ = session_id if is_known else mint()
        await self._replace(digest(id_), content, metadata, life)
        return id_

    async def remove(self, session_id: str) -> None:
        """Delete the session, if there is one."""
        await self._sessions.delete(StarsessionsData, digest(session_id))

    async def _replace(self, text: str, content: JsonObject, metadata: JsonObject, life: timedelta) -> None:
        session = self._sessions.open(StarsessionsData, text)
        async with session as stored:
            stored.data, stored.metadata = content, metadata
            stored.born = stored.born or secrets.token_hex(8)
            prolong(session, life)

    async def _update(self, read: Read, text: str, mine: JsonObject, metadata: JsonObject, life: timedelta) -> None:
        for _ in range(MAX_ATTEMPTS):
            session = self._sessions.open(StarsessionsData, read.text)
            session.lease.opened.may_merge = False
            try:
                async with session as stored:
                    if is_written(read, mine, metadata, stored, session.key):
                        prolong(session, life)
                        move(session, text)
            except SessionConflictError as error:
                if error.fields:
                    raise
            else:
                return
        raise SessionConflictError(SessionKey(StarsessionsData.session_config.name, read.text), ())


def prolong(session: Session[StarsessionsData], life: timedelta, /) -> None:
    """Let it live so long from now on, unless that is about what it does already."""
    known, until = session.expires_at, session.lease.engine.clock() + life
    if known is None or abs(until - known) >= life * TOUCH_AFTER:
        session.lease.opened.must_live_until = until


def move(session: Session[StarsessionsData], text: str, /) -> None:
    """Give it another key when it is saved."""
    if session.key.text != text:
        session.lease.opened.must_move_to = session.key._replace(text=text)


def is_written(
    read: Read, mine: JsonObject, metadata: JsonObject, stored: StarsessionsData, key: SessionKey, /
) -> bool:
    """Put a request's changes on what is stored now. False if the session is gone, which nothing was to be written to.

    Raises:
        SessionGoneError: it is gone, and there are changes.
        SessionConflictError: somebody else changed the same keys.
    """
    has_changes = to_json(mine) != to_json(read.data)
    is_gone = stored.born != read.born
    if is_gone and has_changes:
        raise SessionGoneError(key)
    if has_changes:
        merged = merge(base=read.data, mine=mine, theirs=stored.data)
        if merged.conflicts:
            raise SessionConflictError(key, merged.conflicts)
        stored.data, stored.metadata = merged.merged, metadata
    return not is_gone


def parsed(data: bytes, /) -> JsonObject:
    """The JSON object that it is.

    Raises:
        SessionDefinitionError: it is something else.
    """
    try:
        found: object = from_json(data)
    except ValueError:
        found = None
    if not is_object(found):
        raise SessionDefinitionError(
            "StarsessionsStore keeps JSON objects; give SessionMiddleware no serializer, or one that writes JSON"
        )
    return found
