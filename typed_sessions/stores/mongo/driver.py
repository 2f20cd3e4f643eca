"""What is used of pymongo, the same for its classes for tasks and for threads.

Both have the same methods, which give an answer or something to wait for; `got` takes either. So whatever is built on
it is written once, and for threads `blocking.complete` runs it.
"""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final, Protocol, TypeAlias, TypeVar, cast

import pymongo
from bson import CodecOptions
from pymongo import AsyncMongoClient, DeleteOne, InsertOne, MongoClient, ReplaceOne, UpdateOne, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Primary
from pymongo.results import BulkWriteResult, DeleteResult, UpdateResult
from pymongo.synchronous.database import Database

T = TypeVar("T")
Answer: TypeAlias = Awaitable[T] | T
Document: TypeAlias = Mapping[str, Any]
Request: TypeAlias = "InsertOne[Any] | ReplaceOne[Any] | UpdateOne | DeleteOne"
AnyClient: TypeAlias = "AsyncMongoClient[dict[str, Any]] | MongoClient[dict[str, Any]]"
AnyDatabase: TypeAlias = "AsyncDatabase[Any] | Database[Any]"

# A save that was answered outlives the loss of a server, and a crash of a server that stands alone.
MAJORITY: Final = WriteConcern("majority", j=True)
# What was read is never rolled back: its revision could be given out again, and a stale save would pass for fresh.
COMMITTED: Final = ReadConcern("majority")
SNAPSHOT: Final = ReadConcern("snapshot")
PRIMARY: Final = Primary()
OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)

LOCKS: Final = ".locks"
"""What the name of the collection of locks ends with."""


class Cursor(Protocol):
    """The documents of a `find`."""

    def to_list(self) -> Answer[list[dict[str, Any]]]: ...


class Session(Protocol):
    """A `ClientSession`."""

    @property
    def session_id(self) -> Document: ...

    def start_transaction(
        self, read: ReadConcern | None, write: WriteConcern | None, preference: Primary | None, /
    ) -> Answer[AbstractContextManager[Any]] | Answer[AbstractAsyncContextManager[Any]]: ...

    def commit_transaction(self) -> Answer[None]: ...

    def end_session(self) -> Answer[None]: ...


class Commands(Protocol):
    """A database."""

    def command(self, command: str | dict[str, Any], /) -> Answer[dict[str, Any]]: ...


class Client(Protocol):
    """A client."""

    def get_database(self, name: str, /) -> Commands: ...

    def start_session(self) -> Session: ...

    def close(self) -> Answer[None]: ...


class Collection(Protocol):
    """A collection."""

    def with_options(self, *, read_concern: ReadConcern) -> "Collection": ...

    def find(
        self,
        where: Document,
        fields: Sequence[str] | None = None,
        /,
        *,
        sort: Sequence[tuple[str, int]] | None = None,
        limit: int = 0,
    ) -> Cursor: ...

    def bulk_write(
        self, requests: Sequence[Request], /, *, session: Session | None = None
    ) -> Answer[BulkWriteResult]: ...

    def find_one_and_delete(self, where: Document, /, *, session: Session | None) -> Answer[dict[str, Any] | None]: ...

    def find_one_and_update(
        self, where: Document, update: Sequence[Document], /, *, upsert: bool, return_document: bool
    ) -> Answer[dict[str, Any] | None]: ...

    def update_many(self, where: Document, update: Sequence[Document], /) -> Answer[UpdateResult]: ...

    def delete_many(self, where: Document, /) -> Answer[DeleteResult]: ...

    def create_index(self, keys: Sequence[tuple[str, int]], /, **options: object) -> Answer[str]: ...

    def index_information(self) -> Answer[Mapping[str, Document]]: ...

    def options(self) -> Answer[Document]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where sessions and locks are."""

    client: Client
    sessions: Collection
    locks: Collection


def place_of(database: AnyDatabase, collection: str) -> Place:
    """The place in a database, read and written as it must be, however the client was made."""

    def named(name: str) -> Any:  # noqa: ANN401 # the collections of pymongo are two classes
        return database.get_collection(
            name, codec_options=OPTIONS, read_preference=PRIMARY, write_concern=MAJORITY, read_concern=COMMITTED
        )

    return Place(database.client, named(collection), named(collection + LOCKS))


async def got(answer: Answer[T]) -> T:
    """The answer, waited for if it must be."""
    return await cast("Awaitable[T]", answer) if isawaitable(answer) else answer


def within(seconds: float) -> AbstractContextManager[None]:
    """Give what is asked in a block so many seconds, all in all; less, if there is such a limit already."""
    # To pymongo 0 means no limit.
    return pymongo.timeout(max(seconds, 0.001))
