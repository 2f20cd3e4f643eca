"""What an application is told when it starts, and with its first cookie: that its visits could not be kept."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette

from tests.asgi_site import PLAIN, Cart, Exchange, count, site, visits
from tests.server_process import free_port
from typed_sessions import MemoryStore, SchemaMismatchError, SessionDefinitionError, Sessions, StoreUnavailableError
from typed_sessions.integrations import asgi, fastapi
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Visits
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore, sessions_table
from typed_sessions.sync import SyncSessions

COMPLETE, FAILED = "lifespan.startup.complete", "lifespan.startup.failed"


class Gone(MemoryStore):
    """A database that does not answer."""

    async def verify(self) -> None:
        raise StoreUnavailableError("the database has gone")


class Otherwise(MemoryStore):
    """One of its users has given it a `verify` that is nothing of ours."""

    def verify(self) -> None:
        raise AssertionError


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/shop.db"


async def make_table(url: str) -> None:
    engine, metadata = create_async_engine(url), MetaData()
    sessions_table(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()


async def started(app: ASGIApp, hear: Callable[[Message], None] = lambda _: None) -> list[str]:
    """What the server is told, of an application that it starts and ends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.shutdown" if sent else "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)
        hear(message)

    try:
        await app({"type": "lifespan"}, receive, send)
    except SchemaMismatchError:
        assert sent
    return [f"{message['type']} {message.get('message', '')}".strip() for message in sent]


def starlette(own: Visits) -> ASGIApp:
    app = Starlette()
    app.add_middleware(SessionMiddleware, visits=own)
    return app


def fast(own: Visits) -> ASGIApp:
    app = FastAPI()
    app.add_middleware(fastapi.SessionMiddleware, visits=own)
    return app


@pytest.mark.parametrize("make", [starlette, fast])
async def test_an_application_without_its_table_does_not_start(make: Callable[[Visits], ASGIApp], url: str) -> None:
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        [said] = await started(make(Visits(sessions, [Cart])))

    assert said.startswith(f"{FAILED} the table typed_sessions is not as this version needs it: it does not exist.")
    assert "Run `typed-sessions db upgrade`" in said
    assert "Traceback" not in said


async def test_an_application_with_its_table_starts_and_ends(url: str) -> None:
    await make_table(url)
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        said = await started(starlette(Visits(sessions, [Cart])))

    assert said == [COMPLETE, "lifespan.shutdown.complete"]


async def test_an_application_may_make_the_table_as_it_starts(url: str) -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await make_table(url)
        yield

    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        said = await started(SessionMiddleware(Starlette(lifespan=lifespan), Visits(sessions, [Cart])))

    assert said[0] == COMPLETE


async def test_an_application_that_does_not_start_gives_back_what_it_opened_before_the_server_ends(url: str) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        steps.append("opened")
        try:
            yield
        finally:
            steps.append("closed")

    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        app = SessionMiddleware(Starlette(lifespan=lifespan), Visits(sessions, [Cart]))
        await started(app, lambda _: steps.append("told"))

    assert steps == ["opened", "closed", "told"]


async def test_an_application_without_a_framework_does_not_start_either(url: str) -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": COMPLETE})

    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        [said] = await started(SessionMiddleware(app, Visits(sessions, [Cart])))

    assert said.startswith(FAILED)


async def test_a_database_that_does_not_answer_stops_no_start(caplog: pytest.LogCaptureFixture) -> None:
    said = await started(starlette(visits(Gone())))

    assert said[0] == COMPLETE
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "cannot be read yet: the database has gone" in caplog.text


@pytest.mark.parametrize("store", [MemoryStore, Otherwise])
async def test_a_store_that_cannot_tell_is_not_asked(store: type[MemoryStore]) -> None:
    assert (await started(starlette(visits(store()))))[0] == COMPLETE


async def test_an_application_without_a_lifespan_is_left_alone(url: str) -> None:
    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError(scope["type"])

    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        with pytest.raises(LookupError, match="lifespan"):
            await started(SessionMiddleware(app, Visits(sessions, [Cart])))


def test_uvicorn_stops_with_the_sentence_that_names_the_command(url: str, caplog: pytest.LogCaptureFixture) -> None:
    sessions = Sessions(SQLAlchemyStore.from_url(url))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with sessions:
            yield

    app = SessionMiddleware(Starlette(lifespan=lifespan), Visits(sessions, [Cart]))
    with pytest.raises(SystemExit):
        uvicorn.run(app, port=free_port(), log_config=None)

    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors[0].startswith("the table typed_sessions is not as this version needs it: it does not exist.")
    assert "Run `typed-sessions db upgrade`" in errors[0]
    assert errors[1:] == ["Application startup failed. Exiting."]


@pytest.mark.parametrize("middleware", [asgi.SessionMiddleware, fastapi.SessionMiddleware])
def test_visits_for_threads_are_refused(middleware: type[asgi.SessionMiddleware], tmp_path: Path) -> None:
    store = SyncSQLAlchemyStore.from_url(f"sqlite:///{tmp_path}/shop.db")

    refusal = pytest.raises(SessionDefinitionError, match=r"write Visits\(Sessions\(store\), models=\[…\]\)")
    with SyncSessions(store) as sessions, refusal as caught:
        middleware(site(count), Visits(sessions, [Cart]))

    assert "run in an event loop, and these visits are for threads" in str(caught.value)


def cookie_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "Cookie(secure=False)" in record.getMessage()]


async def test_a_cookie_for_https_over_plain_http_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    app = site(count, visits(cookie=Cookie()))

    for _ in range(2):
        await Exchange(method="POST", scheme="http").run(app)

    [warning] = cookie_warnings(caplog)
    assert "'__Host-session'" in warning


@pytest.mark.parametrize(
    ("cookie", "scheme", "headers"),
    [
        (PLAIN, "http", []),
        (Cookie(), "https", []),
        (Cookie(), "http", [(b"X-Forwarded-Proto", b"https")]),
        (Cookie(), "http", [(b"forwarded", b"proto=https")]),
    ],
)
async def test_a_cookie_that_may_be_kept_is_not_warned_of(
    cookie: Cookie, scheme: str, headers: list[tuple[bytes, bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    await Exchange(method="POST", scheme=scheme, headers=headers).run(site(count, visits(cookie=cookie)))

    assert cookie_warnings(caplog) == []


async def test_a_response_that_sets_no_cookie_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    async def look(visit: asgi.Visit, send: Send) -> None:
        await visit.data(Cart)
        await send({"type": "http.response.start", "status": 200})

    await Exchange(scheme="http").run(site(look, visits(cookie=Cookie())))

    assert cookie_warnings(caplog) == []
