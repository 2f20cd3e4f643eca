"""What a visit adds to the headers of a response."""

from collections.abc import Sequence

from werkzeug.datastructures import Headers

from typed_sessions.integrations.web.headers import visited


def add_headers(headers: Headers, set_cookies: Sequence[str], /, *, was_read: bool) -> None:
    """Add the cookies that are to be set, and what tells caches of it; see `visited`."""
    if set_cookies or was_read:
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.to_wsgi_list()]
        made = visited(sent, set_cookies)
        headers.clear()
        headers.extend((name.decode("latin-1"), value.decode("latin-1")) for name, value in made)
