"""From an entry to what is stored of it: through the steps of the history and the session model, as a turn would."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from typed_sessions.clock import EPOCH
from typed_sessions.codec import Codec
from typed_sessions.errors import InvalidSessionError, TooOldVersionError, TypedSessionsError, described
from typed_sessions.importing.entry import Entry, RefusedError
from typed_sessions.importing.target import Target
from typed_sessions.json_kinds import is_object
from typed_sessions.key import SessionKey, text_of
from typed_sessions.limits import Limits
from typed_sessions.record import Record


@dataclass(frozen=True, slots=True)
class Draft:
    """A session that is ready to be stored. `read_as` is the version that its data had."""

    entry: Entry
    key: SessionKey
    data: bytes = field(repr=False)
    read_as: int
    expires_at: datetime | None
    owner: str | None = field(repr=False)


class Drafter:
    """Makes drafts for one target."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self._target = target
        self.codec: Codec[Any] = Codec(target.model, limits)

    def draft(self, entry: Entry, now: datetime) -> Draft:
        """What is to be stored of an entry.

        Raises:
            RefusedError: it cannot be imported.
        """
        config = self.codec.config
        version = self._target.versions.of(entry.version, config.version)
        try:
            key = SessionKey.of(config.name, self._target.key(entry))
            owner = text_of(self._target.owner(entry))
            data = self._sealed(key, version, self._bytes(entry))
        except TypedSessionsError as error:
            raise RefusedError(reason_of(error, version)) from None
        slid = None if config.ttl is None else now + config.ttl
        return Draft(entry, key, data, version, entry.expires_at or slid, owner)

    def _bytes(self, entry: Entry) -> bytes:
        data = entry.data if self._target.field is None else {self._target.field: entry.data}
        if not is_object(data):
            raise RefusedError("its data is no JSON object; name the field that it is for (--field NAME)")
        try:
            return to_json(data)
        except (ValueError, RecursionError):
            raise RefusedError("its data is not made of JSON values") from None

    def _sealed(self, key: SessionKey, version: int, data: bytes) -> bytes:
        codec = self.codec
        record = Record(version, version, 1, data, created_at=EPOCH, updated_at=EPOCH)
        if version < codec.config.version:
            return codec.carried(key, record)
        decoded = codec.decode(key, record)
        return codec.sealed(key, decoded.data, codec.dump(key, decoded.data, decoded.form), decoded.form)


def reason_of(error: TypedSessionsError, version: int) -> str:
    """What is wrong with an entry, without its key. What errors say of a stored row would be wrong here."""
    match error:
        case InvalidSessionError():
            return f"as version {version} it is invalid: {described(error.problems)}"
        case TooOldVersionError():
            return f"version {version} is below the oldest of the history, {error.oldest}; add the steps from there"
        case _:
            key = getattr(error, "key", None)
            return str(error).replace(f" {key}", "").replace("the stored session", "it").replace("the session", "it")
