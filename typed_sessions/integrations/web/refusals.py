"""What the browser is told when a visit could not be read or saved, in every framework."""

from typing import TypeAlias

from typed_sessions.errors import (
    LockTimeoutError,
    SessionConflictError,
    SessionGoneError,
    StoreUnavailableError,
    TypedSessionsError,
)

Answer: TypeAlias = tuple[int, bytes]
"""Status and text."""

CONFLICT: Answer = 409, b"Somebody else changed the same at the same time. Load the page again and repeat.\n"
UNAVAILABLE: Answer = 503, b"The service is busy. Try again in a moment.\n"
FAULT: Answer = 500, b"Internal Server Error\n"

REFUSALS: dict[type[TypedSessionsError], Answer] = {
    SessionConflictError: CONFLICT,
    SessionGoneError: CONFLICT,
    LockTimeoutError: UNAVAILABLE,
    StoreUnavailableError: UNAVAILABLE,
}
RETRY_AFTER = b"1"
"""Seconds."""
