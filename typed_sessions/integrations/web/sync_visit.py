"""The same visits for threads: `Visit` over a store that never waits, run as `typed_sessions.sync` runs sessions."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from typed_sessions.blocking import complete
from typed_sessions.codec import M
from typed_sessions.integrations.web.visit import Visit
from typed_sessions.integrations.web.visits import Visits
from typed_sessions.key import KeyPart
from typed_sessions.session import AnySession
from typed_sessions.sync import SyncSession


class SyncVisit:
    """What one browser's cookie stands for, in one request, for threads; see `Visit`, which it is but for the waiting.

    The threads of a request may share it.
    """

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        """The visit that it runs; not for use outside."""
        self._mutex = threading.RLock()
        self._sessions: dict[AnySession, SyncSession[Any]] = {}

    @property
    def visits(self) -> Visits:
        return self.visit.visits

    @property
    def was_read(self) -> bool:
        return self.visit.was_read

    @property
    def has_new_id(self) -> bool:
        return self.visit.has_new_id

    def owner(self) -> str | None:
        with self._mutex:
            return complete(self.visit.owner())

    def is_new(self) -> bool:
        with self._mutex:
            return complete(self.visit.is_new())

    def id(self) -> str:
        with self._mutex:
            return complete(self.visit.id())

    def data(self, model: type[M], /) -> M:
        with self._mutex:
            return complete(self.visit.data(model))

    def session(self, model: type[M], /) -> SyncSession[M]:
        with self._mutex:
            session = complete(self.visit.session(model))
            return self._sessions.setdefault(session, SyncSession(session))

    @contextmanager
    def open(self, model: type[M], /, *, exclusive: bool | None = None) -> Generator[M]:
        # Nothing is held while it waits for the turn, which may be that of another thread of this request.
        self.is_new()
        turn = self.visit.open(model, exclusive=exclusive)
        data = complete(turn.__aenter__())
        try:
            yield data
        except BaseException as error:
            complete(turn.__aexit__(type(error), error, error.__traceback__))
            raise
        complete(turn.__aexit__(None, None, None))

    def is_alive(self) -> bool:
        with self._mutex:
            return complete(self.visit.is_alive())

    def save(self) -> None:
        with self._mutex:
            complete(self.visit.save())

    def login(self, owner: KeyPart, /) -> None:
        with self._mutex:
            complete(self.visit.login(owner))

    def logout(self) -> None:
        with self._mutex:
            complete(self.visit.logout())

    def logout_everywhere(self) -> int:
        with self._mutex:
            return complete(self.visit.logout_everywhere())

    def logout_elsewhere(self) -> int:
        with self._mutex:
            return complete(self.visit.logout_elsewhere())

    def name(self) -> str | None:
        with self._mutex:
            return complete(self.visit.name())

    def rotate(self) -> None:
        with self._mutex:
            complete(self.visit.rotate())

    def abandon(self) -> None:
        self.visit.abandon()

    def finish(self, *, is_good: bool) -> list[str]:
        with self._mutex:
            return complete(self.visit.finish(is_good=is_good))

    def end(self, *, is_good: bool) -> None:
        with self._mutex:
            complete(self.visit.end(is_good=is_good))
