"""How commands come to Redis and replies back: what the rest of the store asks for. One kind for each client."""

from collections.abc import Sequence
from typing import Any, Protocol

from typed_sessions.stores.redis.commands import BY_NAME, Command, in_full
from typed_sessions.stores.redis.library import errors


class Wire(Protocol):
    """A way to one server or to all of a cluster. For threads nothing here is waited for, it blocks."""

    is_cluster: bool
    """Whether keys lie in slots, of which a command may touch one only."""

    async def send(self, commands: Sequence[Command], /) -> Sequence[Any]:
        """The reply to each command, bytes undecoded. An error that Redis replied is a reply.

        Raises:
            RedisError, OSError: there was no reply, and what became of the commands is unknown.
        """
        ...

    async def servers(self) -> Sequence[Any]:
        """Those that keep data, for `send_to`."""
        ...

    async def send_to(self, server: Any, command: Command, /) -> Any:  # noqa: ANN401 # redis-py's own
        """The reply of one of the servers. Raises as `send`, and what Redis replied."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


async def ask(wire: Wire, commands: Sequence[Command]) -> list[Any]:
    """The replies to the commands. A script that Redis does not know is sent in full: nothing of it was done."""
    replies = list(await wire.send(commands))
    unknown = [place for place, reply in enumerate(replies) if isinstance(reply, errors.NoScriptError)]
    if unknown:
        again = [commands[place] for place in unknown]
        in_text = [in_full(command) if command[0] == BY_NAME else command for command in again]
        for place, reply in zip(unknown, await wire.send(in_text), strict=True):
            replies[place] = reply
    return replies


async def ask_one(wire: Wire, command: Command) -> Any:  # noqa: ANN401 # the command says what it is
    """The reply to a command. Raises what Redis replied, if that is an error."""
    [reply] = await ask(wire, [command])
    if isinstance(reply, Exception):
        raise reply
    return reply
