"""What is in a visit, as far as a request knows. No I/O."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.web.finding import Found
from typed_sessions.integrations.web.stored import Unread
from typed_sessions.integrations.web.visits import Visits
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionModel
from typed_sessions.opened import AnyOpened
from typed_sessions.record import Record
from typed_sessions.session import AnySession


class Contents:
    """The visit itself, the sessions that were asked for, and those that were not."""

    def __init__(self, visits: Visits, found: Found) -> None:
        self._engine = visits.engine
        self._codecs = {model.session_config.name: visits.codec(model) for model in visits.models}
        self.head = found.head
        """The visit itself."""
        self.sessions: dict[type[SessionModel], AnySession] = {}
        """Those that were asked for."""
        self.joined: set[type[SessionModel]] = set()
        """Those of them that an outer turn of the application's own saves."""
        self._unread: dict[str, AnyOpened] = {}
        self._strangers: dict[str, AnyOpened] = {}
        """Sessions that newer code has put into it: moved and deleted with it, but how long they live is its affair."""
        self._records = found.records
        now = self._engine.clock()
        for key, record in found.records.items():
            if key.text == found.text and key.model in self._codecs and record.is_alive(now):
                self._add(key, record)

    def _add(self, key: SessionKey, record: Record) -> None:
        codec = self._codecs.get(key.model)
        among = self._strangers if codec is None else self._unread
        among[key.model] = Unread(key, codec or self.head.codec, record)

    def opened(self) -> list[AnyOpened]:
        """The sessions of this code's models, but for those that outer turns save."""
        own = (session for model, session in self.sessions.items() if model not in self.joined)
        return [*(session.lease.opened for session in own), *self._unread.values()]

    def everything(self) -> list[AnyOpened]:
        """What is saved, moved and deleted with the visit, and itself."""
        return [self.head, *self.opened(), *self._strangers.values()]

    def asked_for(self, key: SessionKey, /) -> Record | None:
        """What is stored of a session that is asked for now, expired or not."""
        unread = self._unread.get(key.model)
        if unread is None:
            return self._records.get(key)
        return None if unread.is_deleted else unread.record

    def add(self, model: type[SessionModel], session: AnySession, *, is_joined: bool) -> None:
        """Note that a session was asked for, and is open."""
        self.sessions[model] = session
        (self.joined.add if is_joined else self.joined.discard)(model)
        if not is_joined:
            self._unread.pop(session.key.model, None)

    def keys(self, text: str | None = None) -> list[SessionKey]:
        """Where its sessions are stored, and itself; or where they would be, under another text of their keys."""
        names = dict.fromkeys([self.head.key.model, *self._codecs, *self.head.data.models])
        return [SessionKey(name, text or self.head.key.text) for name in names]

    def has_moved(self, to: str, records: Mapping[SessionKey, Record]) -> bool:
        """Whether what is stored under the new keys is this visit; if so, everything has these keys from now on."""
        if SessionKey(self.head.key.model, to) not in records:
            return False
        for opened in self.everything():
            self._engine.rename(opened, SessionKey(opened.key.model, to))
            stored = records.get(opened.key)
            if stored is not None:
                opened.saved(stored)
        return True

    def has_strangers(self) -> bool:
        """Whether newer code has put something into it that was not read yet."""
        return not self._codecs.keys() | self._strangers.keys() >= set(self.head.data.models)

    def catch_up(self, records: Mapping[SessionKey, Record], now: datetime) -> None:
        """Go on from what is stored by now.

        Raises:
            SessionConflictError, SessionGoneError: something that was changed or read here is otherwise by now.
        """
        everything = self.everything()
        for each in everything:
            theirs, known = records.get(each.key), each.record or each.occupant
            if (theirs and theirs.revision) != (known and known.revision):
                each.rebase(theirs, each.changed() or each.baseline, now)
        for key in records.keys() - {each.key for each in everything}:
            if records[key].is_alive(now):
                self._add(key, records[key])

    @contextmanager
    def moving(self, to: str, owner: str | None) -> Generator[None]:
        """Give everything another key's text, and an owner, with the save in the block. If that fails it is undone.

        Raises:
            SessionDefinitionError: an outer turn has a session of it, and would save it under the old key.
        """
        self.refuse_if_joined()
        everything = self.everything()
        before = [(opened, opened.key, opened.owner) for opened in everything]
        try:
            for opened in everything:
                self._move(opened, SessionKey(opened.key.model, to))
                opened.owner = owner or opened.owner
            yield
        except BaseException:
            # Nothing of it may be saved when the response begins, least of all a login under the old id.
            for opened, key, its_owner in before:
                self._engine.rename(opened, key)
                opened.owner = its_owner
            raise

    def _move(self, opened: AnyOpened, to: SessionKey) -> None:
        if opened.record is not None or (opened.refusal is not None and opened.occupant is not None):
            # What `on_invalid` sets aside is set aside where it is.
            opened.must_move_to, opened.must_be_stored = to, opened.must_be_stored or opened.record is None
        else:
            self._engine.rename(opened, to)
            opened.occupant = None

    def refuse_if_joined(self) -> None:
        """Refuse to move or delete what an outer turn saves.

        Raises:
            SessionDefinitionError: there is such a session.
        """
        for model in self.joined:
            if not self.sessions[model].is_over:
                raise SessionDefinitionError(
                    f"{self.sessions[model].key} is open in a turn of this task's own; end that before the visit is "
                    f"rotated, logged in or logged out"
                )

    def end(self, reason: str) -> list[AnyOpened]:
        """Note that all of it was deleted, and give it."""
        everything = self.everything()
        for opened in everything:
            opened.is_deleted = True
        self.close(reason)
        return everything

    def close(self, reason: str) -> None:
        """Lend no session any more."""
        for model, session in self.sessions.items():
            if model in self.joined:
                # Its data is the outer turn's, which goes on.
                session.lease.closed = session.lease.closed or reason
            else:
                session.lease.close(reason)
