"""One field of a form, read from the beginning of a request's body.

What is found is compared with what nobody else can know, so a sender gains nothing from a body that this reads
otherwise than the application does: it need not be as strict as a parser, only linear.
"""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

LIMIT = 65_536
"""Bytes of the body that are looked at."""

MAX_BOUNDARY = 70
"""RFC 2046, section 5.1.1. A longer one would also make the search slow."""

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


def is_form(content_types: Sequence[str], /) -> bool:
    """Whether a request with these `Content-Type` headers brings a form."""
    return len(content_types) == 1 and _media_type(content_types[0]) in (URLENCODED, MULTIPART)


def field(name: str, body: bytes, content_type: str, *, is_whole: bool) -> str | None:
    """The value of the first field of the name; None if there is none.

    Args:
        name: in ASCII.
        body: the first bytes of the body, at most `LIMIT` or so.
        content_type: that of the request.
        is_whole: there are no more; otherwise the last field may be cut off, and is left out.
    """
    is_multipart = _media_type(content_type) == MULTIPART
    wanted = name.encode()
    if is_multipart:
        found = _in_parts(wanted, body, _boundary(content_type))
    else:
        found = _in_pairs(wanted, body if is_whole else body.rpartition(b"&")[0])
    return None if found is None else found.decode("latin-1")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip(" \t").lower()


def _in_pairs(wanted: bytes, body: bytes) -> bytes | None:
    # URL Standard, section 5.1.
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        if _unquoted(name) == wanted:
            return _unquoted(value)
    return None


def _unquoted(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" ")) if b"%" in text or b"+" in text else text


def _boundary(content_type: str) -> bytes:
    return _parameter("boundary", content_type).encode("latin-1", "replace")


def _in_parts(wanted: bytes, body: bytes, boundary: bytes) -> bytes | None:
    # RFC 2046, section 5.1.1, and RFC 7578, section 4.
    if not 0 < len(boundary) <= MAX_BOUNDARY:
        return None
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    # What follows the last boundary is cut off, or no part.
    for part in parts[:-1]:
        head, blank, value = part.partition(b"\r\n\r\n")
        if blank and _is_named(wanted, head):
            return value
    return None


def _is_named(wanted: bytes, head: bytes) -> bool:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip(b" \t").lower() == b"content-disposition":
            return _parameter("name", value.decode("latin-1")) == wanted.decode()
    return False


def _parameter(wanted: str, header: str) -> str:
    for parameter in header.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip(" \t").lower() == wanted:
            return value.strip(" \t").strip('"')
    return ""
