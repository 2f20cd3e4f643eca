"""Who takes part, and how each is served: all by the same server, in one process."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.util import find_spec

from tests.architecture import ROOT
from tests.server_process import free_port

THREADS = 8
"""Of those that have a thread for each request."""

START_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """A library in an application."""

    name: str
    module: str
    interface: str
    table: str | None
    """Where it keeps its sessions; None for the browser."""
    needs: tuple[str, ...] = ()
    """Packages that it is made with."""

    @property
    def missing(self) -> list[str]:
        return [package for package in self.needs if find_spec(package) is None]


OURS = "typed-sessions, Starlette"
CONTESTANTS = (
    Contestant(OURS, "ours_starlette", "asgi", "typed_sessions", ("starlette",)),
    Contestant("typed-sessions, Litestar", "ours_litestar", "asgi", "typed_sessions", ("litestar",)),
    Contestant("typed-sessions, Flask", "ours_flask", "wsgi", "typed_sessions", ("flask",)),
    Contestant("Starlette, signed cookie", "starlette_cookie", "asgi", None, ("starlette", "itsdangerous")),
    Contestant("starsessions", "starsessions_sql", "asgi", "starsessions", ("starsessions",)),
    Contestant("litestar + advanced-alchemy", "litestar_sql", "asgi", "litestar_session", ("advanced_alchemy",)),
    Contestant("flask-session", "flask_session_sql", "wsgi", "sessions", ("flask_session", "flask_sqlalchemy")),
    Contestant("Django", "django_sql", "wsgi", "django_session", ("django",)),
)


@contextmanager
def served(contestant: Contestant, database_url: str, *, pause: float = 0.0) -> Generator[str]:
    """The URL of its application, on loopback.

    Args:
        contestant: which.
        database_url: of a PostgreSQL database of its own.
        pause: seconds between reading and writing.

    Raises:
        RuntimeError: it does not start.
    """
    port = free_port()
    threads = ["--blocking-threads", str(THREADS)] if contestant.interface == "wsgi" else []
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", contestant.interface, "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1", "--log-level", "error", *threads),
            f"tests.benchmarks.web.apps.{contestant.module}:app",
        ],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "BENCHMARK_PAUSE": str(pause)},
    )
    try:
        _wait(process, port, contestant)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, contestant: Contestant) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/anonymous")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError(f"{contestant.name} does not start")
