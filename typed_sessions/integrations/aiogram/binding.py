"""Which session of a model an update gets, and the registrar whose handlers are checked against it."""

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, overload

from aiogram.dispatcher.event.handler import CallbackType
from aiogram.dispatcher.event.telegram import TelegramEventObserver
from aiogram.dispatcher.middlewares.data import MiddlewareData

from typed_sessions.codec import M
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.binding import Binding
from typed_sessions.integrations.parameters import MANNERS, UNRESOLVED, Function, Wish, name_of, parameters, wishes
from typed_sessions.session import Session

E = TypeVar("E")
P = ParamSpec("P")
R = TypeVar("R", bound=Awaitable[object])

FLAG: Final = "typed_sessions_binding"
"""The flag of a handler that was registered by a binding; its value is the binding."""


class SessionBinding(Binding[M, MiddlewareData]):
    """Says which session of a model an update gets, and registers handlers that take that model.

        carts = SessionBinding(Cart, key=per_chat)

        @carts.on(router.message, Command("add"))
        async def add(message: Message, cart: Cart) -> None: ...

        SessionMiddleware(sessions).bind(carts).setup(dispatcher)

    Args and Raises: as `typed_sessions.integrations.binding.Binding`.
    """

    def on(
        self, observer: TelegramEventObserver, /, *filters: CallbackType, flags: dict[str, Any] | None = None
    ) -> "Registrar[M]":
        """Register a handler, as `observer(*filters, flags=flags)` does. Type checkers see that it takes the model.

        Its first parameter is the event, its second one is `Cart`, `Cart | None`, `Session[Cart]` or `Awaitable[Cart]`,
        and the others are aiogram's. The handler itself is unchanged.

        Raises:
            SessionDefinitionError: (where the handler is registered) its second parameter is something else.
        """
        return Registrar(self, observer, filters, flags)


class Registrar(Generic[M]):
    """Registers the handler that it decorates, and gives it back."""

    def __init__(
        self,
        binding: SessionBinding[M],
        observer: TelegramEventObserver,
        filters: tuple[CallbackType, ...],
        flags: dict[str, Any] | None,
    ) -> None:
        self._binding = binding
        self._observer = observer
        self._filters = filters
        self._flags = {**(flags or {}), FLAG: binding}

    # The widest first: what takes `Cart | None` takes `Cart` too.
    @overload
    def __call__(
        self, handler: Callable[Concatenate[E, M | None, P], R], /
    ) -> Callable[Concatenate[E, M | None, P], R]: ...
    @overload
    def __call__(self, handler: Callable[Concatenate[E, M, P], R], /) -> Callable[Concatenate[E, M, P], R]: ...
    @overload
    def __call__(
        self, handler: Callable[Concatenate[E, Session[M], P], R], /
    ) -> Callable[Concatenate[E, Session[M], P], R]: ...
    @overload
    def __call__(
        self, handler: Callable[Concatenate[E, Awaitable[M], P], R], /
    ) -> Callable[Concatenate[E, Awaitable[M], P], R]: ...
    def __call__(self, handler: Function, /) -> Function:
        problem = _problem(handler, self._binding)
        if problem:
            raise SessionDefinitionError(f"{name_of(handler)} cannot be registered with {self._binding}: {problem}")
        self._observer.register(handler, *self._filters, flags=self._flags)
        return handler


def _problem(handler: Function, binding: Binding[Any, Any]) -> str | None:
    """Why the handler does not fit."""
    model = binding.model.__qualname__
    names = list(parameters(handler))
    found = {wish.parameter: wish for wish in wishes(handler, positional=1)}
    wish = found.get(names[1]) if len(names) > 1 else None
    if wish is None or (wish.model is not None and wish.model is not binding.model):
        return f"its second parameter must be annotated with {model}, in one of the forms {MANNERS}"
    return _refusal(wish)


def _refusal(wish: Wish) -> str | None:
    return None if wish.model is not None else f"{wish} {wish.refusal or UNRESOLVED}"
