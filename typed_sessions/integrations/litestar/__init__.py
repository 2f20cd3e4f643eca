"""Web sessions for the handlers of Litestar 2, and Litestar's own stores on ours.

    @post("/lines")
    async def add(cart: NamedDependency[Cart], sku: FromQuery[str]) -> int:
        cart.lines.append(Line(sku=sku, qty=1))
        return len(cart.lines)

    app = Litestar([add], plugins=[SessionPlugin(Visits(sessions, [Cart]))])

A handler gets what it asks for by the names of its parameters, as always with Litestar.
"""

from importlib import import_module

try:
    import_module("litestar")
except ModuleNotFoundError as error:
    if error.name != "litestar":
        raise
    needed = 'typed_sessions.integrations.litestar needs Litestar: pip install "typed-sessions[litestar]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.integrations.asgi import Cookie, CsrfMiddleware, Flash, Flashes, Visit, Visits, visit_of
from typed_sessions.integrations.litestar.dependencies import (
    provide_csrf_token,
    provide_data,
    provide_owner,
    provide_session,
    provide_visit,
    requires_login,
)
from typed_sessions.integrations.litestar.plugin import SessionPlugin
from typed_sessions.integrations.litestar.store import TypedStore

__all__ = [
    "Cookie",
    "CsrfMiddleware",
    "Flash",
    "Flashes",
    "SessionPlugin",
    "TypedStore",
    "Visit",
    "Visits",
    "provide_csrf_token",
    "provide_data",
    "provide_owner",
    "provide_session",
    "provide_visit",
    "requires_login",
    "visit_of",
]
