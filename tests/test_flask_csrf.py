"""Forged requests to a Flask application, and messages that are said once."""

import io
import re

import pytest
from flask import Flask, Response, render_template_string, request, stream_with_context
from flask.testing import FlaskClient

from tests.flask_shop import Cart, add, login, pizzas, shop, visits_in
from typed_sessions import SessionClosedError, SessionDefinitionError, SyncMemoryStore, SyncSessions
from typed_sessions.integrations.flask import (
    Cookie,
    CsrfRules,
    Flashes,
    TypedSessions,
    Visits,
    csrf_token,
    data_of,
    take_flashes,
)

FORM = '<form method="post"><input name="csrf_token" value="{{ csrf_token() }}"></form>'


def guarded(csrf: CsrfRules | bool = True) -> Flask:  # as the extension takes it
    app = Flask("guarded")
    sessions = SyncSessions(SyncMemoryStore())
    TypedSessions(Visits(sessions, [Cart, Flashes], cookie=Cookie(secure=False)), app, csrf=csrf)
    app.add_url_rule("/form", "form", lambda: render_template_string(FORM))
    app.add_url_rule("/", "pizzas", pizzas)
    app.add_url_rule("/add/<pizza>", "add", add, methods=["POST"])
    app.add_url_rule("/hooks/<pizza>", "hook", add, methods=["POST"])
    app.add_url_rule("/login/<owner>", "login", login, methods=["POST"])
    return app


def token_in(client: FlaskClient) -> str:
    found = re.search(r'value="([^"]+)"', client.get("/form").text)
    assert found is not None
    return found[1]


def test_a_form_of_the_application_is_let_in() -> None:
    client = guarded().test_client()

    assert client.post("/add/funghi", data={"csrf_token": token_in(client)}).status_code == 200
    assert client.post("/add/diavola", data={"csrf_token": token_in(client)}).status_code == 200
    assert client.get("/").text == "funghi diavola"


def test_a_header_serves_as_well_as_a_field() -> None:
    client = guarded().test_client()

    assert client.post("/add/funghi", headers={"X-CSRF-Token": token_in(client)}).status_code == 200


def test_a_form_with_files_is_let_in() -> None:
    client = guarded().test_client()
    form = {"csrf_token": token_in(client), "photo": (io.BytesIO(b"x" * 100_000), "pizza.jpg")}

    assert client.post("/add/funghi", data=form).status_code == 200


@pytest.mark.parametrize(("cookie", "is_read"), [("", False), ("theme=dark; csrf=x", False), ("session=x", True)])
def test_a_form_is_parsed_only_if_a_cookie_came_that_its_token_could_be_bound_to(cookie: str, *, is_read: bool) -> None:
    body = io.BytesIO(b'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\nx\r\n--b--\r\n')
    client = guarded().test_client(use_cookies=False)
    form, headers = "multipart/form-data; boundary=b", {"Cookie": cookie, "Content-Length": "80"}

    response = client.post("/nowhere", input_stream=body, content_type=form, headers=headers)

    assert (response.status_code, body.tell() > 0) == (403, is_read)


@pytest.mark.parametrize("token", [None, "", "x", "A" * 86])
def test_a_request_without_a_good_token_is_refused(token: str | None) -> None:
    client = guarded().test_client()
    client.get("/form")

    response = client.post("/add/funghi", data={} if token is None else {"csrf_token": token})

    assert (response.status_code, "Load the page again" in response.text) == (403, True)
    assert client.get("/").text == ""


def test_a_token_of_another_browser_is_refused() -> None:
    app = guarded()
    token = token_in(app.test_client())
    client = app.test_client()
    client.get("/form")

    assert client.post("/add/funghi", data={"csrf_token": token}).status_code == 403


def test_a_login_voids_the_tokens_from_before() -> None:
    client = guarded().test_client()
    token = token_in(client)
    assert client.post("/login/ada", data={"csrf_token": token}).status_code == 200

    assert client.post("/add/funghi", data={"csrf_token": token}).status_code == 403
    assert client.post("/add/funghi", data={"csrf_token": token_in(client)}).status_code == 200


def test_a_page_from_before_the_visit_was_stored_still_works() -> None:
    client = guarded().test_client()
    first, second = token_in(client), token_in(client)

    client.post("/add/funghi", data={"csrf_token": first})

    assert client.post("/add/diavola", data={"csrf_token": second}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "https://localhost"},
        {"Referer": "https://evil.example/http://localhost/"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    ],
)
def test_a_page_of_another_origin_is_refused_even_with_a_token(headers: dict[str, str]) -> None:
    client = guarded().test_client()

    assert client.post("/add/funghi", data={"csrf_token": token_in(client)}, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}])
def test_a_page_of_the_own_origin_is_let_in(headers: dict[str, str]) -> None:
    client = guarded().test_client()

    assert client.post("/add/funghi", data={"csrf_token": token_in(client)}, headers=headers).status_code == 200


def test_what_the_rules_trust_or_exempt_is_let_in() -> None:
    rules = CsrfRules(trusted_origins=["https://pay.example"], tokens="unsure", exempt=["/hooks"])
    client = guarded(rules).test_client()

    assert client.post("/hooks/funghi").status_code == 200
    assert client.post("/add/funghi", headers={"Origin": "https://pay.example"}).status_code == 200
    assert client.post("/add/funghi", headers={"Origin": "https://evil.example"}).status_code == 403


def test_an_exempt_path_counts_with_the_prefix_of_the_application() -> None:
    client = guarded(CsrfRules(exempt=["/shop/hooks"])).test_client()

    assert client.post("/hooks/funghi", base_url="http://localhost/shop").status_code == 200
    assert client.post("/hooks/funghi").status_code == 403


def test_a_forged_request_is_refused_before_the_application_sees_it() -> None:
    app, seen = Flask("guarded"), list[str]()

    @app.before_request
    def before() -> None:
        seen.append(request.path)

    TypedSessions(visits_in(SyncMemoryStore()), app, csrf=True)
    app.test_client().post("/add/funghi")

    assert seen == []


def test_the_page_for_403_of_the_application_is_used() -> None:
    app = guarded()
    app.register_error_handler(403, lambda _: ("our page", 403))

    assert app.test_client().post("/add/funghi").text == "our page"


def test_a_view_may_read_the_body_if_the_token_is_in_the_header() -> None:
    app = guarded()
    app.add_url_rule("/raw", "raw", lambda: request.stream.read(-1), methods=["POST"])
    client = app.test_client()

    assert client.post("/raw", data={"a": "b"}, headers={"X-CSRF-Token": token_in(client)}).data == b"a=b"


def test_a_token_makes_no_row_and_one_cookie() -> None:
    client = guarded().test_client()

    cookies = client.get("/form").headers.getlist("Set-Cookie")
    again = client.get("/form").headers.getlist("Set-Cookie")

    assert [each.partition("=")[0] for each in cookies] == ["csrf"]
    assert again == []


def test_an_application_that_is_not_guarded_has_no_tokens() -> None:
    with shop().test_request_context(), pytest.raises(SessionDefinitionError, match="csrf=True"):
        csrf_token()


def test_a_token_that_needs_a_cookie_is_not_made_after_the_response_began() -> None:
    app = guarded()

    @app.get("/late")
    def late() -> Response:
        return Response(stream_with_context(csrf_token() for _ in range(1)))

    with pytest.raises(SessionClosedError, match="the response has begun"):
        app.test_client().get("/late", buffered=True)


def test_the_log_says_how_flask_makes_a_token(caplog: pytest.LogCaptureFixture) -> None:
    guarded().test_client().post("/add/funghi")

    assert "put `csrf_token()`, in a template `{{ csrf_token() }}`, into one of them" in caplog.text


@pytest.mark.parametrize(
    ("template", "problem"),
    [("{{ csrf_token() }}", "csrf=True"), ("{{ take_flashes() }}", "Flashes is no session model .*; add it")],
)
def test_a_template_that_asks_for_what_is_missing_is_told_so(template: str, problem: str) -> None:
    with shop().test_request_context(), pytest.raises(SessionDefinitionError, match=problem):
        render_template_string(template)


def test_what_is_missing_takes_no_place_of_what_another_extension_gives() -> None:
    app = Flask("other")
    app.add_template_global(lambda: "of Flask-WTF", "csrf_token")
    TypedSessions(visits_in(SyncMemoryStore()), app)

    with app.test_request_context():
        assert render_template_string("{{ csrf_token() }}") == "of Flask-WTF"


def test_a_message_is_said_once_on_the_next_page() -> None:
    app = guarded(csrf=False)

    @app.post("/say")
    def say() -> str:
        data_of(Flashes).add("Your pizza is <hot>", "success")
        return ""

    loop = "{% for flash in take_flashes() %}{{ flash.level }}: {{ flash.text }}{% endfor %}"
    page = f"{{% autoescape true %}}{loop}{{% endautoescape %}}"
    app.add_url_rule("/page", "page", lambda: render_template_string(page))
    client = app.test_client()
    client.post("/say")

    assert client.get("/page").text == "success: Your pizza is &lt;hot&gt;"
    assert client.get("/page").text == ""


def test_messages_are_taken_by_views_too() -> None:
    with guarded(csrf=False).test_request_context():
        data_of(Flashes).add("hello")

        assert [each.text for each in take_flashes()] == ["hello"]
        assert take_flashes() == []
