"""MongoDB: a server found by its URL, or an engine that speaks its protocol, started for the run.

No package of Debian's or of an index brings MongoDB itself, so what is started is SecantusDB, which keeps data in
MongoDB's own storage engine (WiredTiger) and answers as a replica set of one, or as a server that stands alone.
"""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.killable import Killable
from tests.server_process import free_port, running
from tests.services import Installable, ServiceMissingError

VARIABLE = "TYPED_SESSIONS_TEST_MONGODB_URL"
USUAL = "mongodb://127.0.0.1:27017"
CONNECT_TIMEOUT_MS = 2000


@dataclass(frozen=True, slots=True)
class Engine(Installable):
    """A server that pip installs."""

    @property
    def ways(self) -> str:
        return f"start it as a replica set on its usual port, set {VARIABLE}, or install {self.package} with pip"


ENGINE = Engine(name="MongoDB", package="secantusdb", programs=())


def has_transactions(url: str, /) -> bool:
    """Whether a server answers there that is a replica set or a cluster."""
    try:
        with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=CONNECT_TIMEOUT_MS) as client:
            hello = client.admin.command("hello")
    except PyMongoError:
        return False
    return "setName" in hello or hello.get("msg") == "isdbgrid"


def real_url() -> str | None:
    """The URL of a real server, if there is one."""
    return os.environ.get(VARIABLE) or (USUAL if has_transactions(USUAL) else None)


def laid_out(folder: Path, *options: str, port: int | None = None) -> tuple[tuple[str, ...], str]:
    """The command of an engine with its data in the folder, and its URL. Each commit is written through to the disk.

    Raises:
        ServiceMissingError: it is not installed.
    """
    if find_spec("secantus") is None:
        raise ServiceMissingError(ENGINE)
    port = port or free_port()
    command = ("-m", "secantus", "--port", str(port), "--storage-path", str(folder / "data"), "--sync-on-commit")
    return (sys.executable, *command, *options), f"mongodb://127.0.0.1:{port}"


@contextmanager
def started(*options: str) -> Generator[str]:
    """An engine for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as name:
        command, url = laid_out(Path(name), *options)
        with running(*command, folder=Path(name), user=None, stop=signal.SIGKILL):
            yield url


@contextmanager
def server() -> Generator[str]:
    """The URL of a server with transactions: a real one, or an engine."""
    found = real_url()
    if found is not None:
        yield found
        return
    with started() as url:
        yield url


@contextmanager
def database(url: str, /) -> Generator[str]:
    """The URL of a database that no other run uses; dropped at the end."""
    name = f"typed_sessions_{secrets.token_hex(8)}"
    try:
        yield with_database(url, name)
    finally:
        with suppress(PyMongoError), MongoClient[dict[str, object]](url, timeoutMS=CONNECT_TIMEOUT_MS) as client:
            client.drop_database(name)


@contextmanager
def own_database() -> Generator[str]:
    """The URL of a new, empty database, on whatever server can be had."""
    with server() as url, database(url) as own_url:
        yield own_url


def with_database(url: str, name: str) -> str:
    """The URL, with the name of a database. Its user stays that of the database that it named, or of `admin`."""
    scheme, hosts, path, query, _ = urlsplit(url)
    if "@" in hosts and "authsource=" not in query.lower():
        query = "&".join(filter(None, [query, f"authSource={path.strip('/') or 'admin'}"]))
    return urlunsplit((scheme, hosts, name, query, ""))


class KillableMongo(Killable):
    """An engine of one's own that may die without warning, stand still, and come back with the data that it had."""

    def __init__(self, folder: Path) -> None:
        # What it is told in good order it may never do, once it stood still.
        self._folder, self._user, self._stop = folder, None, signal.SIGKILL
        command, self.url = laid_out(folder, "--enable-test-commands")
        self._command = list(command)
        self._life = ExitStack()
        self._process = None


@contextmanager
def killable() -> Generator[KillableMongo]:
    """Such an engine, which runs."""
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as name:
        server = KillableMongo(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()
