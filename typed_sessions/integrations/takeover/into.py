"""From the data of an old session to what becomes of it: the application's own function, and what it may fail of."""

import inspect
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from pydantic import ValidationError

from typed_sessions.errors import InvalidKeyError, SessionDefinitionError, described
from typed_sessions.history import JsonObject
from typed_sessions.integrations.web.takeover import Taken, Takeover, leave
from typed_sessions.problems import problems_among

Into: TypeAlias = Callable[[JsonObject], Taken | Awaitable[Taken | None] | None]
"""Makes of an old session's data, as the old handlers saw it, what is to be kept of it; None if nothing is."""

UNFIT = (ValueError, LookupError, TypeError, AttributeError, InvalidKeyError)
"""What a function raises of data that is not as it expects. A `ValidationError` is a `ValueError`."""

Keys: TypeAlias = Sequence[str | bytes]


async def taken(takeover: Takeover, into: Into, data: JsonObject, /) -> Taken | None:
    """What becomes of an old session; None, and a log line, if its data is not as the application expects.

    Then the person begins anew, and the old session stays as it is. Other exceptions of `into` are raised: that its
    database does not answer says nothing of the session.
    """
    try:
        made = into(data)
        return await made if inspect.isawaitable(made) else made
    except UNFIT as error:
        leave(takeover, f"its data does not fit: {_told(error)}")
        return None


def checked_keys(keys: Keys, /) -> list[bytes]:
    """The secrets as bytes, the newest first.

    Raises:
        SessionDefinitionError: there is none, or an empty one, or it is no list.
    """
    if isinstance(keys, str | bytes):
        raise SessionDefinitionError("the keys of a takeover are a list; write [SECRET_KEY]")
    made = [key.encode() if isinstance(key, str) else key for key in keys]
    if not all(made) or not made:
        raise SessionDefinitionError("a takeover needs the old application's secret key; give [SECRET_KEY]")
    return made


def _told(error: Exception) -> str:
    """What went wrong, and where, without the data."""
    frame = traceback.extract_tb(error.__traceback__)[1:][:1]
    where = f" at {frame[0].filename}:{frame[0].lineno}" if frame else ""
    if isinstance(error, ValidationError):
        return f"{error.title}: {described(problems_among(error, frozenset(_fields(error))))}{where}"
    return f"{type(error).__name__}{where}"


def _fields(error: ValidationError) -> list[str]:
    """The names at the top of the paths: those of a model's fields, unless the model takes any name."""
    return [str(item["loc"][0]) for item in error.errors(include_input=False, include_context=False) if item["loc"]]
