"""Where a WebSocket may come from.

Browsers do not keep other sites from opening one, and send the cookies along (RFC 6455, section 10.2), so the server
has to look at the `Origin` that they name (RFC 6454, section 7).
"""

from collections.abc import Collection, Iterable

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.asgi.types import Scope
from typed_sessions.integrations.web.origins import normal


def checked(origins: Iterable[str], /) -> frozenset[str]:
    """The origins as browsers write them.

    Raises:
        SessionDefinitionError: one of them is none, so that it would never be met.
    """
    if isinstance(origins, str):
        raise SessionDefinitionError(f"origins is a list; write origins=[{origins!r}]")
    return frozenset(map(_checked, origins))


def _checked(origin: str) -> str:
    # `null` is none: it is every sandboxed frame, whoever made it.
    written = normal(origin)
    if written is None:
        raise SessionDefinitionError(
            f"{origin!r} is no origin of a page; write scheme, host and port alone, as https://shop.example"
        )
    return written


def is_allowed(scope: Scope, origins: Collection[str] | None, /) -> bool:
    """Whether a handshake may come from its origin; one without (no browser) may.

    Args:
        scope: that of the handshake.
        origins: those that may, as `checked` gives them; None: the host that is asked for.
    """
    given, hosts = _values(scope, b"origin"), _values(scope, b"host")
    if not given:
        return True
    if len(given) > 1:
        return False
    if origins is not None:
        return normal(given[0]) in origins
    return len(hosts) == 1 and _is_own(given[0], hosts[0], is_secure=scope.get("scheme") == "wss")


def _values(scope: Scope, wanted: bytes) -> list[str]:
    headers = scope.get("headers") or ()
    return [bytes(value).decode("latin-1") for name, value in headers if bytes(name).lower() == wanted]


def _is_own(origin: str, host: str, *, is_secure: bool) -> bool:
    page, scheme = normal(origin), origin.partition("://")[0].lower()
    # Who can change a page on its way over plain HTTP must not speak for the one that came over TLS. The other way
    # round is a proxy that ends TLS and does not say so.
    is_fit = scheme == "https" or (scheme == "http" and not is_secure)
    return is_fit and page is not None and page == normal(f"{scheme}://{host}")
