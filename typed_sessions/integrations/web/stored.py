"""What the store keeps of a visit itself, beside the sessions in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from typed_sessions.clock import EPOCH, MICROSECOND
from typed_sessions.codec import Codec, Form, M
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.opened import Opened
from typed_sessions.record import Record


@dataclass(frozen=True, slots=True)
class KnownVisit:
    """A visit of an owner, for a list of them."""

    name: str
    """Names it to `Visits.logout_one`. It is no id and no secret, and stays the same when the visit gets another id."""
    began_at: datetime
    """When its owner logged in, in UTC."""
    expires_at: datetime | None
    """When it ends if nobody comes, in UTC; `idle` before that somebody came last, to a tenth of it."""


def name_of(record: Record, /) -> str:
    """The name of the visit that was read as `record`: no two of one owner were created at the same time."""
    return f"{(record.created_at - EPOCH) // MICROSECOND:x}"


class StoredVisit(SessionModel):
    """A visit. Its key is the SHA-256 of its id, as is that of every session in it; its owner is who is logged in.

    Its revision counts what happened to the visit as a whole: a session was put into it, or somebody logged in.
    """

    session_config = SessionConfig(name="typed-sessions-visit")

    began_at: datetime = EPOCH
    """When it was first stored, or its person last logged in."""
    cookie: str = ""
    """The name of the cookie that its id is for. What another cookie stands for in the same store is not this."""
    models: list[str] = []
    """The names of the session models that were put into it, also of those that newer code added to the visits."""
    moved_to: str | None = Field(default=None, repr=False)
    """The key's text that it has now, for requests that were under way when it got another id."""


class Head(Opened[StoredVisit]):
    """The visit itself, as a request read it."""

    carries_others = True

    def hold(self, names: Iterable[str]) -> None:
        """Note that sessions of these models are in it."""
        added = set(names).difference(self.data.models)
        if added:
            self.data.models = sorted({*self.data.models, *added})

    def rebase(self, theirs: Record | None, mine: bytes, now: datetime) -> None:  # noqa: ARG002 # the models are left out
        """As `Opened`, but requests may put different sessions into it at the same time."""
        own, self.data.models = self.data.models, self.codec.parse(self.baseline, self.form).models
        try:
            super().rebase(theirs, self.codec.dump(self.key, self.data, self.form), now)
        finally:
            self.hold(own)


class Unread(Opened[M]):
    """A session of a visit that nobody asked for: it is moved, touched and deleted with the others, never decoded."""

    def __init__(self, key: SessionKey, codec: Codec[M], record: Record) -> None:
        super().__init__(key, codec, None)
        self._keep(record)

    def _keep(self, record: Record) -> None:
        self.record, self.baseline, self.needs_upcast = record, record.data, False
        self.form = Form(record.version, record.min_reader)

    def changed(self) -> None:
        return None

    def unchanged(self) -> bytes:
        return self.baseline

    def rebase(self, theirs: Record | None, mine: bytes, now: datetime) -> None:  # noqa: ARG002 # there is nothing of it
        """Whatever it is now, it belongs to the visit: nothing was changed here that could be lost."""
        if theirs is None or not theirs.is_alive(now):
            self.is_deleted = True
        else:
            self._keep(theirs)
