"""ASGI applications under real servers, on a free port of the loopback."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Literal, TypeAlias, cast, get_args

import hypercorn.asyncio
import hypercorn.typing
import uvicorn
from granian.constants import Interfaces
from granian.server.embed import Server as Granian

from tests.architecture import ROOT
from tests.server_process import free_port
from typed_sessions.integrations.asgi.types import ASGIApp

Server: TypeAlias = Literal["uvicorn", "hypercorn", "granian"]
SERVERS: tuple[Server, ...] = get_args(Server)

HOST = "127.0.0.1"
TIMEOUT = 30.0
GRACE = 5
"""Seconds that a server lets requests under way go on when it is stopped."""
PAUSE = 0.02


@contextmanager
def serving(
    app: ASGIApp | str, server: Server = "uvicorn", *, workers: int = 1, environment: Mapping[str, str] | None = None
) -> Generator[str]:
    """The URL of an application that is served as long as the block runs, such as `http://127.0.0.1:40001`.

    Args:
        app: an application, served by a thread with an event loop of its own; or where to import one, as
            `tests.some_app:app`, served by processes of their own.
        server: what serves it.
        workers: how many processes, of those of their own.
        environment: variables for them, beside our own.
    """
    if isinstance(app, str):
        with _processes(app, server, workers, environment or {}) as url:
            yield url
    else:
        with _thread(app, server) as url:
            yield url


@contextmanager
def _thread(app: ASGIApp, server: Server) -> Generator[str]:
    port, ended = free_port(), Future[None]()
    stop: Future[Callable[[], object]] = Future()

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with IN_THREAD[server](app, port):
            stop.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
            await stopping.wait()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 # the test is told
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = threading.Thread(target=work, name=server)
    thread.start()
    try:
        _await_port(port, ended.done)
        yield f"http://{HOST}:{port}"
    finally:
        if not ended.done():
            stop.result(TIMEOUT)()
        ended.result(TIMEOUT)
        thread.join()


@asynccontextmanager
async def _uvicorn(app: ASGIApp, port: int) -> AsyncGenerator[None]:
    # Frameworks write the types of ASGI in ways of their own.
    config = uvicorn.Config(cast("Callable[..., object]", app), host=HOST, port=port, log_config=None, access_log=False)
    config.timeout_graceful_shutdown = GRACE
    serving = uvicorn.Server(config)
    task = asyncio.create_task(serving.serve())
    yield
    serving.should_exit = True
    await task


@asynccontextmanager
async def _hypercorn(app: ASGIApp, port: int) -> AsyncGenerator[None]:
    config, stopping = hypercorn.Config(), asyncio.Event()
    config.bind, config.errorlog, config.graceful_timeout = [f"{HOST}:{port}"], None, GRACE
    serving = hypercorn.asyncio.serve(  # pyright: ignore[reportUnknownMemberType]  # of its WSGI, which is not used
        cast("hypercorn.typing.ASGIFramework", app), config, shutdown_trigger=stopping.wait, mode="asgi"
    )
    task = asyncio.create_task(serving)
    yield
    stopping.set()
    await task


@asynccontextmanager
async def _granian(app: ASGIApp, port: int) -> AsyncGenerator[None]:
    serving = Granian(app, HOST, port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(serving.serve())
    yield
    serving.stop()  # type: ignore[no-untyped-call]  # granian does not say what it returns
    await task


IN_THREAD: Mapping[Server, Callable[[ASGIApp, int], AbstractAsyncContextManager[None]]] = {
    "uvicorn": _uvicorn,
    "hypercorn": _hypercorn,
    "granian": _granian,
}

COMMANDS: Mapping[Server, tuple[str, ...]] = {
    "uvicorn": ("--host", HOST, "--log-level", "warning", "--timeout-graceful-shutdown", str(GRACE), "--port"),
    "hypercorn": ("--graceful-timeout", str(GRACE), "--log-level", "warning", "--bind"),
    "granian": ("--interface", "asgi", "--host", HOST, "--log-level", "warning", "--port"),
}


@contextmanager
def _processes(app: str, server: Server, workers: int, environment: Mapping[str, str]) -> Generator[str]:
    port = free_port()
    listens = f"{HOST}:{port}" if server == "hypercorn" else str(port)
    command = [sys.executable, "-m", server, app, "--workers", str(workers), *COMMANDS[server], listens]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            try:
                _await_port(port, lambda: process.poll() is not None)
            except ConnectionError as error:
                said.seek(0)
                raise ConnectionError(f"{server}: {said.read()}") from error
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_port(port: int, has_ended: Callable[[], bool]) -> None:
    """Wait until somebody listens there.

    Raises:
        ConnectionError: nobody does, after `TIMEOUT`, or because the server has ended.
    """
    until = time.monotonic() + TIMEOUT
    while True:
        try:
            socket.create_connection((HOST, port), TIMEOUT).close()
        except ConnectionRefusedError:
            if has_ended() or time.monotonic() > until:
                raise
            time.sleep(PAUSE)
        else:
            return
