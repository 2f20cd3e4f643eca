"""Sessions for the endpoints of FastAPI.

@app.post("/cart")
async def add(cart: DataOf[Cart], sku: str) -> None:
    cart.lines.append(Line(sku=sku))

app.add_middleware(SessionMiddleware, visits=Visits(sessions, [Cart]))

All that depend on a model in a request get the same object, which is saved when the response begins.
"""

from importlib import import_module

try:
    import_module("fastapi")
except ModuleNotFoundError as error:
    if error.name != "fastapi":
        raise
    needed = 'typed_sessions.integrations.fastapi needs fastapi: pip install "typed-sessions[fastapi]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.integrations.asgi import Cookie, CsrfMiddleware, Flash, Flashes, Visit, Visits, visit_of
from typed_sessions.integrations.fastapi.dependencies import (
    CsrfTokenDep,
    DataOf,
    OwnerDep,
    SessionOf,
    VisitDep,
    current_csrf_token,
    current_owner,
    current_visit,
    data_of,
    session_of,
)
from typed_sessions.integrations.fastapi.describing import describe
from typed_sessions.integrations.fastapi.middleware import SessionMiddleware
from typed_sessions.integrations.fastapi.verifying import verify

__all__ = [
    "Cookie",
    "CsrfMiddleware",
    "CsrfTokenDep",
    "DataOf",
    "Flash",
    "Flashes",
    "OwnerDep",
    "SessionMiddleware",
    "SessionOf",
    "Visit",
    "VisitDep",
    "Visits",
    "current_csrf_token",
    "current_owner",
    "current_visit",
    "data_of",
    "describe",
    "session_of",
    "verify",
    "visit_of",
]
