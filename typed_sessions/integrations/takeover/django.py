"""Django's sessions: on the server, or in a signed cookie. In both cases signed, in JSON, perhaps packed."""

import hmac
import re
from datetime import timedelta

from typed_sessions.clock import Clock, utc_now
from typed_sessions.history import JsonObject
from typed_sessions.integrations.takeover.django_signing import Signed, salted
from typed_sessions.integrations.takeover.into import Into, Keys, checked_keys, taken
from typed_sessions.integrations.takeover.payload import is_plausible, json_object, unpacked
from typed_sessions.integrations.takeover.places import OldPlace, bytes_at
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.takeover import Taken

AGE = timedelta(days=14)
SALT = "django.contrib.sessions.SessionStore"
COOKIE_SALT = "django.contrib.sessions.backends.signed_cookies"

_ID = re.compile(r"[a-z0-9]{32}\Z")
_HASH = "_auth_user_hash"
_HASH_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


class DjangoTakeover:
    """Takes over Django's sessions from its table: those of the engines `db` and `cached_db`.

    Those of the engine `cache` are pickled by Django's caches, and so are those of a `PickleSerializer`: they are
    refused. Django's settings are not needed.

    `into` gets the user's id, as a string, under `_auth_user_id`. Django checks `_auth_user_hash` with every request,
    so that a new password ends the other sessions: see `has_password`.

    Args:
        place: where they are: `InTable(engine, "django_session", key="session_key", data="session_data",
            expires="expire_date")`.
        into: makes of the data what is to be kept.
        keys: the `SECRET_KEY`, then the `SECRET_KEY_FALLBACKS`.
        cookie: the old cookie: `SESSION_COOKIE_NAME`, `…_PATH`, `…_DOMAIN`, `…_SECURE`.
        lifetime: the `SESSION_COOKIE_AGE`.
        salt: of the class of its `SESSION_ENGINE`, if that is one of your own: its `key_salt`.

    Raises:
        SessionDefinitionError: there is no key.
    """

    is_unique = True

    def __init__(
        self,
        place: OldPlace,
        *,
        into: Into,
        keys: Keys,
        cookie: Cookie = Cookie(name="sessionid", secure=False),
        lifetime: timedelta = AGE,
        salt: str = SALT,
    ) -> None:
        self.cookie, self.lifetime = cookie, lifetime
        self._place = place
        self._into = into
        self._signed = Signed(keys, salt)

    def name(self, value: str, /) -> str | None:
        return value if _ID.match(value) else None

    async def take(self, name: str, /) -> Taken | None:
        data = await bytes_at(self._place, name)
        signed = None if data is None else self._signed.read(data.decode("latin-1"))
        old = None if signed is None else _object(signed[0], self.cookie.name)
        return None if old is None else await taken(self, self._into, old)

    async def forget(self, name: str, /) -> None:
        await self._place.delete(name)


class DjangoCookieTakeover:
    """Takes over Django's sessions of the engine `signed_cookies`.

    Args:
        keys: the `SECRET_KEY`, then the `SECRET_KEY_FALLBACKS`.
        into: makes of the data what is to be kept; see `DjangoTakeover`.
        cookie: the old cookie: `SESSION_COOKIE_NAME`, `…_PATH`, `…_DOMAIN`, `…_SECURE`.
        max_age: the `SESSION_COOKIE_AGE`.
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
        cookie: Cookie = Cookie(name="sessionid", secure=False),
        max_age: timedelta = AGE,
        clock: Clock = utc_now,
    ) -> None:
        self.cookie, self.lifetime = cookie, max_age
        self._into = into
        self._signed = Signed(keys, COOKIE_SALT)
        self._clock = clock

    def name(self, value: str, /) -> str | None:
        signed = self._signed.read(value) if is_plausible(value) else None
        return value if signed is not None and self._clock() - signed[1] <= self.lifetime else None

    async def take(self, name: str, /) -> Taken | None:
        signed = self._signed.read(name)
        old = None if signed is None else _object(signed[0], self.cookie.name)
        return None if old is None else await taken(self, self._into, old)

    async def forget(self, name: str, /) -> None:
        """Nothing: a cookie cannot be deleted where it was copied to."""


def has_password(old: JsonObject, password: str, keys: Keys, /) -> bool:
    """Whether the user of an old session still has the password that they logged in with.

    Args:
        old: the session's data.
        password: the user's `password` as the user table has it, hashed. For a user model with a
            `get_session_auth_hash` of its own it does not hold.
        keys: the `SECRET_KEY`, then the `SECRET_KEY_FALLBACKS`.
    """
    given = str(old.get(_HASH, "")).encode()
    made = [hmac.digest(salted(_HASH_SALT, key), password.encode(), "sha256").hex() for key in checked_keys(keys)]
    return any(hmac.compare_digest(each.encode(), given) for each in made)


def _object(text: str, cookie: str) -> JsonObject | None:
    data = unpacked(text)
    # Django's serializer writes latin-1, all of whose bytes are ASCII here.
    return None if data is None else json_object(data, cookie)
