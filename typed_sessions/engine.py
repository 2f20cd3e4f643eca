"""The moves of a turn between a store and its sessions: begin, commit, end."""

import time
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from typed_sessions.clock import Clock, Revisions
from typed_sessions.codec import Codec, M
from typed_sessions.errors import LockTimeoutError, SessionConflictError, SessionDefinitionError
from typed_sessions.events import Events
from typed_sessions.hooks import NO_HOOKS, Hooks
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.observer import Database, Observer, SetAside
from typed_sessions.opened import AnyOpened
from typed_sessions.plan import Plan, aside_of, plan, settle
from typed_sessions.stores.protocol import Change, Delete, Move, Outcome, Store, Touch
from typed_sessions.turnstile import Turnstile
from typed_sessions.watched import WatchedStore

UNLOCKED_ATTEMPTS = 10
"""How often an update may be outrun before it takes the store's lock, lest updates outrun each other for good."""

MAX_ATTEMPTS = 100
"""Every failed attempt means that somebody else's save went through, so this many in a row is no accident."""


class Engine:
    """What all sessions of one `Sessions` share. `async` throughout; `sync` runs it over a store that never waits."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        turnstile: Turnstile[Any],
        *,
        serialize: bool,
        exclusive: bool,
        hooks: Hooks = NO_HOOKS,
        observer: Observer | None = None,
        database: Database | None = None,
    ) -> None:
        self.own_store = store
        self.store = store if observer is None else WatchedStore(store, observer, database)
        self.observer = observer
        self.happened = Events(hooks, observer).happened
        self.me = turnstile.me
        self.clock = clock
        self.turnstile = turnstile if serialize else None
        self._lock_timeout = turnstile.timeout
        self.exclusive = exclusive
        self._limits = limits
        self._revisions = Revisions(clock)
        self._codecs: dict[type[SessionModel], Codec[Any]] = {}
        self._lent: dict[tuple[Hashable, SessionKey], AnyOpened] = {}
        self._locked: set[tuple[Hashable, SessionKey]] = set()

    def codec(self, session_model: type[M]) -> Codec[M]:
        """The codec of a model, made once."""
        codec = self._codecs.get(session_model)
        # Two threads may come here at once, and must leave with the same codec.
        return codec or self._codecs.setdefault(session_model, Codec(session_model, self._limits))

    def first_revision(self) -> int:
        """One that no session has had."""
        return self._revisions.first()

    def lent(self, me: Hashable, key: SessionKey) -> AnyOpened | None:
        """What `me` has open under this key, so that a nested open joins it."""
        opened = self._lent.get((me, key))
        return None if opened is None or opened.is_deleted else opened

    def lend(self, me: Hashable, opened: AnyOpened) -> None:
        """Let nested opens of `me` join this session."""
        opened.lender = me
        self._lent[me, opened.key] = opened

    def in_use(self, place: SessionKey) -> list[SessionKey]:
        """The keys that begin with the parts of `place` and that turns of this process have open, or wait for."""
        parts = place.parts
        return [key for _, key in self._lent if key.model == place.model and key.parts[: len(parts)] == parts]

    def has_locked(self, me: Hashable, key: SessionKey) -> bool:
        """Whether `me` holds the store's lock of this key; also if the session was deleted or rotated since."""
        return (me, key) in self._locked

    @asynccontextmanager
    async def alone(self, keys: Sequence[SessionKey]) -> AsyncGenerator[None]:
        """Keep the other turns of this process off the keys for the time of the block.

        Raises:
            LockTimeoutError: they took too long.
            SessionDefinitionError: this task has one of them open, and what it changes there would be lost.
        """
        me = self.me()
        for key in keys:
            if self.lent(me, key) is not None:
                raise SessionDefinitionError(f"{key} is open in this task; rotate it there, or move it after its block")
        taken = await self.turnstile.enter(me, keys) if self.turnstile is not None else []
        try:
            yield
        finally:
            if self.turnstile is not None:
                self.turnstile.leave(me, taken)

    async def lock(self, me: Hashable, keys: Sequence[SessionKey], begun: float) -> AbstractAsyncContextManager[None]:
        """Take the store's locks of the keys, and give what frees them.

        Args:
            me: who is running.
            keys: those to lock.
            begun: when the turn began to wait, by `time.monotonic`; the time-out counts from then.

        Raises:
            LockTimeoutError: others held them for too long.
        """
        left = self._lock_timeout - (time.monotonic() - begun)
        locks = self.store.exclusive(keys, max(0.0, left))
        try:
            await locks.__aenter__()
        except LockTimeoutError as error:
            raise LockTimeoutError(error.key, waited=self._lock_timeout, holder=error.holder) from None
        self._locked.update((me, key) for key in keys)
        return locks

    async def unlock(self, me: Hashable, keys: Sequence[SessionKey], locks: AbstractAsyncContextManager[None]) -> None:
        """Free the locks of the keys."""
        self._locked.difference_update((me, key) for key in keys)
        await locks.__aexit__(None, None, None)

    def end(self, me: Hashable, sessions: Sequence[AnyOpened], taken: Sequence[SessionKey]) -> None:
        """Take the sessions back, and let the next turns on the taken keys begin."""
        for opened in sessions:
            if self._lent.get((me, opened.key)) is opened:
                del self._lent[me, opened.key]
        if self.turnstile is not None:
            self.turnstile.leave(me, taken)

    async def read(self, sessions: Sequence[AnyOpened]) -> None:
        """Load what the store holds, in one batch, and start from it."""
        if not sessions:
            return
        records, now = await self.store.load([opened.key for opened in sessions]), self.clock()
        for opened in sessions:
            opened.start(records.get(opened.key), now)
            opened.lend()

    async def commit(self, sessions: Sequence[AnyOpened]) -> None:
        """Save what changed in one transaction, over nobody else's change.

        Raises:
            SessionConflictError, SessionGoneError: somebody else was first.
            UnstorableValueError, SessionTooLargeError: it cannot be stored.
        """
        plans: list[Plan] = []
        for _ in range(MAX_ATTEMPTS):
            now = self.clock()
            plans = [each for opened in sessions if (each := plan(opened, now, self._revisions))]
            if not plans:
                return
            lost = settle(plans, await self.store.save([change for each in plans for change in each.changes]))
            if not lost:
                for each in plans:
                    if each.opened.refusal is not None:
                        self._tell_set_aside(each)
                    if each.opened.must_move_to is not None:
                        self.rename(each.opened, each.opened.must_move_to)
                return
            # An upcast that lost a race need not be written now; a later change will meet what won.
            writes = any(each.has_data for each in plans)
            loud = [each for each in lost if not each.is_quiet or (each.opened.carries_others and writes)]
            outrun = [each.opened for each in lost if each not in loud]
            sessions = [opened for opened in sessions if opened not in outrun]
            await self._rebase(loud)
        raise SessionConflictError(plans[0].opened.key, ())

    def _tell_set_aside(self, done: Plan) -> None:
        to = aside_of(done)
        if to is not None:
            self.happened(SetAside(done.opened.key, to, done.opened.codec.config.on_invalid))

    async def _rebase(self, lost: Sequence[Plan]) -> None:
        if lost:
            # The present after the load: what expired while the save waited must not be merged in and kept alive.
            theirs, now = await self.store.load([each.opened.key for each in lost]), self.clock()
            for each in lost:
                each.opened.rebase(theirs.get(each.opened.key), each.record.data, now)

    async def save(self, opened: AnyOpened) -> None:
        """Save the session now, also if it is new and unchanged.

        Raises:
            As `commit`.
        """
        opened.must_be_stored = True
        await (self.commit([opened]) if opened.keeper is None else opened.keeper())

    async def delete(self, opened: AnyOpened) -> None:
        """Delete the session now, unless it was deleted and made anew by somebody else."""
        opened.must_be_deleted = True
        try:
            await self.commit([opened])
        finally:
            opened.must_be_deleted = False

    async def touch(self, opened: AnyOpened) -> None:
        """Let the session live as long as if it had been saved now. Loses quietly: a save slides the expiry too."""
        ttl = opened.codec.config.ttl
        if ttl is None or opened.record is None:
            return
        expires_at = self.clock() + ttl
        [outcome] = await self.store.save([Touch(opened.key, opened.record.revision, expires_at)])
        if outcome is Outcome.SAVED:
            opened.record = replace(opened.record, expires_at=expires_at)

    async def rotate(self, opened: AnyOpened, to: SessionKey) -> None:
        """Give the session another key now.

        Raises:
            SessionConflictError: the key `to` is taken.
            SessionGoneError: the session was deleted meanwhile.
            SessionDefinitionError: it belongs to a web visit, whose sessions have one key.
        """
        if to == opened.key:
            return
        if opened.keeper is not None:
            raise SessionDefinitionError(f"{opened.key} is in a visit, and would be lost to it; rotate the visit")
        if opened.lender is not None and self.lent(self.me(), to) is not None:
            raise SessionConflictError(to, (), is_taken=True)
        if opened.record is None and opened.refusal is not None:
            # Where it is, lest it stay under the old key.
            await self.save(opened)
        await self._move(opened, to)
        self.rename(opened, to)

    def rename(self, opened: AnyOpened, to: SessionKey) -> None:
        """Note that the session has the key `to` from now on."""
        if self._lent.get((opened.lender, opened.key)) is opened:
            self._lent[opened.lender, to] = self._lent.pop((opened.lender, opened.key))
        opened.key, opened.must_move_to = to, None

    async def _move(self, opened: AnyOpened, to: SessionKey) -> None:
        freed: list[Change] = []
        while opened.record is None or not await self.saves([*freed, Move(opened.key, opened.record.revision, to)]):
            stored, now = await self.store.load([opened.key, to]), self.clock()
            occupant, theirs = stored.get(to), stored.get(opened.key)
            if occupant is not None and occupant.is_alive(now):
                raise SessionConflictError(to, (), is_taken=True)
            if opened.record is None:
                return
            freed = [Delete(to, occupant.revision)] if occupant is not None else []
            if theirs is None or theirs.revision != opened.record.revision:
                opened.rebase(theirs, opened.changed() or opened.baseline, now)

    async def move(self, old: SessionKey, new: SessionKey, *, codec: Codec[Any] | None) -> bool:
        """Give what is stored under `old` the key `new`, and say whether there was something.

        Raises:
            SessionConflictError: the key `new` is taken, by something that is not, to the codec, as a new session is.
        """
        while True:
            records, now = await self.store.load([old, new]), self.clock()
            record, occupant = records.get(old), records.get(new)
            if record is None or not record.is_alive(now):
                return False
            if old == new:
                return True
            if occupant is not None and occupant.is_alive(now) and not (codec and codec.is_initial(new, occupant)):
                raise SessionConflictError(new, (), is_taken=True)
            freed: list[Change] = [] if occupant is None else [Delete(new, occupant.revision)]
            if await self.saves([*freed, Move(old, record.revision, new)]):
                return True

    async def saves(self, changes: Sequence[Change]) -> bool:
        """Make all the changes, or none, and say which."""
        return all(outcome is Outcome.SAVED for outcome in await self.store.save(changes))
