"""The sessions of an application."""

from collections.abc import Iterable
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from telegram import Update

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.binding import Binding, Bindings
from typed_sessions.integrations.groups import migrate_chat, migration_in
from typed_sessions.integrations.in_flight import InFlight
from typed_sessions.integrations.telegram.occasions import AnyApplication, Occasion
from typed_sessions.sessions import Sessions

AnyBinding: TypeAlias = Binding[Any, Occasion]


class Installation:
    """What an application knows of sessions.

    Args:
        sessions: where they are.
        bindings: those whose models its callbacks may ask for.
        shutdown_timeout: seconds to wait for callbacks that hold sessions when it stops.
    """

    def __init__(self, sessions: Sessions, bindings: Iterable[AnyBinding], shutdown_timeout: float) -> None:
        self.sessions = sessions
        self.in_flight = InFlight(shutdown_timeout)
        self.bindings: Bindings[Occasion] = Bindings()
        for binding in bindings:
            self.bindings.add(binding)

    def problem(self, binding: AnyBinding) -> str | None:
        """Why a callback cannot have the sessions of a binding; None if it can."""
        if self.bindings.of(binding.model) is binding:
            return None
        return f"{binding!r} is not installed; add it to install(application, sessions, …)"

    async def follow_group(self, update: object, bot_id: int) -> None:
        """Move the sessions of a group along if the update says that it became a supergroup."""
        message = update.effective_message if isinstance(update, Update) else None
        migration = migration_in(message) if message is not None else None
        if migration is not None:
            old, new = migration
            await migrate_chat(self.sessions, self.bindings, bot_id=bot_id, old=old, new=new)


# Not in `bot_data`, which a persistence would store.
_installed: WeakKeyDictionary[AnyApplication, Installation] = WeakKeyDictionary()


def keep(application: AnyApplication, installation: Installation, /) -> None:
    """Let the application know its sessions.

    Raises:
        SessionDefinitionError: it has some already.
    """
    if application in _installed:
        raise SessionDefinitionError("this application has sessions already; call install(application, …) once")
    _installed[application] = installation


def installation_of(application: AnyApplication, /, *, asked_by: str | None = None) -> Installation:
    """The sessions of the application.

    Raises:
        SessionDefinitionError: it has none.
    """
    installation = _installed.get(application)
    if installation is None:
        problem = (
            f"{asked_by} asks for a session, but its application has none"
            if asked_by
            else f"this {type(application).__name__} has no sessions"
        )
        raise SessionDefinitionError(f"{problem}; call install(application, sessions, …) first")
    return installation


async def finish(application: AnyApplication, /) -> None:
    """Wait until no callback of the application holds a session, or until the time is over, which is logged.

    An application without sessions has none to wait for.
    """
    installation = _installed.get(application)
    if installation is not None:
        await installation.in_flight.wait()
