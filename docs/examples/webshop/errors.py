"""Pages for what went wrong, in words for visitors."""

from collections.abc import Mapping

from fastapi import FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webshop.page import HEADERS, TEMPLATES, see

SENTENCES: Mapping[int, str] = {
    status.HTTP_404_NOT_FOUND: "There is nothing here. It may have been sold out.",
    status.HTTP_422_UNPROCESSABLE_CONTENT: "Something in this form cannot be right. Go back and look at it again.",
}
OTHERWISE = "This did not work. Go back, load the page again, and repeat what you did."


def add_error_pages(application: FastAPI) -> None:
    application.add_exception_handler(status.HTTP_401_UNAUTHORIZED, to_login)
    application.add_exception_handler(HTTPException, explained)
    application.add_exception_handler(RequestValidationError, explained)


async def to_login(_: Request, __: Exception) -> Response:
    """In place of a bare 401: the page where one logs in."""
    return see("/login")


async def explained(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else status.HTTP_422_UNPROCESSABLE_CONTENT
    return error_page(request, code, SENTENCES.get(code, OTHERWISE))


def error_page(request: Request, code: int, sentence: str) -> Response:
    """A page that asks nothing of the visit, so that it can be shown whatever went wrong."""
    return TEMPLATES.TemplateResponse(request, "error.html", {"sentence": sentence}, status_code=code, headers=HEADERS)


class Worded:
    """Puts the sentences of the middlewares, which refuse forms and conflicts in plain text, into pages of the shop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused: list[Message] = []

        async def worded(message: Message) -> None:
            if message["type"] == "http.response.start" and is_sentence(message):
                refused.append(message)
            elif refused and not message.get("more_body"):
                page = error_page(Request(scope), refused[0]["status"], message.get("body", b"").decode().strip())
                page.raw_headers += kept(refused[0])
                await page(scope, receive, send)
            else:
                await send(message)

        await self._app(scope, receive, worded)


def is_sentence(start: Message) -> bool:
    """Whether a response is an error in plain text."""
    types = [value for name, value in start["headers"] if name == b"content-type"]
    return start["status"] >= status.HTTP_400_BAD_REQUEST and types == [b"text/plain; charset=utf-8"]


def kept(start: Message) -> list[tuple[bytes, bytes]]:
    """The headers that are not of the text itself, such as cookies."""
    of_text = (b"content-type", b"content-length", b"cache-control")
    return [(name, value) for name, value in start["headers"] if name not in of_text]
