"""Redis: whether it answers, a server of our own, a numbered database of our own."""

import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from tests.server_process import free_port, own, running, unprivileged

CONNECT_TIMEOUT = 5.0
NUMBERS = range(1, 16)
CLAIM_SECONDS = 4 * 60 * 60


def ask(url: str, /, *commands: str) -> list[str]:
    """The one-line replies to commands, such as `+OK`, `:0`, `$-1`.

    Raises:
        OSError: the server cannot be reached.
        RuntimeError: it refused a command.
    """
    address = urlsplit(url)
    login = [f"AUTH {address.username or 'default'} {address.password}"] if address.password else []
    server = address.hostname or "127.0.0.1", address.port or 6379
    with socket.create_connection(server, CONNECT_TIMEOUT) as connection, connection.makefile("rw") as stream:
        return [_reply(stream, command) for command in (*login, *commands)][len(login) :]


def _reply(stream: TextIO, command: str) -> str:
    stream.write(f"{command}\r\n")
    stream.flush()
    return _accepted(stream.readline().strip(), command)


def _accepted(reply: str, command: str) -> str:
    if not reply or reply.startswith("-"):
        raise RuntimeError(f"Redis refused {command.split(maxsplit=1)[0]}: {reply}")
    return reply


def answers(url: str, /) -> bool:
    try:
        return ask(url, "PING") == ["+PONG"]
    except (OSError, RuntimeError):
        return False


@contextmanager
def serve(folder: Path, /) -> Generator[str]:
    """A server of our own that keeps its data in memory."""
    user, port = unprivileged("redis"), free_port()
    own(folder, user)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running("redis-server", *options, folder=folder, user=user):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def database(url: str, /) -> Generator[str]:
    """An empty numbered database that no other run uses; emptied at the end."""
    number = _claimed(url, secrets.token_hex(8))
    try:
        yield urlsplit(url)._replace(path=f"/{number}").geturl()
    finally:
        ask(url, f"SELECT {number}", "FLUSHDB", "SELECT 0", f"DEL {_claim(number)}")


def _claimed(url: str, token: str) -> int:
    # Redis has no CREATE DATABASE; a key in database 0 says which number is taken, and expires should we be killed.
    for number in NUMBERS:
        is_empty = ask(url, f"SELECT {number}", "DBSIZE")[-1] == ":0"
        if is_empty and ask(url, f"SET {_claim(number)} {token} NX EX {CLAIM_SECONDS}") == ["+OK"]:
            return number
    raise RuntimeError(f"all databases of {url} are in use; empty one of 1 to 15 (redis-cli -n 1 FLUSHDB)")


def _claim(number: int) -> str:
    return f"typed-sessions-tests:claim:{number}"
