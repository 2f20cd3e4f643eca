"""The command: which store, how many operations, and what came of it."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import get_args

from sqlalchemy import URL, make_url

from tests import mongo_server
from tests.histories import in_process
from tests.histories.checker import check
from tests.histories.crew import Disasters, run_on_sql
from tests.histories.history import history_of
from tests.histories.notes import AnyNote
from tests.histories.program import Kind, Menu
from tests.histories.report import excerpt, first_of_each, summary
from tests.histories.worker import Job
from tests.killable import Killable, killable
from tests.redis_killable import KillableRedis, killable_redis
from tests.services import MARIADB, POSTGRESQL, REDIS, own_database

SERVICES = {"postgresql": POSTGRESQL, "mariadb": MARIADB, "mysql": MARIADB, "redis": REDIS}
SHOWN = 5


@dataclass
class Arguments(argparse.Namespace):
    store: str = "memory"
    operations: int = 10_000
    seed: int = 0
    processes: int = 3
    tasks: int = 6
    kills: int | None = None
    restarts: int = 0
    threads: bool = False
    without: list[Kind] | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, check and print. Gives 1 if anything was found."""
    chosen = _parsed(sys.argv[1:] if arguments is None else arguments)
    begun = time.monotonic()
    notes = played(chosen)
    history = history_of(notes)
    findings = first_of_each(check(history))
    _say(f"{chosen.store}: {len(history.called)} operations, {time.monotonic() - begun:.1f} s, seed {chosen.seed}")
    _say(*summary(history))
    for finding in findings[:SHOWN]:
        _say(*excerpt(finding, notes))
    _say(f"  {len(findings)} findings" if findings else "  nothing found")
    return 1 if findings else 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(
        prog="python -m tests.histories", description="Random operations from several processes, and their check."
    )
    here = ", ".join(in_process.STORES)
    parser.add_argument("--store", default="memory", help=f"an SQLAlchemy driver, redis, mongodb, or one of {here}")
    parser.add_argument("--operations", metavar="N", type=int, default=10_000, help="10,000 if left out")
    parser.add_argument("--seed", metavar="N", type=int, default=0)
    parser.add_argument("--processes", metavar="N", type=int, default=3)
    parser.add_argument("--tasks", metavar="N", type=int, default=6, help="in each process")
    parser.add_argument(
        "--kills", metavar="N", type=int, help="processes to kill; one for 1,000 operations if left out"
    )
    parser.add_argument("--restarts", metavar="N", type=int, default=0, help="of a server of our own, by SIGKILL")
    parser.add_argument("--threads", action="store_true", help="threads on a synchronous driver, not tasks")
    parser.add_argument("--without", metavar="KIND", action="append", choices=get_args(Kind), help="play no such thing")
    return parser.parse_args(given, namespace=Arguments())


def played(chosen: Arguments) -> list[AnyNote]:
    """What was noted while the programs ran."""
    menu = in_process.MENUS.get(chosen.store, Menu())
    menu = replace(menu, without=menu.without.union(chosen.without or ()), cancels=not chosen.threads)
    job = Job("p0", "", chosen.operations, chosen.seed, tasks=chosen.tasks, is_sync=chosen.threads, menu=menu)
    if chosen.store in in_process.STORES:
        return asyncio.run(in_process.run_in_tasks(in_process.STORES[chosen.store](), job.programs()))
    kills = chosen.operations // 1000 if chosen.kills is None else chosen.kills
    with _database(chosen.store, chosen.restarts) as (url, restart):
        disasters = Disasters(kills, chosen.restarts, restart)
        return run_on_sql(url, job, processes=chosen.processes, disasters=disasters, progress=_progress)


@contextmanager
def _database(driver: str, restarts: int) -> Generator[tuple[URL, Callable[[], None]]]:
    """An empty database, and how to restart its server, which is one of our own if that will be needed."""
    service = SERVICES.get(driver.partition("+")[0])
    if driver == "mongodb":
        with _mongodb(restarts) as found:
            yield found
    elif service is None:
        with tempfile.TemporaryDirectory() as folder:
            yield URL.create(driver, database=str(Path(folder, "sessions.db"))), lambda: None
    elif restarts and service is REDIS:
        with killable_redis() as redis:
            yield make_url(redis.url), partial(_restart, redis)
    elif restarts:
        with killable(service) as server, service.database(server.url) as url:
            yield make_url(url).set(drivername=driver), partial(_restart, server)
    else:
        with own_database(service) as url:
            yield make_url(url).set(drivername=driver), lambda: None


@contextmanager
def _mongodb(restarts: int) -> Generator[tuple[URL, Callable[[], None]]]:
    if restarts:
        with mongo_server.killable() as server, mongo_server.database(server.url) as url:
            yield make_url(url), partial(_restart, server)
    else:
        with mongo_server.server() as found, mongo_server.database(found) as url:
            yield make_url(url), lambda: None


def _restart(server: Killable | KillableRedis) -> None:
    server.kill()
    server.start()


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} operations\r")
