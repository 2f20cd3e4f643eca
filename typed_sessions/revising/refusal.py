"""The error of a revision that is refused."""

from typed_sessions.errors import TypedSessionsError


class RevisionError(TypedSessionsError):
    """A revision cannot be made as it was asked for; the message says what to do. Nothing was written."""
