"""flask-session: the data is on the server, in MessagePack or JSON."""

import re
from datetime import timedelta

try:
    from msgspec import DecodeError, msgpack
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'{error.name} is not installed; pip install "typed-sessions[takeover]"', name=error.name
    ) from error

from typed_sessions.history import JsonObject
from typed_sessions.integrations.takeover.into import Into, Keys, taken
from typed_sessions.integrations.takeover.payload import MAX_BYTES, json_object
from typed_sessions.integrations.takeover.places import OldPlace, bytes_at
from typed_sessions.integrations.takeover.signed import SignedId
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.takeover import Taken
from typed_sessions.json_kinds import is_object

LIFETIME = timedelta(days=31)

_ID = re.compile(r"[A-Za-z0-9_-]{22,255}\Z")
"""base64url of 16 random bytes at least; the UUIDs of releases before 0.6 have this form too."""


class FlaskSessionTakeover:
    """Takes over the sessions of flask-session, from Redis or a table.

    What it kept as pickles is refused: everything in `cachelib` and on the file system, and what releases before 0.7
    wrote and no request has changed since.

    Args:
        place: where it kept them: `InRedis(client, prefix="session:")`, `InTable(engine, "sessions",
            key="session_id", data="data", expires="expiry", prefix="session:")`.
        into: makes of the data what is to be kept.
        keys: the `SECRET_KEY`s, the newest first, if it had `SESSION_USE_SIGNER`.
        cookie: the old cookie: `SESSION_COOKIE_NAME`, `…_PATH`, `…_DOMAIN`, `…_SECURE`, `…_PARTITIONED`.
        lifetime: the `PERMANENT_SESSION_LIFETIME`.

    Raises:
        SessionDefinitionError: a key is empty.
    """

    is_unique = True

    def __init__(
        self,
        place: OldPlace,
        *,
        into: Into,
        keys: Keys = (),
        cookie: Cookie = Cookie(name="session", secure=False),
        lifetime: timedelta = LIFETIME,
    ) -> None:
        self.cookie, self.lifetime = cookie, lifetime
        self._place = place
        self._into = into
        self._signed = SignedId(keys, salt="flask-session", key_derivation="hmac") if keys else None

    def name(self, value: str, /) -> str | None:
        id_ = value if self._signed is None else self._signed.read(value)
        return id_ if id_ is not None and _ID.match(id_) else None

    async def take(self, name: str, /) -> Taken | None:
        data = await bytes_at(self._place, name)
        old = None if data is None else unpacked(data, self.cookie.name)
        return None if old is None else await taken(self, self._into, old)

    async def forget(self, name: str, /) -> None:
        await self._place.delete(name)


def unpacked(data: bytes, cookie: str, /) -> JsonObject | None:
    """The object in MessagePack or JSON; None if it is neither, too large or too deep.

    Args:
        data: what is kept.
        cookie: the name of the old cookie, for the log.
    """
    if len(data) > MAX_BYTES:
        return None
    try:
        found: object = msgpack.decode(data)
    except (DecodeError, RecursionError):
        return json_object(data, cookie)
    return found if is_object(found) else None
