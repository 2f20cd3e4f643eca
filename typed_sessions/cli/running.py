"""Work on the store that the options name, stopped by Ctrl-C between two steps."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import typer

from typed_sessions.cli.opening import opened
from typed_sessions.cli.output import INTERRUPTED, complain
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.protocol import Store
from typed_sessions.stores.sqlalchemy.urls import masked

T = TypeVar("T")
Work: TypeAlias = Callable[[Store], Coroutine[Any, Any, T]]


def run(settings: Settings, work: Work[T], told: Callable[[], str]) -> T:
    """Do some work on the store of the settings. It should `breathe` between its steps.

    Args:
        settings: which store.
        work: what to do with it.
        told: how far it came, said after Ctrl-C, behind `stopped`.

    Raises:
        Exit: with 130 after Ctrl-C.
        SettingsError: as `opened`.
    """
    with stoppable(told):
        return asyncio.run(_on_store(settings, work))


@contextmanager
def stoppable(told: Callable[[], str]) -> Generator[None]:
    """Say how far it came if Ctrl-C stops the block. Raises `Exit` then."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"stopped {told()}")
        raise typer.Exit(INTERRUPTED) from None


async def breathe(pause: float = 0.0) -> None:
    """Let a Ctrl-C in: a store on a synchronous driver never waits. `pause` in seconds."""
    await asyncio.sleep(pause)


async def _on_store(settings: Settings, work: Work[T]) -> T:
    async with opened(settings) as store:
        return await work(store)


def named(settings: Settings) -> str:
    """The place of the sessions as it may be printed: no password, no query."""
    url = settings.database_url.get_secret_value()
    if is_sql(settings):
        return f"{settings.table} in {masked(url)}"
    try:
        parts = urlsplit(url)
    except ValueError:  # whose text quotes the password
        return f"{settings.table} in {url.partition(':')[0]}://"
    return f"{settings.table} in {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
