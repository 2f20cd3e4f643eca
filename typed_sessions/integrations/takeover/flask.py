"""Flask's own session: the data is in a signed cookie, in JSON with tags for what JSON has not."""

import hashlib
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from typed_sessions.clock import Clock, utc_now
from typed_sessions.history import JsonObject
from typed_sessions.integrations.takeover.into import Into, Keys, taken
from typed_sessions.integrations.takeover.payload import json_object, unpacked
from typed_sessions.integrations.takeover.signed import Signed
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.takeover import Taken
from typed_sessions.json_kinds import is_array, is_object

LIFETIME = timedelta(days=31)

TAGS: dict[str, Callable[[Any], object]] = {
    " t": tuple,
    " b": b64decode,
    " m": str,  # Markup, which is a str
    " u": UUID,
    " d": parsedate_to_datetime,
    " di": lambda value: {key.removesuffix("__"): each for key, each in value.items()},
}
"""Those of `flask.json.tag.TaggedJSONSerializer`."""


class FlaskTakeover:
    """Takes over the sessions that Flask keeps in its signed cookie.

    `into` gets dates, UUIDs, bytes and tuples as `flask.session` had them, markup as a plain `str`.

    Args:
        keys: the `SECRET_KEY`, then the `SECRET_KEY_FALLBACKS`.
        into: makes of the data what is to be kept.
        cookie: the old cookie: `SESSION_COOKIE_NAME`, `…_PATH`, `…_DOMAIN`, `…_SECURE`, `…_PARTITIONED`.
        max_age: the `PERMANENT_SESSION_LIFETIME`.
        clock: the time that the age is counted to.

    Raises:
        SessionDefinitionError: there is no key.
    """

    is_unique = False

    def __init__(
        self,
        keys: Keys,
        *,
        into: Into,
        cookie: Cookie = Cookie(name="session", secure=False),
        max_age: timedelta = LIFETIME,
        clock: Clock = utc_now,
    ) -> None:
        self.cookie, self.lifetime = cookie, max_age
        self._into = into
        self._signed = Signed(
            keys, max_age, clock, salt="cookie-session", key_derivation="hmac", digest_method=hashlib.sha1
        )

    def name(self, value: str, /) -> str | None:
        return value if self._signed.read(value) is not None else None

    async def take(self, name: str, /) -> Taken | None:
        data = unpacked(self._signed.read(name) or "")
        tagged = None if data is None else json_object(data, self.cookie.name)
        old = None if tagged is None else untagged(tagged)
        return None if old is None else await taken(self, self._into, old)

    async def forget(self, name: str, /) -> None:
        """Nothing: a cookie cannot be deleted where it was copied to."""


def untagged(tagged: JsonObject, /) -> JsonObject | None:
    """The data as `flask.session` had it; None if a tag has no such value, or it is too deep."""
    try:
        found = _untagged(tagged)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return found if is_object(found) else None


def _untagged(value: Any) -> object:  # noqa: ANN401 # JSON
    if is_array(value):
        return [_untagged(each) for each in value]
    if not is_object(value):
        return value
    inner = {key: _untagged(each) for key, each in value.items()}
    tag = next(iter(inner)) if len(inner) == 1 else ""
    return TAGS[tag](inner[tag]) if tag in TAGS else inner
