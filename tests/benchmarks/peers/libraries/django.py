"""Django's sessions, called directly as its middleware calls them: no routing."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import django
from django.conf import settings
from django.contrib.sessions.backends import cache, db
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections
from sqlalchemy import make_url

from tests.benchmarks.peers.peer import POSTGRESQL, REDIS, SESSIONS, SQLITE, Contestant, InThreads, Peer
from tests.benchmarks.peers.work import raise_count_in

NOTE = "sessions only, no routing; threads"


def peers() -> list[Peer]:
    return [
        Peer("Django, cache", REDIS, _in_redis, NOTE),
        Peer("Django, db", POSTGRESQL, _in_postgresql, NOTE),
        Peer("Django, db", SQLITE, _in_sqlite, NOTE),
    ]


@asynccontextmanager
async def _in_redis(url: str) -> AsyncGenerator[Contestant]:
    _set_up({"ENGINE": "django.db.backends.dummy"})
    caches.settings = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}
    yield await _in_threads(cache.SessionStore)


@asynccontextmanager
async def _in_postgresql(url: str) -> AsyncGenerator[Contestant]:
    parts = make_url(url)
    where = {"NAME": parts.database, "USER": parts.username, "HOST": parts.host, "PORT": str(parts.port or "")}
    _set_up({"ENGINE": "django.db.backends.postgresql", "PASSWORD": parts.password or "", **where})
    yield await _with_a_table()


@asynccontextmanager
async def _in_sqlite(url: str) -> AsyncGenerator[Contestant]:
    _set_up({"ENGINE": "django.db.backends.sqlite3", "NAME": make_url(url).database})
    yield await _with_a_table()


def _set_up(database: Mapping[str, Any]) -> None:
    if not settings.configured:
        settings.configure(INSTALLED_APPS=["django.contrib.sessions"], SECRET_KEY="unused", USE_TZ=True)  # noqa: S106  # signs nothing that is kept
        django.setup()
    # Django is made for one database in a process; the new threads of each contestant connect to the newest.
    connections.settings = connections.configure_settings({"default": dict(database)})


async def _with_a_table() -> Contestant:
    return await _in_threads(db.SessionStore, migrates=True)


async def _in_threads(kind: type[db.SessionStore], *, migrates: bool = False) -> Contestant:
    keys: list[str] = []

    def turn(number: int, pause: float) -> None:
        session = kind(keys[number])
        seen = session["count"]
        time.sleep(pause)
        raise_count_in(session, seen)
        session.save()

    def read(number: int) -> None:
        assert kind(keys[number])["count"]

    def count(number: int) -> int:
        return int(kind(keys[number])["count"])

    def prepare() -> None:
        if migrates:
            call_command("migrate", verbosity=0)
        for _ in range(SESSIONS):
            session = kind()
            session["count"] = 1
            session.create()
            keys.append(session.session_key)

    contestant = InThreads(turn, read, count)
    await contestant.called(prepare)
    return contestant
