"""starsessions: the data is on the server, in JSON."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from typed_sessions.clock import Clock, utc_now
from typed_sessions.history import JsonObject
from typed_sessions.integrations.takeover.into import Into, taken
from typed_sessions.integrations.takeover.payload import json_object
from typed_sessions.integrations.takeover.places import OldPlace, bytes_at
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.takeover import Taken
from typed_sessions.json_kinds import is_object

LIFETIME = timedelta(days=30)

_ID = re.compile(r"[0-9a-f]{32}\Z")
_METADATA = "__metadata__"


class OldStore(Protocol):
    """A `SessionStore` of starsessions."""

    async def read(self, session_id: str, lifetime: int) -> bytes: ...

    async def remove(self, session_id: str) -> None: ...


class InStore:
    """Old sessions in a store that starsessions' middleware had, whichever.

    Args:
        store: the object that the middleware was given. (`InRedis` reads what its `RedisStore` wrote without it.)
    """

    def __init__(self, store: OldStore) -> None:
        self._store = store

    async def get(self, id_: str, /) -> bytes | None:
        return await self._store.read(id_, 0) or None

    async def delete(self, id_: str, /) -> None:
        await self._store.remove(id_)


class StarsessionsTakeover:
    """Takes over the sessions of starsessions. For those in its `CookieStore` there is `StarletteTakeover`.

    Only ids that it made itself are looked for: it adopts whatever id a browser sends.

    Args:
        place: where it kept them: `InStore(store)`, or `InRedis(client, prefix="starsessions.")`.
        into: makes of the data what is to be kept.
        deserialize: that of the middleware's `serializer`, if it had one.
        cookie: the old cookie: `cookie_name`, `cookie_path`, `cookie_domain`, and `secure` for `cookie_https_only`.
        lifetime: how long an old session lived at most.
        clock: the time that its end is compared with.
    """

    is_unique = True

    def __init__(
        self,
        place: OldPlace,
        *,
        into: Into,
        deserialize: Callable[[bytes], JsonObject] | None = None,
        cookie: Cookie = Cookie(name="session"),
        lifetime: timedelta = LIFETIME,
        clock: Clock = utc_now,
    ) -> None:
        self.cookie, self.lifetime = cookie, lifetime
        self._place = place
        self._into = into
        self._deserialize = deserialize
        self._clock = clock

    def name(self, value: str, /) -> str | None:
        return value if _ID.match(value) else None

    async def take(self, name: str, /) -> Taken | None:
        data = await bytes_at(self._place, name)
        if not data:
            return None
        old = self._deserialize(data) if self._deserialize is not None else json_object(data, self.cookie.name)
        if old is None or not self._is_alive(old.pop(_METADATA, None)):
            return None
        return await taken(self, self._into, old)

    async def forget(self, name: str, /) -> None:
        await self._place.delete(name)

    def _is_alive(self, metadata: object) -> bool:
        """Whether it was used within its lifetime. Its memory store keeps sessions for ever; 0 is no end."""
        if not is_object(metadata) or not metadata.get("lifetime"):
            return True
        last = datetime.fromtimestamp(metadata["last_access"], UTC)
        return self._clock() < last + timedelta(seconds=metadata["lifetime"])
