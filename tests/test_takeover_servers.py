"""Takeovers over real servers, and by Flask, whose readers must never wait."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flask import Flask
from redis import Redis

from tests.importing.servers import redis_client
from tests.takeover_new import Cart, Shop, into
from tests.takeover_old import KEY, flask_cookie, starlette_cookie
from tests.web_servers import SERVERS, Server, serving
from typed_sessions import SyncMemoryStore, SyncSessions
from typed_sessions.integrations.flask import TypedSessions, Visits, current_visit, data_of
from typed_sessions.integrations.takeover import InRedis, Takeover
from typed_sessions.integrations.takeover.flask import FlaskTakeover
from typed_sessions.integrations.takeover.flask_session import FlaskSessionTakeover
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.web import Cookie

VISIT = Cookie(name="visit", secure=False)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_session_is_taken_over_behind_every_server(server: Server) -> None:
    cookie = await starlette_cookie()
    with serving(Shop(StarletteTakeover([KEY], into=into)).app, server) as url:
        first, second = await asyncio.to_thread(two_requests, url, cookie)

    assert first == second == {"owner": "7", "pizzas": ["funghi", "diavola"]}


def two_requests(url: str, cookie: str) -> tuple[Any, Any]:
    """The first with the old cookie, the second with what the browser has then."""
    with httpx.Client(base_url=url) as browser:
        browser.cookies.set("session", cookie, domain="127.0.0.1", path="/")
        first = browser.get("/").json()
        assert list(browser.cookies) == ["visit"]
        return first, browser.get("/").json()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with redis_client(redis_url) as client:
        yield client


def show() -> dict[str, object]:
    return {"owner": current_visit().owner(), "pizzas": data_of(Cart).pizzas}


def shop(takeover: Takeover) -> Flask:
    app = Flask("new")
    visits = Visits(SyncSessions(SyncMemoryStore()), models=[Cart], cookie=VISIT, takeovers=[takeover])
    TypedSessions(visits, app)
    app.add_url_rule("/", view_func=show)
    return app


def of_a_cookie(_: Redis) -> tuple[Takeover, str]:
    return FlaskTakeover([KEY], into=into), flask_cookie()


def of_a_server(redis: Redis) -> tuple[Takeover, str]:
    cookie = flask_cookie(SESSION_TYPE="redis", SESSION_REDIS=redis)
    return FlaskSessionTakeover(InRedis(redis, prefix="session:"), into=into), cookie


@pytest.mark.parametrize("old", [of_a_cookie, of_a_server])
def test_flask_takes_over_without_waiting(old: Callable[[Redis], tuple[Takeover, str]], redis: Redis) -> None:
    takeover, cookie = old(redis)
    browser = shop(takeover).test_client()
    browser.set_cookie("session", cookie)
    answers = [browser.get("/").json for _ in range(2)]

    assert answers == [{"owner": "7", "pizzas": ["funghi", "diavola"]}] * 2
    assert browser.get_cookie("session") is None
