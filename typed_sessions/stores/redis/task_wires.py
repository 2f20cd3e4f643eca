"""The clients for asyncio."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol, TypeVar

from typed_sessions.errors import StoreUnavailableError
from typed_sessions.stores.redis.commands import Command, keys_in, packed
from typed_sessions.stores.redis.library import AsyncRedis, AsyncRedisCluster, errors
from typed_sessions.stores.redis.wires import Wire
from typed_sessions.stores.sqlalchemy.leases import finished

T = TypeVar("T")

SHARED: Final = 2
"""Connections that loads and saves which come together may keep for a while; one more must be left for others."""
IDLE: Final = 0.005
"""Seconds after which a connection that is kept is looked at before it is used."""


class TaskWire(Wire, Protocol):
    """A client for asyncio."""

    def leased(self) -> AbstractAsyncContextManager[Wire]:
        """The same way, on a connection that is kept for the time of the block, if there are enough."""
        ...

    def forget(self, *, is_forked: bool) -> None:
        """Let go of connections that are not ours any more.

        Args:
            is_forked: another process still uses them. Otherwise their event loop is closed.
        """


class TaskServer:
    """One server, by connections of the client's pool.

    What the client sends by itself takes longer, and is sent again after an error, when it may have been done.
    """

    is_cluster = False

    def __init__(self, client: AsyncRedis) -> None:
        self._client = client
        self._pool: Any = client.connection_pool  # untyped where it matters
        self._forgotten: list[Any] = []

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        async with self._connection() as connection:
            return await _exchange(connection, commands)

    @asynccontextmanager
    async def leased(self) -> AsyncGenerator[Wire]:
        if self._pool.max_connections <= SHARED:
            yield self
        else:
            async with self._connection() as connection:
                yield TaskConnection(self._pool, connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        connection = await self._pool.get_connection()
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    async def servers(self) -> Sequence[Any]:
        return [None]

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401, ARG002 # there is but one
        return _raised((await self.send([command]))[0])

    def forget(self, *, is_forked: bool) -> None:
        if is_forked:
            # Kept, because one that is collected closes its socket, which the other process still uses.
            self._forgotten += [*self._pool._available_connections, *self._pool._in_use_connections]  # noqa: SLF001 # no public way
        self._pool.reset()
        # What waits inside belongs to the event loop that waited first.
        for name, kind in (("_lock", asyncio.Lock), ("_condition", asyncio.Condition)):
            if hasattr(self._pool, name):
                setattr(self._pool, name, kind())

    async def close(self) -> None:
        await self._client.aclose()
        await self._pool.disconnect()


class TaskConnection:
    """One connection of a server, for a while."""

    is_cluster = False

    def __init__(self, pool: Any, connection: Any) -> None:  # noqa: ANN401 # untyped where it matters
        self._pool = pool
        self._connection = connection
        self._used_at = time.monotonic()

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        if time.monotonic() - self._used_at > IDLE:
            # Closed by the server, as long as nothing is on its way, it is opened anew.
            await self._pool.ensure_connection(self._connection)
        replies = await _exchange(self._connection, commands)
        self._used_at = time.monotonic()
        return replies

    async def servers(self) -> Sequence[Any]:
        return [None]

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401, ARG002 # there is but one
        return _raised((await self.send([command]))[0])

    async def close(self) -> None:
        """Nothing: it goes back to the pool."""


async def _exchange(connection: Any, commands: Sequence[Command]) -> Sequence[Any]:  # noqa: ANN401 # redis-py's own
    try:
        await connection.send_packed_command([packed(commands)])
        return [await _reply(connection) for _ in commands]
    except BaseException:
        # The replies that are still to come must not be taken for those of the next one.
        await connection.disconnect(nowait=True)
        raise


def _raised(reply: Any) -> Any:  # noqa: ANN401 # the command says what it is
    if isinstance(reply, Exception):
        raise reply
    return reply


async def _reply(connection: Any) -> Any:  # noqa: ANN401 # redis-py's own
    try:
        return await connection.read_response(disable_decoding=True)
    except errors.ResponseError as error:
        return error


class TaskCluster:
    """A Redis Cluster: what lies on one node goes there together."""

    is_cluster = True

    def __init__(self, client: AsyncRedisCluster) -> None:
        self._client: Any = client  # untyped where it matters

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        await self._client.initialize()
        if len(commands) == 1:
            return [await self._alone(commands[0])]
        places: dict[str, list[int]] = {}
        for place, command in enumerate(commands):
            node = self._client.get_node_from_key(keys_in(command)[0])
            places.setdefault(node.name, []).append(place)
        replies: list[Any] = [None] * len(commands)
        some = [[commands[place] for place in each] for each in places.values()]
        # One node that is down must not fail what lies on the others.
        answers = await asyncio.gather(*map(self._together, some), return_exceptions=True)
        for each, answer in zip(places.values(), answers, strict=True):
            for number, place in enumerate(each):
                replies[place] = answer if isinstance(answer, BaseException) else answer[number]
        return replies

    async def _alone(self, command: Command) -> Any:  # noqa: ANN401 # the command says what it is
        try:
            return await self._client.execute_command(command[0].decode(), *command[1:], NEVER_DECODE=True)
        except errors.ResponseError as error:
            return error

    async def _together(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._client.pipeline()
        for command in commands:
            pipeline.execute_command(command[0].decode(), *command[1:], NEVER_DECODE=True)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies

    async def servers(self) -> Sequence[Any]:
        await self._client.initialize()
        nodes: Sequence[Any] = self._client.get_primaries()
        return nodes

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401 # redis-py's own
        # Not by the client, which takes the answers of several nodes together.
        return await server.execute_command(command[0].decode(), *command[1:], NEVER_DECODE=True)

    @asynccontextmanager
    async def leased(self) -> AsyncGenerator[Wire]:
        yield self

    def forget(self, *, is_forked: bool) -> None:  # noqa: ARG002 # it does not matter
        raise StoreUnavailableError(
            "the connections of a RedisCluster belong to the process and event loop that made them; "
            "make a store for each"
        )

    async def close(self) -> None:
        await self._client.aclose()


class Home:
    """The process and the event loop to which the connections of a client belong."""

    def __init__(self, wire: TaskWire) -> None:
        self._wire = wire
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()
        self.number = 0
        """Another one in every home."""

    def settle(self) -> None:
        """Forget the connections of a closed loop or of the process that this one was forked from.

        Raises:
            StoreUnavailableError: another loop, which is not closed, has the connections.
        """
        loop = asyncio.get_running_loop()
        if self._loop is loop and self._process == os.getpid():
            return
        if self._loop is not None and not self.is_gone():
            raise StoreUnavailableError(
                "the store is in use on another event loop, to which its connections belong; make one for each loop"
            )
        if self._loop is not None:
            self._wire.forget(is_forked=self._process != os.getpid())
        self._loop, self._process = loop, os.getpid()
        self.number += 1

    def is_gone(self) -> bool:
        """Whether the loop was closed, or is another process's: nothing of it can be closed or waited for from here."""
        return self._loop is not None and (self._loop.is_closed() or self._process != os.getpid())


class Finishing:
    """The same way for one who may be cancelled: what was sent is waited for, in the time that there is.

    Args:
        wire: the way.
        home: where its connections belong.
        timeout: seconds for each command.
    """

    def __init__(self, wire: TaskWire, home: Home, timeout: float) -> None:
        self._wire = wire
        self._home = home
        self._timeout = timeout
        self.is_cluster = wire.is_cluster

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        return await self._finish(self._wire.send(commands))

    async def servers(self) -> Sequence[Any]:
        return await self._finish(self._wire.servers())

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401 # redis-py's own
        return await self._finish(self._wire.send_to(server, command))

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        return await finished(self._limited(work))

    async def _limited(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            self._home.settle()
        except BaseException:
            work.close()
            raise
        async with asyncio.timeout(self._timeout):
            return await work

    async def close(self) -> None:
        if not self._home.is_gone():
            await self._wire.close()
