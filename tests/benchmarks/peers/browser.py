"""A visitor of a web application who is called by no server: requests and cookies, and nothing else.

Each session is a visitor with a cookie jar of his own.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any, TypeAlias

from tests.benchmarks.peers.peer import SESSIONS

Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[..., Awaitable[None]]
WsgiApp: TypeAlias = Callable[..., Iterable[bytes]]


class RefusedError(Exception):
    """A response that is no success."""


class Browsers:
    """The cookies of all visitors."""

    def __init__(self) -> None:
        self._cookies = [""] * SESSIONS

    async def request(self, app: AsgiApp, path: str, number: int) -> None:
        """Ask an ASGI application."""
        cookie = self._cookies[number].encode()
        headers = [(b"host", b"shop"), *([(b"cookie", cookie)] if cookie else [])]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 443),
            "state": {},
            "extensions": {},
        }

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                _check(message["status"])
                for name, value in message["headers"]:
                    self._keep(number, name.decode(), value.decode())

        await app(scope, _receive, send)

    def call(self, app: WsgiApp, path: str, number: int) -> None:
        """Ask a WSGI application."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "shop",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_COOKIE": self._cookies[number],
            "wsgi.url_scheme": "https",
            "wsgi.version": (1, 0),
        }

        def start_response(status: str, headers: list[tuple[str, str]], _info: object = None) -> None:
            _check(int(status.partition(" ")[0]))
            for name, value in headers:
                self._keep(number, name, value)

        for _ in app(environ, start_response):
            pass

    def _keep(self, number: int, name: str, value: str) -> None:
        # A session's id does not change in these runs, so one look is enough.
        if not self._cookies[number] and name.lower() == "set-cookie":
            [(cookie, morsel)] = SimpleCookie(value).items()
            self._cookies[number] = f"{cookie}={morsel.value}"


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _check(status: int) -> None:
    if status >= 300:
        raise RefusedError(status)
