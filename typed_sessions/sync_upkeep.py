"""The part of `SyncSessions` that opens none; see `Upkeep`."""

from collections.abc import Iterator
from datetime import timedelta
from types import TracebackType
from typing import Self

from typed_sessions.blocking import complete, iterate
from typed_sessions.cleaning import BATCH, EVERY
from typed_sessions.codec import M
from typed_sessions.key import SessionKey, TextLike
from typed_sessions.model import SessionModel
from typed_sessions.quarantine import Quarantine
from typed_sessions.quarantined import Quarantined
from typed_sessions.stores.protocol import SyncStore
from typed_sessions.sync_cleaning import SyncCleaner
from typed_sessions.upkeep import Upkeep


class SyncQuarantine:
    """What was set aside, for threads; see `Quarantine`, which it is but for the waiting."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    def entries(self, model: type[SessionModel] | str, /) -> Iterator[Quarantined]:
        return iterate(self._quarantine.entries(model))

    def get(self, at: SessionKey, /) -> Quarantined | None:
        return complete(self._quarantine.get(at))

    def retry(self, model: type[SessionModel], entry: Quarantined, /, *, replace: bool = False) -> bool:
        return complete(self._quarantine.retry(model, entry, replace=replace))

    def drop(self, entry: Quarantined, /) -> bool:
        return complete(self._quarantine.drop(entry))


class SyncUpkeep:
    """The part of `SyncSessions` that opens none."""

    store: SyncStore
    _upkeep: Upkeep

    @property
    def quarantine(self) -> SyncQuarantine:
        return SyncQuarantine(self._upkeep.quarantine)

    def delete_owner(self, owner: TextLike, /) -> int:
        return complete(self._upkeep.delete_owner(owner))

    def keys(
        self, model: type[SessionModel], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> Iterator[SessionKey]:
        return iterate(self._upkeep.keys(model, prefix=prefix, owner=owner))

    def items(
        self, model: type[M], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> Iterator[tuple[SessionKey, M]]:
        return iterate(self._upkeep.items(model, prefix=prefix, owner=owner))

    def prune(self, limit: int = 1000) -> int:
        return complete(self._upkeep.prune(limit))

    def cleaning(self, *, every: timedelta = EVERY, batch: int = BATCH, pause: timedelta | None = None) -> SyncCleaner:
        return SyncCleaner(self._upkeep.cleaning(every=every, batch=batch, pause=pause).rounds)

    def close(self) -> None:
        complete(self._upkeep.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
