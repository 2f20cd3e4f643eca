"""What moves sessions of other libraries, as an application writes it."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import assert_type

import redis.asyncio
from sqlalchemy.ext.asyncio import AsyncEngine
from starsessions import InMemoryStore, SessionStore

from tests.typing.shop import Cart
from typed_sessions import JsonObject, Sessions
from typed_sessions.integrations.asgi import Cookie, Visits
from typed_sessions.integrations.starsessions import StarsessionsStore
from typed_sessions.integrations.takeover import InRedis, InTable, Into, Taken, Takeover
from typed_sessions.integrations.takeover.django import DjangoCookieTakeover, DjangoTakeover, has_password
from typed_sessions.integrations.takeover.flask import FlaskTakeover
from typed_sessions.integrations.takeover.flask_session import FlaskSessionTakeover
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.takeover.starsessions import InStore, StarsessionsTakeover


def into(old: JsonObject) -> Taken | None:
    return Taken(sessions=[Cart()], owner=old["user_id"]) if old else None


async def slowly(old: JsonObject) -> Taken | None:
    return into(old)


class Own:
    """A takeover of an application's own."""

    is_unique = True
    cookie = Cookie(name="old")
    lifetime = timedelta(days=1)

    def name(self, value: str, /) -> str | None:
        return value

    async def take(self, name: str, /) -> Taken | None:
        return Taken(owner=name)

    async def forget(self, name: str, /) -> None: ...


class Memcached:
    """A place of an application's own."""

    async def get(self, id_: str, /) -> bytes | None:
        return id_.encode()

    async def delete(self, id_: str, /) -> None: ...


async def move(sessions: Sessions, engine: AsyncEngine, client: "redis.asyncio.Redis") -> Visits:
    in_redis, in_table = InRedis(client, prefix=""), InTable(engine, "old", key="id", data="data", expires="ends")
    takeovers: list[Takeover] = [
        StarletteTakeover(["key"], into=into, max_age=timedelta(days=14)),
        StarsessionsTakeover(InStore(InMemoryStore()), into=slowly),
        FlaskTakeover([b"key", "older"], into=into, cookie=Cookie(name="session")),
        FlaskSessionTakeover(in_redis, into=into),
        FlaskSessionTakeover(Memcached(), into=into, keys=["key"]),
        DjangoTakeover(in_table, into=into, keys=["key"]),
        DjangoCookieTakeover(["key"], into=slowly),
        Own(),
    ]
    return Visits(sessions, [Cart], takeovers=takeovers)


def keeps(sessions: Sessions) -> SessionStore:
    return StarsessionsStore(sessions, unending=timedelta(days=7))


written: Into = into
also_written: Into = slowly
assert_type(has_password({}, "hashed", ["key"]), bool)
assert_type(into({}), Taken | None)
answer: Awaitable[Taken | None] = slowly({})
