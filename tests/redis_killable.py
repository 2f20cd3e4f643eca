"""A Redis server of one's own that may die without warning, stand still, and come back with the data that it had."""

import signal
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

from tests.redis_server import ask
from tests.server_process import free_port, own, running, unprivileged
from tests.services import REDIS, ServiceMissingError, installed


class KillableRedis:
    """A server that writes each save through to the disk before it says so.

    Args:
        folder: where its data is.
        options: as of `redis.conf`, beside those.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        self._folder, self._user, self._port = folder, unprivileged("redis"), free_port()
        own(folder, self._user)
        all_options = {"port": str(self._port), "bind": "127.0.0.1", "save": "", "appendonly": "yes"}
        all_options |= {"appendfsync": "always", **{name.replace("_", "-"): value for name, value in options.items()}}
        self._words = [word for name, value in all_options.items() for word in (f"--{name}", value)]
        self.url = f"redis://127.0.0.1:{self._port}"
        self._life = ExitStack()
        self._process: Popen[str] | None = None

    def start(self) -> None:
        """Start it, on the data that is there."""
        server = running("redis-server", *self._words, folder=self._folder, user=self._user, stop=signal.SIGKILL)
        self._process = self._life.enter_context(server)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._life.close()

    def pause(self) -> None:
        """Let it stand still: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def tell(self, *commands: str) -> list[str]:
        """Its one-line replies."""
        return ask(self.url, *commands)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextmanager
def killable_redis(**options: str) -> Generator[KillableRedis]:
    """A server that runs.

    Raises:
        ServiceMissingError: it is not installed.
    """
    if not installed(REDIS):
        raise ServiceMissingError(REDIS)
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as folder:
        server = KillableRedis(Path(folder), **options)
        server.start()
        try:
            yield server
        finally:
            server.kill()
