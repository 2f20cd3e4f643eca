"""Readers of the sessions that an application had before, so that its move logs nobody out.

    Visits(sessions, models=[Cart], takeovers=[StarletteTakeover([SECRET_KEY], into=into)])

Each library has a module of its own here: `starlette`, `starsessions`, `flask`, `flask_session`, `django`. Nothing
pickled is ever read.
"""

from typed_sessions.integrations.takeover.into import Into
from typed_sessions.integrations.takeover.places import InRedis, OldPlace
from typed_sessions.integrations.takeover.table import InTable
from typed_sessions.integrations.web.takeover import Taken, Takeover

__all__ = ["InRedis", "InTable", "Into", "OldPlace", "Taken", "Takeover"]
