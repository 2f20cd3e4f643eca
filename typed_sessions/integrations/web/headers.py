"""What a visit adds to the headers of a response, in every framework."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

Headers: TypeAlias = list[tuple[bytes, bytes]]
"""Names and values."""

COOKIE = b"Cookie"
CACHING = b"cache-control", b"surrogate-control"
"""How fields end that tell caches what to do, such as `CDN-Cache-Control`."""


def visited(headers: Headers, set_cookies: Sequence[str], /) -> Headers:
    """The headers of a response that depends on the visit, with the cookies that are to be set.

    A response that sets a cookie is not stored by any cache (RFC 9111, section 5.2.2.5), not even by one that has a
    field of its own (RFC 9213); any other that read the visit is stored for its cookie only.
    """
    if set_cookies:
        headers = [(name, value) for name, value in headers if not name.lower().endswith(CACHING)]
        headers.append((b"cache-control", b"no-store"))
        headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in set_cookies]
    return _varied(headers)


def _varied(headers: Headers) -> Headers:
    """The headers with `Vary: Cookie`, merged into what is there."""
    listed = [value for name, value in headers if name.lower() == b"vary"]
    if any(each in (b"*", b"cookie") for each in _members(listed)):
        return headers
    rest = [(name, value) for name, value in headers if name.lower() != b"vary"]
    return [*rest, (b"vary", b", ".join([*filter(None, listed), COOKIE]))]


def _members(listed: Iterable[bytes]) -> Iterable[bytes]:
    return (member.strip().lower() for value in listed for member in value.split(b","))
