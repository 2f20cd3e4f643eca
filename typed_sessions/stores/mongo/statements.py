"""What is asked of MongoDB, as values."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.stores.mongo.documents import document_of, expiry_of, moment, name
from typed_sessions.stores.mongo.driver import Document, Request
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Query, Touch, Update

Filter: TypeAlias = dict[str, Any]

BEHIND_SEPARATOR: Final = chr(ord(SEPARATOR) + 1)
"""The character behind `/`, with which ends a range of all texts that begin with one and a `/`."""


def needs_transaction(changes: Sequence[Change]) -> bool:
    """Whether the changes concern more than one document."""
    return len(changes) > 1 or isinstance(changes[0], Move)


def runs(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes in their order, in as few pieces as may be written at once.

    A move is a piece by itself, for it must read. So is a deletion that may find nothing: the others are counted.
    """
    run: list[Change] = []
    for change in changes:
        if isinstance(change, Move) or is_loose(change):
            if run:
                yield run
            yield [change]
            run = []
        else:
            run.append(change)
    if run:
        yield run


def is_loose(change: Change) -> bool:
    """Whether it is fine for the change to find nothing."""
    return isinstance(change, Delete) and change.expected is None


def request_of(change: Insert | Update | Touch | Delete) -> Request:
    """The write of a change, which meets one document or none."""
    match change:
        case Insert(key, record):
            return InsertOne(document_of(key, record))
        case Update(key, expected, record):
            return ReplaceOne(at(key, expected), document_of(key, record))
        case Touch(key, expected, expires_at):
            return UpdateOne(at(key, expected), {"$set": expiry_of(expires_at)})
        case Delete(key, expected):
            return DeleteOne(at(key, expected))


def moved(document: Document, to: SessionKey) -> Request:
    """The write of the other half of a move."""
    return InsertOne({**document, "_id": name(to)})


def at(key: SessionKey, revision: int | None) -> Filter:
    """The session of a key, if it has that revision."""
    return {"_id": name(key)} if revision is None else {"_id": name(key), "revision": revision}


def among(keys: Sequence[SessionKey]) -> Filter:
    """The sessions of the keys."""
    return {"_id": {"$in": [name(key) for key in keys]}}


def expired(now: datetime) -> Filter:
    """What has expired. The date, which has an index, tells to the millisecond."""
    return {"expires_date": {"$lte": now}, "expires_at": {"$lte": moment(now)}}


def still_expired(names: Sequence[str], now: datetime) -> Filter:
    """Of these, those that have not been renewed."""
    return {"_id": {"$in": list(names)}, "expires_at": {"$lte": moment(now)}}


def scanned(query: Query) -> Filter:
    """What a scan is to find."""
    conditions = list(_conditions(query))
    return {"$and": conditions} if conditions else {}


def _conditions(query: Query) -> Iterator[Filter]:
    match query.model, query.prefix:
        case None, None:
            pass
        case None, str(prefix):
            # `$` would match before a line break too.
            yield {"_id": {"$regex": f"^[^/]+/{re.escape(prefix)}(?![^/])"}}
        case str(model), None:
            yield {"_id": _below(model)}
        case str(model), str(prefix):
            first = name(SessionKey(model, prefix))
            yield {"$or": [{"_id": first}, {"_id": _below(first)}]}
    if query.owner is not None:
        yield {"owner": query.owner}
    if query.alive_at is not None:
        yield {"$or": [{"expires_at": None}, {"expires_at": {"$gt": moment(query.alive_at)}}]}
    if query.after is not None:
        yield {"_id": {"$gt": name(query.after)}}


def _below(text: str) -> Filter:
    return {"$gte": text + SEPARATOR, "$lt": text + BEHIND_SEPARATOR}
