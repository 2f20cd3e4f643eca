"""A shop on Flask, for tests: what a visit may do, each by a request of its own."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import httpx
from flask import Flask, Response, redirect, stream_with_context
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server
from werkzeug.wrappers import Response as AnyResponse

from typed_sessions import SessionConfig, SessionModel, SyncMemoryStore, SyncSessions
from typed_sessions.clock import Clock, utc_now
from typed_sessions.integrations.flask import (
    Cookie,
    TypedSessions,
    Visits,
    current_visit,
    data_of,
    required_owner,
    session_of,
)
from typed_sessions.stores.protocol import SyncStore


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    pizzas: list[str] = []
    count: int = 0


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    theme: str = "light"


def visits_in(store: SyncStore, *, clock: Clock = utc_now, lock_timeout: float = 30.0, **cookie: str) -> Visits:
    """The visits of a shop that serves plain HTTP."""
    sessions = SyncSessions(store, clock=clock, lock_timeout=lock_timeout)
    return Visits(sessions, [Cart, Prefs], cookie=Cookie(secure=False, **cookie), idle=timedelta(days=10))  # type: ignore[arg-type]  # strings are all that tests give


def shop(visits: Visits | None = None) -> Flask:
    """The application."""
    app = Flask("shop")
    TypedSessions(visits or visits_in(SyncMemoryStore())).init_app(app)
    for rule, methods, view in VIEWS:
        app.add_url_rule(rule, view.__name__, view, methods=[methods])
    return app


def pizzas() -> str:
    return " ".join(data_of(Cart).pizzas)


def add(pizza: str) -> str:
    data_of(Cart).pizzas.append(pizza)
    return "added"


def count() -> str:
    cart = data_of(Cart)
    cart.count += 1
    return str(cart.count)


def add_and_redirect(pizza: str) -> AnyResponse:
    add(pizza)
    return redirect("/")


def fail(pizza: str, status: int) -> tuple[str, int]:
    return add(pizza), status


def stream(pizza: str) -> Response:
    """Adds twice: before the response begins, and when it ends."""

    def body() -> Iterator[str]:
        yield "adding "
        yield add(pizza)

    add(pizza)
    return Response(stream_with_context(body()))


def login(owner: str) -> str:
    current_visit().login(owner)
    return "hello"


def logout() -> str:
    current_visit().logout()
    return "bye"


def delete() -> str:
    session_of(Cart).delete()
    return "empty"


VIEWS: tuple[tuple[str, str, Callable[..., ResponseReturnValue]], ...] = (
    ("/", "GET", pizzas),
    ("/add/<pizza>", "POST", add),
    ("/count", "POST", count),
    ("/redirect/<pizza>", "POST", add_and_redirect),
    ("/fail/<pizza>/<int:status>", "POST", fail),
    ("/stream/<pizza>", "POST", stream),
    ("/login/<owner>", "POST", login),
    ("/logout", "POST", logout),
    ("/owner", "GET", required_owner),
    ("/cart", "DELETE", delete),
)


@contextmanager
def served(app: Flask) -> Generator[httpx.Client]:
    """A browser of an application that Werkzeug serves, each request in a thread."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", timeout=60) as browser:
            yield browser
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
