"""A database server as a child process: its program, its user, its port, its life."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwall
from typing import IO

TIMEOUT = 60.0
FOLDERS = ("usr/local/sbin", "usr/sbin", "usr/lib/postgresql/*/bin", "usr/local/pgsql/bin")
READY = re.compile(r"ready (to accept|for) connections|process up: PgBouncer|secantus listening on", re.IGNORECASE)


def program(name: str, /) -> str | None:
    """The path of an installed program; of the newest, where versions lie side by side."""
    folders = [str(folder) for pattern in FOLDERS for folder in sorted(Path("/").glob(pattern), reverse=True)]
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))


def unprivileged(name: str, /) -> str | None:
    """That user or `nobody` if we are root, since database servers refuse to run as root; else None: ourselves."""
    users = {entry.pw_name for entry in getpwall()}
    return None if os.geteuid() else name if name in users else "nobody"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def own(folder: Path, user: str | None) -> None:
    """Hand the folder to the user that a server in it will run as."""
    if user is not None:
        shutil.chown(folder, user)


def run(*command: str, folder: Path, user: str | None) -> None:
    """Run a program to its end. Raises RuntimeError with what it said if it failed."""
    done = subprocess.run(_located(command), check=False, cwd=folder, user=user, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def running(
    *command: str, folder: Path, user: str | None, stop: signal.Signals = signal.SIGTERM
) -> Generator[subprocess.Popen[str]]:
    """A server, from its word that it is ready to the end of the block.

    Raises:
        RuntimeError: it ended at once; with what it said.
        TimeoutError: it was not ready in time.
    """
    process = subprocess.Popen(
        _located(command),
        cwd=folder,
        user=user,
        env={**os.environ, "LC_ALL": "C"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        _listening(process).result(TIMEOUT)
        yield process
    finally:
        process.send_signal(stop)
        process.wait(TIMEOUT)


def _located(command: tuple[str, ...]) -> list[str]:
    return [program(command[0]) or command[0], *command[1:]]


def _listening(process: subprocess.Popen[str]) -> Future[None]:
    """Done once the server says that it is ready. It is listened to until it ends, lest it block on a full pipe."""
    ready: Future[None] = Future()
    said: list[str] = []

    def listen(output: IO[str]) -> None:
        with output:
            for line in output:
                said.append(line)
                if READY.search(line) and not ready.done():
                    ready.set_result(None)
        if not ready.done():
            ready.set_exception(RuntimeError(f"{process.args!r} ended at once:\n{''.join(said)}"))

    threading.Thread(target=listen, args=[process.stdout], daemon=True).start()
    return ready
