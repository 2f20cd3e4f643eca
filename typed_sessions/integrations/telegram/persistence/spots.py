"""Where the live objects of an application are stored, and what is wanted there."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from typed_sessions.integrations.telegram.persistence.forms import Form
from typed_sessions.key import KeyPart, SessionKey

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Spot(Generic[L]):
    """One stored object: its form, its key, and the person whom it belongs to."""

    form: Form[L]
    parts: tuple[KeyPart, ...]
    owner: KeyPart | None = None

    @property
    def key(self) -> SessionKey:
        """Its key. Raises `InvalidKeyError`."""
        return SessionKey.of(self.form.model.session_config.name, self.parts)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted(Generic[L]):
    """What is to be stored at a spot: a live object that nobody else holds, or None for nothing."""

    spot: Spot[L]
    live: L | None
