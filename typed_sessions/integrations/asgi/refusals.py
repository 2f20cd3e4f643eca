"""What the browser is told when a visit could not be read or saved."""

import logging
from collections.abc import Sequence

from typed_sessions.errors import TypedSessionsError
from typed_sessions.integrations.asgi.headers import add_headers
from typed_sessions.integrations.asgi.types import Message, Send
from typed_sessions.integrations.web.refusals import REFUSALS, RETRY_AFTER, UNAVAILABLE, Answer

logger = logging.getLogger("typed_sessions")


def refusal(error: BaseException, /) -> Answer | None:
    """What to answer for an error of a visit; None for one that is a fault of the application."""
    return REFUSALS.get(type(error)) if isinstance(error, TypedSessionsError) else None


async def refuse(
    send: Send, status: int, text: bytes, why: object = None, /, *, set_cookies: Sequence[str] = ()
) -> None:
    """Send a whole response that says what went wrong, and log `why`, if it is given."""
    if why is not None:
        logger.warning("answered %d: %s", status, why)
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status == UNAVAILABLE[0]:
        headers.append((b"retry-after", RETRY_AFTER))
    begin: Message = {"type": "http.response.start", "status": status, "headers": headers}
    await send(add_headers(begin, set_cookies, was_read=True))
    await send({"type": "http.response.body", "body": text})
