"""What a visit adds to the message that begins a response."""

from collections.abc import Sequence

from typed_sessions.integrations.asgi.types import Message
from typed_sessions.integrations.web.headers import visited


def add_headers(message: Message, set_cookies: Sequence[str], /, *, was_read: bool) -> Message:
    """The message with the cookies that are to be set, and what tells caches of it; see `visited`."""
    if not set_cookies and not was_read:
        return message
    headers = [(bytes(name), bytes(value)) for name, value in message.get("headers") or ()]
    return {**message, "headers": visited(headers, set_cookies)}
