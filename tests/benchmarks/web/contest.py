"""The contest: every contestant served at once, and loaded in turns, so that a busy machine slows all of them."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.web.contestants import Contestant, served
from tests.benchmarks.web.counting import Counts, counts
from tests.benchmarks.web.load import Load, asked, loaded, survivors, visitors, written
from tests.services import POSTGRESQL, own_database
from tests.sql_servers import DRIVERS
from typed_sessions.migrations import upgrade

READ, WRITE, ANONYMOUS = "read", "write", "anonymous"
METHODS = {READ: "GET", WRITE: "POST", ANONYMOUS: "GET"}

COUNTED = 100
"""Requests of each path that are counted one by one."""

CLIENTS = 10
PAUSE = 0.05
"""Seconds between reading and writing, where updates at the same time are to meet."""


@dataclass
class Result:
    """What came of one contestant."""

    contestant: Contestant
    loads: dict[str, list[Load]] = field(default_factory=dict[str, list[Load]])
    per_request: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """By path: rows written, and transactions."""
    stored: dict[str, int] = field(default_factory=dict[str, int])
    """By path: rows in the table after `COUNTED` first visits."""
    survived: int = 0
    """Of `CLIENTS` updates of one session at the same time."""
    left_out: str = ""

    def rate(self, path: str) -> float:
        """Requests per second, the median of the rounds."""
        return median(load.rate for load in self.loads[path])

    def p99(self, path: str) -> float:
        """Milliseconds, the median of the rounds."""
        return median(load.p99 for load in self.loads[path])

    def failed(self) -> int:
        """Requests without an answer of success."""
        return sum(load.failed for loads in self.loads.values() for load in loads)


def play(
    contestants: Sequence[Contestant], *, rounds: int, seconds: float, tell: Callable[[str], None]
) -> list[Result]:
    """Let them take part.

    Args:
        contestants: who.
        rounds: how often each path of each of them is loaded.
        seconds: for how long each time.
        tell: is told what is going on.

    Raises:
        ServiceMissingError: there is no PostgreSQL.
        WrkMissingError: there is no wrk.
    """
    results: list[Result] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running: list[tuple[Result, str, Path]] = []
        for contestant in contestants:
            result = Result(contestant)
            results.append(result)
            if contestant.missing:
                result.left_out = f"not installed: {', '.join(contestant.missing)}"
                continue
            tell(f"counting what {contestant.name} writes")
            database = stack.enter_context(own_database(POSTGRESQL))
            upgrade(with_driver(database))
            _count(result, database)
            url = stack.enter_context(served(contestant, database))
            cookies = written(visitors(url), folder / contestant.module)
            running.append((result, url, cookies))
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}")
            for result, url, cookies in running:
                for path, method in METHODS.items():
                    load = loaded(url, method, f"/{path}", seconds, None if path == ANONYMOUS else cookies)
                    result.loads.setdefault(path, []).append(load)
    return results


def _count(result: Result, database: str) -> None:
    """Count one by one, and let updates meet."""
    contestant = result.contestant
    with served(contestant, database, pause=PAUSE) as url:
        result.survived = survivors(url, CLIENTS)
    with served(contestant, database) as url:
        cookies = visitors(url, COUNTED)
    for path, method in METHODS.items():
        before = counts(database, contestant.table)
        # A server of its own, because a connection that ends has told PostgreSQL all that it did.
        with served(contestant, database) as url:
            for cookie in cookies:
                asked(url, method, f"/{path}", "" if path == ANONYMOUS else cookie)
        result.per_request[path], result.stored[path] = _difference(before, counts(database, contestant.table))


def _difference(before: Counts, after: Counts) -> tuple[tuple[float, float], int]:
    rows = after.inserted + after.changed - before.inserted - before.changed
    transactions = max(0, after.transactions - before.transactions)
    return (rows / COUNTED, transactions / COUNTED), after.stored - before.stored


def with_driver(url: str) -> str:
    """The URL with the driver that makes tables."""
    scheme, _, rest = url.partition("://")
    return f"{DRIVERS[scheme]}://{rest}"
