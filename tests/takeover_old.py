"""Applications as they were before the move, with the libraries' own code, and the cookies that they gave."""

import json
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from flask import Flask, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware, SessionStore
from starsessions import SessionMiddleware as Starsessions

from tests.architecture import ROOT

KEY, OLD_KEY, OTHER_KEY = "k" * 32, "o" * 32, "x" * 32
DATA: Mapping[str, Any] = {"user_id": 7, "cart": ["funghi", "diavola"]}
HOST = "shop.example"


async def login(request: Request) -> Response:
    request.session.update(await request.json())
    return PlainTextResponse("welcome")


async def cookie_of(app: Any, name: str, data: Mapping[str, Any]) -> str:  # noqa: ANN401 # any ASGI application
    """What an old application set when somebody logged in."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
        response = await client.post("/login", json=dict(data))
        assert response.status_code == 200
        return client.cookies[name]


async def starlette_cookie(key: str = KEY, data: Mapping[str, Any] = DATA) -> str:
    middleware = [Middleware(SessionMiddleware, secret_key=key)]
    return await cookie_of(
        Starlette(routes=[Route("/login", login, methods=["POST"])], middleware=middleware), "session", data
    )


async def starsessions_cookie(store: SessionStore, data: Mapping[str, Any] = DATA) -> str:
    middleware = [
        Middleware(Starsessions, store=store, lifetime=timedelta(days=14)),
        Middleware(SessionAutoloadMiddleware),
    ]
    return await cookie_of(
        Starlette(routes=[Route("/login", login, methods=["POST"])], middleware=middleware), "session", data
    )


def flask_cookie(data: Mapping[str, Any] = DATA, keys: Sequence[str] = (KEY,), **config: Any) -> str:  # noqa: ANN401 # Flask's
    """The cookie of Flask, or of flask-session if there is a `SESSION_TYPE`."""
    app = Flask("shop")
    app.config |= {"SECRET_KEY": keys[0], "SECRET_KEY_FALLBACKS": list(keys[1:]), **config}
    if "SESSION_SQLALCHEMY" in config:
        config["SESSION_SQLALCHEMY"].init_app(app)
    if "SESSION_TYPE" in config:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it warns of its own SESSION_USE_SIGNER
            import_module("flask_session").Session(app)  # it has no types

    @app.post("/login")
    def login() -> str:
        session.permanent = True
        session.update(dict(data))  # pyright: ignore[reportUnknownMemberType]  # Werkzeug's
        return "welcome"

    response = app.test_client().post("/login")
    if "SESSION_SQLALCHEMY" in config:
        with app.app_context():
            config["SESSION_SQLALCHEMY"].engine.dispose()
    return response.headers["Set-Cookie"].partition("=")[2].partition(";")[0]


@dataclass(frozen=True, slots=True)
class Django:
    """What a Django project of old is made of."""

    database: Mapping[str, Any]
    engine: str = "db"
    keys: Sequence[str] = (KEY,)
    serializer: str = "django.contrib.sessions.serializers.JSONSerializer"

    def login(self) -> "LoggedIn":
        """Let somebody log in, in a process of its own: Django's settings are those of a process."""
        wanted = {
            "engine": self.engine, "database": self.database, "keys": self.keys, "serializer": self.serializer,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.takeover_django"],
            input=json.dumps(wanted), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return LoggedIn(**json.loads(done.stdout))


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody logged in to Django: their cookie, id and hashed password."""

    cookie: str
    user: str
    password: str = field(repr=False)


def sqlite(folder: Path) -> Mapping[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "django.db")}
