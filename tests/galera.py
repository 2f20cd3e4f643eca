"""A cluster of MariaDB Galera on this machine, whose nodes may die without warning, stand still, and come back."""

import re
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Final

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from tests.empty_database import address
from tests.server_process import own, program, run, running, unprivileged
from tests.services import Installable, ServiceMissingError, installed
from tests.sql_servers import connected
from typed_sessions.migrations import upgrade

NODES: Final = 3
PATIENCE: Final = 90.0
"""Seconds that a node may take to join the others."""
GALERA: Final = Installable(
    name="Galera", package="mariadb-server galera-4 rsync", programs=("mariadb-install-db", "mariadbd", "rsync")
)
LIBRARIES: Final = ("usr/lib*/galera*/libgalera_smm.so", "usr/lib/*/galera*/libgalera_smm.so")
SYNC_WAIT: Final = {"init_command": "SET SESSION wsrep_sync_wait = 1"}
"""The query of a URL by which a node is read only once it has what the others have."""
RECOVERED: Final = re.compile(r"Recovered position: *(\S+)")
OPTIONS: Final = (
    "--wsrep-on=ON", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-sst-method=rsync",
    "--wsrep-cluster-name=typed-sessions", "--wsrep-node-address=127.0.0.1", "--bind-address=127.0.0.1",
    "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M",
    # Flushed each second: a node that dies leaves its commits to the others.
    "--innodb-flush-log-at-trx-commit=2",
)  # fmt: skip
# A node that dies is missed after three seconds instead of five.
PROVIDER_OPTIONS: Final = (
    "gcache.size=16M", "pc.recovery=false", "evs.keepalive_period=PT0.5S", "evs.suspect_timeout=PT3S",
    "evs.inactive_timeout=PT10S", "evs.install_timeout=PT10S",
)  # fmt: skip


class Node:
    """One server of a cluster.

    Args:
        folder: its own.
        library: of Galera.
        ports: where it listens to clients, to the other nodes, for what it missed while it was away, for all data.
        members: where all nodes listen to each other.
    """

    def __init__(self, folder: Path, library: Path, ports: Sequence[int], members: Sequence[int]) -> None:
        clients, nodes, missed, copies = ports
        listening = (f"gmcast.listen_addr=tcp://127.0.0.1:{nodes}", f"base_port={nodes}",
                     f"ist.recv_addr=127.0.0.1:{missed}")  # fmt: skip
        places = ",".join(f"127.0.0.1:{member}" for member in members)
        self.url: Final = f"mariadb://root@127.0.0.1:{clients}"
        """Names no database."""
        self._folder, self._user = folder, unprivileged("mysql")
        for place in (folder, folder / "data"):
            place.mkdir()
            own(place, self._user)
        self._command = (
            "mariadbd", "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}",
            f"--tmpdir={folder}", f"--port={clients}", f"--wsrep-provider={library}",
            f"--wsrep-cluster-address=gcomm://{places}", f"--wsrep-sst-receive-address=127.0.0.1:{copies}",
            f"--wsrep-provider-options={';'.join((*PROVIDER_OPTIONS, *listening))}", *OPTIONS,
        )  # fmt: skip
        self._life = ExitStack()
        self._process: Popen[str] | None = None

    def begin(self) -> None:
        """Start the first node of a cluster, on the data of a new server."""
        made = ["--auth-root-authentication-method=normal", "--skip-test-db", f"--datadir={self._folder / 'data'}"]
        # Each server clears away whatever temporary tables it finds where it begins.
        own_place = f"--tmpdir={self._folder}"
        run("mariadb-install-db", "--no-defaults", own_place, *made, folder=self._folder, user=self._user)
        self.start("--wsrep-new-cluster")

    def start(self, *options: str) -> None:
        """Start it on what data there is, and wait until it has what the others have."""
        # Nobody stops with grace: the others keep what is acknowledged.
        server = running(*self._command, *options, folder=self._folder, user=self._user, stop=signal.SIGKILL)
        self._process = self._life.enter_context(server)
        self.wait_until_synced()

    def come_back(self) -> None:
        """Start it after its death, so that it asks the others only for what it missed."""
        command = [program(self._command[0]) or "", *self._command[1:], "--wsrep-recover"]
        said = subprocess.run(command, check=True, cwd=self._folder, user=self._user, capture_output=True, text=True)
        found = RECOVERED.search(said.stdout + said.stderr)
        self.start(*([f"--wsrep-start-position={found[1]}"] if found else []))

    def wait_until_synced(self) -> None:
        """Wait until it serves its clients and has what the others have."""
        until(self._is_synced, f"{self.url} did not join the others")

    def _is_synced(self) -> bool:
        return self.status("wsrep_local_state_comment") == "Synced" and self.status("wsrep_ready") == "ON"

    def status(self, name: str) -> str:
        """One of its status variables; empty if it does not answer."""
        try:
            with connected(self.url) as connection:
                return str(connection.execute(text(f"SHOW GLOBAL STATUS LIKE '{name}'")).one()[1])
        except SQLAlchemyError:
            return ""

    def clients(self, name: str) -> int:
        """How many connections one of its databases has."""
        counted = text("SELECT count(*) FROM information_schema.processlist WHERE db = :name")
        with connected(self.url) as connection:
            return int(connection.execute(counted, {"name": name}).scalar_one())

    def database(self, name: str) -> URL:
        """The URL of one of its databases, without a driver."""
        return make_url(self.url).set(database=name)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self.resume()
        self._life.close()

    def pause(self) -> None:
        """Let it stand still: connections stay open and nothing answers."""
        self._tell(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._tell(signal.SIGCONT)

    def _tell(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextmanager
def galera() -> Generator[Sequence[Node]]:
    """Three nodes that know each other.

    Raises:
        ServiceMissingError: it is not installed.
    """
    library = next((found for place in LIBRARIES for found in Path("/").glob(place)), None)
    if library is None or not installed(GALERA):
        raise ServiceMissingError(GALERA)
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as name, ExitStack() as nodes_end:
        folder = Path(name)
        own(folder, unprivileged("mysql"))
        ports = [free_ports(4) for _ in range(NODES)]
        members = [nodes for _, nodes, _, _ in ports]
        nodes = [Node(folder / str(place), library, own_ports, members) for place, own_ports in enumerate(ports)]
        for node in nodes:
            nodes_end.callback(node.kill)
        nodes[0].begin()
        for node in nodes[1:]:
            node.start()
        yield nodes


def agree(nodes: Sequence[Node]) -> None:
    """Wait until all nodes are in the same cluster, and none is behind."""
    until(lambda: _are_together(nodes), "the nodes did not come together")
    for node in nodes:
        node.wait_until_synced()


def _are_together(nodes: Sequence[Node]) -> bool:
    asked = ("wsrep_cluster_size", "wsrep_cluster_conf_id", "wsrep_ready")
    said = {tuple(map(node.status, asked)) for node in nodes}
    return len(said) == 1 and said.pop()[0] == str(len(nodes))


def until(is_so: Callable[[], bool], complaint: str) -> None:
    """Wait for something that a server does in its own time."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} in time")
        time.sleep(0.05)


def database(nodes: Sequence[Node]) -> str:
    """The name of a new database with the table of sessions, which every node has."""
    name = f"typed_sessions_{secrets.token_hex(6)}"
    with connected(nodes[0].url) as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci"))
    upgrade(address(nodes[0].database(name).set(drivername="mariadb+pymysql")))
    for node in nodes:
        catch_up(node)
    return name


def catch_up(node: Node) -> None:
    """Wait until a node has what any other had before."""
    with connected(node.url) as connection:
        connection.execute(text("SET SESSION wsrep_sync_wait = 1"))
        connection.execute(text("SELECT count(*) FROM mysql.user")).one()


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, no two the same."""
    with ExitStack() as listeners:
        found = [listeners.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in found]
