"""Where the old sessions are kept that have an id in their cookie."""

import inspect
from collections.abc import Awaitable
from typing import Protocol, TypeAlias

Found: TypeAlias = bytes | str | None


class OldPlace(Protocol):
    """Where a library keeps the sessions of the ids that it gave.

    What it raises, the request raises: that it does not answer is never taken for "no session".
    """

    async def get(self, id_: str, /) -> Found:
        """What is kept of the session, as it is; None if there is none, or it has expired."""
        ...

    async def delete(self, id_: str, /) -> None:
        """Delete it, if it is there."""
        ...


class Client(Protocol):
    """A client of Redis, or of what is like it: `redis.asyncio.Redis`, and for threads `redis.Redis`."""

    def get(self, name: str, /) -> Awaitable[Found] | Found: ...

    def delete(self, name: str, /) -> Awaitable[object] | object: ...


class InRedis:
    """Old sessions in Redis, or in any other client with `get` and `delete`.

    Args:
        client: an asynchronous one, because another would stop the event loop while it waits; for Flask one for
            threads.
        prefix: of the keys there, before the id: `session:` for flask-session, `starsessions.` for starsessions.
    """

    def __init__(self, client: Client, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def get(self, id_: str, /) -> Found:
        found = self._client.get(self._prefix + id_)
        return await found if inspect.isawaitable(found) else found

    async def delete(self, id_: str, /) -> None:
        deleted = self._client.delete(self._prefix + id_)
        if inspect.isawaitable(deleted):
            await deleted


async def bytes_at(place: OldPlace, id_: str, /) -> bytes | None:
    """What is kept there, as bytes."""
    found = await place.get(id_)
    return found.encode() if isinstance(found, str) else found
