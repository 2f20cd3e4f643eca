"""When the visit of a Flask request is saved, and when the next request of it may begin."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, Response, abort

from tests.flask_shop import Cart, add, pizzas, shop, visits_in
from typed_sessions import SessionClosedError, SyncMemoryStore
from typed_sessions.integrations.flask import TypedSessions, current_visit, data_of
from typed_sessions.stores.protocol import Query

SOON = 0.2
"""Seconds; a request that would wait for another one's turn fails after them."""


@pytest.fixture
def store() -> SyncMemoryStore:
    return SyncMemoryStore()


@pytest.fixture
def app(store: SyncMemoryStore) -> Flask:
    """A shop in which a turn that is never given back is noticed."""
    return shop(visits_in(store, lock_timeout=SOON))


def test_a_redirect_is_saved_before_the_browser_follows_it(app: Flask) -> None:
    response = app.test_client().post("/redirect/funghi", follow_redirects=True)

    assert response.text == "funghi"


@pytest.mark.parametrize(("status", "kept"), [(200, "funghi"), (404, "funghi"), (499, "funghi"), (500, ""), (503, "")])
def test_a_status_of_500_or_above_saves_nothing(app: Flask, status: int, kept: str) -> None:
    client = app.test_client()

    client.post(f"/fail/funghi/{status}")

    assert client.get("/").text == kept


def test_a_view_that_raises_saves_nothing(app: Flask) -> None:
    @app.post("/raise")
    def raising() -> str:
        add("funghi")
        raise ZeroDivisionError

    client = app.test_client()

    assert client.post("/raise").status_code == 500
    assert client.get("/").text == ""


def test_an_error_that_becomes_a_response_below_500_is_saved(app: Flask) -> None:
    @app.post("/abort")
    def stop() -> str:
        add("funghi")
        abort(400)

    client = app.test_client()
    client.post("/abort")

    assert client.get("/").text == "funghi"


def test_an_error_handler_that_answers_with_500_saves_nothing(app: Flask) -> None:
    app.register_error_handler(ZeroDivisionError, lambda _: (add("diavola"), 500))

    @app.post("/raise")
    def raising() -> str:
        add("funghi")
        raise ZeroDivisionError

    client = app.test_client()
    client.post("/raise")

    assert client.get("/").text == ""


def test_what_functions_before_and_after_the_view_change_is_saved(app: Flask) -> None:
    @app.before_request
    def before() -> None:
        add("before")

    @app.after_request
    def after(response: Response) -> Response:
        add("after")
        return response

    client = app.test_client()
    client.post("/add/funghi")

    assert client.get("/").text == "before funghi after before"


def test_a_function_after_the_view_that_was_there_before_the_extension_is_saved_too(store: SyncMemoryStore) -> None:
    app = Flask("shop")

    @app.after_request
    def after(response: Response) -> Response:
        add("after")
        return response

    TypedSessions(visits_in(store), app)
    app.add_url_rule("/", "pizzas", pizzas)
    client = app.test_client()
    client.get("/")

    assert client.get("/").text == "after"


def test_a_function_after_the_view_that_raises_saves_nothing(app: Flask) -> None:
    client = app.test_client()
    client.post("/add/funghi")
    failing = app.after_request_funcs[None]

    def fail(_: Response) -> Response:
        raise ZeroDivisionError

    failing.append(fail)
    assert client.post("/add/diavola").status_code == 500
    failing.remove(fail)

    assert client.get("/").text == "funghi"


def test_a_function_after_the_view_that_makes_it_a_fault_saves_nothing(app: Flask) -> None:
    @app.after_request
    def after(response: Response) -> Response:
        response.status_code = 503
        return response

    client = app.test_client()
    client.post("/add/funghi")

    assert client.get("/").text == ""


def test_a_login_is_sent_its_cookie_even_if_the_view_fails_afterwards(app: Flask) -> None:
    @app.post("/half")
    def half() -> tuple[str, int]:
        current_visit().login("ada")
        return "sorry", 500

    client = app.test_client()
    client.post("/half")

    assert client.get("/owner").text == "ada"


def test_the_turn_ends_when_the_view_raises_past_flask(app: Flask) -> None:
    app.add_url_rule("/exit", "exit", exit_in_mid_view, methods=["POST"])
    client = app.test_client()
    client.post("/add/funghi")

    with pytest.raises(SystemExit):
        client.post("/exit")

    assert client.post("/add/diavola").status_code == 200


def exit_in_mid_view() -> str:
    add("lost")
    raise SystemExit


def test_the_turn_ends_even_if_what_tears_the_request_down_raises(app: Flask) -> None:
    app.add_url_rule("/exit", "exit", exit_in_mid_view, methods=["POST"])
    client = app.test_client()
    client.post("/add/funghi")
    failing = app.teardown_request_funcs[None]

    def fail(_: BaseException | None) -> None:
        raise ZeroDivisionError

    failing.append(fail)
    with pytest.raises(ZeroDivisionError):
        client.post("/exit")
    failing.remove(fail)

    assert client.post("/add/diavola").status_code == 200


def test_nothing_of_a_test_context_is_saved_unless_it_says_so(app: Flask, store: SyncMemoryStore) -> None:
    with app.test_request_context("/", method="POST"):
        add("lost")
    assert store.scan(Query()) == []

    with app.test_request_context("/", method="POST"):
        add("kept")
        current_visit().save()

    assert len(store.scan(Query())) == 2


def test_the_turn_of_a_test_context_ends_with_it(app: Flask) -> None:
    client = app.test_client()
    client.post("/add/funghi")
    cookie = client.get_cookie("session")
    assert cookie is not None
    headers = {"Cookie": f"session={cookie.value}"}

    with app.test_request_context("/", method="POST", headers=headers):
        assert data_of(Cart).pizzas == ["funghi"]

    with ThreadPoolExecutor() as pool:
        assert pool.submit(client.post, "/add/diavola").result().status_code == 200


def test_a_client_that_keeps_the_context_may_look_at_the_visit(app: Flask) -> None:
    with app.test_client() as client:
        client.post("/add/funghi")

        assert data_of(Cart).pizzas == ["funghi"]


def test_a_request_inside_a_request_of_the_same_visit_does_not_wait_for_it(app: Flask) -> None:
    inner = app.test_client()

    @app.post("/outer")
    def outer() -> str:
        pizzas = data_of(Cart).pizzas
        return inner.post("/add/diavola").text + str(len(pizzas))

    inner.post("/add/funghi")
    cookie = inner.get_cookie("session")
    assert cookie is not None

    outer_client = app.test_client(use_cookies=False)
    assert outer_client.post("/outer", headers={"Cookie": f"session={cookie.value}"}).text == "added2"
    assert inner.get("/").text == "funghi diavola"


def test_requests_in_an_application_context_have_each_their_own_visit(app: Flask) -> None:
    with app.app_context():
        app.test_client().post("/add/funghi")

        assert app.test_client().get("/").text == ""


def test_a_session_that_was_kept_beyond_its_request_is_closed(app: Flask) -> None:
    kept: list[Cart] = []

    @app.get("/keep")
    def keep() -> str:
        kept.append(data_of(Cart))
        return ""

    app.test_client().get("/keep", buffered=True)

    with pytest.raises(SessionClosedError, match="open it again"):
        kept[0].count = 1


def test_a_view_of_head_is_saved_like_one_of_get(app: Flask) -> None:
    app.add_url_rule("/look", "look", lambda: add("funghi"), methods=["GET"])
    client = app.test_client()

    client.head("/look", buffered=True)

    assert client.get("/").text == "funghi"


def test_a_saved_session_is_saved_again_if_it_changes_afterwards(app: Flask) -> None:
    @app.post("/twice")
    def twice() -> str:
        add("funghi")
        current_visit().save()
        return add("diavola")

    client = app.test_client()
    client.post("/twice")

    assert client.get("/").text == "funghi diavola"
