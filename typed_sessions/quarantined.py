"""Sessions that are set aside because they are invalid: as ordinary records of a model of their own. No I/O."""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json, to_json

from typed_sessions.clock import EPOCH, MICROSECOND
from typed_sessions.errors import FieldProblem, InvalidSessionError, TooOldVersionError
from typed_sessions.key import MAX_KEY_CHARACTERS, SEPARATOR, SessionKey
from typed_sessions.record import Record

SUFFIX: Final = "!quarantine"
FORMAT: Final = 1

_KEPT: Final = 160
"""Characters that are left of a key too long to stand in the key of its entry: the first part, as a rule."""

Refusal = InvalidSessionError | TooOldVersionError
"""Why a session was set aside."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A stored session that was invalid and was set aside: its entry in the quarantine."""

    key: SessionKey
    """The key that it had."""
    at: SessionKey
    """The key of the entry; its model is `<name>!quarantine`."""
    revision: int
    """The revision of the entry."""
    record: Record
    """What was stored, with its very bytes."""
    error: str
    """The name of the error's class: `InvalidSessionError` or `TooOldVersionError`."""
    message: str
    """What the error said; no data."""
    problems: tuple[FieldProblem, ...]
    """The fields that were invalid."""
    since: datetime
    """When it was set aside."""

    def again(self, revision: int) -> Record:
        """The record to put back, under a revision that nobody has seen."""
        return replace(self.record, revision=revision, created_at=EPOCH + revision * MICROSECOND)


def quarantine_name(model: str) -> str:
    """The model name of the entries of a model."""
    return model + SUFFIX


def entry_of(
    key: SessionKey, record: Record, error: Refusal, *, revision: int, now: datetime
) -> tuple[SessionKey, Record]:
    """The entry for a record that cannot be read, under a key that has none yet."""
    problems = error.problems if isinstance(error, InvalidSessionError) else ()
    data = {
        "format": FORMAT,
        "key": key.text,
        "error": type(error).__name__,
        "message": str(error),
        "problems": problems,
        "record": _json_of(record),
    }
    kept = Record(
        version=FORMAT,
        min_reader=FORMAT,
        revision=revision,
        data=to_json(data),
        created_at=EPOCH + revision * MICROSECOND,
        updated_at=now,
        # It is kept until somebody decides; but who deletes all of an owner's deletes it too.
        owner=record.owner,
    )
    return _place(key, revision), kept


def quarantined(at: SessionKey, entry: Record) -> Quarantined:
    """What an entry tells.

    Raises:
        ValueError: it is none.
    """
    try:
        told: dict[str, Any] = from_json(entry.data)
        return Quarantined(
            key=SessionKey(at.model.removesuffix(SUFFIX), told["key"]),
            at=at,
            revision=entry.revision,
            record=_record_of(told["record"]),
            error=told["error"],
            message=told["message"],
            problems=tuple(told["problems"]),
            since=entry.updated_at,
        )
    except (KeyError, TypeError, ValueError):
        # `from None`: the cause may quote what is stored.
        raise ValueError(f"{at} is no entry of a quarantine; it was changed by hand") from None


def _place(key: SessionKey, revision: int) -> SessionKey:
    # The first part of the key stays the first: stores that keep what belongs together in one place go by it.
    text = f"{key.text}{SEPARATOR}{revision}"
    if len(text) > MAX_KEY_CHARACTERS:
        digest = hashlib.sha256(key.text.encode()).hexdigest()
        text = f"{key.text[:_KEPT]}~{digest}{SEPARATOR}{revision}"
    return SessionKey(quarantine_name(key.model), text)


def _json_of(record: Record) -> dict[str, object]:
    try:
        text, encoding = record.data.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(record.data).decode(), "base64"
    return {
        "version": record.version,
        "min_reader": record.min_reader,
        "revision": record.revision,
        "created_at": _text(record.created_at),
        "updated_at": _text(record.updated_at),
        "expires_at": _text(record.expires_at),
        "owner": record.owner,
        "encoding": encoding,
        "data": text,
    }


def _record_of(told: dict[str, Any]) -> Record:
    data: str = told["data"]
    return Record(
        version=told["version"],
        min_reader=told["min_reader"],
        revision=told["revision"],
        data=base64.b64decode(data) if told["encoding"] == "base64" else data.encode(),
        created_at=datetime.fromisoformat(told["created_at"]),
        updated_at=datetime.fromisoformat(told["updated_at"]),
        expires_at=datetime.fromisoformat(told["expires_at"]) if told["expires_at"] else None,
        owner=told["owner"],
    )


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None
