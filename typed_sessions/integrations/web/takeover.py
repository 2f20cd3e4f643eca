"""Live sessions of what an application used before: taken over when their cookie first comes along."""

import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import Field

from typed_sessions.clock import EPOCH
from typed_sessions.errors import InvalidKeyError, SessionTooLargeError, UnstorableValueError
from typed_sessions.integrations.web.cookies import Cookie
from typed_sessions.integrations.web.ids import digest
from typed_sessions.key import KeyPart, SessionKey
from typed_sessions.model import SessionConfig, SessionModel

logger = logging.getLogger("typed_sessions")

WINDOW = timedelta(minutes=1)
"""How long an old cookie still leads to the visit that was made of it: for requests that bring it at the same time,
and for a browser that the response never reached."""

UNSTORABLE = InvalidKeyError, SessionTooLargeError, UnstorableValueError
"""What the store refuses of an old session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What becomes of an old session. Without sessions and owner nothing is kept."""

    sessions: Sequence[SessionModel] = field(default=(), repr=False)
    """Its data, as the application's session models."""
    owner: KeyPart | None = field(default=None, repr=False)
    """Who is logged in."""


class Takeover(Protocol):
    """Reads the old sessions of one library.

    An old session has a `name`: what its cookie proves to be its own. It is taken over once; the name is a secret of
    its browser, and stored by its SHA-256 only.
    """

    @property
    def cookie(self) -> Cookie:
        """The old cookie, with the domain and path that it has: the browser is made to forget it."""
        ...

    @property
    def lifetime(self) -> timedelta:
        """How long an old cookie may still be valid; it is not taken over twice within this time."""
        ...

    @property
    def is_unique(self) -> bool:
        """Whether no two browsers have the same cookie, as with random ids.

        Cookies that hold the data itself are the same where the data is. Those that say who is logged in are
        taken over once nevertheless; the others every time they come, lest strangers share a visit.
        """
        ...

    def name(self, value: str, /) -> str | None:
        """The name of the session that the cookie's value stands for; None if it is none. Without any I/O."""
        ...

    async def take(self, name: str, /) -> Taken | None:
        """What becomes of the session; None if there is none, or nothing of it is to be kept."""
        ...

    async def forget(self, name: str, /) -> None:
        """Delete it where it was kept. Called when what became of it is stored."""
        ...


class TakenOver(SessionModel):
    """That an old session was taken over. Its key is the SHA-256 of the old cookie's name and value."""

    session_config = SessionConfig(name="typed-sessions-takeover")

    at: datetime = EPOCH
    """When."""
    to: str = Field(default="", repr=False)
    """The key's text of the visit that was made of it."""
    secret: str = Field(default="", repr=False)
    """Makes the visit's id of the old session's name, so that whoever knows both finds the same id again."""

    def id_of(self, name: str, /) -> str:
        """The visit's id. The name alone does not tell it, and neither does the store."""
        made = hmac.digest(self.secret.encode(), name.encode(), "sha256")
        return urlsafe_b64encode(made).rstrip(b"=").decode()

    def begin(self, name: str, now: datetime, /) -> str:
        """Note that the old session is taken over now, and give the visit's new id."""
        self.at, self.secret = now, secrets.token_urlsafe(32)
        id_ = self.id_of(name)
        self.to = digest(id_)
        return id_


def marker_key(takeover: Takeover, name: str, /) -> SessionKey:
    """Where the store notes that an old session was taken over."""
    return SessionKey(TakenOver.session_config.name, digest(f"{takeover.cookie.name}={name}"))


def leave(takeover: Takeover, why: str, /) -> None:
    """Log that an old session was not taken over, and stays where it is."""
    logger.error(
        "an old session of the cookie %s was not taken over: %s; nothing of it was deleted, and mended code takes it "
        "over with its next request",
        takeover.cookie.name,
        why,
    )


async def forget(takeover: Takeover, name: str, /) -> None:
    """Delete an old session that was taken over. It is not taken over again even if that fails."""
    try:
        await takeover.forget(name)
    except Exception as error:  # noqa: BLE001 # whatever a library of others raises: the visit is stored, and counts
        logger.warning(
            "an old session of the cookie %s was taken over but could not be deleted (%s); delete it where it was kept",
            takeover.cookie.name,
            type(error).__name__,
        )
