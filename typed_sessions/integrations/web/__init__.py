"""Web sessions, whatever the framework: visits, their cookie, their id."""

from typed_sessions.integrations.web.cookies import Cookie, SameSite
from typed_sessions.integrations.web.flash import Flash, Flashes
from typed_sessions.integrations.web.stored import KnownVisit, StoredVisit
from typed_sessions.integrations.web.takeover import Taken, Takeover
from typed_sessions.integrations.web.visit import Visit
from typed_sessions.integrations.web.visits import Visits

__all__ = [
    "Cookie",
    "Flash",
    "Flashes",
    "KnownVisit",
    "SameSite",
    "StoredVisit",
    "Taken",
    "Takeover",
    "Visit",
    "Visits",
]
