"""A Redis Cluster of our own on loopback, of three primaries and as many replicas as asked for."""

import signal
import socket
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

from tests.redis_server import ask
from tests.server_process import TIMEOUT, free_port, own, running, unprivileged
from tests.services import REDIS, ServiceMissingError, installed

PRIMARIES = 3
SLOTS = 16384
NODE_TIMEOUT = 1000
"""Milliseconds after which a node that does not answer is taken for dead."""
GLANCE = 0.05
BUS = 10000
"""What is added to a node's port for the one on which nodes talk to each other."""


class RedisCluster:
    """The nodes. Each may be killed; what it kept is gone then."""

    def __init__(self, folder: Path, replicas: int) -> None:
        self._life = ExitStack()
        self._processes: dict[int, Popen[str]] = {}
        self._folder = folder
        try:
            self.ports = [self._start() for _ in range(PRIMARIES + replicas)]
            self._join()
        except BaseException:
            self._life.close()
            raise

    @property
    def url(self) -> str:
        """Of a node that runs, for a store."""
        return f"redis+cluster://127.0.0.1:{self.living[0]}"

    @property
    def client_url(self) -> str:
        """The same for a client of redis-py."""
        return address(self.living[0])

    @property
    def living(self) -> list[int]:
        """The ports of the nodes that run."""
        return [port for port in self.ports if self._processes[port].poll() is None]

    def primaries(self) -> list[int]:
        """The ports of the primaries that run."""
        return [port for port in self.living if b"role:master" in said(port, "INFO replication")]

    def first_primary_of(self, slot: int) -> int:
        """The port of the node that got this slot at the beginning."""
        return self.ports[slot * PRIMARIES // SLOTS]

    def kill(self, port: int) -> None:
        """End a node at once."""
        self._processes[port].kill()
        self._processes[port].wait(TIMEOUT)

    def flush(self) -> None:
        """Delete whatever is kept."""
        for port in self.primaries():
            ask(address(port), "FLUSHALL")

    def forget_scripts(self) -> None:
        """Let every primary forget the scripts that it knows."""
        for port in self.primaries():
            ask(address(port), "SCRIPT FLUSH")

    def wait_until_it_serves(self) -> None:
        """Until every node that runs knows a primary for each slot."""
        wait_until(lambda: all(b"cluster_state:ok" in said(port, "CLUSTER INFO") for port in self.living))

    def stop(self) -> None:
        self._life.close()

    def _start(self) -> int:
        port = _free_port_with_bus()
        user = unprivileged("redis")
        folder = self._folder / str(port)
        folder.mkdir()
        own(folder, user)
        options = {
            "port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "cluster-enabled": "yes",
            "cluster-node-timeout": NODE_TIMEOUT, "repl-diskless-sync-delay": 0,
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        server = running("redis-server", *words, folder=folder, user=user, stop=signal.SIGKILL)
        self._processes[port] = self._life.enter_context(server)
        return port

    def _join(self) -> None:
        first = self.ports[0]
        for number, port in enumerate(self.ports[:PRIMARIES]):
            start, end = -(-number * SLOTS // PRIMARIES), -(-(number + 1) * SLOTS // PRIMARIES) - 1
            ask(address(port), f"CLUSTER SET-CONFIG-EPOCH {number + 1}", f"CLUSTER ADDSLOTSRANGE {start} {end}")
        for port in self.ports[1:]:
            ask(address(port), f"CLUSTER MEET 127.0.0.1 {first}")
        wait_until(
            lambda: all(said(port, "CLUSTER NODES").count(b" connected") == len(self.ports) for port in self.ports)
        )
        for number, port in enumerate(self.ports[PRIMARIES:]):
            primary = said(self.ports[number % PRIMARIES], "CLUSTER MYID").decode().strip()
            ask(address(port), f"CLUSTER REPLICATE {primary}")
        self.wait_until_it_serves()
        wait_until(lambda: all(map(_follows, self.ports[PRIMARIES:])))


@contextmanager
def redis_cluster(replicas: int = 0) -> Generator[RedisCluster]:
    """A cluster that serves.

    Raises:
        ServiceMissingError: redis-server is not installed.
    """
    if not installed(REDIS):
        raise ServiceMissingError(REDIS)
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as folder:
        Path(folder).chmod(0o755)
        cluster = RedisCluster(Path(folder), replicas)
        try:
            yield cluster
        finally:
            cluster.stop()


def address(port: int) -> str:
    return f"redis://127.0.0.1:{port}"


def said(port: int, command: str) -> bytes:
    """The reply to a command whose reply is one text; nothing from a node that does not answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection, connection.makefile("rb") as stream:
            connection.sendall(f"{command}\r\n".encode())
            head = stream.readline()
            return stream.read(int(head[1:])) if head.startswith(b"$") else head
    except OSError:
        return b""


def wait_until(is_so: Callable[[], bool]) -> None:
    """Raises TimeoutError if it is not so in time."""
    deadline = time.monotonic() + TIMEOUT
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the Redis Cluster is not ready")
        time.sleep(GLANCE)


def _follows(port: int) -> bool:
    return b"master_link_status:up" in said(port, "INFO replication")


def _free_port_with_bus() -> int:
    # A port that is free now may be used a moment later; then the node does not start, and the test says so.
    while True:
        port = free_port()
        if port + BUS < 2**16:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port + BUS)):
                    return port
