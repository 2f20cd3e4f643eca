"""Which session of a model an update or a job has, and the callbacks that are called with it."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from telegram.ext import CallbackContext

from typed_sessions.codec import M
from typed_sessions.errors import MissingKeyError
from typed_sessions.integrations.binding import Binding
from typed_sessions.integrations.parameters import Function
from typed_sessions.integrations.places import Place, PlaceKey
from typed_sessions.integrations.telegram import injection
from typed_sessions.integrations.telegram.context import InContext
from typed_sessions.integrations.telegram.occasions import JOB, Occasion
from typed_sessions.session import Session
from typed_sessions.sessions import Sessions

P = ParamSpec("P")
C = TypeVar("C", bound="CallbackContext[Any, Any, Any, Any]")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
U = TypeVar("U")
Z = TypeVar("Z")
F_co = TypeVar("F_co", covariant=True)


class Injected(Protocol[P, R_co, F_co]):
    """A callback for python-telegram-bot, that is called with a session."""

    @property
    def __wrapped__(self) -> F_co:
        """The callback as it was written, for unit tests."""
        ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]: ...


class SessionBinding(Binding[M, Occasion]):
    """Says which session of a model an update or a job gets, and to whom it belongs.

        carts = SessionBinding(Cart)

        @carts.inject
        async def add(update: Update, context: Context, cart: Cart) -> None: ...

        install(application, sessions, carts)

    Args and Raises: as `typed_sessions.integrations.binding.Binding`.
    """

    @overload
    def inject(
        self, callback: Callable[Concatenate[U, C, M, P], Coroutine[Any, Any, R]], /
    ) -> Injected[Concatenate[U, C, P], R, Callable[Concatenate[U, C, M, P], Coroutine[Any, Any, R]]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[C, M, P], Coroutine[Any, Any, R]], /
    ) -> Injected[Concatenate[C, P], R, Callable[Concatenate[C, M, P], Coroutine[Any, Any, R]]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[U, C, Session[M], P], Coroutine[Any, Any, R]], /
    ) -> Injected[Concatenate[U, C, P], R, Callable[Concatenate[U, C, Session[M], P], Coroutine[Any, Any, R]]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[C, Session[M], P], Coroutine[Any, Any, R]], /
    ) -> Injected[Concatenate[C, P], R, Callable[Concatenate[C, Session[M], P], Coroutine[Any, Any, R]]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[U, C, Awaitable[M], P], Coroutine[Any, Any, R]], /
    ) -> Injected[Concatenate[U, C, P], R, Callable[Concatenate[U, C, Awaitable[M], P], Coroutine[Any, Any, R]]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[C, Awaitable[M], P], Coroutine[Any, Any, R]], /
    ) -> Injected[Concatenate[C, P], R, Callable[Concatenate[C, Awaitable[M], P], Coroutine[Any, Any, R]]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[Z, U, C, M, P], Coroutine[Any, Any, R]], /
    ) -> Callable[Concatenate[Z, U, C, P], Coroutine[Any, Any, R]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[Z, U, C, Session[M], P], Coroutine[Any, Any, R]], /
    ) -> Callable[Concatenate[Z, U, C, P], Coroutine[Any, Any, R]]: ...

    @overload
    def inject(
        self, callback: Callable[Concatenate[Z, U, C, Awaitable[M], P], Coroutine[Any, Any, R]], /
    ) -> Callable[Concatenate[Z, U, C, P], Coroutine[Any, Any, R]]: ...

    def inject(self, callback: Function, /) -> Function:
        """Call a callback with the session of its update or job, as the parameter behind its context.

        The parameter says how it wants it: `cart: Cart`, `Session[Cart]`, `Cart | None`, or `Awaitable[Cart]`. What
        is stacked is opened together, and saved in one transaction when the callback returns, or ends the handling
        of the update by `ApplicationHandlerStop`. If it raises anything else, nothing is saved.

        Raises:
            SessionDefinitionError: the callback has no such parameter, or is no `async def`.
        """
        return injection.inject(self, callback)

    async def session(self, sessions: Sessions, place: Place[Occasion], /) -> Session[M]:
        try:
            return await super().session(sessions, place)
        except MissingKeyError as missing:
            if place.kind != JOB:
                raise
            raise MissingKeyError(missing.reason, first=_first_for_a_job(self.key, place)) from None

    def in_context(self) -> InContext[M]:
        """An attribute of a `SessionContext` that is the session of its update or job."""
        return InContext(self)


def _first_for_a_job(key: object, place: Place[Occasion]) -> str | None:
    """How the job would have been given what the key is made of."""
    parts = key.parts if isinstance(key, PlaceKey) else ()
    ids = {"chat": place.chat_id, "user": place.user_id}
    missing = [f"{part}_id=…" for part, number in ids.items() if part in parts and number is None]
    return f"give run_once(…, {', '.join(missing)})" if missing else None
