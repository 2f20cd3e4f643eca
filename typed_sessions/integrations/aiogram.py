"""Sessions for the handlers of aiogram 3.

    @router.message(Command("add"))
    async def add(message: Message, cart: Cart) -> None:
        cart.lines.append(Line(sku="pizza", qty=1))

    SessionMiddleware(sessions).bind(Cart).setup(dispatcher)

The annotation says which session a handler gets; its parameters may have any names.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import isawaitable, unwrap
from typing import Any, Self, TypeAlias, TypeVar, cast

from typed_sessions.errors import InvalidKeyError, SessionDefinitionError
from typed_sessions.integrations.parameters import Function, Wish, name_of, wishes
from typed_sessions.key import KeyLike, TextLike
from typed_sessions.model import SessionModel
from typed_sessions.session import Session
from typed_sessions.sessions import Sessions

try:
    from aiogram import BaseMiddleware, Dispatcher, Router
    from aiogram.dispatcher.event.handler import HandlerObject
    from aiogram.dispatcher.middlewares.data import MiddlewareData
    from aiogram.dispatcher.middlewares.user_context import EventContext
    from aiogram.fsm.scene import SceneHandlerWrapper
    from aiogram.types import ErrorEvent, TelegramObject
except ModuleNotFoundError as error:
    if error.name != "aiogram":
        raise
    needed = 'typed_sessions.integrations.aiogram needs aiogram: pip install "typed-sessions[aiogram]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

T = TypeVar("T")

KeyFunction: TypeAlias = "Callable[[MiddlewareData], KeyLike | Awaitable[KeyLike]]"
"""Makes the key of a session from what aiogram knows of the event: `event_update`, `event_context`, `bot`, …"""

OwnerFunction: TypeAlias = Callable[[MiddlewareData], TextLike | Awaitable[TextLike | None] | None]
"""Makes the owner of a session in the same way; None for nobody."""

Handler: TypeAlias = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

SHUTDOWN_TIMEOUT = 10.0
UNRESOLVED = "cannot be resolved; import its names at run time, outside `if TYPE_CHECKING:`"

logger = logging.getLogger("typed_sessions")


def per_chat(data: MiddlewareData) -> int:
    """The id of the chat that the event is from.

    Raises:
        InvalidKeyError: it is from no chat, as an inline query.
    """
    return _present(_context(data).chat_id, "chat", data)


def per_user(data: MiddlewareData) -> int:
    """The id of the user that the event is from, in whatever chat.

    Raises:
        InvalidKeyError: it is from no user, as a post in a channel.
    """
    return _present(_context(data).user_id, "user", data)


def per_user_in_chat(data: MiddlewareData) -> tuple[int, int]:
    """The ids of the chat and of the user that the event is from.

    Raises:
        InvalidKeyError: it is from no chat or from no user.
    """
    return per_chat(data), per_user(data)


@dataclass(frozen=True, slots=True)
class _Binding:
    """Which session of a model a handler gets."""

    model: type[SessionModel]
    key: KeyFunction
    owner: OwnerFunction | None


class SessionMiddleware(BaseMiddleware):
    """Gives handlers the session models that their parameters are annotated with, whatever the parameters are called.

    The sessions of one handler are opened together, and saved in one transaction when it returns; if it raises
    (`SkipHandler` and `CancelHandler` too), nothing is saved. Nothing is read for a handler that asks for none.

    Args:
        sessions: where the sessions come from.
        shutdown_timeout: seconds that the bot waits at shutdown for handlers that still hold sessions.
    """

    def __init__(self, sessions: Sessions, *, shutdown_timeout: float = SHUTDOWN_TIMEOUT) -> None:
        self._sessions = sessions
        self._shutdown_timeout = shutdown_timeout
        self._bindings: dict[type[SessionModel], _Binding] = {}
        # By the identity of the handler, which has no hash; kept with it, so that no other takes its identity.
        self._asked: dict[int, tuple[HandlerObject, Mapping[str, _Binding]]] = {}
        self._turns: set[asyncio.Future[None]] = set()

    def bind(
        self, model: type[SessionModel], /, *, key: KeyFunction = per_chat, owner: OwnerFunction | None = None
    ) -> Self:
        """Let handlers ask for a session model. Gives the middleware, for the next `bind`.

        Args:
            model: the session model.
            key: says which session an event belongs to: `per_chat`, `per_user`, `per_user_in_chat`, or a function
                of your own, sync or async, of aiogram's middleware data.
            owner: says to whom it belongs, for `Sessions.delete_owner`; mostly `per_user`. None leaves it as it is.

        Raises:
            SessionDefinitionError: the model has no `session_config`, or is bound already.
        """
        if not hasattr(model, "session_config"):
            raise SessionDefinitionError(f"{model.__qualname__} has no session_config; bind a session model that has")
        if model in self._bindings:
            raise SessionDefinitionError(f"{model.__qualname__} is bound already; bind each session model once")
        if any(model.session_config.name == bound.session_config.name for bound in self._bindings):
            raise SessionDefinitionError(
                f"another bound model has the name {model.session_config.name!r} too; rename one"
            )
        self._bindings[model] = _Binding(model, key, owner)
        return self

    def setup(self, dispatcher: Dispatcher, /) -> None:
        """Serve all handlers of the dispatcher and of its routers, those too that are included later.

        The handlers are verified when the bot starts; when it stops, handlers that hold sessions are waited for.

        Raises:
            SessionDefinitionError: it was set up on this dispatcher before.
        """
        if self in dispatcher.message.middleware:
            raise SessionDefinitionError("this SessionMiddleware is set up on this dispatcher already; do it once")
        for observer in dispatcher.observers.values():
            observer.middleware(self)
        dispatcher.startup.register(self._start)
        dispatcher.shutdown.register(self._finish)
        # First of all, because the others close what the handlers still need: the FSM's storage, the database.
        dispatcher.shutdown.handlers.insert(0, dispatcher.shutdown.handlers.pop())

    def verify(self, router: Router, /) -> None:
        """Check that every handler of the dispatcher or router, and of its routers, can get what it asks for.

        Raises:
            SessionDefinitionError: some cannot; it names each handler, parameter, and what to do.
        """
        observers = [observer for each in router.chain_tail for observer in each.observers.values()]
        _refuse([line for observer in observers for handler in observer.handlers for line in self._problems(handler)])

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:  # noqa: ANN401 # aiogram's own signature
        """Run one handler with its sessions. For aiogram."""
        called: HandlerObject = data["handler"]
        asked = self._bound(called)
        if not asked:
            return await handler(event, data)
        with self._in_flight():
            # aiogram leaves the update out where it calls an error handler.
            update = {"event_update": event.update} if isinstance(event, ErrorEvent) else {}
            opened = await self._open(called, asked.values(), cast("MiddlewareData", {**data, **update}))
            async with self._sessions.turn(*opened.values()):
                lent = {name: opened[binding.model].data for name, binding in asked.items()}
                # Not into `data` itself: a handler that is tried next must not find what this one had.
                return await handler(event, {**data, **lent})

    def _bound(self, handler: HandlerObject) -> Mapping[str, _Binding]:
        """What to give the handler, by parameter. Its annotations are read once."""
        known = self._asked.get(id(handler))
        if known is None:
            _refuse(self._problems(handler))
            bound = {wish.parameter: self._bindings[wish.model] for wish in _wishes_of(handler) if wish.model}
            known = self._asked[id(handler)] = handler, bound
        return known[1]

    def _problems(self, handler: HandlerObject) -> list[str]:
        found = [(wish, self._problem(wish)) for wish in _wishes_of(handler)]
        return [f"{name_of(_callback_of(handler))}: {wish} {problem}" for wish, problem in found if problem]

    def _problem(self, wish: Wish) -> str | None:
        """Why the handler cannot get what it asks for; None if it can, or asks for nothing of ours."""
        if wish.model is None:
            is_ours = any(wish.names(model) for model in self._bindings)
            return wish.refusal or (UNRESOLVED if is_ours else None)
        if wish.model not in self._bindings:
            return f"has no binding; add middleware.bind({wish.model.__qualname__})"
        return None

    async def _open(
        self, handler: HandlerObject, bindings: Iterable[_Binding], data: MiddlewareData
    ) -> dict[type[SessionModel], Session[SessionModel]]:
        try:
            return {binding.model: await self._session(binding, data) for binding in bindings}
        except InvalidKeyError as error:
            error.add_note(f"The session is asked for by {name_of(_callback_of(handler))}.")
            raise

    async def _session(self, binding: _Binding, data: MiddlewareData) -> Session[SessionModel]:
        key: KeyLike = await _result(binding.key(data))
        owner: TextLike | None = await _result(binding.owner(data)) if binding.owner else None
        return self._sessions.open(binding.model, key, owner=owner)

    @contextmanager
    def _in_flight(self) -> Generator[None]:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.add(turn)
        try:
            yield
        finally:
            self._turns.remove(turn)
            turn.set_result(None)

    async def _start(self, router: Router) -> None:
        self.verify(router)

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self._shutdown_timeout):
                while self._turns:
                    await asyncio.wait(self._turns)
        except TimeoutError:
            # Raising would keep the other shutdown handlers from running.
            logger.warning(
                "%d handlers still hold sessions %g s after the bot stopped; they may end unsaved. "
                "Shorten them, or raise SessionMiddleware(shutdown_timeout=)",
                len(self._turns), self._shutdown_timeout,
            )  # fmt: skip


def _refuse(problems: Sequence[str]) -> None:
    """Raise `SessionDefinitionError` if there are problems."""
    if problems:
        raise SessionDefinitionError("\n  ".join(["handlers ask for sessions that they cannot get:", *problems]))


def _wishes_of(handler: HandlerObject) -> list[Wish]:
    """What a handler asks for. The event is given by position, and to the handler of a scene the scene before it."""
    is_of_scene = isinstance(unwrap(handler.callback), SceneHandlerWrapper)
    return wishes(_callback_of(handler), positional=2 if is_of_scene else 1)


def _callback_of(handler: HandlerObject) -> Function:
    """What the user wrote."""
    callback = unwrap(handler.callback)
    return callback.handler.callback if isinstance(callback, SceneHandlerWrapper) else callback


def _context(data: MiddlewareData) -> EventContext:
    return data.get("event_context", EventContext())


def _present(number: int | None, what: str, data: MiddlewareData) -> int:
    if number is None:
        update = data.get("event_update")
        kind = update.event_type if update else "update"
        raise InvalidKeyError(
            f"the event `{kind}` is from no {what}; bind the session model with another key=, or ask for it elsewhere"
        )
    return number


async def _result(made: T | Awaitable[T]) -> T:
    return await made if isawaitable(made) else made  # pyright: ignore[reportReturnType]  # thinks of a T to await
