"""The sessions that were set aside because they are invalid: to look at, to try again, to drop."""

from collections.abc import AsyncIterator
from dataclasses import replace

from typed_sessions.engine import Engine
from typed_sessions.errors import SessionConflictError
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionModel
from typed_sessions.quarantined import Quarantined, quarantine_name, quarantined
from typed_sessions.stores.protocol import Change, Delete, Insert, Outcome, Query

PAGE = 100


class Quarantine:
    """What `on_invalid="quarantine"` set aside in one store. `Sessions.quarantine` gives it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def entries(self, model: type[SessionModel] | str, /) -> AsyncIterator[Quarantined]:
        """All entries of a model, in the order of their keys.

        Args:
            model: the session model, or its name.

        Raises:
            ValueError: an entry was changed by hand.
        """
        name = model if isinstance(model, str) else self._engine.codec(model).config.name
        query = Query(quarantine_name(name), limit=PAGE)
        while page := await self._engine.store.scan(query):
            for at, record in page:
                yield quarantined(at, record)
            query = replace(query, after=page[-1][0])

    async def get(self, at: SessionKey, /) -> Quarantined | None:
        """The entry under this key, if there is one.

        Raises:
            ValueError: it was changed by hand.
        """
        record = (await self._engine.store.load([at])).get(at)
        return None if record is None else quarantined(at, record)

    async def retry(self, model: type[SessionModel], entry: Quarantined, /, *, replace: bool = False) -> bool:
        """Put a session back under its key if it can be read now, and say whether it was still there to put back.

        Its `created_at` is the present then. The session that began in its place is kept, unless it is still as a new
        one begins. What has expired stays where it is.

        Args:
            model: the session model, with what it takes to read the session: a step, say, or a wider type.
            entry: which session.
            replace: delete the session that began in its place.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: it still cannot be read.
            SessionConflictError: another session has the key.
        """
        codec, store = self._engine.codec(model), self._engine.store
        codec.decode(entry.key, entry.record)
        async with self._engine.alone([entry.key]):
            while True:
                stored, now = await store.load([entry.key, entry.at]), self._engine.clock()
                there = stored.get(entry.at)
                if there is None or there.revision != entry.revision or not entry.record.is_alive(now):
                    return False
                occupant = stored.get(entry.key)
                is_taken = occupant is not None and occupant.is_alive(now)
                if occupant is not None and is_taken and not (replace or codec.is_initial(entry.key, occupant)):
                    raise SessionConflictError(entry.key, (), is_taken=True)
                freed: list[Change] = [] if occupant is None else [Delete(entry.key, occupant.revision)]
                # Nobody may have read it under this revision, whatever the clocks of the others say.
                known = max(each.revision for each in stored.values())
                back = Insert(entry.key, entry.again(max(self._engine.first_revision(), known + 1)))
                if await self._engine.saves([Delete(entry.at, entry.revision), *freed, back]):
                    return True

    async def drop(self, entry: Quarantined, /) -> bool:
        """Delete an entry and what it keeps for good, and say whether it was there."""
        [outcome] = await self._engine.store.save([Delete(entry.at, entry.revision)])
        return outcome is Outcome.SAVED
