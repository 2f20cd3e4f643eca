"""The extension: what a view gets, what the browser is sent, what is stored."""

import subprocess
import sys

import pytest
from flask import Flask, Response
from werkzeug.exceptions import Unauthorized

from tests.flask_shop import Cart, Prefs, add, pizzas, shop, visits_in
from typed_sessions import MemoryStore, SessionConfig, SessionDefinitionError, SessionModel, Sessions, SyncMemoryStore
from typed_sessions.integrations.flask import (
    Cookie,
    TypedSessions,
    Visits,
    current_visit,
    data_of,
    logout_everywhere,
    required_owner,
    session_of,
)
from typed_sessions.stores.protocol import Query, SyncStore


def names(store: SyncStore) -> list[str]:
    """The models of what is stored."""
    return sorted(key.model for key, _ in store.scan(Query()))


def add_headers(app: Flask, name: str, values: list[str]) -> None:
    """Have an application add headers to all its responses."""

    @app.after_request
    def with_headers(response: Response) -> Response:
        response.headers.setlist(name, values)
        return response


def test_what_a_view_changes_is_there_in_the_next_request() -> None:
    client = shop().test_client()
    client.post("/add/funghi")

    client.post("/add/diavola")

    assert client.get("/").text == "funghi diavola"


def test_another_browser_has_a_visit_of_its_own() -> None:
    app = shop()
    app.test_client().post("/add/funghi")

    assert app.test_client().get("/").text == ""


def test_a_view_that_does_not_ask_reads_nothing() -> None:
    app = shop()
    app.add_url_rule("/about", "about", lambda: "about us")

    response = app.test_client().get("/about")

    assert "Vary" not in response.headers
    assert "Set-Cookie" not in response.headers


def test_a_visit_that_keeps_nothing_makes_no_row_and_no_cookie() -> None:
    store = SyncMemoryStore()

    response = shop(visits_in(store)).test_client().get("/")

    assert response.headers["Vary"] == "Cookie"
    assert "Set-Cookie" not in response.headers
    assert "Cache-Control" not in response.headers
    assert names(store) == []


def test_a_new_visit_is_sent_its_cookie_in_a_response_that_no_cache_keeps() -> None:
    response = shop().test_client().post("/add/funghi")

    [cookie] = response.headers.getlist("Set-Cookie")
    assert cookie.startswith("session=")
    assert "HttpOnly" in cookie
    assert (response.headers["Cache-Control"], response.headers["Vary"]) == ("no-store", "Cookie")


def test_a_cookie_that_has_not_changed_is_not_sent_again() -> None:
    client = shop().test_client()
    client.post("/add/funghi")

    assert "Set-Cookie" not in client.post("/add/diavola").headers


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["Accept", "Origin"], ["Accept, Origin, Cookie"]),
        (["*"], ["*"]),
        (["accept, COOKIE"], ["accept, COOKIE"]),
    ],
)
def test_what_a_response_varies_by_is_kept(given: list[str], sent: list[str]) -> None:
    app = shop()
    add_headers(app, "Vary", given)

    assert app.test_client().get("/").headers.getlist("Vary") == sent


@pytest.mark.parametrize("name", ["CDN-Cache-Control", "cloudflare-cdn-cache-control", "Surrogate-Control"])
def test_a_response_that_sets_the_cookie_is_not_cached_by_what_has_a_header_of_its_own(name: str) -> None:
    app = shop()
    add_headers(app, name, ["public, max-age=60", "max-age=60"])
    client = app.test_client()

    assert name not in client.post("/add/funghi").headers
    assert client.post("/add/diavola").headers.getlist(name) == ["public, max-age=60", "max-age=60"]


def test_a_response_that_sets_the_cookie_is_not_cached_whatever_the_view_says() -> None:
    app = shop()
    add_headers(app, "Cache-Control", ["public, max-age=60"])

    assert app.test_client().post("/add/funghi").headers.getlist("Cache-Control") == ["no-store"]


def test_an_id_that_the_store_does_not_know_is_not_adopted() -> None:
    app, known = shop(), "A" * 43
    client = app.test_client()
    client.set_cookie("session", known)

    client.post("/add/funghi")

    cookie = client.get_cookie("session")
    assert cookie is not None
    assert cookie.value != known


@pytest.mark.parametrize("value", ["x" * 100_000, '"\\"', "é", "\x00", ";;;=", "a, session=b"])
def test_a_cookie_of_nonsense_is_ignored(value: str) -> None:
    client = shop().test_client(use_cookies=False)

    response = client.get("/", headers={"Cookie": f"session={value}"})

    assert (response.status_code, response.text) == (200, "")


def test_the_first_of_several_cookies_that_is_known_counts() -> None:
    app = shop()
    client = app.test_client()
    client.post("/add/funghi")
    cookie = client.get_cookie("session")
    assert cookie is not None

    both = f"session={'A' * 43}; session={cookie.value}"
    assert app.test_client(use_cookies=False).get("/", headers={"Cookie": both}).text == "funghi"


def test_a_request_has_one_session_whoever_asks() -> None:
    app, seen = shop(), list[object]()

    @app.before_request
    def before() -> None:
        seen.extend([data_of(Cart), session_of(Cart), current_visit()])

    @app.get("/seen")
    def view() -> str:
        seen.extend([data_of(Cart), session_of(Cart), current_visit()])
        return ""

    app.test_client().get("/seen")

    assert [id(each) for each in seen[:3]] == [id(each) for each in seen[3:]]


def test_who_is_logged_in_is_required() -> None:
    client = shop().test_client()
    assert client.get("/owner").status_code == Unauthorized.code

    client.post("/login/ada")

    assert client.get("/owner").text == "ada"


def test_a_login_keeps_the_cart_and_gives_another_id() -> None:
    app = shop()
    client, thief = app.test_client(), app.test_client()
    client.post("/add/funghi")
    old = client.get_cookie("session")
    assert old is not None

    client.post("/login/ada")

    thief.set_cookie("session", old.value)
    assert client.get("/").text == "funghi"
    assert thief.get("/").text == ""


def test_a_logout_ends_the_visit_and_makes_the_browser_forget_it() -> None:
    store = SyncMemoryStore()
    client = shop(visits_in(store)).test_client()
    client.post("/add/funghi")

    response = client.post("/logout")

    assert "Max-Age=0" in response.headers["Set-Cookie"]
    assert names(store) == []


def test_an_owner_is_logged_out_of_all_browsers_without_a_request() -> None:
    app = shop()
    browsers = [app.test_client() for _ in range(2)]
    for browser in browsers:
        browser.post("/login/ada")

    with app.app_context():
        assert logout_everywhere("ada") == 2

    assert [browser.get("/owner").status_code for browser in browsers] == [401, 401]


def test_an_extension_serves_several_applications_each_with_visits_of_its_own() -> None:
    extension, apps = TypedSessions(), [Flask("one"), Flask("two")]
    for app in apps:
        extension.init_app(app, visits_in(SyncMemoryStore()))
        app.add_url_rule("/", "pizzas", pizzas)
        app.add_url_rule("/add/<pizza>", "add", add, methods=["POST"])
    one, two = (app.test_client() for app in apps)

    one.post("/add/funghi")
    two.post("/add/diavola")

    assert (one.get("/").text, two.get("/").text) == ("funghi", "diavola")


def test_an_application_may_have_several_visits() -> None:
    app = shop(visits_in(SyncMemoryStore(), name="shop"))
    others = Visits(visits_in(SyncMemoryStore()).sessions, [Other], cookie=Cookie(secure=False))
    TypedSessions(others, app)

    @app.get("/both")
    def both() -> str:
        data_of(Other).seen = True
        return add("funghi")

    response = app.test_client().get("/both")

    assert [each.partition("=")[0] for each in response.headers.getlist("Set-Cookie")] == ["shop", "session"]


class Other(SessionModel):
    session_config = SessionConfig(name="other")

    seen: bool = False


def test_an_application_is_not_given_visits_with_the_same_cookie_twice() -> None:
    with pytest.raises(SessionDefinitionError, match="has visits with the cookie 'session' already"):
        TypedSessions(visits_in(SyncMemoryStore()), shop())


def test_visits_of_asyncio_are_refused() -> None:
    with pytest.raises(SessionDefinitionError, match="for asyncio"):
        TypedSessions(Visits(Sessions(MemoryStore()), [Cart]), Flask("shop"))


def test_an_application_without_visits_is_refused() -> None:
    with pytest.raises(SessionDefinitionError, match="got nothing"):
        TypedSessions().init_app(Flask("shop"))


def test_an_application_that_was_not_given_visits_says_what_to_do() -> None:
    with Flask("shop").test_request_context(), pytest.raises(SessionDefinitionError, match="init_app"):
        data_of(Cart)


def test_a_model_that_the_visits_do_not_have_is_refused() -> None:
    with shop().test_request_context(), pytest.raises(SessionDefinitionError, match="which have Cart, Prefs"):
        data_of(Other)


def test_there_is_no_visit_outside_a_request() -> None:
    with shop().app_context(), pytest.raises(RuntimeError, match="request context"):
        current_visit()


def test_nothing_is_required_of_who_is_not_in_a_request_of_flask() -> None:
    with shop().test_request_context(), pytest.raises(Unauthorized):
        required_owner()


def test_without_flask_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['flask'] = None; import typed_sessions.integrations.flask"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert 'pip install "typed-sessions[flask]"' in done.stderr


def test_a_session_of_a_view_is_deleted_by_its_handle() -> None:
    client = shop().test_client()
    client.post("/add/funghi")

    client.delete("/cart")

    assert client.get("/").text == ""


def test_models_are_saved_together() -> None:
    app = shop()

    @app.post("/both")
    def both() -> str:
        data_of(Cart).pizzas.append("funghi")
        data_of(Prefs).theme = "dark"
        return ""

    app.add_url_rule("/theme", "theme", lambda: data_of(Prefs).theme)
    client = app.test_client()

    client.post("/both")

    assert (client.get("/").text, client.get("/theme").text) == ("funghi", "dark")
