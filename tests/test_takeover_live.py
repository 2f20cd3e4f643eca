"""Live sessions of real old applications are taken over by the new one, whatever they were kept in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starsessions import CookieStore, InMemoryStore
from starsessions.stores.redis import RedisStore

from tests.empty_database import address, empty_database
from tests.importing.servers import async_redis_client, redis_client
from tests.takeover_new import Shop, into
from tests.takeover_old import KEY, Django, flask_cookie, sqlite, starlette_cookie, starsessions_cookie
from typed_sessions.integrations.takeover import InRedis, InTable, Takeover
from typed_sessions.integrations.takeover.django import DjangoCookieTakeover, DjangoTakeover
from typed_sessions.integrations.takeover.flask import FlaskTakeover
from typed_sessions.integrations.takeover.flask_session import FlaskSessionTakeover
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.takeover.starsessions import InStore, StarsessionsTakeover


@dataclass(frozen=True, slots=True)
class Old:
    """An old application: the cookie of somebody who is logged in, and the reader of it."""

    cookie: str
    takeover: Takeover
    owner: str = "7"


@dataclass(frozen=True, slots=True)
class OldPlace:
    """What the old applications may keep their sessions in."""

    folder: Path
    request: pytest.FixtureRequest
    closing: AsyncExitStack

    def redis_client(self) -> Any:  # noqa: ANN401 # redis-py's types are not complete
        return self.closing.enter_context(redis_client(self.request.getfixturevalue("redis_url")))

    def redis(self) -> Any:  # noqa: ANN401 # see above
        client = async_redis_client(self.request.getfixturevalue("redis_url"))
        self.closing.push_async_callback(client.aclose)
        return client

    def postgresql(self) -> URL:
        return self.closing.enter_context(empty_database("postgresql+asyncpg", self.request, self.folder))

    def engine(self, url: URL) -> AsyncEngine:
        engine = create_async_engine(url)
        self.closing.push_async_callback(engine.dispose)
        return engine

    def of_flask(self, url: URL) -> InTable:
        return InTable(self.engine(url), "sessions", key="session_id", data="data", expires="expiry", prefix="session:")

    def of_django(self, url: URL) -> InTable:
        return InTable(
            self.engine(url), "django_session", key="session_key", data="session_data", expires="expire_date"
        )


async def of_starlette(_: OldPlace) -> Old:
    return Old(await starlette_cookie(), StarletteTakeover([KEY], into=into))


async def of_starsessions_in_cookies(_: OldPlace) -> Old:
    return Old(await starsessions_cookie(CookieStore(KEY)), StarletteTakeover([KEY], into=into))


async def of_starsessions_in_memory(_: OldPlace) -> Old:
    store = InMemoryStore()
    return Old(await starsessions_cookie(store), StarsessionsTakeover(InStore(store), into=into))


async def of_starsessions_in_redis(place: OldPlace) -> Old:
    client = place.redis()
    cookie = await starsessions_cookie(RedisStore(connection=client))
    return Old(cookie, StarsessionsTakeover(InRedis(client, prefix="starsessions."), into=into))


async def of_flask(_: OldPlace) -> Old:
    return Old(flask_cookie(), FlaskTakeover([KEY], into=into))


async def of_flask_session_in_redis(place: OldPlace) -> Old:
    cookie = flask_cookie(SESSION_TYPE="redis", SESSION_REDIS=place.redis_client())
    return Old(cookie, FlaskSessionTakeover(InRedis(place.redis(), prefix="session:"), into=into))


async def of_flask_session_in_json_with_signer(place: OldPlace) -> Old:
    client = place.redis_client()
    cookie = flask_cookie(
        SESSION_TYPE="redis", SESSION_REDIS=client, SESSION_SERIALIZATION_FORMAT="json", SESSION_USE_SIGNER=True
    )
    return Old(cookie, FlaskSessionTakeover(InRedis(place.redis(), prefix="session:"), into=into, keys=[KEY]))


def flask_session_in_sql(place: OldPlace, url: URL, driver: str) -> Old:
    alchemy = pytest.importorskip("flask_sqlalchemy").SQLAlchemy()
    cookie = flask_cookie(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=alchemy, SQLALCHEMY_DATABASE_URI=address(url))
    table = place.of_flask(url.set(drivername=driver))
    return Old(cookie, FlaskSessionTakeover(table, into=into))


async def of_flask_session_in_sqlite(place: OldPlace) -> Old:
    url = URL.create("sqlite+pysqlite", database=str(place.folder / "flask.db"))
    return flask_session_in_sql(place, url, "sqlite+aiosqlite")


async def of_flask_session_in_postgresql(place: OldPlace) -> Old:
    return flask_session_in_sql(place, place.postgresql().set(drivername="postgresql+psycopg"), "postgresql+asyncpg")


async def of_django_in_sqlite(place: OldPlace, engine: str = "db") -> Old:
    user = Django(sqlite(place.folder), engine).login()
    url = URL.create("sqlite+aiosqlite", database=str(place.folder / "django.db"))
    table = place.of_django(url)
    return Old(user.cookie, DjangoTakeover(table, into=into, keys=[KEY]), user.user)


async def of_django_with_a_cache(place: OldPlace) -> Old:
    return await of_django_in_sqlite(place, "cached_db")


async def of_django_in_postgresql(place: OldPlace) -> Old:
    url = place.postgresql()
    parts = {"HOST": url.host, "PORT": url.port, "USER": url.username, "PASSWORD": url.password, "NAME": url.database}
    user = Django({"ENGINE": "django.db.backends.postgresql", **parts}).login()
    table = place.of_django(url.set(drivername="postgresql+asyncpg"))
    return Old(user.cookie, DjangoTakeover(table, into=into, keys=[KEY]), user.user)


async def of_django_in_cookies(place: OldPlace) -> Old:
    user = Django(sqlite(place.folder), "signed_cookies").login()
    return Old(user.cookie, DjangoCookieTakeover([KEY], into=into), user.user)


OLD = (
    of_starlette,
    of_starsessions_in_cookies,
    of_starsessions_in_memory,
    of_starsessions_in_redis,
    of_flask,
    of_flask_session_in_redis,
    of_flask_session_in_json_with_signer,
    of_flask_session_in_sqlite,
    of_flask_session_in_postgresql,
    of_django_in_sqlite,
    of_django_with_a_cache,
    of_django_in_postgresql,
    of_django_in_cookies,
)


@pytest.fixture
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OldPlace]:
    async with AsyncExitStack() as closing:
        yield OldPlace(tmp_path, request, closing)


def old_name(made: Callable[[OldPlace], Awaitable[Old]]) -> str:
    return made.__name__.removeprefix("of_")


@pytest.fixture(params=OLD, ids=old_name)
async def old(request: pytest.FixtureRequest, place: OldPlace) -> Old:
    made: Old = await request.param(place)
    return made


async def test_who_was_logged_in_stays_logged_in_with_what_they_had(old: Old) -> None:
    shop = Shop(old.takeover)
    async with shop.browser(**{old.takeover.cookie.name: old.cookie}) as browser:
        owner, pizzas = await browser.shows()

    assert owner == old.owner
    assert pizzas[:2] == ["funghi", "diavola"]


async def test_the_second_request_brings_the_new_cookie_only(old: Old) -> None:
    shop = Shop(old.takeover)
    async with shop.browser(**{old.takeover.cookie.name: old.cookie}) as browser:
        first = await browser.shows()

        assert list(browser.cookies) == ["visit"]
        assert await browser.shows() == first


async def test_the_old_cookie_finds_nothing_after_logout(old: Old) -> None:
    shop = Shop(old.takeover)
    async with shop.browser(**{old.takeover.cookie.name: old.cookie}) as browser:
        await browser.shows()
        await browser.post("logout")
    async with shop.browser(**{old.takeover.cookie.name: old.cookie}) as thief:
        assert await thief.shows() == (None, [])


async def test_first_requests_at_once_land_in_one_visit(old: Old) -> None:
    shop = Shop(old.takeover)
    async with shop.browser(**{old.takeover.cookie.name: old.cookie}) as browser:
        await asyncio.gather(*(browser.post("add") for _ in range(4)))
        _, pizzas = await browser.shows()

    assert pizzas.count("margherita") == 4
    assert (await shop.stored()).count("cart") == 1
