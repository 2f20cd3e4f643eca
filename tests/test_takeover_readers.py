"""Each reader of old sessions: what it reads, with which keys, for how long."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from secrets import token_urlsafe
from traceback import format_exception
from uuid import UUID

import pytest
from markupsafe import Markup
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starsessions import CookieStore, InMemoryStore

from tests.importing.servers import redis_client
from tests.takeover_old import (
    DATA,
    KEY,
    OLD_KEY,
    OTHER_KEY,
    Django,
    flask_cookie,
    sqlite,
    starlette_cookie,
    starsessions_cookie,
)
from typed_sessions import JsonObject, SessionDefinitionError
from typed_sessions.blocking import complete
from typed_sessions.clock import utc_now
from typed_sessions.integrations.takeover import InRedis, InTable, Taken, Takeover
from typed_sessions.integrations.takeover.django import DjangoCookieTakeover, has_password
from typed_sessions.integrations.takeover.flask import FlaskTakeover
from typed_sessions.integrations.takeover.flask_session import FlaskSessionTakeover
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.takeover.starsessions import InStore, StarsessionsTakeover
from typed_sessions.testing import SettableClock


class Into:
    """Keeps the old data that it was given."""

    def __init__(self) -> None:
        self.old: JsonObject | None = None

    def __call__(self, old: JsonObject) -> Taken:
        self.old = old
        return Taken(owner=7)


@pytest.fixture
def into() -> Into:
    return Into()


@pytest.fixture
def clock() -> SettableClock:
    """At the real time, which the old libraries sign."""
    return SettableClock(utc_now())


async def has_taken(takeover: Takeover, value: str) -> bool:
    name = takeover.name(value)
    return name is not None and await takeover.take(name) is not None


@pytest.mark.parametrize(("days", "is_valid"), [(13, True), (15, False), (-1, False)])
async def test_starlettes_cookie_is_valid_for_its_max_age(
    days: int, is_valid: bool, into: Into, clock: SettableClock
) -> None:
    cookie = await starlette_cookie()
    clock.advance(timedelta(days=days))

    assert await has_taken(StarletteTakeover([KEY], into=into, clock=clock), cookie) is is_valid


@pytest.mark.parametrize(("days", "is_valid"), [(30, True), (32, False)])
async def test_flasks_cookie_is_valid_for_its_lifetime(
    days: int, is_valid: bool, into: Into, clock: SettableClock
) -> None:
    cookie = flask_cookie()
    clock.advance(timedelta(days=days))

    assert await has_taken(FlaskTakeover([KEY], into=into, clock=clock), cookie) is is_valid


@pytest.mark.parametrize(("days", "is_valid"), [(13, True), (15, False)])
async def test_djangos_cookie_is_valid_for_its_age(
    days: int, is_valid: bool, into: Into, clock: SettableClock, tmp_path: Path
) -> None:
    cookie = Django(sqlite(tmp_path), "signed_cookies").login().cookie
    clock.advance(timedelta(days=days))

    assert await has_taken(DjangoCookieTakeover([KEY], into=into, clock=clock), cookie) is is_valid


@pytest.mark.parametrize(("days", "is_valid"), [(13, True), (15, False)])
async def test_a_session_of_starsessions_is_valid_for_its_lifetime_though_it_is_kept_for_ever(
    days: int, is_valid: bool, into: Into, clock: SettableClock
) -> None:
    store = InMemoryStore()
    cookie = await starsessions_cookie(store)
    clock.advance(timedelta(days=days))

    assert await has_taken(StarsessionsTakeover(InStore(store), into=into, clock=clock), cookie) is is_valid


@pytest.mark.parametrize("cookie_key", [KEY, OLD_KEY])
async def test_every_key_of_the_list_verifies(cookie_key: str, into: Into, tmp_path: Path) -> None:
    keys, django = [KEY, OLD_KEY], Django(sqlite(tmp_path), "signed_cookies", [cookie_key]).login().cookie

    assert await has_taken(StarletteTakeover(keys, into=into), await starlette_cookie(cookie_key))
    assert await has_taken(FlaskTakeover(keys, into=into), flask_cookie(keys=[cookie_key]))
    assert await has_taken(DjangoCookieTakeover(keys, into=into), django)


async def test_no_other_key_verifies(into: Into, tmp_path: Path) -> None:
    django = Django(sqlite(tmp_path), "signed_cookies", [OTHER_KEY]).login().cookie

    assert StarletteTakeover([KEY], into=into).name(await starlette_cookie(OTHER_KEY)) is None
    assert FlaskTakeover([KEY], into=into).name(flask_cookie(keys=[OTHER_KEY])) is None
    assert DjangoCookieTakeover([KEY], into=into).name(django) is None


@pytest.mark.parametrize("keys", [[], [""], "secret"])
def test_a_reader_without_a_list_of_keys_is_refused(keys: list[str], into: Into) -> None:
    for reader in (StarletteTakeover, FlaskTakeover, DjangoCookieTakeover):
        with pytest.raises(SessionDefinitionError, match="key"):
            reader(keys, into=into)


async def test_the_cookie_of_starsessions_is_read_as_starlettes(into: Into) -> None:
    await has_taken(StarletteTakeover([KEY], into=into), await starsessions_cookie(CookieStore(KEY)))

    assert into.old is not None
    assert {name: into.old[name] for name in DATA} == DATA


async def test_flasks_values_arrive_as_its_handlers_saw_them(into: Into) -> None:
    data = {
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC), "id": UUID(int=7), "raw": b"\0\xff", "pair": (1, (2, "x")),
        "shown": Markup("<b>hi</b>"), "nested": [{"at": datetime(2026, 3, 1, 12, tzinfo=UTC)}],
        "tricky": {" t": [1]}, "long": "x" * 5000,
    }  # fmt: skip
    await has_taken(FlaskTakeover([KEY], into=into), flask_cookie(data))

    assert into.old == {**data, "_permanent": True}


async def test_values_of_messagepack_arrive_as_they_were(into: Into, redis_url: str) -> None:
    data = {"at": datetime(2026, 3, 1, 12, tzinfo=UTC), "raw": b"\0\xff", "items": [1, None, "é"]}
    with redis_client(redis_url) as client:
        cookie = flask_cookie(data, SESSION_TYPE="redis", SESSION_REDIS=client)
        takeover = FlaskSessionTakeover(InRedis(client, prefix="session:"), into=into)
        await has_taken(takeover, cookie)

    assert into.old == {**data, "_permanent": True}


def test_clients_for_threads_never_wait(into: Into, redis_url: str) -> None:
    with redis_client(redis_url) as client:
        cookie = flask_cookie(SESSION_TYPE="redis", SESSION_REDIS=client)
        takeover = FlaskSessionTakeover(InRedis(client, prefix="session:"), into=into)
        found = complete(takeover.take(cookie))
        complete(takeover.forget(cookie))

        assert found is not None
        assert client.get(f"session:{cookie}") is None


async def test_a_signed_id_of_flask_session_needs_its_signature(into: Into, redis_url: str) -> None:
    with redis_client(redis_url) as client:
        cookie = flask_cookie(SESSION_TYPE="redis", SESSION_REDIS=client, SESSION_USE_SIGNER=True)
        takeover = FlaskSessionTakeover(InRedis(client, prefix="session:"), into=into, keys=[OTHER_KEY, KEY])

        assert takeover.name(cookie) == cookie.rpartition(".")[0]
        assert takeover.name(cookie.rpartition(".")[0]) is None


async def test_the_user_of_django_is_known_and_whether_the_password_is_still_theirs(into: Into, tmp_path: Path) -> None:
    user = Django(sqlite(tmp_path), "signed_cookies").login()
    await has_taken(DjangoCookieTakeover([KEY], into=into), user.cookie)

    assert into.old is not None
    assert into.old["_auth_user_id"] == user.user
    assert has_password(into.old, user.password, [OTHER_KEY, KEY])
    assert not has_password(into.old, "md5$of$another", [KEY])
    assert not has_password({}, user.password, [KEY])


PICKLED = "tests.takeover_django.Pickled"


async def test_a_pickled_session_of_django_is_refused_and_says_so(
    into: Into, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user = Django(sqlite(tmp_path), "signed_cookies", serializer=PICKLED).login()

    assert not await has_taken(DjangoCookieTakeover([KEY], into=into), user.cookie)
    assert "sessionid is pickled; nothing pickled is read" in caplog.text


@pytest.fixture(params=["async", "sync"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine | Engine]:
    """A table with a session for each of the columns' values below."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    sync = create_engine(url)
    with sync.begin() as connection:
        connection.execute(text("create table old (id varchar(40), data text, ends datetime)"))
        for name, ends in (
            ("soon", "2026-03-01 13:00:00.000000"),
            ("past", "2026-03-01 12:00:00.000000"),
            ("null", None),
        ):
            connection.execute(text("insert into old values (:id, :id, :ends)"), {"id": f"p:{name}", "ends": ends})
    made = create_async_engine(url.replace("sqlite", "sqlite+aiosqlite")) if request.param == "async" else sync
    yield made
    sync.dispose()
    if isinstance(made, AsyncEngine):
        await made.dispose()


def in_table(engine: AsyncEngine | Engine, zone: timezone = UTC) -> InTable:
    clock = SettableClock(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    return InTable(engine, "old", key="id", data="data", expires="ends", prefix="p:", zone=zone, clock=clock)


async def test_a_row_is_read_until_it_expires(engine: AsyncEngine | Engine) -> None:
    table = in_table(engine)

    assert [await table.get(name) for name in ("soon", "past", "null", "none")] == ["p:soon", None, None, None]


async def test_a_time_without_a_zone_is_of_the_zone_that_was_given(engine: AsyncEngine | Engine) -> None:
    west = in_table(engine, timezone(timedelta(hours=-1)))

    assert await west.get("past") == "p:past"


async def test_a_row_is_deleted_alone(engine: AsyncEngine | Engine) -> None:
    table = in_table(engine)
    await table.delete("past")
    await table.delete("none")

    assert await table.get("soon") == "p:soon"


@pytest.mark.parametrize("failing", [InTable.get, InTable.delete])
async def test_an_error_of_the_table_does_not_tell_the_id(
    failing: Callable[[InTable, str], Awaitable[object]], engine: AsyncEngine | Engine
) -> None:
    table, id_ = InTable(engine, "missing", key="id", data="data", expires="ends"), token_urlsafe()
    with pytest.raises(OperationalError, match="no such table: missing") as caught:
        await failing(table, id_)

    assert id_ not in "".join(format_exception(caught.value))


async def test_a_serializer_of_ones_own_is_asked(into: Into) -> None:
    store = InMemoryStore()
    await store.write("0" * 32, b"<data/>", 0, 0)
    takeover = StarsessionsTakeover(InStore(store), into=into, deserialize=lambda data: {"xml": data.decode()})
    await has_taken(takeover, "0" * 32)

    assert into.old == {"xml": "<data/>"}
