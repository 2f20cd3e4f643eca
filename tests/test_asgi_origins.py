"""Where a WebSocket may come from, so that no other site opens one with the cookies of its visitor."""

import pytest

from tests.asgi_site import Exchange, site, visits
from typed_sessions import SessionDefinitionError
from typed_sessions.integrations.asgi import SessionMiddleware, Visit
from typed_sessions.integrations.asgi.origins import checked, is_allowed
from typed_sessions.integrations.asgi.types import Scope, Send

LISTED = checked(["https://shop.example", "http://localhost:5173"])


def handshake(*headers: tuple[str, str], scheme: str = "wss") -> Scope:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "websocket", "scheme": scheme, "path": "/", "headers": encoded}


@pytest.mark.parametrize(
    ("host", "origin", "scheme"),
    [
        ("shop.example", "https://shop.example", "wss"),
        ("shop.example", "https://SHOP.example", "wss"),
        ("shop.example:443", "https://shop.example", "wss"),
        ("shop.example:8443", "https://shop.example:8443", "wss"),
        ("shop.example", "https://shop.example", "ws"),
        ("shop.example", "http://shop.example", "ws"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "ws"),
        ("[::1]:8000", "http://[::1]:8000", "ws"),
    ],
)
def test_a_page_of_the_host_itself_may_open_one(host: str, origin: str, scheme: str) -> None:
    assert is_allowed(handshake(("host", host), ("origin", origin), scheme=scheme), None)


@pytest.mark.parametrize(
    ("host", "origin", "scheme"),
    [
        ("shop.example", "https://evil.example", "wss"),
        ("shop.example", "https://shop.example.evil.example", "wss"),
        ("shop.example", "https://evilshop.example", "wss"),
        ("shop.example", "https://shop.example:8443", "wss"),
        ("shop.example", "https://shop.example@evil.example", "wss"),
        ("shop.example", "http://shop.example", "wss"),
        ("shop.example", "null", "wss"),
        ("", "null", "wss"),
        ("shop.example", "", "wss"),
        ("", "", "wss"),
        ("shop.example", "https://", "wss"),
        ("", "https://", "wss"),
        ("shop.example", "shop.example", "wss"),
        ("shop.example", "file://shop.example", "ws"),
        ("shop.example", "https://[shop.example", "wss"),
        ("shop.example", "https://shop.example:x", "wss"),
        ("shop.example:x", "https://shop.example", "wss"),
        ("shop.example", "https://shop.example, https://evil.example", "wss"),
        ("shop.example", "https://sh\xf6p.example", "wss"),
        ("shop.example", r"https://evil.example\@shop.example", "wss"),
        ("shop.example", "https://ada@shop.example", "wss"),
        ("shop.example", "https://shop.example/", "wss"),
        ("shop.example", "https://shop.example/cart", "wss"),
        ("shop.example", "https://shop.example?", "wss"),
        ("shop.example", "https://shop.example#", "wss"),
        ("shop.example", " https://shop.example", "wss"),
        ("shop.example", "https://shop.example\t", "wss"),
        (r"evil.example\@shop.example", "https://shop.example", "wss"),
        ("shop.example/", "https://shop.example", "wss"),
    ],
)
def test_no_other_page_may(host: str, origin: str, scheme: str) -> None:
    assert not is_allowed(handshake(("host", host), ("origin", origin), scheme=scheme), None)


def test_who_is_no_browser_may() -> None:
    assert is_allowed(handshake(("host", "shop.example")), None)
    assert is_allowed({"type": "websocket"}, LISTED)


@pytest.mark.parametrize("origins", [None, LISTED])
def test_two_origins_may_not(origins: frozenset[str] | None) -> None:
    scope = handshake(("host", "shop.example"), ("origin", "https://shop.example"), ("Origin", "https://evil.example"))

    assert not is_allowed(scope, origins)


@pytest.mark.parametrize("hosts", [[], ["shop.example", "evil.example"], ["evil.example", "shop.example"]])
def test_without_one_host_that_is_asked_for_no_page_may(hosts: list[str]) -> None:
    scope = handshake(("origin", "https://shop.example"), *(("host", host) for host in hosts))

    assert not is_allowed(scope, None)


@pytest.mark.parametrize("origin", ["https://shop.example", "HTTPS://shop.example:443", "http://localhost:5173"])
def test_behind_a_proxy_that_asks_for_another_host_the_listed_origins_may(origin: str) -> None:
    assert is_allowed(handshake(("host", "10.0.0.7:8000"), ("origin", origin), scheme="ws"), LISTED)


@pytest.mark.parametrize(
    "origin", ["https://10.0.0.7:8000", "http://shop.example", "https://shop.example.", "null", ""]
)
def test_where_origins_are_listed_no_other_may(origin: str) -> None:
    assert not is_allowed(handshake(("host", "10.0.0.7:8000"), ("origin", origin)), LISTED)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_listed_as_browsers_write_it(written: str, origin: str) -> None:
    assert checked([written]) == {origin}


@pytest.mark.parametrize(
    "written",
    [
        "shop.example",
        "https://shop.example/",
        "https://shop.example/a",
        "https://",
        "*",
        "null",
        "",
        "https://a@b",
        "https://a:x",
        "https://[a",
        r"https://evil.example\@shop.example",
        "https://sh\xf6p.example",
        "https://shop.example ",
    ],
)
def test_what_is_no_origin_is_refused_at_once(written: str) -> None:
    with pytest.raises(SessionDefinitionError, match="is no origin of a page"):
        checked([written])


async def test_a_handshake_from_elsewhere_is_closed_before_the_application_hears_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Visit] = []

    async def app(visit: Visit, _send: Send) -> None:
        heard.append(visit)

    exchange = Exchange(**handshake(("host", "shop.example"), ("origin", "https://evil.example")))
    exchange.comes({"type": "websocket.connect"})
    sent = await exchange.run(site(app))

    assert (heard, [message["type"] for message in sent]) == ([], ["websocket.close"])
    assert "origins=[…]" in caplog.text


async def test_a_handshake_from_a_listed_origin_is_heard_of() -> None:
    heard: list[Visit] = []

    async def app(visit: Visit, _send: Send) -> None:
        heard.append(visit)

    middleware = SessionMiddleware(site(app, own := visits()).app, own, origins=["https://shop.example:443"])
    await Exchange(**handshake(("host", "10.0.0.7"), ("origin", "https://shop.example"))).run(middleware)

    assert len(heard) == 1
