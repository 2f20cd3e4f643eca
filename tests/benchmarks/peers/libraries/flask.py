"""flask-session, through a Flask application."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from flask import Flask, session
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy
from redis import Redis

from tests.benchmarks.peers.browser import Browsers
from tests.benchmarks.peers.peer import POSTGRESQL, REDIS, SESSIONS, SQLITE, Contestant, InThreads, Peer
from tests.benchmarks.peers.work import raise_count_in

NOTE = "with its routing; threads"
DRIVERS = {POSTGRESQL: "postgresql+psycopg", SQLITE: "sqlite"}


def peers() -> list[Peer]:
    return [
        Peer("flask-session", REDIS, _in_redis, NOTE),
        *(Peer("flask-session", backend, partial(_in_sql, backend), NOTE) for backend in DRIVERS),
    ]


@asynccontextmanager
async def _in_redis(url: str) -> AsyncGenerator[Contestant]:
    app = Flask("shop")
    with Redis.from_url(url) as client:
        yield await _asked(app, SESSION_TYPE="redis", SESSION_REDIS=client)


@asynccontextmanager
async def _in_sql(backend: str, url: str) -> AsyncGenerator[Contestant]:
    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"{DRIVERS[backend]}:{url.partition(':')[2]}"
    # As many connections as the others.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 5, "max_overflow": 5}
    database = SQLAlchemy(app)
    yield await _asked(app, SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=database)
    with app.app_context():
        database.engine.dispose()


async def _asked(app: Flask, **config: object) -> Contestant:
    app.config.update(config)
    Session(app)
    browsers, pauses, counts = Browsers(), [0.0], [0]

    @app.get("/change")
    def change() -> tuple[str, int]:
        seen = session.get("count", 0)
        time.sleep(pauses[0])
        raise_count_in(session, seen)
        return "", 204

    @app.get("/look")
    def look() -> tuple[str, int]:
        counts[0] = session["count"]
        return "", 204

    def turn(number: int, pause: float) -> None:
        pauses[0] = pause
        browsers.call(app.wsgi_app, "/change", number)

    def read(number: int) -> None:
        browsers.call(app.wsgi_app, "/look", number)

    def count(number: int) -> int:
        read(number)
        return counts[0]

    for number in range(SESSIONS):
        turn(number, 0.0)
    return InThreads(turn, read, count)
