"""What the browser is told when the visit of a Flask request could not be read or saved."""

from collections.abc import Sequence

import pytest
from flask import Blueprint, Flask, Response
from werkzeug.exceptions import Conflict

from tests.flask_shop import Cart, Prefs, add, shop, visits_in
from typed_sessions import (
    SessionConflictError,
    StoreUnavailableError,
    SyncMemoryStore,
    SyncSessions,
    TypedSessionsError,
)
from typed_sessions.integrations.flask import TypedSessions, current_visit, data_of
from typed_sessions.stores.protocol import Change, Outcome


class Unreliable(SyncMemoryStore):
    """A store in memory that goes away when it is told to."""

    is_down = False

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self.is_down:
            raise StoreUnavailableError("the database has gone")
        return super().save(changes)


@pytest.fixture
def store() -> Unreliable:
    return Unreliable()


@pytest.fixture
def app(store: Unreliable) -> Flask:
    """A shop with a view that loses against another process."""
    app = shop(visits_in(store))

    @app.post("/lose")
    def lose() -> str:
        cart, sessions = data_of(Cart), SyncSessions(store)
        [key] = sessions.keys(Cart)
        sessions.update(Cart, key.text, lambda theirs: theirs.pizzas.append("theirs"))
        cart.pizzas.append("mine")
        data_of(Prefs).theme = "mine"
        return "well done"

    return app


def test_a_conflict_is_answered_with_409(app: Flask) -> None:
    client = app.test_client()
    client.post("/add/funghi")

    response = client.post("/lose")

    assert (response.status_code, "well done" in response.text) == (409, False)
    assert "Load the page again" in response.text
    assert client.get("/").text == "funghi theirs"


def test_a_store_that_does_not_answer_is_answered_with_503(app: Flask, store: Unreliable) -> None:
    store.is_down = True

    response = app.test_client().post("/add/funghi")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "Set-Cookie" not in response.headers


def test_an_error_that_a_view_raises_is_answered_in_the_same_way(app: Flask, store: Unreliable) -> None:
    store.is_down = True

    assert app.test_client().post("/login/ada").status_code == 503


def test_a_visit_that_ended_during_the_request_is_answered_with_409(app: Flask, store: Unreliable) -> None:
    @app.post("/ended")
    def ended() -> str:
        add("diavola")
        SyncSessions(store).delete_owner("ada")
        return "added"

    client = app.test_client()
    client.post("/login/ada")
    client.post("/add/funghi")

    assert client.post("/ended").status_code == Conflict.code
    assert list(SyncSessions(store).keys(Cart)) == []


def test_a_value_that_cannot_be_stored_is_a_fault_of_the_application(app: Flask) -> None:
    @app.post("/nan")
    def nan() -> str:
        data_of(Cart).pizzas.append("\x00")
        return "added"

    client = app.test_client()

    assert client.post("/nan").status_code == 500
    assert client.get("/").text == ""


@pytest.mark.parametrize("kind", [SessionConflictError, TypedSessionsError])
def test_an_error_handler_of_the_application_answers(app: Flask, kind: type[TypedSessionsError]) -> None:
    app.register_error_handler(kind, lambda error: (f"ours: {type(error).__name__}", 418))
    client = app.test_client()
    client.post("/add/funghi")

    response = client.post("/lose")

    assert (response.status_code, response.text) == (418, "ours: SessionConflictError")
    assert client.get("/").text == "funghi theirs"


def test_an_error_handler_that_was_there_before_the_extension_answers(store: Unreliable) -> None:
    app = Flask("shop")
    app.register_error_handler(StoreUnavailableError, lambda _: ("ours", 418))
    TypedSessions(visits_in(store), app)
    app.add_url_rule("/add/<pizza>", "add", add, methods=["POST"])
    store.is_down = True

    assert app.test_client().post("/add/funghi").text == "ours"


def test_an_error_handler_of_a_blueprint_answers_its_requests(store: Unreliable) -> None:
    blueprint = Blueprint("menu", "menu", url_prefix="/menu")
    blueprint.register_error_handler(StoreUnavailableError, lambda _: ("ours", 418))
    blueprint.add_url_rule("/add/<pizza>", "add", add, methods=["POST"])
    app = shop(visits_in(store))
    app.register_blueprint(blueprint)
    store.is_down = True
    client = app.test_client()

    assert [client.post(f"{path}/add/funghi").status_code for path in ("/menu", "")] == [418, 503]


def test_the_page_for_409_of_the_application_is_used(app: Flask) -> None:
    app.register_error_handler(409, lambda error: (f"our page: {error.description}", 409))
    client = app.test_client()
    client.post("/add/funghi")

    assert client.post("/lose").text.startswith("our page: Somebody else")


def test_an_error_handler_does_not_make_a_success_of_a_save_that_failed(app: Flask) -> None:
    app.register_error_handler(SessionConflictError, lambda _: "all is well")
    client = app.test_client()
    client.post("/add/funghi")

    assert client.post("/lose").status_code == 500


def test_the_functions_after_the_view_see_the_answer(app: Flask) -> None:
    @app.after_request
    def allow(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "https://shop.example"
        return response

    client = app.test_client()
    client.post("/add/funghi")
    response = client.post("/lose")

    assert response.status_code == 409
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_a_login_before_a_save_that_failed_is_sent_its_cookie(app: Flask, store: Unreliable) -> None:
    @app.post("/half")
    def half() -> str:
        current_visit().login("ada")
        store.is_down = True
        return add("funghi")

    client = app.test_client()
    assert client.post("/half").status_code == 503
    store.is_down = False

    assert client.get("/owner").text == "ada"


def test_what_fails_says_nothing_of_the_visit(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client = app.test_client()
    client.post("/add/funghi")
    cookie = client.get_cookie("session")
    assert cookie is not None

    answer = client.post("/lose").text

    assert "answered 409" in caplog.text
    for text in (answer, caplog.text):
        assert cookie.value not in text
        assert "theirs" not in text
