"""What `typed-sessions doctor` says of MongoDB."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from typed_sessions.clock import Clock
from typed_sessions.errors import StoreUnavailableError
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.mongo.documents import MARGIN
from typed_sessions.stores.mongo.driver import Document
from typed_sessions.stores.mongo.layout import Layout, differences, has_transactions
from typed_sessions.stores.mongo.operations import Operations

TOLERATED: Final = timedelta(seconds=5)


async def diagnosis(operations: Operations, collection: str, clock: Clock) -> Sequence[Finding]:
    """What is seen of the connection, the topology, the layout and the clock."""
    try:
        layout = await operations.layout()
    except StoreUnavailableError as error:
        return [Finding("connection", "error", str(error))]
    return list(findings(collection, layout, clock()))


def findings(collection: str, layout: Layout, now: datetime) -> Iterator[Finding]:
    """What a layout, read at a time of the application, means."""
    yield Finding("connection", "ok", "MongoDB answers")
    yield _topology(layout.hello)
    found = differences(collection, layout)
    for difference in found:
        yield Finding("layout", "error", difference.text, difference.command)
    if not found:
        yield Finding("layout", "ok", f"the collection {collection} has its indexes")
    yield _clock(layout.hello, now)


def _topology(hello: Document) -> Finding:
    if has_transactions(hello):
        return Finding("topology", "ok", "the server has transactions")
    text = "the server stands alone, so groups, moves and quarantine are refused; make it a replica set (--replSet rs0)"
    return Finding("topology", "warning", text, "rs.initiate()")


def _clock(hello: Document, now: datetime) -> Finding:
    local = hello.get("localTime")
    if not isinstance(local, datetime):
        return Finding("clock", "warning", "the server does not say what time it has")
    # A client that was handed in may give times without a zone; they are UTC.
    apart = abs((local if local.tzinfo else local.replace(tzinfo=UTC)) - now)
    text = f"the clocks of the server and of this machine are {apart.total_seconds():.1f} s apart"
    if apart >= MARGIN:
        return Finding("clock", "error", f"{text}: the server removes sessions that live", "timedatectl set-ntp true")
    return Finding("clock", "ok" if apart <= TOLERATED else "warning", text)
