"""Streamed responses of Flask, which change a session when the browser has its cookie already."""

import io
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response, send_file, stream_with_context

from tests.flask_shop import Cart, add, count, shop, visits_in
from typed_sessions import SessionClosedError, SessionConflictError, SyncMemoryStore
from typed_sessions.integrations.flask import current_visit, data_of

SOON = 0.2
"""Seconds; a request that would wait for another one's turn fails after them."""


@pytest.fixture
def app() -> Flask:
    return shop(visits_in(SyncMemoryStore(), lock_timeout=SOON))


def streaming(app: Flask, body: Callable[[], Iterator[str]]) -> None:
    """Give an application a view that streams, with the context of its request."""
    app.add_url_rule("/body", "body", lambda: Response(stream_with_context(body())), methods=["POST"])


def test_a_stream_is_saved_when_it_ends(app: Flask) -> None:
    client = app.test_client()

    assert client.post("/stream/funghi").text == "adding added"

    assert client.get("/").text == "funghi funghi"


def test_a_stream_does_not_keep_the_next_request_waiting(app: Flask) -> None:
    streaming(app, lambda: map(str, (add(pizza) for pizza in ["funghi", "diavola"])))
    client = app.test_client()
    client.post("/count")

    stream = client.post("/body")
    assert client.post("/count").text == "2"

    assert stream.text == "addedadded"
    assert (client.get("/").text, client.post("/count").text) == ("funghi diavola", "3")


def test_a_stream_that_the_browser_leaves_is_saved_as_far_as_it_came(app: Flask) -> None:
    streaming(app, lambda: map(add, ["funghi", "diavola", "marinara"]))
    client = app.test_client()
    client.post("/count")

    stream = client.post("/body")
    next(iter(stream.response))
    stream.close()

    assert client.get("/").text.startswith("funghi")
    assert "marinara" not in client.get("/").text


def test_a_stream_that_raises_saves_nothing_more(app: Flask) -> None:
    def body() -> Iterator[str]:
        yield add("diavola")
        raise ZeroDivisionError

    streaming(app, body)
    client = app.test_client()
    client.post("/add/funghi")

    with pytest.raises(ZeroDivisionError):
        client.post("/body", buffered=True)

    assert client.get("/").text == "funghi"


def test_a_stream_that_loses_against_another_request_breaks_off(app: Flask) -> None:
    client = app.test_client()
    client.post("/add/funghi")
    stream = client.post("/stream/diavola")

    client.post("/add/marinara")

    with pytest.raises(SessionConflictError):
        stream.get_data()
    assert client.get("/").text == "funghi diavola marinara"


def test_a_stream_that_begins_a_visit_raises_instead_of_losing_it(app: Flask) -> None:
    streaming(app, lambda: map(add, ["funghi"]))

    with pytest.raises(SessionClosedError, match="cookie cannot be sent any more"):
        app.test_client().post("/body", buffered=True)


def test_a_stream_that_logs_in_raises_because_no_cookie_can_be_sent(app: Flask) -> None:
    def body() -> Iterator[str]:
        yield "login"
        current_visit().login("ada")

    streaming(app, body)
    client = app.test_client()
    client.post("/add/funghi")

    with pytest.raises(SessionClosedError, match="cookie cannot be sent any more"):
        client.post("/body", buffered=True)

    assert client.get("/").text == "funghi"


def test_a_long_stream_takes_short_turns(app: Flask) -> None:
    def body() -> Iterator[str]:
        for _ in range(2):
            with current_visit().open(Cart) as cart:
                cart.count += 1
            yield str(cart.count)

    streaming(app, body)
    client = app.test_client()
    client.post("/count")

    stream = iter(client.post("/body").response)
    between = client.post("/count").text

    assert [between, *stream] in (["2", b"3", b"4"], ["3", b"2", b"4"])


def test_the_body_of_a_stream_is_closed_even_if_it_never_began(app: Flask) -> None:
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            closed.append(True)

    app.add_url_rule("/body", "body", lambda: Response(Body()))

    app.test_client().head("/body", buffered=True)

    assert closed == [True]


def test_text_and_bytes_are_streamed_as_they_are(app: Flask) -> None:
    app.add_url_rule("/text", "text", lambda: Response(iter(["é", "x"])))
    app.add_url_rule("/bytes", "bytes", lambda: Response(iter([b"\xff", b"x"])))
    client = app.test_client()

    assert client.get("/text").data == "éx".encode()
    assert client.get("/bytes").data == b"\xffx"


def test_a_file_is_sent_with_the_headers_of_the_visit(app: Flask) -> None:
    @app.post("/file")
    def file() -> Response:
        count()
        return send_file(io.BytesIO(b"receipt"), mimetype="text/plain", max_age=60)

    client = app.test_client()
    response = client.post("/file")

    assert (response.data, response.headers["Cache-Control"]) == (b"receipt", "no-store")
    assert client.post("/count").text == "2"


def test_a_stream_reads_what_was_there_when_its_response_began(app: Flask) -> None:
    cart: list[Cart] = []

    def view() -> Response:
        cart.append(data_of(Cart))
        return Response(str(cart[0].count) for _ in range(1))

    app.add_url_rule("/read", "read", view)
    client = app.test_client()
    client.post("/count")

    assert client.get("/read").text == "1"
