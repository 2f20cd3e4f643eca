"""Where a store's client comes from, and to which process and event loop it belongs."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from typed_sessions.errors import SettingsError, StoreUnavailableError
from typed_sessions.settings import PREFIX, Settings
from typed_sessions.stores.mongo.driver import AnyClient, Place, got, place_of, within
from typed_sessions.stores.sqlalchemy.locks.runners import Runner

T = TypeVar("T")

BY_NAME_SERVICE: Final = "mongodb+srv:"
"""URLs that begin so cannot be read without asking the name service."""
EXAMPLE: Final = "mongodb://localhost:27017/shop"


class Home(Protocol):
    """Where a store finds its collections."""

    def place(self) -> Place:
        """The collections, for the running process and event loop."""
        ...

    async def close(self) -> None:
        """Close the client, if the store made it."""
        ...


class Given:
    """A database of the application's, whose client stays open."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def place(self) -> Place:
        return self._place

    async def close(self) -> None:
        """Nothing: the client is the application's."""


class Own:
    """A client of the store's own, made when it is first used, and made anew after a fork or on a new event loop."""

    def __init__(self, make: Callable[[], Place], runner: Runner, timeout: float) -> None:
        self._make = make
        self._timeout = timeout
        self._runner = runner
        self._found: Place | None = None
        self._where: Any = None
        self._mutex = threading.Lock()

    def place(self) -> Place:
        # Threads may come at once, and each would make a client, of which one could be closed.
        with self._mutex:
            return self._made(self._runner.place())

    def _made(self, where: object) -> Place:
        if self._found is not None and self._where == where:
            return self._found
        if self._found is not None and not self._runner.is_gone(self._where):
            raise StoreUnavailableError(
                "the store is in use on another event loop, to which its connections belong; make one for each loop"
            )
        self._found, self._where = self._make(), where
        return self._found

    async def close(self) -> None:
        place, self._found = self._found, None
        if place is not None and self._where == self._runner.place():
            # pymongo tells the server, and would wait for its answer for ever. What goes wrong then it passes over.
            with within(self._timeout):
                await got(place.client.close())


def own_home(settings: Settings, client_class: Callable[..., AnyClient], runner: Runner) -> Own:
    """The home that the settings mean. No server is asked.

    Raises:
        SettingsError: the URL is wrong, or names no database.
    """
    url = settings.database_url.get_secret_value()
    database = settings.schema_name or unquote(_parts(url).path.lstrip("/"))
    if not database:
        raise _wrong(f"it names no database; an example: {EXAMPLE}")
    options = options_of(settings)

    if not url.startswith(BY_NAME_SERVICE):
        _usable(partial(parse_uri, url))

    def make() -> Place:
        return _usable(lambda: place_of(client_class(url, **options).get_database(database), settings.table))

    return Own(make, runner, settings.operation_timeout)


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        # `from None`: the cause prints the URL, which may have a password.
        raise _wrong(
            f"it cannot be read; write special characters of a name or password as %XX; an example: {EXAMPLE}"
        ) from None


def _usable(make: Callable[[], T]) -> T:
    """What pymongo makes of the URL."""
    try:
        return make()
    except (PyMongoError, ValueError) as error:
        # `from None`: the cause may print the URL, which may have a password.
        raise _wrong(f"pymongo cannot use it ({type(error).__name__}); an example: {EXAMPLE}") from None


def options_of(settings: Settings) -> dict[str, Any]:
    """The options of the client, but for those that the URL has."""
    options = {
        "maxPoolSize": settings.pool_size + settings.max_overflow,
        "serverSelectionTimeoutMS": int(settings.operation_timeout * 1000),
        "connectTimeoutMS": int(settings.operation_timeout * 1000),
        "appname": "typed-sessions",
    }
    query = _parts(settings.database_url.get_secret_value()).query
    given = {option.lower() for option, _ in parse_qsl(query, keep_blank_values=True)}
    return {option: value for option, value in options.items() if option.lower() not in given}


def _wrong(problem: str) -> SettingsError:
    return SettingsError({f"{PREFIX}DATABASE_URL": problem})
