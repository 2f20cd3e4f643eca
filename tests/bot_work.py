"""What the bots in processes of their own share, whatever their framework: models, gates and a web server."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler, Middleware

from typed_sessions import SessionConfig, SessionModel

HOST = "127.0.0.1"
PORT = web.AppKey("port", int)
STOPPING = "stopping"
WORKER = "X-Worker"
"""The header in which a worker tells a gate its port."""
PATHS = ("exclusive", "plain", "background")
"""Of the webhooks: exclusive turns, plain ones, and exclusive ones whose update is taken before it is handled."""


class Tally(SessionModel):
    """Counts updates, each once, however often it is delivered."""

    session_config = SessionConfig(name="tally")

    count: int = 0
    updates: list[int] = []

    def add(self, update_id: int) -> None:
        if update_id not in self.updates:
            self.count += 1
            self.updates.append(update_id)


class Form(SessionModel):
    """Fields that may be filled in side by side."""

    session_config = SessionConfig(name="form")

    left: str = ""
    right: str = ""


class Pair(SessionModel):
    """Fields that belong together."""

    session_config = SessionConfig(name="pair", conflicts="raise")

    left: str = ""
    right: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is given. It says on which port it listens, and when it is stopping."""

    api_url: str
    token: str
    database: str
    gates_url: str
    port: int
    """To listen on; with 0 it chooses one."""
    said: Connection


class Gates:
    """Places in a worker's way at which the test may hold it up: `turn` has its session, `answer` has saved it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: ClientSession | None = None

    async def passed(self, name: str, chat_id: int) -> None:
        if self._client is not None:
            async with self._client.post(f"{self._url}/{name}/{chat_id}", raise_for_status=True):
                pass

    async def connected(self, application: web.Application) -> AsyncIterator[None]:
        """To be put among the `cleanup_ctx` of a web application."""
        async with ClientSession(headers={WORKER: str(application[PORT])}) as self._client:
            yield


def serve(application: web.Application, gates: Gates, task: Task) -> None:
    """Run it until SIGTERM. It says the port on which it listens, and `STOPPING` once it listens no more."""
    listening = socket.create_server((HOST, task.port))
    application[PORT] = listening.getsockname()[1]

    async def say_port(_: web.Application) -> None:
        task.said.send(application[PORT])

    async def say_stopping(_: web.Application) -> None:
        task.said.send(STOPPING)

    application.middlewares.append(gated(gates))
    application.cleanup_ctx.insert(0, gates.connected)
    application.on_startup.append(say_port)
    application.on_shutdown.insert(0, say_stopping)
    web.run_app(application, sock=listening, access_log=None, print=None)


def gated(gates: Gates) -> Middleware:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        update = await request.json()
        await gates.passed("answer", update["message"]["chat"]["id"])
        return response

    return answer
