"""Between a record and a document, and what the collections look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from bson import Int64

from typed_sessions.clock import EPOCH, MICROSECOND
from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.mongo.driver import LOCKS, Document
from typed_sessions.stores.protocol import Row

MARGIN: Final = timedelta(days=1)
"""How long the server leaves an expired session, for the clock of an application may be behind its own."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a collection."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def seconds(self) -> int | None:
        """How long it leaves documents behind their date."""
        return self.options.get("expireAfterSeconds")

    @property
    def is_of_locks(self) -> bool:
        """Whether it is of the collection of locks."""
        return self.collection.endswith(LOCKS)

    def command(self) -> str:
        """What makes it in mongosh."""
        keys = ", ".join(f"{name}: {direction}" for name, direction in self.keys)
        options = f", expireAfterSeconds: {self.seconds}" if self.seconds is not None else ""
        more = ', partialFilterExpression: {owner: {$gt: ""}}' if "partialFilterExpression" in self.options else ""
        return f'db.getCollection("{self.collection}").createIndex({{{keys}}}, {{name: "{self.name}"{options}{more}}})'


def indexes_of(collection: str) -> tuple[Index, ...]:
    """The indexes that a collection of sessions needs, and that of its locks."""
    expiry = {"expireAfterSeconds": int(MARGIN.total_seconds())}
    return (
        Index(collection, "expiry", (("expires_date", 1),), expiry),
        # Most sessions have no owner. (An equality with a text implies `$gt: ""`; it would not imply a `$type`.)
        Index(collection, "owner", (("owner", 1), ("_id", 1)), {"partialFilterExpression": {"owner": {"$gt": ""}}}),
        Index(collection + LOCKS, "expiry", (("until_date", 1),), {"expireAfterSeconds": 3600}),
    )


def name(key: SessionKey) -> str:
    """The `_id` of a session: injective, for no name of a model holds a `/`."""
    return f"{key.model}{SEPARATOR}{key.text}"


def key_of(stored_name: str) -> SessionKey:
    """The key behind an `_id`."""
    model, _, text = stored_name.partition(SEPARATOR)
    return SessionKey(model, text)


def document_of(key: SessionKey, record: Record) -> dict[str, Any]:
    """The document of a record."""
    return {
        "_id": name(key),
        "version": record.version,
        "min_reader": record.min_reader,
        "revision": Int64(record.revision),
        "data": record.data.decode(),
        "owner": record.owner,
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
        **expiry_of(record.expires_at),
    }


def expiry_of(expires_at: datetime | None) -> dict[str, Any]:
    """The fields that say when a session expires: one for us, and one for the server's own cleanup."""
    return {"expires_at": None if expires_at is None else moment(expires_at), "expires_date": expires_at}


class ForeignDocumentError(Exception):
    """A document that somebody else put into the collection."""


def row_of(document: Document) -> Row:
    """The key and the record of a document.

    Raises:
        ForeignDocumentError: it is none of ours.
    """
    try:
        return key_of(document["_id"]), _record_of(document)
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
        # `from None`: the cause may quote what it holds.
        raise ForeignDocumentError from None


def _record_of(document: Document) -> Record:
    expires_at = document["expires_at"]
    return Record(
        version=document["version"],
        min_reader=document["min_reader"],
        revision=int(document["revision"]),
        data=document["data"].encode(),
        created_at=_time(document["created_at"]),
        updated_at=_time(document["updated_at"]),
        expires_at=None if expires_at is None else _time(expires_at),
        owner=document["owner"],
    )


def moment(value: datetime) -> Int64:
    """Microseconds since 1970 in UTC, because a date of BSON has but milliseconds."""
    return Int64((value - EPOCH) // MICROSECOND)


def _time(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
