"""The clients for threads. A fork is seen to by their pools."""

from collections.abc import Sequence
from typing import Any

from typed_sessions.stores.redis.commands import Command, packed
from typed_sessions.stores.redis.library import Redis, RedisCluster, errors


class ThreadServer:
    """One server, by connections of the client's pool; see `TaskServer`."""

    is_cluster = False

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._pool: Any = client.connection_pool  # untyped where it matters

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        message = packed(commands)
        connection = self._pool.get_connection()
        try:
            connection.send_packed_command([message])
            return [_reply(connection) for _ in commands]
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)

    async def servers(self) -> Sequence[Any]:
        return [None]

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401, ARG002 # there is but one
        [reply] = await self.send([command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        self._client.close()
        self._pool.disconnect()


def _reply(connection: Any) -> Any:  # noqa: ANN401 # redis-py's own
    try:
        return connection.read_response(disable_decoding=True)
    except errors.ResponseError as error:
        return error


class ThreadCluster:
    """A Redis Cluster: one command after the other."""

    is_cluster = True

    def __init__(self, client: RedisCluster) -> None:
        self._client: Any = client  # untyped where it matters

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        return [self._alone(command) for command in commands]

    def _alone(self, command: Command) -> Any:  # noqa: ANN401 # the command says what it is
        try:
            return self._client.execute_command(command[0].decode(), *command[1:], NEVER_DECODE=True)
        except errors.ResponseError as error:
            return error

    async def servers(self) -> Sequence[Any]:
        nodes: Sequence[Any] = self._client.get_primaries()
        return nodes

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401 # redis-py's own
        # Not by the client, which takes the answers of several nodes together.
        node = self._client.get_redis_connection(server)
        return node.execute_command(command[0].decode(), *command[1:], NEVER_DECODE=True)

    async def close(self) -> None:
        self._client.close()
