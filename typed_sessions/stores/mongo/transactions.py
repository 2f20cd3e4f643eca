"""Several documents, changed together or not at all."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from typed_sessions.stores.doors import Waiter
from typed_sessions.stores.mongo.calls import Call
from typed_sessions.stores.mongo.driver import MAJORITY, PRIMARY, SNAPSHOT, Document, Session, got, within
from typed_sessions.stores.mongo.translate import is_unknown, pauses

TO_ABORT: Final = 1.0
"""Seconds for the abort, beside the time of the call: a transaction that is left open keeps others out for a minute."""


class Transactions:
    """The transactions of a store.

    One whose answer did not come may have been left open at a server that stood still, and would keep others out of
    its documents for a minute. So its session is killed before the next save.
    """

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter
        self._left_open: list[Document] = []

    async def clear(self, call: Call) -> None:
        """Kill the sessions of transactions that may be open."""
        if self._left_open:
            sessions, self._left_open = self._left_open, []
            try:
                with call.in_time():
                    await got(call.place.client.get_database("admin").command({"killSessions": sessions}))
            except OperationFailure:
                pass  # a host that does not allow it; what is open ends by itself within a minute
            except BaseException:
                self._left_open += sessions
                raise

    async def run(self, call: Call, work: Callable[[Session], Coroutine[Any, Any, None]]) -> None:
        """Do some work in a transaction and commit it; abort it, if the work or the commit raises."""
        session = call.place.client.start_session()
        try:
            with call.in_time():
                await got(session.start_transaction(SNAPSHOT, MAJORITY, PRIMARY))
                await work(session)
                await _commit(session, call, self._waiter)
        except AutoReconnect as error:
            # A server that was not found, or is no primary, has no transaction.
            if not isinstance(error, ServerSelectionTimeoutError | NotPrimaryError):
                self._left_open.append(session.session_id)
            raise
        finally:
            with within(TO_ABORT):
                await got(session.end_session())


async def _commit(session: Session, call: Call, waiter: Waiter) -> None:
    for pause in pauses():
        try:
            await got(session.commit_transaction())
        except PyMongoError as error:
            if not is_unknown(error) or call.left() < pause:
                raise
        else:
            return
        await waiter.pause(pause)
