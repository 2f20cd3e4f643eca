"""What this process knows of the stored rows, and the writes that it still owes."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from typed_sessions.codec import Form as Written
from typed_sessions.errors import (
    InvalidKeyError,
    SessionConflictError,
    SessionGoneError,
    StoreUnavailableError,
    UnstorableValueError,
)
from typed_sessions.integrations.telegram.persistence.attempts import Attempt, based_on
from typed_sessions.integrations.telegram.persistence.forms import Form, RefreshedForm
from typed_sessions.integrations.telegram.persistence.models import Conversation
from typed_sessions.integrations.telegram.persistence.spots import Spot, Wanted
from typed_sessions.key import KeyPart, SessionKey, key_text
from typed_sessions.opened import AnyOpened
from typed_sessions.record import Record
from typed_sessions.sessions import Sessions
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.upkeep import PAGE

L = TypeVar("L")

Writing: TypeAlias = Coroutine[Any, Any, None]


class Rows:
    """The rows of one bot.

    It holds the record that each live object was last in agreement with. A write compares with it and names its
    revision, so it takes nothing away that others saved.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._engine = sessions.open(Conversation, "any").lease.engine
        self._known: dict[SessionKey, Record] = {}
        self._wanted: dict[SessionKey, Wanted[Any]] = {}
        self._failed: set[SessionKey] = set()
        self._unsure: dict[SessionKey, Attempt] = {}
        self._locks: WeakValueDictionary[SessionKey, asyncio.Lock] = WeakValueDictionary()

    async def load(
        self, form: Form[L], prefix: tuple[KeyPart, ...], is_ours: Callable[[SessionKey], bool] = lambda _: True
    ) -> dict[SessionKey, L]:
        """The live objects of those rows below a prefix that are ours, made anew.

        What is still to be written is written first.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: one cannot be read.
            Exception: something cannot be written.
        """
        await self.flush()
        name = form.model.session_config.name
        query = Query(name, key_text(prefix), alive_at=self._now(), limit=PAGE)
        for key in [key for key, record in self._known.items() if query.matches(key, record)]:
            del self._known[key]
        found: dict[SessionKey, L] = {}
        while page := await self._sessions.store.scan(query):
            for key, record in [row for row in page if is_ours(row[0])]:
                found[key] = form.made(key, self._opened(form, key, record).data)
                self._known[key] = record
            query = replace(query, after=page[-1][0])
        return found

    def put(self, *wanted: Wanted[Any]) -> Writing:
        """Want it stored from this moment on. Awaiting the answer writes it, and what failed before.

        Awaiting raises:
            InvalidKeyError: a key can never be stored, so that is not wanted.
            Exception: as `flush`.
        """
        # At once, not when it is awaited: the live object may be refreshed in between, and this copy of it was not.
        # And nothing is raised here, where python-telegram-bot would leave off with its other writes.
        keys: list[SessionKey] = []
        refused: list[BaseException] = []
        for each in wanted:
            try:
                keys.append(each.spot.key)
            except InvalidKeyError as error:
                refused.append(error)
            else:
                self._wanted[keys[-1]] = each
        return self._write_with_failed(keys, refused)

    async def flush(self) -> None:
        """Write all that is wanted. What cannot be written stays wanted.

        Raises:
            Exception: what went wrong; an `ExceptionGroup` if that is more than one thing.
        """
        await self._write_all(set(self._wanted), [])

    async def _write_with_failed(self, keys: Sequence[SessionKey], refused: Sequence[BaseException]) -> None:
        # Taken at once: the other writes of the same run, which begin before any of these ends, find none left.
        failed, self._failed = self._failed.difference(keys), set()
        await self._write_all({*keys, *failed}, refused)

    async def _write_all(self, keys: Collection[SessionKey], refused: Sequence[BaseException]) -> None:
        try:
            results = await asyncio.gather(*map(self._write, keys), return_exceptions=True)
        finally:
            self._failed.update(key for key in keys if key in self._wanted)
        errors = [*refused, *(result for result in results if isinstance(result, BaseException))]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup(f"{len(errors)} objects of the bot could not be saved", errors)

    async def _write(self, key: SessionKey) -> None:
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            wanted = self._wanted.get(key)
            if wanted is None:
                return
            try:
                await self._save_last(wanted)
            except (SessionConflictError, SessionGoneError):
                self._forget(wanted)
                raise
            self._forget(wanted)

    async def _save_last(self, wanted: Wanted[Any]) -> None:
        try:
            await self._save(wanted)
        except (SessionConflictError, SessionGoneError):
            if not wanted.spot.form.is_cached:
                raise
            # Now it goes over what is there.
            await self._save(wanted)

    def _forget(self, wanted: Wanted[Any]) -> None:
        # Something newer may have been wanted meanwhile.
        if self._wanted.get(wanted.spot.key) is wanted:
            del self._wanted[wanted.spot.key]

    async def _save(self, wanted: Wanted[Any]) -> None:
        spot, key = wanted.spot, wanted.spot.key
        await self._settle(spot)
        self._unsure.pop(key, None)
        if wanted.live is None:
            await self._delete(spot)
            self._known.pop(key, None)
            return
        opened = self._opened(spot.form, key, self._known.get(key), owner=spot.owner)
        # A copy: what a merge takes from others must not count as ours, should this have to be written once more.
        opened.data = copy(spot.form.stored(key, wanted.live))
        written, mine = opened.form, opened.codec.dump(key, opened.data, opened.form)
        try:
            await self._engine.commit([opened])
        except (SessionConflictError, SessionGoneError):
            await self._give_up(spot, written, mine)
            raise
        except BaseException as error:
            sent = opened.codec.dump(key, opened.data, opened.form)
            self._unsure[key] = Attempt(mine, sent, written, opened.attempted.updated_at if opened.attempted else None)
            if isinstance(error, StoreUnavailableError):
                # At once, if there is an answer now: it cannot be told any more when somebody has written on top.
                with suppress(StoreUnavailableError):
                    await self._settle(spot)
            raise
        if opened.record is not None:
            is_merged = opened.form != written or opened.codec.dump(key, opened.data, written) != mine
            self._known[key] = based_on(mine, written, opened.record) if is_merged else opened.record

    async def _delete(self, spot: Spot[Any]) -> None:
        key, known = spot.key, self._known.get(spot.key)
        if not spot.form.is_cached:
            await self._sessions.delete(spot.form.model, key)
        elif known is not None:
            # By revision, because the cache of another process may have it still, and has used it since.
            await self._sessions.store.save([Delete(key, known.revision)])

    async def _settle(self, spot: Spot[Any]) -> None:
        """Find out whether a write that failed is stored nevertheless, lest the next one conflicts with it."""
        key = spot.key
        attempt = self._unsure.get(key)
        if attempt is None:
            return
        stored = await self._stored(key)
        is_ours = stored is not None and stored.updated_at == attempt.at
        if stored is not None and is_ours and self._opened(spot.form, key, stored).baseline == attempt.sent:
            is_merged = attempt.sent != attempt.mine
            self._known[key] = based_on(attempt.mine, attempt.written, stored) if is_merged else stored
            del self._unsure[key]

    async def _give_up(self, spot: Spot[Any], written: Written, mine: bytes) -> None:
        """Note that a change was refused and reported: from now on the difference to it counts as changed."""
        key = spot.key
        stored = await self._stored(key)
        known = stored or self._known.get(key)
        if spot.form.is_refreshed and known is not None:
            self._known[key] = based_on(mine, written, known)
        elif stored is not None:
            # Nothing will ever bring the live object up to date, so its next state counts.
            self._known[key] = stored
        elif spot.form.is_cached:
            self._known.pop(key, None)
        # Else it was deleted, and what is known of it keeps it from coming back, until it begins anew.

    async def refresh(self, form: RefreshedForm[L], spot: Spot[L], live: L) -> None:
        """Bring into the live object, in place, what others saved since; its own changes stay.

        Nothing happens while something of it is still to be written, or if both changed the same field: then the
        write will say so.

        Raises:
            StoreUnavailableError, InvalidSessionError, NewerVersionError, …: what is stored cannot be read.
        """
        key, known = spot.key, self._known.get(spot.key)
        form.check(live)
        stored = await self._stored(key)
        # From here on without a pause. What was read may be older than a write that came and went meanwhile.
        if key in self._wanted or self._known.get(key) is not known or _is_same(stored, known):
            return
        opened = self._opened(form, key, known)
        with suppress(UnstorableValueError, SessionConflictError, SessionGoneError):
            opened.data = form.stored(key, live)
            self._take(opened, stored)
            form.replace(live, opened.data)
            self._note(key, stored)

    def _take(self, opened: AnyOpened, stored: Record | None) -> None:
        mine = opened.changed()
        if mine is None and stored is None:
            opened.start(None, self._now())
            return
        if mine is None and opened.record is not None and stored is not None:
            # Nothing of ours is in the way, even if it was deleted and made anew.
            opened.record = replace(opened.record, created_at=stored.created_at)
        opened.rebase(stored, mine or opened.baseline, self._now())

    def _note(self, key: SessionKey, stored: Record | None) -> None:
        if stored is None:
            self._known.pop(key, None)
        else:
            self._known[key] = stored

    def is_initial(self, spot: Spot[L], live: L) -> bool:
        """Whether a live object is as a new one begins."""
        opened = self._opened(spot.form, spot.key, None)
        opened.data = spot.form.stored(spot.key, live)
        return opened.changed() is None

    async def move(self, spot: Spot[L], to: Spot[L]) -> bool:
        """Give a row another key, in one statement, and say whether there was one to move.

        What is there is replaced only if it is as a new one begins.

        Raises:
            SessionConflictError: there is something else.
        """
        is_moved = await self._sessions.move(spot.form.model, spot.key, to.key, over_initial=True)
        if is_moved and spot.key in self._known:
            self._known[to.key] = self._known.pop(spot.key)
        return is_moved

    async def follow(self, spot: Spot[L], to: Spot[L]) -> None:
        """The same for what is never refreshed: what is known of it goes along, whoever has moved the row.

        Raises:
            SessionConflictError: there is something else.
        """
        if not await self.move(spot, to) and spot.key in self._known:
            self._known[to.key] = self._known.pop(spot.key)

    def _now(self) -> datetime:
        return self._engine.clock()

    async def _stored(self, key: SessionKey) -> Record | None:
        record = (await self._sessions.store.load([key])).get(key)
        return record if record is not None and record.is_alive(self._now()) else None

    def _opened(
        self, form: Form[Any], key: SessionKey, record: Record | None, owner: KeyPart | None = None
    ) -> AnyOpened:
        opened: AnyOpened = self._sessions.open(form.model, key, owner=owner).lease.opened
        # As of when it was written: that it has expired since is for the refresh to see.
        opened.start(record, record.updated_at if record is not None else self._now())
        opened.lend()
        return opened


def _is_same(stored: Record | None, known: Record | None) -> bool:
    if stored is None or known is None:
        return stored is known
    return (stored.revision, stored.created_at) == (known.revision, known.created_at)
