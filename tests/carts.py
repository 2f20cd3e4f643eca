"""The session models that the store tests share."""

from typed_sessions import SessionConfig, SessionGroup, SessionModel


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    count: int = 0
    left: int = 0
    right: int = 0
    note: str = ""


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    currency: str = "EUR"


class Shop(SessionGroup):
    cart: Cart
    prefs: Prefs
