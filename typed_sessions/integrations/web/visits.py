"""How an application keeps its web sessions: which models, which cookie, for how long."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from typed_sessions.codec import Codec, M
from typed_sessions.engine import Engine
from typed_sessions.errors import (
    InvalidKeyError,
    InvalidSessionError,
    NewerVersionError,
    SessionDefinitionError,
    TooOldVersionError,
    UpcastError,
)
from typed_sessions.integrations.binding import refuse_other_models
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.ids import Ids
from typed_sessions.integrations.web.stored import KnownVisit, StoredVisit, name_of
from typed_sessions.integrations.web.takeover import Takeover
from typed_sessions.key import KeyPart, SessionKey, key_text
from typed_sessions.model import SessionModel
from typed_sessions.record import Record
from typed_sessions.sessions import Sessions
from typed_sessions.stores.protocol import Change, Delete, Outcome, Query, Row
from typed_sessions.sync import SyncSessions

IDLE = timedelta(days=14)
ABSOLUTE = timedelta(days=30)
"""NIST SP 800-63B-4, section 2.1.3: at AAL1 a person logs in anew after 30 days at the latest."""

TOUCH_AFTER = 0.1
"""A visit is touched when this part of its idle lifetime has passed, lest every read becomes a write."""

PAGE = 100

MAX_LINKS = 8
"""From how many rotations before an old id leads to its visit, while they have their grace."""


class Visits:
    """The web sessions of an application.

    A *visit* is what one browser's cookie stands for. It has at most one session of each model, stored under the
    SHA-256 of its id. Nothing is stored before something is to be kept. Visits of several cookies may share a store.

    Args:
        sessions: where the sessions are; `SyncSessions` for Flask.
        models: the session models that a visit has. Those without a `ttl` of their own live as long as the visit.
        cookie: how the browser keeps the id.
        idle: how long a visit lives after its last request.
        absolute: how long it lives at all, counted from its login, or, without one, from its beginning. None: for ever.
        grace: how long the old id still works after `rotate`, for requests that were under way. Never after a login.
        signing_keys: see `Ids`.
        exclusive: keep requests of one visit that may write apart in all processes, by locks of the store; in one
            process they are always kept apart. None: as the sessions were told.
        takeovers: readers of the sessions that an application had before.

    Raises:
        SessionDefinitionError: an argument cannot work.
    """

    def __init__(
        self,
        sessions: Sessions | SyncSessions,
        models: Iterable[type[SessionModel]],
        *,
        cookie: Cookie = Cookie(),
        idle: timedelta = IDLE,
        absolute: timedelta | None = ABSOLUTE,
        grace: timedelta = timedelta(0),
        signing_keys: Sequence[str | bytes] = (),
        exclusive: bool | None = None,
        takeovers: Sequence[Takeover] = (),
    ) -> None:
        if not isinstance(sessions, Sessions | SyncSessions):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise SessionDefinitionError(
                f"Visits takes Sessions or SyncSessions, not a {type(sessions).__name__}: Visits(Sessions(store), […])"
            )
        self.sessions = sessions.sessions if isinstance(sessions, SyncSessions) else sessions
        """Where they are."""
        if isinstance(models, type):
            raise SessionDefinitionError(f"the models of visits are a list; write models=[{models.__qualname__}]")
        self.models = tuple(dict.fromkeys(models))
        """Those of every visit."""
        self._all: tuple[type[SessionModel], ...] = (StoredVisit, *self.models)
        self.cookie = cookie
        """How the browser keeps the id."""
        self.ids = Ids(signing_keys)
        """Writes and reads its value."""
        self.idle, self.absolute, self.grace = idle, absolute, grace
        self.takeovers = tuple(takeovers)
        self.engine: Engine = self.sessions.open(StoredVisit, "any").lease.engine
        """For the visits; not for use outside."""
        self.is_exclusive = self.engine.exclusive if exclusive is None else exclusive
        """Whether requests are kept apart in all processes."""
        self._check()

    def _check(self) -> None:
        for model in self.models:
            refuse_other_models(model)
        names = [model.session_config.name for model in self._all]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise SessionDefinitionError(f"two models of a visit have the name {', '.join(sorted(twice))}; rename one")
        for name, given in (("idle", self.idle), ("absolute", self.absolute), ("grace", self.grace)):
            if not isinstance(given, timedelta | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
                raise SessionDefinitionError(f"{name} is a timedelta, as in {name}=timedelta(seconds=3600)")
        if self.idle <= timedelta(0) or (self.absolute is not None and self.absolute < self.idle):
            raise SessionDefinitionError("idle must be longer than nothing, and absolute not shorter than idle")
        if self.grace < timedelta(0):
            raise SessionDefinitionError("grace must not be negative")

    def codec(self, model: type[M], /) -> Codec[M]:
        """The codec of one of the models.

        Raises:
            SessionDefinitionError: it is none of them.
        """
        if model not in self.models:
            known = ", ".join(each.__qualname__ for each in self.models) or "none"
            raise SessionDefinitionError(
                f"{getattr(model, '__qualname__', model)} is no session model of these visits, which have {known}; "
                f"add it: Visits(sessions, models=[…])"
            )
        return self.engine.codec(model)

    def keys(self, text: str, /) -> dict[type[SessionModel], SessionKey]:
        """The keys of a visit and of the sessions in it."""
        return {model: SessionKey(model.session_config.name, text) for model in self._all}

    def ends_at(self, began_at: datetime, /) -> datetime | None:
        """When a visit ends at the latest."""
        return None if self.absolute is None else began_at + self.absolute

    def is_own(self, stored: StoredVisit, now: datetime, /) -> bool:
        """Whether a stored visit is one of these, and has not reached its end.

        One that another cookie stands for is not, lest who is logged in there counts as logged in here.
        """
        ends_at = self.ends_at(stored.began_at)
        return stored.cookie == self.cookie.name and (ends_at is None or now < ends_at)

    async def of(self, owner: KeyPart, /) -> AsyncGenerator[KnownVisit]:
        """The visits of an owner, to show them to the owner (OWASP ASVS 7.5.2). Those of other cookies are left out.

        Raises:
            InvalidKeyError: there cannot be such an owner.
        """
        now = self.engine.clock()
        async for key, record in self._of(owner_text(owner)):
            stored = self._stored(key, record)
            if stored is not None and record.is_alive(now) and self.is_own(stored, now):
                yield KnownVisit(name_of(record), stored.began_at, record.expires_at)

    async def logout_one(self, owner: KeyPart, name: str, /) -> bool:
        """End one of the visits that `of` gives, by its name, and say whether there was one.

        Raises:
            InvalidKeyError: there cannot be such an owner.
        """
        rows = [row async for row in self._of(owner_text(owner)) if name_of(row[1]) == name]
        for key, record in rows:
            await self.end(key, record)
        return bool(rows)

    async def logout_everywhere(self, owner: KeyPart, /, *, but: str | None = None) -> int:
        """End all visits of an owner, and say how many: the sessions in them are deleted, their ids are dead at once.

        Requests under way save nothing any more. Visits that another cookie stands for go on.

        Args:
            owner: whose.
            but: the name of one that goes on.

        Raises:
            InvalidKeyError: there cannot be such an owner.
        """
        ended, text = 0, owner_text(owner)
        while rows := [row async for row in self._of(text) if name_of(row[1]) != but]:
            for key, record in rows:
                ended += await self._ends(key, record) and record.is_alive(self.engine.clock())
        return ended

    async def end(self, key: SessionKey, record: Record, /) -> None:
        """End the visit that was read as `record`, also if another request has changed it or given it another id."""
        found: Row | None = key, record
        while found is not None and not await self._ends(*found):
            found = await self._found_again(key, record)

    async def _ends(self, key: SessionKey, record: Record) -> bool:
        """Delete what is stored of a visit. If something happened to it in the meantime, nothing is deleted."""
        stored = self._stored(key, record)
        names = {model.session_config.name for model in self.models}.union(stored.models if stored is not None else ())
        changes: list[Change] = [Delete(key, record.revision), *(Delete(SessionKey(name, key.text)) for name in names)]
        [outcome, *_] = await self.sessions.store.save(changes)
        return outcome is Outcome.SAVED

    async def _found_again(self, key: SessionKey, known: Record, links: int = MAX_LINKS) -> Row | None:
        """Where a visit is now, and what it is."""
        record = (await self.sessions.store.load([key])).get(key)
        if record is not None and record.created_at == known.created_at:
            return key, record
        stored = None if record is None else self._stored(key, record)
        if stored is not None and stored.moved_to is not None and links:
            return await self._found_again(key._replace(text=stored.moved_to), known, links - 1)
        if known.owner is None:
            return None
        # No two visits of one owner were created at the same time.
        rows = [row async for row in self._of(known.owner) if row[1].created_at == known.created_at]
        return rows[0] if rows else None

    async def _of(self, owner: str) -> AsyncGenerator[Row]:
        query = Query(StoredVisit.session_config.name, owner=owner, limit=PAGE)
        while page := await self.sessions.store.scan(query):
            for key, record in page:
                stored = self._stored(key, record)
                if stored is None or stored.cookie == self.cookie.name:
                    yield key, record
            query = replace(query, after=page[-1][0])

    def _stored(self, key: SessionKey, record: Record) -> StoredVisit | None:
        """None if it cannot be read: it can be ended nevertheless."""
        try:
            return self.engine.codec(StoredVisit).decode(key, record).data
        except (InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError):
            return None


def owner_text(owner: KeyPart, /) -> str:
    """What is stored for the owner of a visit.

    Raises:
        InvalidKeyError: there cannot be such an owner. One of several parts could not be given back as one text.
    """
    if not isinstance(owner, str | int):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
        raise InvalidKeyError(f"the owner of a visit is one string or int, not a {type(owner).__name__}")
    return key_text(owner)


def earlier(one: datetime, other: datetime | None, /) -> datetime:
    """The earlier of two times; None is never."""
    return one if other is None else min(one, other)
