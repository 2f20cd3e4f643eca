"""A server of one's own that may die without warning, stand still, and come back with the data that it had."""

import os
import select
import signal
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

from tests.server_process import TIMEOUT, running, unprivileged
from tests.services import MARIADB, POSTGRESQL, Service, ServiceMissingError, installed
from tests.sql_servers import laid_out_mariadb, laid_out_postgresql

# The user that each runs as, and the signal at which it stops without waiting for its clients.
SERVERS = {
    POSTGRESQL.name: (laid_out_postgresql, "postgres", signal.SIGINT),
    MARIADB.name: (laid_out_mariadb, "mysql", signal.SIGTERM),
}


class Killable:
    """A server that writes each commit through to the disk before it says so."""

    def __init__(self, service: Service, folder: Path) -> None:
        lay_out, user, self._stop = SERVERS[service.name]
        self._folder, self._user = folder, unprivileged(user)
        self._command, url = lay_out(folder)
        self.url = url
        """Names a database that is always there, or none."""
        self._life = ExitStack()
        self._process: Popen[str] | None = None

    def start(self) -> None:
        """Start it, on the data that is there."""
        server = running(*self._command, folder=self._folder, user=self._user, stop=self._stop)
        self._process = self._life.enter_context(server)

    def kill(self) -> None:
        """End it and all its children at once, in the middle of whatever they do."""
        # Standing still, it makes no more children, and none of them goes before it is watched.
        ends = [os.pidfd_open(pid) for pid in self._signal(signal.SIGSTOP)]
        self._signal(signal.SIGKILL)
        for end in ends:
            # Until the last is gone, no other may have its data.
            select.select([end], [], [], TIMEOUT)
            os.close(end)
        self._life.close()

    def pause(self) -> None:
        """Let it stand still: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order."""
        self.resume()
        self._life.close()

    def _signal(self, number: signal.Signals) -> list[int]:
        """Tell it and its children, which are told one by one because PostgreSQL's are no group; say which."""
        if self._process is None or self._process.poll() is not None:
            return []
        self._process.send_signal(signal.SIGSTOP)
        told = [pid for pid in _children(self._process.pid) if _is_told(pid, number)]
        self._process.send_signal(number)
        return told


@contextmanager
def killable(service: Service) -> Generator[Killable]:
    """A server that runs.

    Raises:
        ServiceMissingError: its programs are not installed.
    """
    if not installed(service):
        raise ServiceMissingError(service)
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as folder:
        server = Killable(service, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _is_told(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False  # it has just ended
    return True


def _children(pid: int) -> list[int]:
    stats = (entry for entry in Path("/proc").glob("[0-9]*/stat"))
    return [int(stat.parent.name) for stat in stats if _parent(stat) == pid]


def _parent(stat: Path) -> int:
    try:
        # The name of a program may hold spaces and brackets: the fields after it begin behind the last bracket.
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it has just ended
