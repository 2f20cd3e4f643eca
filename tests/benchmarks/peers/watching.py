"""What a library sends to its database: seen on the wire, whatever its language and driver."""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name

from sqlalchemy import URL, make_url

from tests.empty_database import address

# https://www.postgresql.org/docs/current/protocol-message-formats.html
ENCRYPTION_REQUESTS = {80877103, 80877104}
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b|^(SET|SETEX|PSETEX|DEL|EVAL|EVALSHA)\b", re.IGNORECASE)
READS = re.compile(r"^\s*(SELECT|GET|MGET|EXISTS|WITH)\b", re.IGNORECASE)
TRANSACTIONS = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|START)\b", re.IGNORECASE)


def summary(statements: list[str]) -> str:
    """Such as `1 read, 2 writes, 4 for transactions`."""
    counts = Counter(_kind(statement) for statement in statements)
    named = [("read", "reads"), ("write", "writes"), ("for transactions",) * 2, ("other", "others")]
    parts = [f"{counts[one]} {one if counts[one] == 1 else many}" for one, many in named if counts[one]]
    return ", ".join(parts) or "nothing"


def _kind(statement: str) -> str:
    if WRITES.search(statement):
        return "write"
    if READS.match(statement):
        return "read"
    return "for transactions" if TRANSACTIONS.match(statement) else "other"


@dataclass(slots=True)
class Wire:
    """One connection to PostgreSQL, as its client speaks; `said` is shared by all."""

    said: list[str]
    statements: dict[bytes, str] = field(default_factory=dict[bytes, str])
    portals: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])

    def hear(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"Q":
                self.said.append(body.rstrip(b"\0").decode())
            case b"P":
                name, query, _ = body.split(b"\0", 2)
                self.statements[name] = query.decode()
            case b"B":
                portal, statement, _ = body.split(b"\0", 2)
                self.portals[portal] = statement
            case b"E":
                self.said.append(self.statements[self.portals[body.split(b"\0", 1)[0]]])
            case _:
                pass


@contextmanager
def watched_postgresql(url: str) -> Generator[tuple[str, list[str]]]:
    """The URL of a proxy, in a thread of its own, and what is said through it."""
    server, said = make_url(url), list[str]()
    ready: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_listen(server, said, ready)))
    thread.start()
    port, stop = ready.result()
    try:
        yield address(server.set(host="127.0.0.1", port=port)), said
    finally:
        stop()
        thread.join()


async def _listen(server: URL, said: list[str], ready: "Future[tuple[int, Callable[[], object]]]") -> None:
    """Until it is stopped. Tells its port, and how to stop it."""

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        upstream, requests = await asyncio.open_connection(server.host or "127.0.0.1", server.port or 5432)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pipe(upstream, answers))
                group.create_task(_overheard(client, answers, requests, Wire(said)))
        except* (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            requests.close()
            answers.close()

    loop, over = asyncio.get_running_loop(), asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        ready.set_result((listener.sockets[0].getsockname()[1], partial(loop.call_soon_threadsafe, over.set)))
        await over.wait()


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while some := await source.read(65536):
        target.write(some)
    # Some clients wait until the server hangs up.
    target.close()


async def _overheard(
    client: asyncio.StreamReader, answers: asyncio.StreamWriter, requests: asyncio.StreamWriter, wire: Wire
) -> None:
    while True:
        head, body = await _message(client, prefix=0)
        if int.from_bytes(body[:4]) not in ENCRYPTION_REQUESTS:
            requests.write(head + body)
            break
        answers.write(b"N")
    while True:
        head, body = await _message(client, prefix=1)
        wire.hear(head[:1], body)
        requests.write(head + body)


async def _message(client: asyncio.StreamReader, *, prefix: int) -> tuple[bytes, bytes]:
    head = await client.readexactly(prefix + 4)
    return head, await client.readexactly(int.from_bytes(head[prefix:]) - 4)


@asynccontextmanager
async def watched_redis(url: str) -> AsyncGenerator[tuple[str, list[str]]]:
    """The URL itself, and the commands that its database is given."""
    said: list[str] = []
    number = int(str(make_url(url).database or 0))
    async with resolve_name("redis.asyncio:Redis").from_url(url) as client, client.monitor() as monitor:

        async def listen() -> None:
            commands = (command async for command in monitor.listen() if command["db"] == number)
            async for command in commands:
                said.append(command["command"])  # noqa: PERF401  # each is seen as it comes

        listening = asyncio.ensure_future(listen())
        yield url, said
        listening.cancel()
