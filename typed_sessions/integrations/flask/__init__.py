"""Typed sessions for Flask 3.

TypedSessions(Visits(SyncSessions(store), models=[Cart])).init_app(app)

@app.post("/add/<pizza>")
def add(pizza: str) -> str:
    data_of(Cart).pizzas.append(pizza)
    return "added"
"""

from importlib import import_module

try:
    import_module("flask")
except ModuleNotFoundError as error:
    if error.name != "flask":
        raise
    needed = 'typed_sessions.integrations.flask needs Flask: pip install "typed-sessions[flask]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.integrations.flask.current import (
    csrf_token,
    current_visit,
    data_of,
    logout_everywhere,
    required_owner,
    session_of,
    take_flashes,
)
from typed_sessions.integrations.flask.extension import TypedSessions
from typed_sessions.integrations.web import Cookie, Taken, Takeover, Visits
from typed_sessions.integrations.web.csrf import CsrfRules
from typed_sessions.integrations.web.flash import Flashes
from typed_sessions.integrations.web.sync_visit import SyncVisit

__all__ = [
    "Cookie",
    "CsrfRules",
    "Flashes",
    "SyncVisit",
    "Taken",
    "Takeover",
    "TypedSessions",
    "Visits",
    "csrf_token",
    "current_visit",
    "data_of",
    "logout_everywhere",
    "required_owner",
    "session_of",
    "take_flashes",
]
