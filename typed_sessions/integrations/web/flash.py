"""Flash messages: said once, on the next page that the user sees."""

import secrets
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from typed_sessions.model import SessionConfig, SessionModel

Level: TypeAlias = Literal["info", "success", "warning", "error"]

MAX_MESSAGES = 20
MAX_CHARACTERS = 1_000


class Flash(BaseModel, frozen=True):
    """One message."""

    model_config = ConfigDict(hide_input_in_errors=True)

    text: str
    """Plain text: escape it in HTML, as templates do."""
    level: Level = "info"


class Flashes(SessionModel):
    """The messages of a visit that the user has not seen yet: `Visits(sessions, models=[…, Flashes])`.

    Requests at the same time lose none of each other's messages: each is a field of its own, and sessions are merged
    by field.
    """

    session_config = SessionConfig(name="flashes")
    model_config = ConfigDict(extra="allow")

    # Type checkers would take it for an argument of the constructor.
    if not TYPE_CHECKING:
        __pydantic_extra__: dict[str, Flash]

    def add(self, text: str, level: Level = "info") -> None:
        """Say this on the next page; 1,000 characters of it, and the last 20 of such messages, at most."""
        names = self._names()
        for name in names[: 1 - MAX_MESSAGES]:
            delattr(self, name)
        number = _number(names[-1]) + 1 if names else 1
        cut = text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
        setattr(self, f"m{number}-{secrets.token_hex(4)}", Flash(text=cut, level=level))

    def take(self) -> list[Flash]:
        """The messages in their order; they are not said again."""
        kept = self._kept()
        taken = [kept[name] for name in self._names()]
        for name in list(kept):
            delattr(self, name)
        return taken

    def _names(self) -> list[str]:
        return sorted(self._kept(), key=_number)

    def _kept(self) -> dict[str, Flash]:
        return self.__pydantic_extra__ or {}


def _number(name: str) -> int:
    return int(name[1:].partition("-")[0])
