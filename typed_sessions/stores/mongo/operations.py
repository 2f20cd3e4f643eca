"""What a store asks of MongoDB, the same for tasks and threads."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from pymongo.errors import PyMongoError

from typed_sessions.errors import SchemaMismatchError, SessionDefinitionError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.mongo import statements
from typed_sessions.stores.mongo.calls import Call, Calls
from typed_sessions.stores.mongo.documents import indexes_of, key_of, row_of
from typed_sessions.stores.mongo.driver import SNAPSHOT, Document, Session, got
from typed_sessions.stores.mongo.layout import Layout, differences, has_transactions, remedy
from typed_sessions.stores.mongo.transactions import Transactions
from typed_sessions.stores.mongo.translate import NO_SNAPSHOT, OutrunError, code_of, is_rival, pauses
from typed_sessions.stores.protocol import Change, Move, Outcome, Query, Row, keys_of, outcomes

T = TypeVar("T")

IN_A_STATEMENT: Final = 1000
INDEX_TIMEOUT: Final = 3600.0
"""Seconds that an index of many sessions may take to be built."""


class Operations:
    """The operations on one collection."""

    def __init__(self, calls: Calls, collection: str) -> None:
        self._calls = calls
        self._collection = collection
        self._transactions = Transactions(calls.runner)
        self._has_transactions = False

    async def load(self, keys: Sequence[SessionKey]) -> Mapping[SessionKey, Record]:
        return await self._calls.run(partial(self._load, sorted(set(keys)))) if keys else {}

    async def _load(self, keys: Sequence[SessionKey], call: Call) -> Mapping[SessionKey, Record]:
        found = [await self._load_at_once(some, call) for some in _slices(keys)]
        return dict(row_of(document) for documents in found for document in documents)

    async def _load_at_once(self, keys: Sequence[SessionKey], call: Call) -> Sequence[Document]:
        """What the keys have at one moment, for they may be saved together; without transactions they never are."""
        sessions, tries = call.place.sessions, pauses()
        if len(keys) > 1 and await self._knows_transactions(call):
            sessions = sessions.with_options(read_concern=SNAPSHOT)
        while True:
            try:
                with call.in_time():
                    return await got(sessions.find(statements.among(keys)).to_list())
            except PyMongoError as error:
                pause = next(tries)
                if code_of(error) != NO_SNAPSHOT or call.left() < pause:
                    raise
            await self._calls.runner.pause(pause)

    async def save(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        return await self._calls.run(partial(self._save, changes)) if changes else []

    async def _save(self, changes: Sequence[Change], call: Call) -> Sequence[Outcome]:
        if statements.needs_transaction(changes):
            await self._demand_transactions(call, changes)
        await self._transactions.clear(call)
        for pause in pauses():
            try:
                await self._make(changes, call)
                return [Outcome.SAVED] * len(changes)
            except OutrunError:
                pass
            except PyMongoError as error:
                if not is_rival(error):
                    raise
            results = outcomes(changes, await self._revisions(changes, call))
            if any(result is not Outcome.SAVED for result in results):
                return results
            if call.left() < pause:
                break
            await self._calls.runner.pause(pause)
        raise OutrunError("the session changes faster than it can be saved; try again")

    async def _make(self, changes: Sequence[Change], call: Call) -> None:
        if statements.needs_transaction(changes):
            await self._transactions.run(call, partial(self._write_all, changes, call))
            return
        with call.in_time():
            await self._write(changes, call, None)

    async def _write_all(self, changes: Sequence[Change], call: Call, session: Session) -> None:
        for run in statements.runs(changes):
            if isinstance(run[0], Move):
                await self._move(run[0], call, session)
            else:
                await self._write(run, call, session)

    async def _write(self, changes: Sequence[Change], call: Call, session: Session | None) -> None:
        requests = [statements.request_of(change) for change in changes if not isinstance(change, Move)]
        result = await got(call.place.sessions.bulk_write(requests, session=session))
        met = result.inserted_count + result.matched_count + result.deleted_count
        if met != len(changes) and not statements.is_loose(changes[0]):
            raise OutrunError("somebody else was first")

    async def _move(self, change: Move, call: Call, session: Session) -> None:
        where = statements.at(change.key, change.expected)
        document = await got(call.place.sessions.find_one_and_delete(where, session=session))
        if document is None:
            raise OutrunError("somebody else was first")
        await got(call.place.sessions.bulk_write([statements.moved(document, change.to)], session=session))

    async def _revisions(self, changes: Sequence[Change], call: Call) -> dict[SessionKey, int]:
        found: dict[SessionKey, int] = {}
        with call.in_time():
            for some in _slices(keys_of(changes)):
                cursor = call.place.sessions.find(statements.among(some), ["revision"])
                found.update({key_of(each["_id"]): int(each["revision"]) for each in await got(cursor.to_list())})
        return found

    async def _demand_transactions(self, call: Call, changes: Sequence[Change]) -> None:
        if not await self._knows_transactions(call):
            what = "a move" if len(changes) == 1 else f"{len(changes)} changes in one save"
            raise SessionDefinitionError(
                f"{what} needs a transaction, and this MongoDB server stands alone, which has none; start it with "
                f"--replSet rs0 and run rs.initiate() in mongosh (one server is enough), or save sessions one by one"
            )

    async def _knows_transactions(self, call: Call) -> bool:
        # Remembered only if so: a server that stands alone may be made a replica set at any time.
        self._has_transactions = self._has_transactions or has_transactions(await self._hello(call))
        return self._has_transactions

    async def scan(self, query: Query) -> Sequence[Row]:
        return await self._calls.run(partial(self._scan, query))

    async def _scan(self, query: Query, call: Call) -> Sequence[Row]:
        where = statements.scanned(query)
        with call.in_time():
            found = call.place.sessions.find(where, sort=[("_id", 1)], limit=query.limit)
            return [row_of(document) for document in await got(found.to_list())]

    async def prune(self, now: datetime, limit: int) -> int:
        return await self._calls.run(partial(self._prune, now, limit))

    async def _prune(self, now: datetime, limit: int, call: Call) -> int:
        deleted = 0
        with call.in_time():
            cursor = call.place.sessions.find(statements.expired(now), ["_id"], limit=limit)
            names = [each["_id"] for each in await got(cursor.to_list())]
            for some in _slices(names):
                # Once more by expiry: one may have been renewed since it was found.
                result = await got(call.place.sessions.delete_many(statements.still_expired(some, now)))
                deleted += result.deleted_count
        return deleted

    async def create_indexes(self) -> None:
        await self._calls.run(self._create_indexes, timeout=INDEX_TIMEOUT)

    async def _create_indexes(self, call: Call) -> None:
        with call.in_time():
            for index in indexes_of(self._collection):
                where = call.place.locks if index.is_of_locks else call.place.sessions
                await got(where.create_index(list(index.keys), name=index.name, **index.options))

    async def verify(self) -> None:
        """Compare the collections with what is needed.

        Raises:
            SchemaMismatchError: an index is missing, or something else is wrong.
        """
        found = differences(self._collection, await self.layout())
        if found:
            texts = [difference.text for difference in found]
            raise SchemaMismatchError(self._collection, texts, remedy=remedy(found))

    async def layout(self) -> Layout:
        """What the collections look like."""
        return await self._calls.run(self._layout)

    async def _layout(self, call: Call) -> Layout:
        sessions, locks = call.place.sessions, call.place.locks
        with call.in_time():
            return Layout(
                hello=await self._hello(call),
                options=await got(sessions.options()),
                indexes=list((await got(sessions.index_information())).values()),
                lock_indexes=list((await got(locks.index_information())).values()),
            )

    async def _hello(self, call: Call) -> Document:
        with call.in_time():
            return await got(call.place.client.get_database("admin").command("hello"))


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), IN_A_STATEMENT):
        yield items[start : start + IN_A_STATEMENT]
