"""Three processes of one bot on one database, the server that posts updates to them in turn, and gates in their way."""

import asyncio
import multiprocessing
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import TypeAlias, TypeVar

from aiohttp import web

from tests.bot_work import HOST, STOPPING, WORKER, Task
from typed_sessions import JsonObject, SessionModel, Sessions
from typed_sessions.key import KeyLike
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.bots import BotApi, Person
from typed_sessions.testing.bots.changes import Changes

M = TypeVar("M", bound=SessionModel)

WORKERS = 3
TIMEOUT = 60.0
PAUSES = [0.02] * 1000
"""Seconds, short and many, since a worker that is gone comes back, and one that was outrun tries again."""

SHUT = sys.maxsize

Program: TypeAlias = Callable[[Task], None]

# Workers are forked from a server that has imported all they need, which takes longer than all they do.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["pytest", "tests.bot_worker", "tests.bot_worker_telegram"])


class GateKeeper:
    """Lets workers pass where nobody holds them up. A gate is a name and the id of a chat."""

    def __init__(self) -> None:
        self.came: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        """The port of each worker that came to a gate."""
        self._needed: dict[tuple[str, int], int] = {}
        self._changes = Changes()
        application = web.Application()
        application.router.add_post("/{name}/{chat_id}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._runner.addresses[0][1]}"

    def hold(self, name: str, chat_id: int, *, until: int = SHUT) -> None:
        """Let nobody pass until so many have come."""
        self._needed[name, chat_id] = until

    async def open(self, name: str, chat_id: int) -> None:
        self._needed.pop((name, chat_id), None)
        await self._changes.notify()

    async def first(self, name: str, chat_id: int) -> int:
        """The port of the first worker that comes to a gate."""
        async with asyncio.timeout(TIMEOUT):
            await self._changes.until(lambda: bool(self.came[name, chat_id]))
        return self.came[name, chat_id][0]

    async def _serve(self, request: web.Request) -> web.Response:
        gate = request.match_info["name"], int(request.match_info["chat_id"])
        self.came[gate].append(int(request.headers[WORKER]))
        await self._changes.notify()
        await self._changes.until(lambda: len(self.came[gate]) >= self._needed.get(gate, 0))
        return web.Response()

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        yield
        await self._runner.cleanup()


class Worker:
    """A process that is up, or was."""

    def __init__(self, process: ForkServerProcess, said: Connection) -> None:
        self.process, self._said = process, said

    async def said(self) -> object:
        return await asyncio.to_thread(self._next)

    def _next(self) -> object:
        assert self._said.poll(TIMEOUT)
        return self._said.recv()

    async def ended(self) -> int | None:
        """Its exit code."""
        await asyncio.to_thread(self.process.join, TIMEOUT)
        self._said.close()
        return self.process.exitcode


class Crew:
    """The processes by the ports that they listen on. One that has ended comes back on the same port."""

    def __init__(self, program: Program, database: str, api: BotApi, gates: GateKeeper) -> None:
        self.api, self.gates = api, gates
        self.workers: dict[int, Worker] = {}
        self._program = program
        self._database = database
        self._ids = count(71001001)

    def person(self) -> Person:
        """Somebody new."""
        return Person(id=next(self._ids), first_name="Ada")

    async def start(self, port: int = 0) -> None:
        said, say = forks.Pipe(duplex=False)
        task = Task(self.api.url, self.api.token, self._database, self.gates.url, port, say)
        process = forks.Process(target=self._program, args=[task], daemon=True)
        await asyncio.to_thread(process.start)
        say.close()
        worker = Worker(process, said)
        self.workers[int(str(await worker.said()))] = worker

    async def complete(self) -> None:
        """Start those again that have ended."""
        ended = [port for port, worker in self.workers.items() if not worker.process.is_alive()]
        await asyncio.gather(*map(self.start, ended))

    async def kill(self, port: int) -> None:
        """End it at once, in the middle of whatever it does."""
        self.workers[port].process.kill()
        assert await self.workers[port].ended() == -signal.SIGKILL

    async def tell_to_stop(self, port: int) -> None:
        """Returns when it listens no more, but has not ended yet."""
        self.workers[port].process.terminate()
        assert await self.workers[port].said() == STOPPING

    async def deliver(self, path: str, *updates: JsonObject) -> None:
        """Post these updates to the workers in turn, all at once."""
        self.api.post_to(*(f"http://{HOST}:{port}/{path}" for port in self.workers))
        await self.api.deliver(*updates)

    async def until_taken(self, *updates: JsonObject) -> None:
        """Wait until each was answered with a 200."""
        await self.until_confirmed(*updates, number=len(updates))

    async def until_confirmed(self, *updates: JsonObject, number: int) -> None:
        """Wait until so many of them were."""
        async with asyncio.timeout(TIMEOUT):
            await self.api.until(lambda: len(self.confirmed(*updates)) >= number)

    def confirmed(self, *updates: JsonObject) -> set[int]:
        return {update["update_id"] for update in updates} & set(self.api.confirmed)

    async def stored(self, model: type[M], key: KeyLike) -> M:
        async with self.sessions() as sessions:
            return await sessions.load(model, key)

    def sessions(self) -> Sessions:
        """To be closed."""
        return Sessions(SQLAlchemyStore.from_url(self._database))


@asynccontextmanager
async def crew_of(program: Program, database: str) -> AsyncGenerator[Crew]:
    gates = GateKeeper()
    async with BotApi(pauses=PAUSES) as api, gates.at_work():
        crew = Crew(program, database, api, gates)
        try:
            await asyncio.gather(*(crew.start() for _ in range(WORKERS)))
            yield crew
        finally:
            for worker in crew.workers.values():
                worker.process.kill()
                await worker.ended()
