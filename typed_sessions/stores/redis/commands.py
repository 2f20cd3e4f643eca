"""Commands as Redis reads them, and scripts that are sent by name first."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from typed_sessions.stores.redis.scripts import HOLD, PROBE, PRUNE, SAVE, Script

Command: TypeAlias = Sequence[bytes]
"""A command's name and its arguments."""

BY_DIGEST: Final = {script.digest: script for script in (SAVE, PRUNE, HOLD, PROBE)}
BY_NAME: Final = b"EVALSHA"


def called(script: Script, keys: Sequence[bytes], *arguments: bytes) -> Command:
    """A script by its name, which Redis may not know yet, or not any more."""
    return [BY_NAME, script.digest, b"%d" % len(keys), *keys, *arguments]


def in_full(command: Command) -> Command:
    """The same with the text of the script, so that Redis knows it from then on."""
    return [b"EVAL", BY_DIGEST[command[1]].text, *command[2:]]


def keys_in(command: Command) -> Sequence[bytes]:
    """The names that a script or a command on one key is about."""
    return command[3 : 3 + int(command[2])] if command[0] in {BY_NAME, b"EVAL"} else command[1:2]


def packed(commands: Iterable[Command]) -> bytes:
    """The commands as one message (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    words: list[bytes] = []
    for command in commands:
        words.append(b"*%d\r\n" % len(command))
        words += [b"$%d\r\n%b\r\n" % (len(word), word) for word in command]
    return b"".join(words)
