"""What the collections look like, against what is needed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typed_sessions.stores.mongo.documents import MARGIN, Index, indexes_of
from typed_sessions.stores.mongo.driver import Document

OLDEST_WIRE: Final = 13
"""The wire version of MongoDB 5.0, the first that reads several documents at one moment without a transaction."""

Information = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a server says of itself and of the collections."""

    hello: Document
    options: Information
    indexes: Sequence[Information]
    lock_indexes: Sequence[Information]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it must be, and what mends it in mongosh, if an index does."""

    text: str
    command: str | None = None


def has_transactions(hello: Document) -> bool:
    """Whether the server is of a replica set or a sharded cluster; alone it has none."""
    return "setName" in hello or hello.get("msg") == "isdbgrid"


def differences(collection: str, layout: Layout) -> list[Difference]:
    """What is not as it must be; nothing if all is well."""
    return list(_differences(collection, layout))


def remedy(found: Sequence[Difference]) -> str:
    """What mends these."""
    is_mended = all(difference.command for difference in found)
    return "Run `await store.create_indexes()` once." if is_mended else "Mend it in mongosh, or use another collection."


def _differences(collection: str, layout: Layout) -> Iterator[Difference]:
    if layout.hello.get("maxWireVersion", 0) < OLDEST_WIRE:
        yield Difference("the server is older than MongoDB 5.0")
    collation: Information = layout.options.get("collation") or {}
    locale = collation.get("locale", "simple")
    if locale != "simple":
        yield Difference(f"its collation is {locale}, by which keys that differ may be the same")
    for index in indexes_of(collection):
        yield from _of_index(index, layout.lock_indexes if index.is_of_locks else layout.indexes)


def _of_index(index: Index, found: Sequence[Information]) -> Iterator[Difference]:
    alike = [each for each in found if tuple(tuple(key) for key in each["key"]) == index.keys]
    if not alike:
        fields = ", ".join(field for field, _ in index.keys)
        yield Difference(f"{index.collection} has no index on {fields}", index.command())
    seconds = min((each["expireAfterSeconds"] for each in alike if "expireAfterSeconds" in each), default=None)
    if seconds is not None and index.seconds is not None and seconds < index.seconds and not index.is_of_locks:
        hours = MARGIN.total_seconds() / 3600
        yield Difference(
            f"the server removes sessions {seconds:g} s after their end, when they may live by the clock of an "
            f"application; leave them for {hours:g} hours (collMod)"
        )
