"""What an error of pymongo means. The only place that knows them."""

import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    DocumentTooLarge,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteError,
)

from typed_sessions.errors import SchemaMismatchError, StoreUnavailableError, TypedSessionsError
from typed_sessions.stores.mongo.documents import ForeignDocumentError

# https://www.mongodb.com/docs/manual/reference/error-codes/
DUPLICATE_KEY: Final = 11000
WRITE_CONFLICT: Final = 112
NO_SNAPSHOT: Final = 246
"""SnapshotUnavailable: the collection or an index of it has been made just now."""
TOO_LARGE: Final = 10334
"""BSONObjectTooLarge."""
REFUSED: Final = frozenset({13, 18})
"""Unauthorized, AuthenticationFailed."""

TRANSIENT: Final = "TransientTransactionError"
UNKNOWN: Final = "UnknownTransactionCommitResult"

SHORTEST, LONGEST = 0.005, 0.5


class OutrunError(StoreUnavailableError):
    """Others change the session faster than it can be saved."""


def pauses() -> Iterator[float]:
    """Seconds to wait before each new attempt, longer each time, spread at random so that rivals do not meet again."""
    longest = SHORTEST
    while True:
        yield longest * random.uniform(0.5, 1.5)  # noqa: S311 # it guards nothing
        longest = min(longest * 2, LONGEST)


@contextmanager
def translating(collection: str) -> Generator[None]:
    """Raise our errors instead of pymongo's."""
    try:
        yield
    except (PyMongoError, BSONError, OSError, TimeoutError) as error:
        told = translated(error, collection)
        # A write that is refused is quoted by the server, and by the driver as a whole.
        raise told from (None if isinstance(error, BulkWriteError | WriteError) else error)
    except ForeignDocumentError:
        raise SchemaMismatchError(
            collection,
            ["it holds a document that is none of ours"],
            remedy="Give the sessions a collection of their own.",
        ) from None
    except RuntimeError as error:
        if "event loop" not in str(error):
            raise
        raise StoreUnavailableError(
            "the client is in use on another event loop, to which its connections belong; make one for each loop"
        ) from error


def is_rival(error: PyMongoError) -> bool:
    """Whether somebody else was first, so that the same changes may meet another outcome if they are made again."""
    is_first = code_of(error) == WRITE_CONFLICT or (code_of(error) == DUPLICATE_KEY and not is_foreign(error))
    return is_first or error.has_error_label(TRANSIENT)


def is_foreign(error: PyMongoError) -> bool:
    """Whether a unique index that is not ours refused a document."""
    pattern = next((refusal.get("keyPattern") for refusal in _refusals(error)), None)
    return code_of(error) == DUPLICATE_KEY and pattern is not None and list(pattern) != ["_id"]


def is_unknown(error: PyMongoError) -> bool:
    """Whether a commit may have happened or not, and may be asked for again."""
    return error.has_error_label(UNKNOWN)


def translated(error: Exception, collection: str) -> TypedSessionsError:
    """Our error for one of pymongo's."""
    return StoreUnavailableError(_late(error) or _refused(error, collection))


def _late(error: Exception) -> str | None:
    """What to say of an answer that did not come in time."""
    if isinstance(error, WaitQueueTimeoutError):
        return "no connection became free in time; raise pool_size, or ask for less at once"
    if isinstance(error, ServerSelectionTimeoutError):
        return "no primary of MongoDB was reached in time; is it up, and is its URL correct?"
    if isinstance(error, TimeoutError) or (isinstance(error, PyMongoError) and error.timeout):
        return "MongoDB did not answer in time; is it overloaded, or electing a primary?"
    return None


def _refused(error: Exception, collection: str) -> str:
    """What to say of a server that does not do what it is asked."""
    code = code_of(error)
    if isinstance(error, DocumentTooLarge) or code == TOO_LARGE:
        return "a session is larger than the 16 MiB of a document; lower max_bytes"
    if code in REFUSED:
        return f"MongoDB refused the user ({_kind(error)}); are its name, password and roles correct?"
    if code == DUPLICATE_KEY:
        return f"a unique index of {collection} refused the document; is it one of yours?"
    return f"MongoDB failed ({_kind(error)}); is it up, and are its URL and rights correct?"


def code_of(error: Exception) -> int | None:
    """The server's own code."""
    refusals = _refusals(error)
    if refusals:
        code = refusals[0].get("code")
        return code if isinstance(code, int) else None
    return error.code if isinstance(error, OperationFailure) else None


def _refusals(error: Exception) -> list[dict[str, Any]]:
    """What the server says of each write that it refused."""
    if not isinstance(error, OperationFailure) or not error.details:
        return []
    details: Any = error.details
    return list(details.get("writeErrors") or []) if isinstance(error, BulkWriteError) else [details]


def _kind(error: Exception) -> str:
    code = code_of(error)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"
