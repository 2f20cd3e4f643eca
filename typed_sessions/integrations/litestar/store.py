"""Litestar's own stores on ours: for its server-side sessions, response cache, rate limits, and for any application."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from litestar.stores.base import NamespacedStore

from typed_sessions.clock import EPOCH, MICROSECOND, Revisions
from typed_sessions.codec import Codec
from typed_sessions.engine import MAX_ATTEMPTS
from typed_sessions.errors import SessionConflictError
from typed_sessions.key import SessionKey, key_text
from typed_sessions.limits import Limits
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.record import Record
from typed_sessions.sessions import Sessions
from typed_sessions.stores.protocol import Change, Delete, Insert, Outcome, Query, Touch, Update

MAX_BYTES = 8 * 1024 * 1024
"""Half of what MariaDB takes in one statement unless it is told otherwise (`max_allowed_packet`)."""

FOR_EVER = -1
"""Litestar's word for a value that does not expire."""

PAGE = 500


class StoredValue(SessionModel):
    """A value of Litestar's. Its key is the namespaces, and the SHA-256 of Litestar's key."""

    session_config = SessionConfig(name="litestar-store")

    value: bytes = b""


class TypedStore(NamespacedStore):
    """A `Store` of Litestar's that keeps its values where the sessions are.

        stores = StoreRegistry(default_factory=TypedStore(sessions).with_namespace)
        app = Litestar(…, stores=stores, on_shutdown=[sessions.close])

    Litestar's keys are stored as SHA-256 only: they may be ids of sessions, and as long as a URL. Whoever sets a value
    last has set it; nothing is merged. What expired is absent at once, and goes with `Sessions.prune`.

    Args:
        sessions: where the values are. It is not closed with the application.
        namespace: tells these values from those of other applications in the same table; several lie inside each other.
        max_bytes: bytes of JSON that a value may take; its own bytes take a third more in it.

    Raises:
        InvalidKeyError: the namespaces are too long together, or one cannot be stored.

    Its methods raise:
        StoreUnavailableError: the store does not answer.
        InvalidSessionError, NewerVersionError: what is stored cannot be read.
        SessionTooLargeError: a value has too many bytes.
        SessionConflictError: others set the value a hundred times in a row before it could be set.
    """

    __slots__ = ("_clock", "_codec", "_max_bytes", "_revisions", "_sessions")

    namespace: tuple[str, ...]
    """From the outermost to its own."""

    def __init__(
        self, sessions: Sessions, *, namespace: str | tuple[str, ...] = "litestar", max_bytes: int = MAX_BYTES
    ) -> None:
        self.namespace = (namespace,) if isinstance(namespace, str) else namespace
        self._sessions = sessions
        self._max_bytes = max_bytes
        self._codec = Codec(StoredValue, Limits(max_bytes=max_bytes, warn_bytes=max_bytes))
        self._clock = sessions.open(StoredValue, self._place("any")).lease.engine.clock
        self._revisions = Revisions(self._clock)

    def with_namespace(self, namespace: str) -> Self:
        """One for a namespace inside this one, which `delete_all` of this one empties too.

        Raises:
            InvalidKeyError: as the class.
        """
        return type(self)(self._sessions, namespace=(*self.namespace, namespace), max_bytes=self._max_bytes)

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        """Set a value. It expires after `expires_in` (seconds), or never."""
        place = self._place(key)
        data = self._data(place, value)
        for _ in range(MAX_ATTEMPTS):
            old, now = await self._load(place), self._clock()
            expires_at = None if expires_in is None else now + _duration(expires_in)
            change = self._change(place, old, data, now, expires_at)
            if await self._saves([change]):
                return
        raise SessionConflictError(place, ())

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        """The value; None if there is none. One that expires lives for `renew_for` (seconds) from now on."""
        place = self._place(key)
        record, now = await self._load(place), self._clock()
        if record is None or not record.is_alive(now):
            return None
        if renew_for and record.expires_at is not None:
            # If somebody sets another value meanwhile, that one's own time counts.
            await self._saves([Touch(place, record.revision, now + _duration(renew_for))])
        return self._codec.decode(place, record).data.value

    async def delete(self, key: str) -> None:
        """Delete a value, if it is there."""
        await self._saves([Delete(self._place(key))])

    async def delete_all(self) -> None:
        """Delete the values of this namespace and of those inside it."""
        query = Query(StoredValue.session_config.name, prefix=key_text(self.namespace), limit=PAGE)
        while page := await self._sessions.store.scan(query):
            await self._saves([Delete(place) for place, _ in page])
            query = replace(query, after=page[-1][0])

    async def exists(self, key: str) -> bool:
        """Whether there is a value."""
        record = await self._load(self._place(key))
        return record is not None and record.is_alive(self._clock())

    async def expires_in(self, key: str) -> int | None:
        """In how many seconds the value expires: -1 if never, None if there is no value."""
        record, now = await self._load(self._place(key)), self._clock()
        if record is None or not record.is_alive(now):
            return None
        return FOR_EVER if record.expires_at is None else int((record.expires_at - now).total_seconds())

    async def delete_expired(self) -> None:
        """Delete what expired, the sessions in the same store too."""
        while await self._sessions.prune():
            pass

    def _place(self, key: str) -> SessionKey:
        # Any string, also one that no database could keep.
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        return SessionKey.of(StoredValue.session_config.name, (*self.namespace, digest))

    def _data(self, place: SessionKey, value: str | bytes) -> bytes:
        model = StoredValue(value=value.encode() if isinstance(value, str) else value)
        form = self._codec.form
        return self._codec.sealed(place, model, self._codec.dump(place, model, form), form)

    def _change(
        self, place: SessionKey, old: Record | None, data: bytes, now: datetime, expires_at: datetime | None
    ) -> Change:
        if old is not None:
            return Update(place, old.revision, self._record(old.revision + 1, data, old.created_at, now, expires_at))
        first = self._revisions.first()
        return Insert(place, self._record(first, data, EPOCH + first * MICROSECOND, now, expires_at))

    def _record(
        self, revision: int, data: bytes, created_at: datetime, now: datetime, expires_at: datetime | None
    ) -> Record:
        form = self._codec.form
        return Record(form.version, form.min_reader, revision, data, created_at, now, expires_at)

    async def _load(self, place: SessionKey) -> Record | None:
        return (await self._sessions.store.load([place])).get(place)

    async def _saves(self, changes: Sequence[Change]) -> bool:
        return all(outcome is Outcome.SAVED for outcome in await self._sessions.store.save(changes))


def _duration(given: float | timedelta) -> timedelta:
    return given if isinstance(given, timedelta) else timedelta(seconds=given)
