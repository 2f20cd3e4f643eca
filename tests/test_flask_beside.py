"""What else a Flask application has: its own session, its database."""

from collections.abc import Iterator

import pytest
from flask import Flask, Response, session
from sqlalchemy import Column, Engine, MetaData, String, Table, create_engine, func, insert, select
from sqlalchemy.orm import scoped_session, sessionmaker

from tests.flask_shop import Cart, Prefs, add, shop, visits_in
from typed_sessions import JsonObject, SyncMemoryStore, SyncSessions
from typed_sessions.integrations.flask import Cookie, Taken, Visits, current_visit
from typed_sessions.integrations.takeover.flask import FlaskTakeover
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

BESIDE = pytest.mark.parametrize("sync_url", ["postgresql+psycopg", "mariadb+pymysql"], indirect=True)
"""Not SQLite, where one transaction at a time may write."""

orders = Table("orders", MetaData(), Column("pizza", String(20)))


@pytest.fixture
def engine(sync_url: str) -> Iterator[Engine]:
    """The application's own, on the database in which the sessions are too."""
    engine = create_engine(sync_url)
    orders.drop(engine, checkfirst=True)
    orders.create(engine)
    yield engine
    orders.drop(engine)
    engine.dispose()


@pytest.fixture
def app(engine: Engine) -> Flask:
    """A shop that keeps its orders by one engine with the visits, in a session for each request."""
    app = shop(visits_in(SyncSQLAlchemyStore(engine)))
    db = scoped_session(sessionmaker(engine))

    @app.teardown_appcontext
    def remove(_error: BaseException | None) -> None:
        db.remove()

    def order(*, commits: bool) -> str:
        """Have a transaction open while the visit is read, given another id, and saved with the response."""
        db.execute(insert(orders).values(pizza="funghi"))
        current_visit().login("ada")
        add("funghi")
        if commits:
            db.commit()
        return str(db().in_transaction())

    app.add_url_rule("/leave", "leave", lambda: order(commits=False), methods=["POST"])
    app.add_url_rule("/commit", "commit", lambda: order(commits=True), methods=["POST"])
    return app


def ordered(engine: Engine) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(orders))


@BESIDE
def test_what_the_application_did_not_commit_is_not_committed_with_the_visit(app: Flask, engine: Engine) -> None:
    client = app.test_client()

    assert client.post("/leave").text == "True"

    assert (client.get("/").text, ordered(engine)) == ("funghi", 0)


@BESIDE
def test_what_the_application_commits_is_not_rolled_back_with_the_visit(app: Flask, engine: Engine) -> None:
    @app.after_request
    def fail(response: Response) -> Response:
        response.status_code = 500
        return response

    client = app.test_client()
    client.post("/commit")

    assert (client.get("/").text, ordered(engine)) == ("", 1)


def test_the_session_of_flask_lives_beside_ours() -> None:
    app = shop(visits_in(SyncMemoryStore(), name="shop"))
    app.secret_key = "for the session of Flask"  # noqa: S105 # of a test

    @app.post("/both")
    def both() -> str:
        session["pizzas"] = ["diavola"]
        return add("funghi")

    app.add_url_rule("/own", "own", lambda: session["pizzas"][0])
    client = app.test_client()

    response = client.post("/both")

    assert [each.partition("=")[0] for each in response.headers.getlist("Set-Cookie")] == ["shop", "session"]
    assert response.headers["Vary"] == "Cookie"
    assert (client.get("/").text, client.get("/own").text) == ("funghi", "diavola")


SECRET = "of the old application"  # noqa: S105 # of a test


def test_the_signed_sessions_that_flask_kept_before_are_taken_over() -> None:
    before = Flask("before")
    before.secret_key = SECRET
    before.add_url_rule("/", "old", lambda: session.setdefault("pizzas", ["funghi"])[0])
    old = before.test_client()
    old.get("/")
    cookie = old.get_cookie("session")
    assert cookie is not None

    client = shop(with_takeover(SECRET)).test_client()
    client.set_cookie("session", cookie.value)

    assert client.post("/add/diavola").status_code == 200
    assert (client.get("/").text, client.get("/owner").text) == ("funghi diavola", "ada")
    assert client.get_cookie("session") is None


def with_takeover(secret: str) -> Visits:
    def into(data: JsonObject) -> Taken:
        return Taken(sessions=[Cart.model_validate(data)], owner="ada")

    takeover = FlaskTakeover([secret], into=into)
    own = Cookie(name="shop", secure=False)
    return Visits(SyncSessions(SyncMemoryStore()), [Cart, Prefs], cookie=own, takeovers=[takeover])
