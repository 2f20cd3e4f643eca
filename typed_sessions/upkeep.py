"""What is done with the sessions of a store beside their turns: list, forget, clean up, close."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self

from typed_sessions.cleaning import BATCH, EVERY, Cleaner, Rhythm, Rounds
from typed_sessions.codec import M
from typed_sessions.engine import Engine
from typed_sessions.key import SessionKey, TextLike, key_text, text_of
from typed_sessions.model import SessionModel
from typed_sessions.opened import Opened
from typed_sessions.quarantine import Quarantine
from typed_sessions.stores.protocol import Delete, Outcome, Query, Row, Store

PAGE = 500


class Upkeep:
    """The part of `Sessions` that opens none."""

    _engine: Engine

    @property
    def store(self) -> Store:
        """Where the sessions are kept."""
        return self._engine.own_store

    @property
    def quarantine(self) -> Quarantine:
        """What was set aside because it is invalid."""
        return Quarantine(self._engine)

    async def delete_owner(self, owner: TextLike, /) -> int:
        """Delete all sessions of an owner, in every model, and say how many."""
        query, deleted = Query(owner=key_text(owner), limit=PAGE), 0
        while page := await self.store.scan(query):
            for key, record in page:
                # By revision: it may have become somebody else's since. What was lost is found again.
                [outcome] = await self.store.save([Delete(key, record.revision)])
                deleted += outcome is Outcome.SAVED
        return deleted

    async def keys(
        self, model: type[SessionModel], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> AsyncIterator[SessionKey]:
        """The keys of a model's sessions.

        Args:
            model: the session model.
            prefix: only keys that begin with these parts: `("user", 1)` finds `("user", 1, "cart")`, but
                not `("user", 10)`.
            owner: only sessions of this owner.
        """
        async for key, _ in self._rows(model, prefix, owner):
            yield key

    async def items(
        self, model: type[M], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> AsyncIterator[tuple[SessionKey, M]]:
        """The keys and data of a model's sessions, for reading; as `keys`.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: one cannot be read.
        """
        codec = self._engine.codec(model)
        async for key, record in self._rows(model, prefix, owner):
            read = Opened(key, codec, None)
            read.happened = self._engine.happened
            yield key, read.decoded(record).data

    async def _rows(
        self, model: type[SessionModel], prefix: TextLike | None, owner: TextLike | None
    ) -> AsyncIterator[Row]:
        name = self._engine.codec(model).config.name
        query = Query(name, text_of(prefix), text_of(owner), self._engine.clock(), limit=PAGE)
        while page := await self.store.scan(query):
            for row in page:
                yield row
            query = replace(query, after=page[-1][0])

    async def prune(self, limit: int = 1000) -> int:
        """Delete at most `limit` expired sessions of all models, and say how many."""
        return await self.store.prune(self._engine.clock(), limit)

    def cleaning(self, *, every: timedelta = EVERY, batch: int = BATCH, pause: timedelta | None = None) -> Cleaner:
        """Prune in the background for the time of an `async with` block; it gives the `Cleaner`.

        Any number of processes may: one of them at a time does it for a database, the others skip that round.

        Args:
            every: from one round to the next, spread at random by a quarter, lest processes that start together all
                come at once; the first comes at any time within it. Of real time, whatever the clock.
            batch: sessions that are deleted at a time.
            pause: between two batches. None: as long as the last one took, and at most a second.

        Raises:
            ValueError: `every` or `batch` is not positive, or `pause` is negative.
        """
        return Cleaner(Rounds(self.store, self._engine.clock, Rhythm(every, batch, pause)))

    async def close(self) -> None:
        """Give back what the store opened itself."""
        await self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
