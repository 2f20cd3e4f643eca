"""How a visitor wants to see the shop."""

from typing import Literal, TypeAlias

from typed_sessions import SessionConfig, SessionModel

Theme: TypeAlias = Literal["light", "dark"]


class Preferences(SessionModel):
    """They are of the browser, whoever is logged in."""

    session_config = SessionConfig(name="webshop_preferences")

    theme: Theme = "light"
