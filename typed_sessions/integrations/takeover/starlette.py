"""Starlette's `SessionMiddleware`: the data is in a signed cookie."""

from datetime import timedelta

from typed_sessions.clock import Clock, utc_now
from typed_sessions.integrations.takeover.into import Into, Keys, taken
from typed_sessions.integrations.takeover.payload import from_base64, json_object
from typed_sessions.integrations.takeover.signed import Signed
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.takeover import Taken

MAX_AGE = timedelta(days=14)


class StarletteTakeover:
    """Takes over the sessions of Starlette's `SessionMiddleware`, and those of starsessions' `CookieStore`.

    Args:
        keys: the `secret_key` that it had, and the ones before, the newest first.
        into: makes of the data what is to be kept.
        cookie: the old cookie: `session_cookie`, `path`, `domain`, and `secure` for `https_only`.
        max_age: as it had. Where that was None or 0: how old a cookie is taken.
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
        max_age: timedelta = MAX_AGE,
        clock: Clock = utc_now,
    ) -> None:
        self.cookie, self.lifetime = cookie, max_age
        self._into = into
        self._signed = Signed(keys, max_age, clock)

    def name(self, value: str, /) -> str | None:
        return value if self._signed.read(value) is not None else None

    async def take(self, name: str, /) -> Taken | None:
        data = from_base64(self._signed.read(name) or "")
        old = None if data is None else json_object(data, self.cookie.name)
        return None if old is None else await taken(self, self._into, old)

    async def forget(self, name: str, /) -> None:
        """Nothing: a cookie cannot be deleted where it was copied to."""
