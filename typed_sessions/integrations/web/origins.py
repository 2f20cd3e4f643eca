"""Origins: which pages a request may come from, by what the browser says of it.

The rules are those of Go's `net/http.CrossOriginProtection` (Go 1.25) and of the OWASP Cross-Site Request Forgery
Prevention Cheat Sheet ("Fetch Metadata headers", "Using standard headers to verify origin"), but for two points where
Go lets a request pass: the scheme counts too, and a browser that says nothing is told apart from one that says yes.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from typed_sessions.errors import SessionDefinitionError

Headers = Callable[[str], Sequence[str]]
"""Gives the values of the headers of a name, which it takes in any case."""

DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
SHOWN = 100
"""So many characters of a header are logged."""

# RFC 6454, section 7.1; no user, no path, no list. Anything else in the place of a host is no origin.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")


def normal(origin: str, /) -> str | None:
    """An origin as browsers write it: in lower case, without the port that its scheme has anyway; None if it is none.

    A dot at the end of the host stays: to browsers that is another host.
    """
    return _written(_ORIGIN.fullmatch(origin.lower()))


def of_page(url: str, /) -> str | None:
    """The origin of the page with this address; None if it has none."""
    scheme, separator, rest = url.lower().partition("://")
    return normal(scheme + separator + re.split(r"[/?#\\]", rest, maxsplit=1)[0])


def _written(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" if port in (None, DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def trusted(origins: Iterable[str], /) -> frozenset[str]:
    """The origins that an application trusts, checked.

    Raises:
        SessionDefinitionError: one is no origin, such as `null` or an address with a path.
    """
    if isinstance(origins, str):
        raise SessionDefinitionError(f"trusted_origins is a list; write trusted_origins=[{origins!r}]")
    known = {origin: normal(origin) for origin in origins}
    wrong = [origin for origin, written in known.items() if written is None]
    if wrong:
        raise SessionDefinitionError(
            f"{wrong[0]!r} is no origin to trust; write scheme, host and port alone, as in 'https://pay.example:8443'"
        )
    return frozenset(filter(None, known.values()))


@dataclass(frozen=True, slots=True)
class Origins:
    """Where a request may come from.

    Args:
        own: the origin that the request asks for; None if it does not say.
        trusted: others that may send requests.
    """

    own: str | None
    trusted: frozenset[str]

    def problem(self, headers: Headers, /) -> str | None:
        """Why a request must not be served, in a sentence for the developer; None if it may be.

        A browser sets these headers itself, and lets no page change them.
        """
        sites, origins = headers("sec-fetch-site"), headers("origin")
        if len(set(sites)) > 1 or len(origins) > 1:
            return "it has several Sec-Fetch-Site or Origin headers, which no browser sends"
        if sites:
            return self._problem_of_site(sites[0], origins)
        if origins:
            return self._problem_of_origin("Origin", origins[0], normal(origins[0]))
        pages = headers("referer")
        return self._problem_of_origin("Referer", *_page(pages)) if pages else None

    def _problem_of_site(self, site: str, origins: Sequence[str]) -> str | None:
        if site in ("same-origin", "none") or any(normal(origin) in self.trusted for origin in origins):
            return None
        origin = _shown(origins[0]) if origins else "no Origin"
        return (
            f"Sec-Fetch-Site is {_shown(site)}, with {origin}: a page of another origin sent it; "
            f"if that is yours, add it to trusted_origins"
        )

    def _problem_of_origin(self, header: str, sent: str, origin: str | None) -> str | None:
        if origin is not None and (origin == self.own or origin in self.trusted):
            return None
        if sent == "null":
            return "Origin is null: it came from a sandboxed frame, or from a page with `Referrer-Policy: no-referrer`"
        return (
            f"{header} is of {_shown(origin or sent)}, and the request asks for {self.own}; if a proxy stands before "
            f"the server, let the server believe its headers (uvicorn: --proxy-headers), or add the origin to "
            f"trusted_origins"
        )


def says_nothing(headers: Headers, /) -> bool:
    """Whether the browser does not say at all where a request comes from."""
    return not any(headers(name) for name in ("sec-fetch-site", "origin", "referer"))


def _page(pages: Sequence[str]) -> tuple[str, str | None]:
    origin = of_page(pages[0]) if len(pages) == 1 else None
    # The rest of the address is nobody's business.
    return origin or "no page", origin


def _shown(text: str) -> str:
    return repr(text[:SHOWN])
