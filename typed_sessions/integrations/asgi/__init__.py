"""Typed sessions for every ASGI application: Starlette, FastAPI, Litestar, Quart, or none."""

from typed_sessions.integrations.asgi.access import visit_of
from typed_sessions.integrations.asgi.csrf import CsrfMiddleware, csrf_token
from typed_sessions.integrations.asgi.middleware import SessionMiddleware
from typed_sessions.integrations.web import Cookie, Flash, Flashes, KnownVisit, Taken, Takeover, Visit, Visits

__all__ = [
    "Cookie",
    "CsrfMiddleware",
    "Flash",
    "Flashes",
    "KnownVisit",
    "SessionMiddleware",
    "Taken",
    "Takeover",
    "Visit",
    "Visits",
    "csrf_token",
    "visit_of",
]
